import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectionError } from './errors.ts';
import { ApiError } from './errors.ts';
import { FakeClock, settle, until } from './testing/fake-clock.ts';
import type { Answer, SeenRequest } from './testing/fake-server.ts';
import { FakeServer, status } from './testing/fake-server.ts';
import type { TransportOptions } from './transport.ts';
import { Transport } from './transport.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function start(
  answer: (request: SeenRequest) => Answer,
  options: Partial<TransportOptions> = {},
): Promise<{ server: FakeServer; transport: Transport; clock: FakeClock }> {
  const clock = new FakeClock();
  const server = await FakeServer.start(answer);
  const config = { server: server.url, authorization: () => 'Bearer t', namespace: 'default' };
  const transport = new Transport({ config, userAgent: 'test/1', clock, ...options });
  cleanUp.push(
    () => server.stop(),
    () => transport.close(),
  );
  return { server, transport, clock };
}

/** Answers one after the other; the last one for ever. */
function inTurn(...answers: Answer[]): () => Answer {
  return () => (answers.length > 1 ? answers.shift() : answers[0]) ?? {};
}

const rejection = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => {
      throw new Error('should have failed');
    },
    (error: unknown) => error,
  );

describe('a request', () => {
  it('carries who asks, for what, and the body', async () => {
    const { server, transport } = await start(() => ({ body: { ok: 1 } }));
    const body = { a: 'ä' };
    const query = { fieldManager: 'me & you', force: true, absent: undefined };
    const answer = await transport.json({ method: 'PATCH', path: '/x', query, body, contentType: 'application/y' });
    expect(answer).toEqual({ ok: 1 });
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'PATCH', path: '/x', body });
    expect(Object.fromEntries(request!.query)).toEqual({ fieldManager: 'me & you', force: 'true' });
    expect(request?.headers).toMatchObject({
      'user-agent': 'test/1',
      authorization: 'Bearer t',
      'content-type': 'application/y',
      accept: 'application/json',
    });
  });

  it('uses one connection for many, and never more than allowed', async () => {
    const { server, transport } = await start(() => ({}), { maxSockets: 2 });
    for (let turn = 0; turn < 10; turn += 1) await transport.json({ method: 'GET', path: '/' });
    expect(server.connections).toBe(1);
    await Promise.all(Array.from({ length: 20 }, () => transport.json({ method: 'GET', path: '/' })));
    expect(server.connections).toBe(2);
  });

  it('keeps a path of the server before its own', async () => {
    const server = await FakeServer.start(() => ({}));
    const config = { server: `${server.url}/k8s/clusters/c/`, authorization: () => undefined, namespace: '' };
    const transport = new Transport({ config, userAgent: 'x' });
    cleanUp.push(() => server.stop());
    await transport.json({ method: 'GET', path: '/api' });
    transport.close();
    expect(server.requests[0]?.path).toBe('/k8s/clusters/c/api');
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('fails with the status and reason of a refusal', async () => {
    const { transport } = await start(() => ({ status: 404, body: status(404, 'NotFound', 'gone') }));
    const error = await rejection(transport.json({ method: 'GET', path: '/x' }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 404, reason: 'NotFound', message: 'GET /x: 404 NotFound: gone' });
  });

  it('ends at its deadline, and leaves no timer', async () => {
    const { server, transport, clock } = await start(() => 'hang');
    const failed = rejection(transport.json({ method: 'POST', path: '/x', timeoutMs: 500 }));
    await until('the request', () => server.requests.length === 1);
    await clock.advance(499);
    await clock.advance(1);
    expect(await failed).toMatchObject({ name: 'ConnectionError', code: 'TIMEOUT' });
    expect(clock.timers).toBe(0);
    expect(server.requests).toHaveLength(1);
  });

  it('ends at its deadline while the body is being read', async () => {
    const { server, transport, clock } = await start(() => ({ stream: (stream) => stream.raw('{"a":') }));
    const failed = rejection(transport.json({ method: 'GET', path: '/x' }));
    await until('the head', () => server.streams.length === 1);
    await settle();
    await clock.advance(30_000);
    expect(await failed).toMatchObject({ code: 'TIMEOUT' });
  });

  it('ends with its signal, and with the reason of the signal', async () => {
    const { server, transport } = await start(() => 'hang');
    const abort = new AbortController();
    const failed = rejection(transport.json({ method: 'GET', path: '/x', signal: abort.signal }));
    await until('the request', () => server.requests.length === 1);
    abort.abort(new Error('enough'));
    expect(await failed).toEqual(new Error('enough'));
    expect(await rejection(transport.json({ method: 'GET', path: '/x', signal: abort.signal }))).toEqual(
      new Error('enough'),
    );
    expect(server.requests).toHaveLength(1);
  });

  it('does not repeat the text of an answer that is not JSON', async () => {
    const { transport } = await start(() => ({ body: 'hunter2 {' }));
    const error = (await rejection(transport.json({ method: 'GET', path: '/x' }))) as ConnectionError;
    expect(error.code).toBe('UNREADABLE');
    expect(`${error.message} ${String(error.cause)}`).not.toContain('hunter2');
  });

  it('says when there are no credentials', async () => {
    const config = {
      server: 'http://127.0.0.1:1',
      authorization: () => Promise.reject(new Error('plug-in')),
      namespace: '',
    };
    const transport = new Transport({ config, userAgent: 'x' });
    expect(await rejection(transport.json({ method: 'GET', path: '/x' }))).toMatchObject({
      code: 'CREDENTIALS',
      message: 'GET /x: no credentials: plug-in',
    });
  });

  it('counts every attempt', async () => {
    const seen: unknown[] = [];
    const metrics = { requestEnded: (labels: unknown) => seen.push(labels) };
    const { server, transport } = await start(inTurn({ status: 404 }, 'reset'), { metrics });
    await rejection(transport.json({ method: 'GET', path: '/x' }));
    await rejection(transport.json({ method: 'POST', path: '/x' }));
    const host = new URL(server.url).host;
    expect(seen).toEqual([
      { code: '404', method: 'GET', host },
      { code: '<error>', method: 'POST', host },
    ]);
  });
});

