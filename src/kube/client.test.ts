import { afterEach, describe, expect, it } from 'vitest';
import { Client } from './client.ts';
import type { KubeObject } from './objects.ts';
import type { Answer, SeenRequest } from './testing/fake-server.ts';
import { FakeServer } from './testing/fake-server.ts';
import { Transport } from './transport.ts';

const widgets = { group: 'example.com', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };
const key = { namespace: 'n', name: 'a' };
const collection = '/apis/example.com/v1/namespaces/n/widgets';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function start(answer: (request: SeenRequest) => Answer = () => ({})): Promise<{
  server: FakeServer;
  client: Client;
  line: () => string;
}> {
  const server = await FakeServer.start(answer);
  const config = { server: server.url, authorization: () => undefined, namespace: '' };
  const transport = new Transport({ config, userAgent: 'test' });
  cleanUp.push(
    () => server.stop(),
    () => transport.close(),
  );
  /** The last request: method, path, query, content type. */
  const line = (): string => {
    const { method, path, query, headers } = server.requests.at(-1)!;
    return [method, path, decodeURIComponent(query.toString()), headers['content-type']].filter(Boolean).join(' ');
  };
  return { server, client: new Client(transport, 'me'), line };
}

describe('writes', () => {
  const object = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: key, spec: { x: 1 } };

  it('create and update name the field manager and send the object as it is', async () => {
    const { server, client, line } = await start();
    await client.create(widgets, object);
    expect(line()).toBe(`POST ${collection} fieldManager=me application/json`);
    await client.update(widgets, object, { subresource: 'status', fieldManager: 'other', dryRun: true });
    expect(line()).toBe(`PUT ${collection}/a/status fieldManager=other&dryRun=All application/json`);
    expect(server.requests.map(({ body }) => body)).toEqual([object, object]);
  });

  it('apply takes fields over unless told not to, and fills in the kind', async () => {
    const { server, client, line } = await start();
    await client.apply(widgets, { metadata: key, spec: { x: 1 } });
    expect(line()).toBe(`PATCH ${collection}/a fieldManager=me&force=true application/apply-patch+yaml`);
    expect(server.requests[0]?.body).toEqual(object);
    await client.apply(widgets, { metadata: key }, { force: false, subresource: 'status' });
    expect(line()).toBe(`PATCH ${collection}/a/status fieldManager=me&force=false application/apply-patch+yaml`);
  });

  it('createByApply asks for a version that no object has, and leaves its argument alone', async () => {
    const { server, client } = await start();
    const given = { metadata: { ...key, labels: { a: 'b' } } };
    await client.createByApply(widgets, given);
    expect((server.requests[0]?.body as KubeObject).metadata).toEqual({ ...given.metadata, resourceVersion: '1' });
    expect(given).toEqual({ metadata: { ...key, labels: { a: 'b' } } });
  });

  it('patches say of which kind they are', async () => {
    const { server, client, line } = await start();
    await client.mergePatch(widgets, key, { spec: null }, { subresource: 'status' });
    expect(line()).toBe(`PATCH ${collection}/a/status fieldManager=me application/merge-patch+json`);
    await client.jsonPatch(widgets, key, [{ op: 'remove', path: '/metadata/finalizers/0' }]);
    expect(line()).toBe(`PATCH ${collection}/a fieldManager=me application/json-patch+json`);
    expect(server.requests[1]?.body).toEqual([{ op: 'remove', path: '/metadata/finalizers/0' }]);
  });

  it('delete sends its preconditions, and tells gone from pending', async () => {
    const answers: object[] = [
      { kind: 'Status', status: 'Success' },
      { kind: 'Widget', metadata: { ...key, finalizers: ['x'] } },
      { kind: 'Pod', metadata: { ...key, deletionGracePeriodSeconds: 30 } },
      { kind: 'Pod', metadata: { ...key, deletionGracePeriodSeconds: 0, finalizers: [] } },
    ];
    const { server, client } = await start(() => ({ body: answers.shift() }));
    const options = { uid: 'u', resourceVersion: '7', propagationPolicy: 'Foreground' } as const;
    expect(await client.delete(widgets, key, options)).toEqual({ kind: 'gone' });
    expect(server.requests[0]?.body).toEqual({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid: 'u', resourceVersion: '7' },
      propagationPolicy: 'Foreground',
    });
    expect((await client.delete(widgets, key)).kind).toBe('pending');
    expect((await client.delete(widgets, key)).kind).toBe('pending');
    expect((await client.delete(widgets, key)).kind).toBe('gone');
  });
});

describe('reads', () => {
  it('list reads page by page, and one page when asked for one', async () => {
    const { server, client, line } = await start(({ query }) =>
      query.has('continue')
        ? { body: { items: [{ metadata: { name: 'b' } }], metadata: { resourceVersion: '9', continue: '' } } }
        : { body: { items: [{ metadata: { name: 'a' } }], metadata: { resourceVersion: '9', continue: 'more' } } },
    );
    const list = await client.list(widgets, { namespace: 'n', labelSelector: 'x=y' });
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(list.metadata.resourceVersion).toBe('9');
    expect(line()).toBe(`GET ${collection} labelSelector=x=y&limit=500&continue=more`);
    expect(server.requests).toHaveLength(2);
    await client.listPage(widgets, { limit: 1 });
    expect(line()).toBe('GET /apis/example.com/v1/widgets limit=1');
  });

  it('metadata alone is asked for by the Accept header', async () => {
    const { server, client } = await start(() => ({ body: { items: [], metadata: {} } }));
    await client.get(widgets, key, { metadataOnly: true });
    await client.list(widgets, { metadataOnly: true });
    expect(server.requests.map(({ headers }) => headers.accept)).toEqual([
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    ]);
  });

  it('rawGet gives the text', async () => {
    const { client, line } = await start(() => ({ body: 'ok' }));
    expect(await client.rawGet('/readyz', { query: { verbose: true } })).toBe('ok');
    expect(line()).toBe('GET /readyz verbose=true');
  });
});
