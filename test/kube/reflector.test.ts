import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Cache } from '../../src/kube/cache.ts';
import { silentLog } from '../../src/kube/log.ts';
import { NamedWatches } from '../../src/kube/named-watches.ts';
import type { ReflectorState } from '../../src/kube/reflector-state.ts';
import type { ReflectorOptions } from '../../src/kube/reflector.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import type { Connection } from './connect.ts';
import { configMaps, connect, installWidgets, named, secrets, widgets } from './connect.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

interface Watching extends Connection {
  cache: Cache<string>;
  reflector: Reflector<string>;
  states: ReflectorState['kind'][];
  listed: () => number;
  /** `name=value` of everything in the cache. */
  contents: () => string;
  holds: (contents: string) => Promise<unknown>;
}

/** Watches with the code under test; ends with the test. */
async function watching(
  controlPlane: ControlPlane,
  options: Pick<ReflectorOptions<string>, 'resource'> & Partial<ReflectorOptions<string>>,
  token?: string,
): Promise<Watching> {
  const connection = await connect(controlPlane, token);
  const cache = new Cache<string>({
    project: (object) => Object.values({ ...(object['data'] as object), ...(object['spec'] as object) }).join(),
  });
  const states: ReflectorState['kind'][] = [];
  let listed = 0;
  const metrics = {
    listed: () => void (listed += 1),
    watchOpened: () => undefined,
    watchEvent: () => undefined,
    failed: () => undefined,
  };
  const onState = (state: ReflectorState): void => void states.push(state.kind);
  const reflector = new Reflector<string>({ ...connection, cache, log: silentLog, metrics, onState, ...options });
  const abort = new AbortController();
  const done = reflector.run(abort.signal);
  cleanUp.push(async () => {
    abort.abort();
    await done;
    connection.transport.close();
  });
  const contents = (): string =>
    [...cache.values()]
      .map(({ name, value }) => `${name}=${value}`)
      .sort()
      .join(' ');
  const holds = (expected: string): Promise<unknown> =>
    eventually(`the cache holds ${expected}`, () => contents() === expected || Promise.reject(new Error(contents())));
  return { ...connection, cache, reflector, states, listed: () => listed, contents, holds };
}