describe('retries', () => {
  const busy = (seconds: string): Answer => ({ status: 429, headers: { 'Retry-After': seconds } });
  const failing: Answer = { status: 503, headers: { 'Retry-After': '1' } };

  it('waits as long as a 429 says, for a write too', async () => {
    const { server, transport, clock } = await start(inTurn(busy('3'), { body: { ok: 1 } }));
    const answer = transport.json({ method: 'POST', path: '/x', body: {} });
    await until('the wait', () => clock.delays.includes(3000));
    await clock.advance(2999);
    expect(server.requests).toHaveLength(1);
    await clock.advance(1);
    expect(await answer).toEqual({ ok: 1 });
    expect(server.requests).toHaveLength(2);
  });

  it('repeats a read after a 503 that says when, and nothing else', async () => {
    const { server, transport, clock } = await start(inTurn(failing, { body: { ok: 1 } }));
    const answer = transport.json({ method: 'GET', path: '/x' });
    await until('the wait', () => clock.delays.includes(1000));
    await clock.advance(1000);
    expect(await answer).toEqual({ ok: 1 });

    for (const [method, response] of [
      ['PATCH', failing],
      ['GET', { status: 503 }],
      ['GET', { status: 409, headers: { 'Retry-After': '1' } }],
    ] as const) {
      const other = await start(() => response);
      expect(await rejection(other.transport.json({ method, path: '/x' }))).toBeInstanceOf(ApiError);
      expect(other.server.requests).toHaveLength(1);
    }
    expect(server.requests).toHaveLength(2);
  });

  it('gives the answer at once when the wait would pass the deadline', async () => {
    const { transport, clock } = await start(() => busy('30'));
    const error = await rejection(transport.json({ method: 'GET', path: '/x' }));
    expect(error).toMatchObject({ status: 429, retryAfterSeconds: 30 });
    expect(clock.timers).toBe(0);
  });

  it('gives up after a while', async () => {
    const { server, transport, clock } = await start(() => busy('1'), { maxRetries: 2 });
    const failed = rejection(transport.json({ method: 'GET', path: '/x' }));
    for (let turn = 0; turn < 2; turn += 1) {
      await until('the wait', () => clock.delays.includes(1000));
      await clock.advance(1000);
    }
    expect(await failed).toMatchObject({ status: 429 });
    expect(server.requests).toHaveLength(3);
  });

  it('ends a wait when the signal aborts', async () => {
    const { transport, clock } = await start(() => busy('3'));
    const abort = new AbortController();
    const failed = rejection(transport.json({ method: 'GET', path: '/x', signal: abort.signal }));
    await until('the wait', () => clock.delays.includes(3000));
    abort.abort(new Error('enough'));
    expect(await failed).toEqual(new Error('enough'));
    expect(clock.timers).toBe(0);
  });

  it('repeats a read that met a connection being closed, and never a write', async () => {
    const { server, transport } = await start(inTurn('reset', { body: { ok: 1 } }));
    expect(await transport.json({ method: 'GET', path: '/x' })).toEqual({ ok: 1 });
    expect(server.requests).toHaveLength(2);
    const other = await start(() => 'reset');
    expect(await rejection(other.transport.json({ method: 'GET', path: '/x' }))).toMatchObject({ code: 'ECONNRESET' });
    expect(other.server.requests.splice(0)).toHaveLength(2);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      expect(await rejection(other.transport.json({ method, path: '/x' }))).toMatchObject({ code: 'ECONNRESET' });
    }
    expect(other.server.requests).toHaveLength(4);
  });
});

