import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubeconfigConfig } from '../../src/kube/config.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { Transport } from '../../src/kube/transport.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import type { Connection } from './connect.ts';
import { configMaps, connect, installWidgets, named, secrets, widgets } from './connect.ts';

const test = useControlPlane();
let namespace = '';
let connection: Connection;
const client = (): Connection['client'] => connection.client;

beforeAll(async () => {
  connection = await connect(test.controlPlane);
  await installWidgets(test.controlPlane);
  namespace = await test.controlPlane.admin.createNamespace('client');
});
afterAll(() => connection.transport.close());

const refusal = async (promise: Promise<unknown>): Promise<ApiError> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('should have been refused');
};

describe('server-side apply', () => {
  it('owns what it applies, removes what it no longer applies, and leaves others alone', async () => {
    await client().apply(configMaps, named(namespace, 'owned', { data: { a: '1', b: '2' } }));
    const other = { fieldManager: 'other' };
    await client().apply(configMaps, named(namespace, 'owned', { data: { c: '3' } }), other);
    const after = await client().apply(configMaps, named(namespace, 'owned', { data: { b: '3' } }));
    expect(after['data']).toEqual({ b: '3', c: '3' });
    const conflict = await refusal(
      client().apply(configMaps, named(namespace, 'owned', { data: { b: '4' } }), { ...other, force: false }),
    );
    expect([conflict.isConflict, conflict.causes[0]?.field]).toEqual([true, '.data.b']);
  });

  it('with a uid never creates, and touches no other incarnation', async () => {
    const uid = '00000000-0000-0000-0000-000000000000';
    const absent = { metadata: { namespace, name: 'with-uid', uid }, data: { a: '1' } };
    expect((await refusal(client().apply(configMaps, absent))).isConflict).toBe(true);
    const created = await client().apply(configMaps, named(namespace, 'with-uid', { data: { a: '1' } }));
    const refused = await refusal(client().apply(configMaps, absent));
    expect([refused.status, refused.causes[0]?.field]).toEqual([422, 'metadata.uid']);
    const metadata = { namespace, name: 'with-uid', uid: created.metadata.uid! };
    expect((await client().apply(configMaps, { metadata, data: { a: '2' } }))['data']).toEqual({ a: '2' });
  });

  it('of the status does not touch the rest', async () => {
    await client().apply(widgets, named(namespace, 'status', { spec: { x: 1 } }));
    const status = named(namespace, 'status', { spec: { x: 2 }, status: { ready: true } });
    const after = await client().apply(widgets, status, { subresource: 'status', fieldManager: 'status' });
    expect([after['spec'], after['status']]).toEqual([{ x: 1 }, { ready: true }]);
  });
});

describe.each([
  ['a built-in kind', configMaps, { data: { a: '1' } }, { data: { a: '2' } }, 'data'],
  ['a custom kind', widgets, { spec: { a: '1' } }, { spec: { a: '2' } }, 'spec'],
] as const)('createByApply of %s', (_what, resource, content, other, field) => {
  it('creates, and refuses when the object exists, be it equal or not', async () => {
    const created = await client().createByApply(resource, named(namespace, 'once', content));
    expect(created.metadata.managedFields).toMatchObject([{ manager: 'kube-test', operation: 'Apply' }]);
    for (const again of [content, other]) {
      const refused = await refusal(client().createByApply(resource, named(namespace, 'once', again)));
      expect([refused.isConflict, refused.isAlreadyExists]).toEqual([true, false]);
    }
    const read = await client().get(resource, { namespace, name: 'once' });
    expect(read.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
    expect(read[field]).toEqual(content[field as keyof typeof content]);
  });

  it('lets exactly one of many win', async () => {
    const attempts = Array.from({ length: 20 }, (_, nth) =>
      client().createByApply(resource, named(namespace, 'race', { [field]: { winner: String(nth) } })),
    );
    const results = await Promise.allSettled(attempts);
    const winners = results.filter(({ status }) => status === 'fulfilled');
    expect(winners).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect((result.reason as ApiError).isConflict).toBe(true);
    }
  });
});