describe('a reflector', () => {
  const test = useControlPlane({ controllerManager: false });
  let namespace = '';
  beforeAll(async () => {
    namespace = await test.controlPlane.admin.createNamespace('reflector');
  });
  const own = (): Pick<ReflectorOptions<string>, 'resource' | 'namespace' | 'labelSelector'> => ({
    resource: configMaps,
    namespace,
    labelSelector: 'mine',
  });
  const map = (name: string, value: string): Parameters<Connection['client']['apply']>[1] => ({
    metadata: { namespace, name, labels: { mine: '' } },
    data: { value },
  });
  const clear = async ({ client }: Connection): Promise<void> => {
    const { items } = await client.list(configMaps, { namespace, labelSelector: 'mine' });
    for (const { metadata } of items) await client.delete(configMaps, { namespace, name: metadata.name });
  };

  it('streams the list and follows every change, and only those of its selection', async () => {
    const mark = await test.controlPlane.audit.mark();
    const { client, reflector, ...watched } = await watching(test.controlPlane, own());
    await client.apply(configMaps, map('before', '1'));
    expect(await reflector.settled(new AbortController().signal)).toEqual({ kind: 'synced' });
    await client.apply(configMaps, map('a', '1'));
    await client.apply(configMaps, named(namespace, 'other', { data: { value: 'x' } }));
    await watched.holds('a=1 before=1');
    await client.apply(configMaps, map('a', '2'));
    await watched.holds('a=2 before=1');
    // Leaving the selection is a deletion, and coming back an addition, of the same object.
    await client.mergePatch(configMaps, { namespace, name: 'a' }, { metadata: { labels: null } });
    await watched.holds('before=1');
    await client.mergePatch(configMaps, { namespace, name: 'a' }, { metadata: { labels: { mine: '' } } });
    await watched.holds('a=2 before=1');
    await clear({ client, transport: watched.transport });
    await watched.holds('');
    const asked = await eventually('the audit log', async () => {
      const all = await test.controlPlane.audit.since(mark);
      const ours = all.filter(({ userAgent, verb }) => userAgent === 'kube-test/1' && verb === 'watch');
      return ours.length > 0 && ours;
    });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.requestURI).toContain('sendInitialEvents=true');
  });

  it('shows our own write at once, and no older event undoes it', async () => {
    const { client, cache, reflector, ...watched } = await watching(test.controlPlane, own());
    await reflector.settled(new AbortController().signal);
    const seen: string[] = [];
    cache.subscribe((event) => seen.push(event.type === 'deleted' ? 'deleted' : event.after.value));
    for (let turn = 0; turn < 50; turn += 1) {
      cache.observe(await client.apply(configMaps, map('own', String(turn))));
      expect(cache.get(namespace, 'own')?.value).toBe(String(turn));
    }
    const { uid } = cache.get(namespace, 'own')!;
    const result = await client.delete(configMaps, { namespace, name: 'own' }, { uid });
    expect(result.kind).toBe('gone');
    cache.observeDeleted(namespace, 'own', uid);
    expect(cache.get(namespace, 'own')).toBeUndefined();
    await client.apply(configMaps, map('last', 'x'));
    await watched.holds('last=x');
    expect(seen).toEqual([...Array.from({ length: 50 }, (_, turn) => String(turn)), 'deleted', 'x']);
    await clear({ client, transport: watched.transport });
  });

  it('goes on after the API server was away, and misses nothing', async () => {
    const { client, ...watched } = await watching(test.controlPlane, own());
    for (const name of ['a', 'b']) await client.apply(configMaps, map(name, '1'));
    await watched.holds('a=1 b=1');
    await test.controlPlane.stopApiServer();
    await eventually('it is noticed', () => watched.reflector.state.kind === 'failing');
    expect(watched.contents()).toBe('a=1 b=1');
    await test.controlPlane.startApiServer();
    await client.delete(configMaps, { namespace, name: 'a' });
    await client.apply(configMaps, map('b', '2'));
    await watched.holds('b=2');
    expect(watched.reflector.state.kind).toBe('synced');
    await clear({ client, transport: watched.transport });
  });

  it('lists again when its version is too old, and tells the differences', async () => {
    const { client, cache, ...watched } = await watching(test.controlPlane, own());
    for (const name of ['a', 'b', 'c']) await client.apply(configMaps, map(name, '1'));
    await watched.holds('a=1 b=1 c=1');
    const lists = watched.listed();
    const seen: string[] = [];
    cache.subscribe((event) =>
      seen.push(`${event.type} ${(event.type === 'deleted' ? event.before : event.after).name}`),
    );
    await test.controlPlane.forgetHistory();
    await eventually('it has listed again', () => watched.listed() > lists);
    expect(seen).toEqual([]);
    await client.delete(configMaps, { namespace, name: 'a' });
    await client.apply(configMaps, map('b', '2'));
    await watched.holds('b=2 c=1');
    await clear({ client, transport: watched.transport });
  });

  it('reports a missing permission with its reason, and starts when it is given', async () => {
    const { admin } = test.controlPlane;
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'poor' } };
    await admin.apply(account);
    const token = await admin.serviceAccountToken(namespace, 'poor');
    const { reflector, ...watched } = await watching(test.controlPlane, own(), token);
    const state = await reflector.settled(new AbortController().signal);
    expect(state.kind === 'failing' && state.error.message).toMatch(/403 Forbidden: .*cannot (list|watch) resource/);
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }];
    await allow(test.controlPlane, namespace, 'poor', rules);
    await eventually('it starts', () => {
      reflector.poke();
      return watched.states.at(-1) === 'synced';
    });
  });

  it('copes with a kind that comes, goes and comes again', async () => {
    const { admin } = test.controlPlane;
    const { client, reflector, ...watched } = await watching(test.controlPlane, { resource: widgets, namespace });
    expect(await reflector.settled(new AbortController().signal)).toEqual({ kind: 'absent' });
    for (const value of ['first', 'second']) {
      await installWidgets(test.controlPlane);
      reflector.poke();
      await eventually('it is synced', () => reflector.state.kind === 'synced');
      await client.apply(widgets, named(namespace, 'w', { spec: { value } }));
      await watched.holds(`w=${value}`);
      await admin.delete('apiextensions.k8s.io/v1/CustomResourceDefinition', 'widgets.example.com');
      await eventually('it is absent', () => reflector.state.kind === 'absent', { timeoutMs: 60_000 });
      expect(watched.contents()).toBe('');
    }
  });

  it('receives metadata alone when that is all it wants', async () => {
    const objects: string[] = [];
    const cache = new Cache<string>({
      project: (object) => {
        objects.push(JSON.stringify(object));
        return object.kind;
      },
    });
    const { client, reflector } = await watching(test.controlPlane, {
      resource: secrets,
      namespace,
      metadataOnly: true,
      cache,
    });
    await client.apply(secrets, named(namespace, 'listed', { stringData: { a: 'hunter2' } }));
    await reflector.settled(new AbortController().signal);
    await client.apply(secrets, named(namespace, 'watched', { stringData: { a: 'hunter2' } }));
    await eventually('both', () => cache.size === 2);
    expect([...cache.values()].map(({ value }) => value)).toEqual(['Secret', 'Secret']);
    expect(objects.join()).not.toContain(Buffer.from('hunter2').toString('base64'));
  });

  it('watches single Secrets with the permission for these names alone', async () => {
    const { admin } = test.controlPlane;
    await admin.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'narrow' } });
    const rules = [
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['allowed', 'later'], verbs: ['list', 'watch'] },
    ];
    await allow(test.controlPlane, namespace, 'narrow', rules);
    const connection = await connect(test.controlPlane, await admin.serviceAccountToken(namespace, 'narrow'));
    const adminConnection = await connect(test.controlPlane);
    const cache = new Cache<string>({ project: (object) => JSON.stringify(object['data']) });
    const watches = new NamedWatches<string>({ ...connection, resource: secrets, cache, log: silentLog });
    cleanUp.push(async () => {
      await watches.stop();
      connection.transport.close();
      adminConnection.transport.close();
    });
    const { client } = adminConnection;
    await client.apply(secrets, named(namespace, 'allowed', { data: { a: 'MQ==' } }));
    const [allowed, later, denied] = ['allowed', 'later', 'denied'].map((name) => ({ namespace, name }));
    watches.refer('x', [allowed!, later!, denied!]);
    await eventually('the Secret', () => cache.get(namespace, 'allowed')?.value === '{"a":"MQ=="}');
    const signal = new AbortController().signal;
    expect(await watches.settled(later!, signal)).toEqual({ kind: 'synced' });
    expect(await watches.settled(denied!, signal)).toMatchObject({ kind: 'failing', error: { status: 403 } });
    await client.apply(secrets, named(namespace, 'later', { data: { b: 'Mg==' } }));
    await eventually('the later Secret', () => cache.get(namespace, 'later')?.value === '{"b":"Mg=="}');
    expect(cache.size).toBe(2);
    watches.refer('x', []);
    expect(cache.size).toBe(0);
  });
});