describe('lines', () => {
  const collect = async (lines: AsyncIterable<string>, into: string[]): Promise<void> => {
    for await (const line of lines) into.push(line);
  };

  it('come as they are sent, with characters whole', async () => {
    const { server, transport } = await start(() => ({ stream: () => undefined }));
    let opened = 0;
    const got: string[] = [];
    const done = collect(transport.lines({ path: '/w', silenceMs: 1000, onOpen: () => (opened += 1) }), got);
    await until('the stream', () => opened === 1);
    const bytes = Buffer.from('eins\nzwölf\n');
    server.streams[0]?.raw(bytes.subarray(0, 8));
    await until('the first line', () => got.length === 1);
    server.streams[0]?.raw(bytes.subarray(8));
    server.streams[0]?.end();
    await done;
    expect(got).toEqual(['eins', 'zwölf']);
  });

  it('fail when nothing comes for too long, and any byte counts', async () => {
    const { server, transport, clock } = await start(() => ({ stream: () => undefined }));
    const got: string[] = [];
    const failed = rejection(collect(transport.lines({ path: '/w', silenceMs: 1000 }), got));
    await until('the stream', () => server.streams.length === 1 && clock.delays.includes(1000));
    await clock.advance(900);
    server.streams[0]?.raw('a\n');
    await until('the line', () => got.length === 1 && clock.delays.includes(1000));
    await clock.advance(900);
    await clock.advance(100);
    expect(await failed).toMatchObject({ name: 'ConnectionError', code: 'SILENT' });
    await until('the end', () => server.streams[0]?.closed === true);
    expect(clock.timers).toBe(0);
  });

  it('fail when the stream is cut, and when it ends inside a line', async () => {
    const { server, transport } = await start(() => ({ stream: (stream) => stream.raw('a\nb') }));
    for (const [how, code] of [
      ['cut', 'ECONNRESET'],
      ['end', 'UNREADABLE'],
    ] as const) {
      const got: string[] = [];
      const failed = rejection(collect(transport.lines({ path: '/w', silenceMs: 1000 }), got));
      await until('the line', () => got.length === 1);
      server.streams.at(-1)?.[how]();
      expect(await failed).toMatchObject({ code });
      expect(got).toEqual(['a']);
    }
  });

  it('fail with a refusal, and at the deadline when there is no answer', async () => {
    const { server, transport, clock } = await start(inTurn({ status: 410, body: status(410, 'Expired') }, 'hang'));
    expect(await rejection(collect(transport.lines({ path: '/w', silenceMs: 1000 }), []))).toMatchObject({
      status: 410,
    });
    const failed = rejection(collect(transport.lines({ path: '/w', silenceMs: 1000 }), []));
    await until('the request', () => server.requests.length === 2);
    await clock.advance(30_000);
    expect(await failed).toMatchObject({ code: 'TIMEOUT' });
  });

  it('close the connection when the loop is left, and when the signal aborts', async () => {
    const { server, transport, clock } = await start(() => ({ stream: (stream) => stream.raw('a\n') }));
    for await (const line of transport.lines({ path: '/w', silenceMs: 1000 })) {
      expect(line).toBe('a');
      break;
    }
    await until('the end', () => server.streams[0]?.closed === true);
    const abort = new AbortController();
    const got: string[] = [];
    const failed = rejection(collect(transport.lines({ path: '/w', silenceMs: 1000, signal: abort.signal }), got));
    await until('the line', () => got.length === 1);
    abort.abort(new Error('enough'));
    expect(await failed).toEqual(new Error('enough'));
    await until('the end', () => server.streams[1]?.closed === true);
    expect(clock.timers).toBe(0);
  });

  it('do not take connections from requests', async () => {
    const { server, transport } = await start(
      ({ path }) => (path === '/w' ? { stream: () => undefined } : { body: { ok: 1 } }),
      { maxSockets: 1 },
    );
    const abort = new AbortController();
    const streams = Array.from({ length: 20 }, () =>
      rejection(collect(transport.lines({ path: '/w', silenceMs: 1000, signal: abort.signal }), [])),
    );
    await until('the streams', () => server.streams.length === 20);
    expect(await transport.json({ method: 'GET', path: '/x' })).toEqual({ ok: 1 });
    abort.abort();
    await Promise.all(streams);
  });
});
