import { afterEach, describe, expect, it } from 'vitest';
import { Cache } from './cache.ts';
import { Client } from './client.ts';
import { silentLog } from './log.ts';
import { NamedWatches } from './named-watches.ts';
import { until } from './testing/fake-clock.ts';
import { FakeServer } from './testing/fake-server.ts';
import { Transport } from './transport.ts';

const secrets = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
const one = { namespace: 'n', name: 'one' };
const two = { namespace: 'n', name: 'two' };

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** A server with a Secret under every name but `missing`. */
async function start(): Promise<{ server: FakeServer; watches: NamedWatches<string>; states: string[] }> {
  const server = await FakeServer.start(({ query }) => ({
    stream: (stream) => {
      const name = query.get('fieldSelector')?.replace('metadata.name=', '') ?? '';
      const metadata = { namespace: 'n', name, uid: `uid-${name}`, resourceVersion: '5' };
      if (name !== 'missing') stream.event('ADDED', { apiVersion: 'v1', kind: 'Secret', metadata });
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      stream.event('BOOKMARK', { kind: 'Secret', metadata: { resourceVersion: '9', annotations } });
    },
  }));
  const config = { server: server.url, authorization: () => undefined, namespace: '' };
  const transport = new Transport({ config, userAgent: 'test' });
  const states: string[] = [];
  const watches = new NamedWatches<string>({
    resource: secrets,
    transport,
    client: new Client(transport, 'test'),
    cache: new Cache<string>({ project: ({ metadata }) => metadata.name }),
    log: silentLog,
    onState: (key, state) => states.push(`${key.name} ${state.kind}`),
  });
  cleanUp.push(
    () => server.stop(),
    () => transport.close(),
    () => watches.stop(),
  );
  return { server, watches, states };
}

const names = (watches: NamedWatches<string>): string[] => [...watches.cache.values()].map(({ name }) => name).sort();

describe('a watch by name', () => {
  it('starts with the first reference, and there is one for all', async () => {
    const { server, watches, states } = await start();
    watches.refer('x', [one]);
    watches.refer('y', [one, two]);
    watches.refer('y', [one, two]);
    await until('both', () => names(watches).join() === 'one,two');
    expect(server.requests.map(({ path, query }) => `${path} ${query.get('fieldSelector') ?? ''}`).sort()).toEqual([
      '/api/v1/namespaces/n/secrets metadata.name=one',
      '/api/v1/namespaces/n/secrets metadata.name=two',
    ]);
    expect([...watches.holdersOf(one)]).toEqual(['x', 'y']);
    expect([...watches.holdersOf(two)]).toEqual(['y']);
    expect(states.sort()).toEqual(['one synced', 'two synced']);
  });

  it('ends with the last reference, and what it knew leaves the cache', async () => {
    const { server, watches } = await start();
    watches.refer('x', [one]);
    watches.refer('y', [one, two]);
    await until('both', () => names(watches).join() === 'one,two');
    watches.refer('y', []);
    expect(names(watches)).toEqual(['one']);
    await until('the end of one', () => server.streams.filter(({ closed }) => closed).length === 1);
    watches.refer('x', [two]);
    await until('the exchange', () => names(watches).join() === 'two');
    expect(watches.state(one)).toBeUndefined();
    expect(watches.holdersOf(one).size).toBe(0);
    watches.refer('x', [two, one]);
    await until('one again', () => names(watches).join() === 'one,two');
  });

  it('tells an object that does not exist from one that is not known yet', async () => {
    const { watches } = await start();
    const missing = { namespace: 'n', name: 'missing' };
    watches.refer('x', [missing]);
    expect(watches.state(missing)).toEqual({ kind: 'starting' });
    expect(await watches.settled(missing, new AbortController().signal)).toEqual({ kind: 'synced' });
    expect(watches.cache.get('n', 'missing')).toBeUndefined();
  });

  it('ends with all others when stopped, and none starts afterwards', async () => {
    const { server, watches } = await start();
    watches.refer('x', [one, two]);
    await until('both', () => server.streams.length === 2);
    await watches.stop();
    watches.refer('x', [{ namespace: 'n', name: 'three' }]);
    await until('the end', () => server.streams.every(({ closed }) => closed));
    expect(server.requests).toHaveLength(2);
  });
});