describe('a server that does not stream lists', () => {
  const test = useControlPlane({ controllerManager: false, apiServerFlags: ['--feature-gates=WatchList=false'] });

  it('is listed in pages, and asked for a stream only once', async () => {
    const namespace = await test.controlPlane.admin.createNamespace('pages');
    const traits = { streamingLists: true };
    const { client, ...watched } = await watching(test.controlPlane, { resource: configMaps, namespace, traits });
    await client.apply(configMaps, named(namespace, 'a', { data: { value: '1' } }));
    await watched.holds('a=1');
    expect(traits.streamingLists).toBe(false);
    expect(watched.states).toEqual(['synced']);
    await test.controlPlane.forgetHistory();
    await client.apply(configMaps, named(namespace, 'a', { data: { value: '2' } }));
    await watched.holds('a=2');
    const uris = (await test.controlPlane.audit.since())
      .filter(({ userAgent, verb }) => userAgent === 'kube-test/1' && verb === 'watch')
      .filter(({ requestURI }) => requestURI.includes('sendInitialEvents'));
    expect(uris.filter(({ stage }) => stage === 'ResponseComplete')).toHaveLength(1);
  });
});

async function allow(controlPlane: ControlPlane, namespace: string, name: string, rules: object[]): Promise<void> {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { namespace, name };
  await controlPlane.admin.apply({ apiVersion, kind: 'Role', metadata, rules });
  await controlPlane.admin.apply({
    apiVersion,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', namespace, name }],
  });
}
