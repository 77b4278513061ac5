import { afterEach, describe, expect, it } from 'vitest';
import { healthRoutes } from './health.ts';
import { type HttpServer, type Routes, serve } from './http-server.ts';

const open: HttpServer[] = [];

async function started(routes: Routes): Promise<string> {
  const server = await serve({ host: '127.0.0.1', port: 0 }, routes);
  open.push(server);
  return `http://${server.address}`;
}

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

describe('the HTTP server', () => {
  it('answers its paths, with GET and HEAD only', async () => {
    const url = await started({ '/here': () => ({ status: 200, body: 'yes' }) });
    expect(await (await fetch(`${url}/here?x=1`)).text()).toBe('yes');
    expect(await (await fetch(`${url}/here`, { method: 'HEAD' })).text()).toBe('');
    const post = await fetch(`${url}/here`, { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const other = await fetch(`${url}/toString`);
    expect([other.status, await other.text()]).toEqual([404, 'There is /here.\n']);
  });

  it('answers 500 when an answer fails, and says nothing of why', async () => {
    const url = await started({
      '/bad': () => {
        throw new Error('secret');
      },
    });
    const answer = await fetch(`${url}/bad`);
    expect([answer.status, await answer.text()]).toEqual([500, 'The answer could not be made.\n']);
  });

  it('says why it cannot listen', async () => {
    const url = await started({});
    const port = Number(new URL(url).port);
    await expect(serve({ host: '127.0.0.1', port }, {})).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is in use`,
    );
    await expect(serve({ host: '192.0.2.1', port: 0 }, {})).rejects.toThrow('this machine has no such address');
  });
});

describe('health', () => {
  it('is alive whatever the state, and ready only without problems', async () => {
    let problems = ['the first lists are not complete', 'GET /x: 403 Forbidden'];
    const url = await started(healthRoutes(() => ({ ready: problems.length === 0, problems })));
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const unready = await fetch(`${url}/readyz`);
    expect([unready.status, await unready.text()]).toEqual([503, `${problems.join('\n')}\n`]);
    problems = [];
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });
});
