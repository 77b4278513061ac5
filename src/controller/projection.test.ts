import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../kube/objects.ts';
import { digest, projectObject, projectPerconaCluster, projectSecret, projectServer } from './projection.ts';

const metadata = {
  name: 'x',
  namespace: 'files',
  uid: 'u',
  labels: { instance: 'nas' },
  annotations: { a: 'b', 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"password":"aHVudGVyMg=="}}' },
  managedFields: [{ manager: 'manager', operation: 'Update' }],
};
const object = (more: object) => ({ apiVersion: 'v1', kind: 'Any', metadata, ...more }) as unknown as KubeObject;
const SECRET = object({
  data: { password: 'aHVudGVyMg==', empty: '' },
  stringData: { other: 'hunter2' },
  type: 'Opaque',
});

describe('what is kept of a Secret', () => {
  it('is a digest of each value that there is', () => {
    const kept = projectSecret(SECRET);
    expect(kept.digests).toEqual({ password: digest('aHVudGVyMg==') });
    expect(kept.metadata).toMatchObject({ name: 'x', namespace: 'files', uid: 'u' });
  });

  it('is never a value, in clear or in base64, wherever a tool has put it', () => {
    const noted = object({ data: {}, metadata: undefined });
    noted.metadata = { ...metadata, annotations: { 'example.com/copy': 'hunter2' } };
    for (const secret of [SECRET, noted])
      expect(JSON.stringify(projectSecret(secret))).not.toMatch(/hunter2|aHVudGVyMg/);
  });

  it('is nothing of one without data', () => {
    expect(projectSecret(object({})).digests).toEqual({});
  });
});

describe('what is kept of our objects', () => {
  it('is everything but managed fields and the copy that kubectl makes', () => {
    const kept = projectObject(object({ spec: { a: 1 } }));
    expect(JSON.parse(kept.json)).toEqual({
      apiVersion: 'v1',
      kind: 'Any',
      metadata: { name: 'x', namespace: 'files', uid: 'u', labels: { instance: 'nas' }, annotations: { a: 'b' } },
      spec: { a: 1 },
    });
    expect(kept).toMatchObject({ instance: 'nas', takeOver: true });
  });

  it('leaves what it was given as it was', () => {
    const given = object({ spec: {} });
    projectObject(given);
    expect(given.metadata.managedFields).toHaveLength(1);
    expect(given.metadata.annotations).toHaveProperty('a');
    expect(Object.keys(given.metadata.annotations ?? {})).toHaveLength(2);
  });
});

describe('what is kept of a DittoServer', () => {
  it('has a spec, even when none was stored', () => {
    expect(projectServer(object({})).spec).toEqual({});
    expect(projectServer(object({ spec: null })).spec).toEqual({});
    expect(projectServer(object({ spec: { replicas: 0 } })).spec).toEqual({ replicas: 0 });
  });
});

describe('what is kept of a PerconaPGCluster', () => {
  it('is what readiness depends on', () => {
    const spec = {
      crVersion: '2.8.0',
      image: 'i',
      pause: true,
      instances: [{ name: 'instance1', replicas: 3, dataVolumeClaimSpec: {} }, {}],
      users: [{ name: 'dittofs', databases: ['d'], secretName: 's', password: {} }],
      backups: { enabled: true, pgbackrest: { image: 'b', repos: [{ name: 'repo1', s3: {} }], global: {} } },
      proxy: { pgBouncer: { image: 'p', replicas: 0 } },
      secrets: { customTLSSecret: { name: 'tls' } },
      port: 5432,
    };
    const status = {
      state: 'ready',
      observedGeneration: 2,
      host: 'h',
      postgres: { ready: 3, size: 3, version: 16, instances: [] },
      pgbouncer: { ready: 0, size: 0 },
      pgbackrest: { repos: [{ name: 'repo1', stanzaCreated: true, repoOptionsHash: 'x' }] },
      conditions: [{ type: 'ReadyForBackup', status: 'True', lastTransitionTime: 't' }],
      patroni: {},
    };
    expect(projectPerconaCluster(object({ spec, status }))).toMatchObject({
      spec: {
        crVersion: '2.8.0',
        image: 'i',
        pause: true,
        instances: [{ name: 'instance1', replicas: 3 }, {}],
        users: [{ name: 'dittofs', databases: ['d'], secretName: 's' }],
        backups: { enabled: true, pgbackrest: { image: 'b', repos: [{ name: 'repo1' }] } },
        proxy: { pgBouncer: { image: 'p' } },
        secrets: { customTLSSecret: { name: 'tls' } },
      },
      status: {
        state: 'ready',
        observedGeneration: 2,
        postgres: { ready: 3, size: 3 },
        pgbackrest: { repos: [{ name: 'repo1', stanzaCreated: true }] },
        conditions: [{ type: 'ReadyForBackup', status: 'True' }],
      },
    });
  });

  it('is nothing but metadata of one without spec and status', () => {
    expect(projectPerconaCluster(object({}))).toMatchObject({ spec: {} });
    expect(projectPerconaCluster(object({}))).not.toHaveProperty('status');
    expect(projectPerconaCluster(object({ spec: {}, status: {} })).status).toEqual({});
  });
});