describe('other writes', () => {
  it('create tells when the name is taken, and dryRun stores nothing', async () => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'posted' } };
    await client().create(configMaps, object, { dryRun: true });
    await client().create(configMaps, object);
    expect((await refusal(client().create(configMaps, object))).isAlreadyExists).toBe(true);
  });

  it('update replaces only the version it knows', async () => {
    const first = await client().apply(configMaps, named(namespace, 'updated', { data: { a: '1' } }));
    const second = await client().update(configMaps, { ...first, data: { a: '2' } });
    expect(second['data']).toEqual({ a: '2' });
    expect((await refusal(client().update(configMaps, { ...first, data: { a: '3' } }))).isConflict).toBe(true);
  });

  it('patches change what they say; a failed test is a 422', async () => {
    const key = { namespace, name: 'patched' };
    await client().apply(configMaps, named(namespace, 'patched', { data: { a: '1', b: '2' } }));
    const merged = await client().mergePatch(configMaps, key, { data: { a: null, c: '3' } });
    expect(merged['data']).toEqual({ b: '2', c: '3' });
    const operations = [
      { op: 'test', path: '/data/b', value: '2' },
      { op: 'remove', path: '/data/b' },
    ] as const;
    expect((await client().jsonPatch(configMaps, key, operations))['data']).toEqual({ c: '3' });
    const refused = await refusal(client().jsonPatch(configMaps, key, operations));
    expect([refused.status, refused.isInvalid]).toEqual([422, true]);
  });

  it('delete respects its preconditions, and tells gone from pending', async () => {
    const key = { namespace, name: 'deleted' };
    const metadata = { ...key, finalizers: ['example.com/hold'] };
    const { metadata: created } = await client().apply(configMaps, { metadata });
    const stranger = { uid: '00000000-0000-0000-0000-000000000000' };
    expect((await refusal(client().delete(configMaps, key, stranger))).isConflict).toBe(true);
    expect((await refusal(client().delete(configMaps, key, { resourceVersion: '1' }))).isConflict).toBe(true);
    const options = { uid: created.uid!, propagationPolicy: 'Background' } as const;
    expect(await client().delete(configMaps, key, options)).toMatchObject({
      kind: 'pending',
      object: { metadata: { finalizers: ['example.com/hold'] } },
    });
    await client().mergePatch(configMaps, key, { metadata: { finalizers: null } });
    expect((await refusal(client().get(configMaps, key))).isNotFound).toBe(true);
    await client().apply(configMaps, { metadata: key });
    expect(await client().delete(configMaps, key)).toEqual({ kind: 'gone' });
    expect((await refusal(client().delete(configMaps, key))).isNotFound).toBe(true);
  });
});

describe('refusals', () => {
  it('of a Secret do not repeat its values', async () => {
    const object = named(namespace, 'secret', { type: 'kubernetes.io/tls', stringData: { 'tls.crt': 'hunter2' } });
    const refused = await refusal(client().apply(secrets, object));
    expect(refused.status).toBe(422);
    expect(refused.causes.map(({ field }) => field)).toContain('data[tls.key]');
    const notJson = named(namespace, 'pull', {
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': 'aHVudGVyMg==' },
    });
    const other = await refusal(client().apply(secrets, notJson));
    expect(JSON.stringify([refused, refused.message, other, other.message])).not.toMatch(/hunter2|aHVudGVyMg/);
  });

  it('tell a terminating namespace', async () => {
    const { admin } = test.controlPlane;
    const ending = await admin.createNamespace('ending');
    const metadata = { namespace: ending, name: 'hold', finalizers: ['example.com/hold'] };
    await client().apply(configMaps, { metadata });
    await admin.delete('v1/Namespace', ending);
    const refused = await eventually('a refusal', async () => {
      const error = await refusal(client().apply(configMaps, named(ending, `x${Math.random().toString(36).slice(2)}`)));
      return error.isNamespaceTerminating && error;
    });
    expect(refused.isForbidden).toBe(false);
    await client().mergePatch(configMaps, { namespace: ending, name: 'hold' }, { metadata: { finalizers: null } });
  });
});

describe('reads', () => {
  it('page through a list of one version', async () => {
    const labels = { page: 'yes' };
    for (const name of ['p1', 'p2', 'p3']) await client().apply(configMaps, { metadata: { namespace, name, labels } });
    const options = { namespace, labelSelector: 'page=yes' };
    const first = await client().listPage(configMaps, { ...options, limit: 2 });
    expect(first.items.map(({ metadata }) => metadata.name)).toEqual(['p1', 'p2']);
    const rest = await client().listPage(configMaps, { ...options, limit: 2, continue: first.metadata.continue! });
    expect(rest.items.map(({ metadata }) => metadata.name)).toEqual(['p3']);
    expect(rest.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect((await client().list(configMaps, options)).items).toHaveLength(3);
  });

  it('of metadata alone hold no data', async () => {
    await client().apply(secrets, named(namespace, 'hidden', { stringData: { a: 'hunter2' } }));
    const one = await client().get(secrets, { namespace, name: 'hidden' }, { metadataOnly: true });
    const all = await client().list(secrets, { namespace, metadataOnly: true });
    expect(one.metadata.uid).toBeDefined();
    expect(all.items.map(({ metadata }) => metadata.name)).toContain('hidden');
    expect(JSON.stringify([one, all])).not.toContain(Buffer.from('hunter2').toString('base64'));
  });

  it('work with a kubeconfig file, and by any path', async () => {
    const config = await kubeconfigConfig(test.controlPlane.kubeconfig);
    const transport = new Transport({ config, userAgent: 'kube-test/1' });
    const version: unknown = JSON.parse(await transport.text({ method: 'GET', path: '/version' }));
    transport.close();
    expect(version).toMatchObject({ major: '1' });
    expect(await client().rawGet('/readyz')).toBe('ok');
  });
});
