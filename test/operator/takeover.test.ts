/** Objects that the Go operator for the same resource has made, taken over. Names and fields: those of its version 0.29.0. */
import { afterEach, describe, expect, it } from 'vitest';
import type { DittoServer } from '../../src/api/types.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import {
  conditionOf,
  DITTO_SERVER,
  dittoServer,
  PERCONA_CLUSTER,
  podReady,
  type Spec,
  STATEFUL_SET,
} from './actors.ts';
import { installOperator, type RunningOperator, startOperator } from './installation.ts';

const test = useControlPlane({ percona: '2.9.0', beforeControllers: installOperator });
let operator: RunningOperator | undefined;
afterEach(async () => {
  await operator?.stop();
  operator = undefined;
});

/** The field manager of the Go operator: the name of its binary. */
const MANAGER = 'fieldManager=manager';

/** Makes what the Go operator would have made of a DittoServer, the way it makes it: by POST and PUT. */
async function goServer(spec: Spec = {}) {
  const { admin } = test.controlPlane;
  const namespace = await admin.createNamespace();
  const manifest = dittoServer(namespace, 'files', spec);
  const server = await admin.create({
    ...manifest,
    metadata: { ...manifest.metadata, finalizers: ['dittofs.dittofs.com/finalizer'] },
  });
  const labels = { app: 'dittofs-server', instance: 'files' };
  const controller = { apiVersion: server.apiVersion, kind: server.kind, name: 'files', uid: server.metadata.uid };
  const owned = (name: string, extra: object = {}) => ({
    ...{ name, namespace, ...extra },
    ownerReferences: [{ ...controller, controller: true, blockOwnerDeletion: true }],
  });
  const post = async (kind: `${string}/${string}`, object: object) => {
    const answer = await admin.raw('POST', `${await admin.path(kind, namespace)}?${MANAGER}`, object);
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  };
  const service = (name: string, spec: object) =>
    post('v1/Service', {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: owned(name, { labels }) },
      spec: { selector: labels, ports: [{ name: 'api', port: 8080, targetPort: 8080, protocol: 'TCP' }], ...spec },
    });
  const claim = (name: string) => ({
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await post('v1/ConfigMap', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: owned('files-config'),
    data: { 'config.yaml': 'old: true', 'left.over': 'x' },
  });
  await post('v1/Secret', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: owned('files-jwt-secret'),
    stringData: { 'jwt-secret': 'a'.repeat(43) },
  });
  await post('v1/Secret', {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: owned('files-admin-bootstrap-credentials') },
    stringData: { username: 'admin', password: 'the first password' },
  });
  await service('files-headless', { clusterIP: 'None' });
  await service('files-api', { type: 'ClusterIP' });
  await service('files-adapter-nfs', { type: 'LoadBalancer' });
  await post(STATEFUL_SET, {
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: owned('files') },
    spec: {
      ...{ replicas: 1, serviceName: 'files-headless', selector: { matchLabels: labels } },
      template: {
        metadata: { labels, annotations: { 'dittofs.io/config-hash': 'old' } },
        spec: {
          automountServiceAccountToken: false,
          containers: [
            {
              ...{ name: 'dittofs', image: 'marmos91c/dittofs:latest', command: ['/app/dfs'] },
              env: [{ name: 'LEFT_OVER', value: 'x' }],
              ports: [
                { name: 'api', containerPort: 8080 },
                { name: 'adapter-nfs', containerPort: 12049 },
              ],
            },
          ],
        },
      },
      volumeClaimTemplates: [claim('metadata'), claim('controlplane')],
    },
  });
  await podReady(admin, namespace, 'files');
  return { admin, namespace, server };
}

describe('what the Go operator has made', () => {
  it('is taken over with one restart; no Secret, claim or address is lost, and nothing of its fields is left', async () => {
    const { admin, namespace } = await goServer();
    const before = {
      api: await admin.get('v1/Service', 'files-api', namespace),
      nfs: await admin.get('v1/Service', 'files-adapter-nfs', namespace),
      jwt: await admin.get('v1/Secret', 'files-jwt-secret', namespace),
      password: await admin.get('v1/Secret', 'files-admin-bootstrap-credentials', namespace),
      set: await admin.get(STATEFUL_SET, 'files', namespace),
      claim: await admin.get('v1/PersistentVolumeClaim', 'metadata-files-0', namespace),
    };
    operator = await startOperator(test.controlPlane);
    await eventually('the template is ours', async () => {
      const set = await admin.get(STATEFUL_SET, 'files', namespace);
      return (
        !JSON.stringify(set.spec).includes('LEFT_OVER') &&
        JSON.stringify(set.spec).includes('DITTOFS_CONTROLPLANE_SECRET')
      );
    });
    await admin.delete('v1/Pod', 'files-0', namespace, { gracePeriodSeconds: 0 });
    await eventually('the new pod', async () => {
      const pod = await admin.find('v1/Pod', 'files-0', namespace);
      return pod !== undefined && !JSON.stringify(pod.spec).includes('LEFT_OVER');
    });
    await podReady(admin, namespace, 'files');
    await conditionOf(admin, namespace, 'files', 'Ready', { status: 'True' });

    const set = await admin.get(STATEFUL_SET, 'files', namespace);
    expect(set.metadata.uid).toBe(before.set.metadata.uid);
    expect(set.metadata.generation).toBe(before.set.metadata.generation! + 1);
    const api = await admin.get('v1/Service', 'files-api', namespace);
    expect(api.spec!['clusterIP']).toBe(before.api.spec!['clusterIP']);
    // Of a Service whose protocol we do not look at yet, not even the version has changed.
    expect(await admin.get('v1/Service', 'files-adapter-nfs', namespace)).toEqual(before.nfs);
    expect((await admin.get('v1/Secret', 'files-jwt-secret', namespace)).data).toEqual(before.jwt.data);
    const password = await admin.get('v1/Secret', 'files-admin-bootstrap-credentials', namespace);
    expect(password.data).toEqual(before.password.data);
    expect(password.metadata.ownerReferences).toBeUndefined();
    const claim = await admin.get('v1/PersistentVolumeClaim', 'metadata-files-0', namespace);
    expect(claim.metadata.uid).toBe(before.claim.metadata.uid);
    expect((await admin.get('v1/ConfigMap', 'files-config', namespace)).data).not.toHaveProperty('left.over');
    // Its finalizer would keep a deletion waiting for an operator that is gone.
    const server = await admin.get<DittoServer>(DITTO_SERVER, 'files', namespace);
    expect(server.metadata.finalizers ?? []).toEqual([]);
    await admin.delete(DITTO_SERVER, 'files', namespace);
    await admin.gone(DITTO_SERVER, 'files', namespace);
  });

  it("being deleted, is not kept by the Go operator's finalizer", async () => {
    const { admin, namespace } = await goServer();
    await admin.delete(DITTO_SERVER, 'files', namespace);
    expect((await admin.get(DITTO_SERVER, 'files', namespace)).metadata.deletionTimestamp).toBeDefined();
    operator = await startOperator(test.controlPlane);
    await admin.gone(DITTO_SERVER, 'files', namespace);
  });

  it('keeps its PostgreSQL cluster, also when the DittoServer is deleted, and is told what that cluster lacks', async () => {
    const { admin, namespace, server } = await goServer({ percona: { enabled: true, deleteWithServer: false } });
    const controller = { apiVersion: server.apiVersion, kind: server.kind, name: 'files', uid: server.metadata.uid };
    const cluster = {
      ...{ apiVersion: 'pgv2.percona.com/v2', kind: 'PerconaPGCluster' },
      metadata: {
        name: 'files-postgres',
        namespace,
        ownerReferences: [{ ...controller, controller: true, blockOwnerDeletion: true }],
      },
      spec: {
        ...{ crVersion: '2.8.0', postgresVersion: 16, backups: { enabled: false } },
        instances: [
          {
            name: 'instance1',
            replicas: 1,
            dataVolumeClaimSpec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
          },
        ],
        users: [{ name: 'dittofs', databases: ['dittofs'] }],
      },
    };
    await admin.raw('POST', `${await admin.path(PERCONA_CLUSTER, namespace)}?${MANAGER}`, cluster);
    const { spec } = await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace);
    operator = await startOperator(test.controlPlane);
    const { message } = await conditionOf(admin, namespace, 'files', 'DatabaseReady', {
      status: 'False',
      reason: 'ImagesMissing',
    });
    expect(message).toContain('spec.proxy.pgBouncer.image');
    await eventually(
      'no owner',
      async () =>
        (await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace)).metadata.ownerReferences === undefined,
    );
    expect((await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace)).spec).toEqual(spec);
    await admin.delete(DITTO_SERVER, 'files', namespace, { propagationPolicy: 'Foreground' });
    await admin.gone(DITTO_SERVER, 'files', namespace, 60_000);
    expect((await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace)).metadata.deletionTimestamp).toBeUndefined();
  });

  it('with other volumes than the spec has now: the difference is named, and nothing else stands still', async () => {
    const { admin, namespace } = await goServer({ storage: { metadataSize: '1Gi', contentSize: '5Gi' } });
    operator = await startOperator(test.controlPlane);
    const { message } = await conditionOf(admin, namespace, 'files', 'SpecApplied', {
      status: 'False',
      reason: 'StorageNotChangeable',
    });
    expect(message).toContain('"content"');
    await eventually('the template is ours', async () =>
      JSON.stringify(await admin.get(STATEFUL_SET, 'files', namespace)).includes('DITTOFS_CONTROLPLANE_SECRET'),
    );
  });
});
