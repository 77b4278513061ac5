/** From a DittoServer to its StatefulSet, with Percona's part played by the test: every state at the moment it is wanted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DittoServer } from '../../src/api/types.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import {
  conditionOf,
  DITTO_SERVER,
  dittoServer,
  eventReasons,
  PERCONA_CLUSTER,
  perconaReady,
  perconaSecrets,
  perconaStatus,
  podReady,
  STATEFUL_SET,
  templateAnnotations,
} from './actors.ts';
import { installOperator, type RunningOperator, startOperator } from './installation.ts';

const test = useControlPlane({ percona: '2.9.0', beforeControllers: installOperator });
let operator: RunningOperator;
beforeAll(async () => {
  operator = await startOperator(test.controlPlane);
});
afterAll(async () => operator.stop());

async function orderedServer(spec: object = {}) {
  const { admin } = test.controlPlane;
  const namespace = await admin.createNamespace();
  await admin.create(dittoServer(namespace, 'files', { percona: { enabled: true, ...spec } }));
  await eventually('the PerconaPGCluster', () => admin.find(PERCONA_CLUSTER, 'files-postgres', namespace));
  return { admin, namespace };
}

async function startedServer() {
  const { admin, namespace } = await orderedServer();
  await perconaReady(admin, namespace, 'files-postgres');
  await podReady(admin, namespace, 'files');
  await conditionOf(admin, namespace, 'files', 'Ready', { status: 'True' });
  return { admin, namespace };
}

describe('the gate', () => {
  it('makes no StatefulSet before the database is ready, and makes it as soon as it is', async () => {
    const { admin, namespace } = await orderedServer();
    await conditionOf(admin, namespace, 'files', 'DatabaseReady', { status: 'False', reason: 'WaitingForDatabase' });
    await perconaSecrets(admin, namespace, 'files-postgres');
    await perconaStatus(admin, namespace, 'files-postgres', 'initializing', 0);
    await conditionOf(admin, namespace, 'files', 'Ready', { status: 'False', reason: 'WaitingForDatabase' });
    expect(await admin.find(STATEFUL_SET, 'files', namespace)).toBeUndefined();

    const mark = await test.controlPlane.audit.mark();
    await perconaStatus(admin, namespace, 'files-postgres', 'ready', 1);
    await eventually('the StatefulSet', () => admin.find(STATEFUL_SET, 'files', namespace));
    const entries = await test.controlPlane.audit.since(mark);
    const told = entries.find(
      ({ resource, subresource }) => resource === 'perconapgclusters' && subresource === 'status',
    );
    const made = entries.find(
      ({ resource, code, namespace: where }) => resource === 'statefulsets' && code === 201 && where === namespace,
    );
    const delayMs = made!.at.getTime() - told!.at.getTime();
    console.log(`StatefulSet made ${delayMs} ms after the database was reported ready`);
    // Less than the fallback's 10 s: the watch told, not the clock.
    expect(delayMs).toBeLessThan(9_000);
  });

  it('tells each change once', async () => {
    const { admin, namespace } = await startedServer();
    expect(await eventReasons(admin, namespace, 'files')).toEqual(['WaitingForDatabase', 'PostgreSQLReady']);
    await perconaStatus(admin, namespace, 'files-postgres', 'initializing', 0);
    await conditionOf(admin, namespace, 'files', 'DatabaseReady', { reason: 'PostgreSQLFailed' });
    await perconaStatus(admin, namespace, 'files-postgres', 'ready', 1);
    await conditionOf(admin, namespace, 'files', 'Ready', { status: 'True' });
    await eventually('all events', async () => {
      const reasons = await eventReasons(admin, namespace, 'files');
      // The second PostgreSQLReady is the same news again: it is counted in the first one's series.
      expect(reasons.filter((reason) => reason === 'PostgreSQLFailed')).toHaveLength(1);
      expect(reasons.filter((reason) => reason === 'WaitingForDatabase')).toHaveLength(1);
      return true;
    });
  });

  it('keeps the StatefulSet and reconciles it while the database is away', async () => {
    const { admin, namespace } = await startedServer();
    await perconaStatus(admin, namespace, 'files-postgres', 'initializing', 0);
    await conditionOf(admin, namespace, 'files', 'Ready', { status: 'False', reason: 'PostgreSQLFailed' });
    await admin.patch(DITTO_SERVER, 'files', namespace, { spec: { replicas: 0 } });
    await eventually('the StatefulSet is scaled', async () => {
      const set = await admin.get(STATEFUL_SET, 'files', namespace);
      return set.spec!['replicas'] === 0;
    });
  });

  it('does not believe `ready` for fewer instances than are wanted, nor for an older generation', async () => {
    const { admin, namespace } = await orderedServer({ replicas: 3 });
    await perconaReady(admin, namespace, 'files-postgres');
    const waiting = await conditionOf(admin, namespace, 'files', 'DatabaseReady', { reason: 'WaitingForDatabase' });
    await eventually('the sentence counts the instances', async () => {
      const { message } = await conditionOf(admin, namespace, 'files', 'DatabaseReady', {});
      return message.includes('1 of 3 instances');
    });
    expect(waiting.status).toBe('False');
    expect(await admin.find(STATEFUL_SET, 'files', namespace)).toBeUndefined();
  });
});

describe('the PerconaPGCluster', () => {
  it('keeps what a user changes on it', async () => {
    const { admin, namespace } = await startedServer();
    await admin.patch(PERCONA_CLUSTER, 'files-postgres', namespace, {
      spec: {
        instances: [
          {
            name: 'instance1',
            replicas: 2,
            dataVolumeClaimSpec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '20Gi' } } },
          },
        ],
      },
    });
    await admin.patch(DITTO_SERVER, 'files', namespace, { spec: { percona: { replicas: 3 } } });
    await conditionOf(admin, namespace, 'files', 'DatabaseReady', { status: 'False' });
    const { spec } = await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace);
    expect(spec!['instances']).toMatchObject([{ replicas: 2 }]);
  });

  it('goes with its DittoServer, by the garbage collector', async () => {
    const { admin, namespace } = await startedServer();
    await admin.delete(DITTO_SERVER, 'files', namespace);
    await admin.gone(DITTO_SERVER, 'files', namespace);
    await admin.gone(PERCONA_CLUSTER, 'files-postgres', namespace, 60_000);
    await admin.gone(STATEFUL_SET, 'files', namespace, 60_000);
    await admin.gone('v1/Service', 'files-api', namespace, 60_000);
    // What the database and the files need to come back is still there.
    expect(await admin.find('v1/Secret', 'files-postgres-pguser-dittofs', namespace)).toBeDefined();
    expect(await admin.find('v1/Secret', 'files-admin-bootstrap-credentials', namespace)).toBeDefined();
    expect(await admin.find('v1/PersistentVolumeClaim', 'metadata-files-0', namespace)).toBeDefined();
  });

  it.each(['Background', 'Foreground'] as const)(
    'stays after a %s deletion with deleteWithServer: false',
    async (propagationPolicy) => {
      const { admin, namespace } = await orderedServer({ deleteWithServer: false });
      await perconaReady(admin, namespace, 'files-postgres');
      await eventually('the StatefulSet', () => admin.find(STATEFUL_SET, 'files', namespace));
      await admin.delete(DITTO_SERVER, 'files', namespace, { propagationPolicy });
      await admin.gone(DITTO_SERVER, 'files', namespace, 60_000);
      await admin.gone(STATEFUL_SET, 'files', namespace, 60_000);
      const { metadata } = await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace);
      expect(metadata.deletionTimestamp).toBeUndefined();

      // The same name again: the cluster is taken back, and with it its data and the admin's password.
      const before = await admin.get('v1/Secret', 'files-admin-bootstrap-credentials', namespace);
      await admin.create(dittoServer(namespace, 'files', { percona: { enabled: true } }));
      await conditionOf(admin, namespace, 'files', 'DatabaseReady', { status: 'True' });
      const after = await admin.get('v1/Secret', 'files-admin-bootstrap-credentials', namespace);
      expect(after.data).toEqual(before.data);
      const server = await admin.get(DITTO_SERVER, 'files', namespace);
      await eventually('the cluster has its owner again', async () => {
        const { metadata: cluster } = await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace);
        return cluster.ownerReferences?.some(
          ({ uid, controller }) => uid === server.metadata.uid && controller === true,
        );
      });
    },
  );

  it('follows a change of deleteWithServer without a change of its spec', async () => {
    const { admin, namespace } = await startedServer();
    const owners = async () =>
      (await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace)).metadata.ownerReferences ?? [];
    const { generation } = (await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace)).metadata;
    await admin.patch(DITTO_SERVER, 'files', namespace, { spec: { percona: { deleteWithServer: false } } });
    await eventually('no owner', async () => (await owners()).length === 0);
    await admin.patch(DITTO_SERVER, 'files', namespace, { spec: { percona: { deleteWithServer: true } } });
    await eventually('an owner', async () => (await owners()).length === 1);
    expect((await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace)).metadata.generation).toBe(generation);
  });

  it('that a user refers to is used and never touched', async () => {
    const { admin } = test.controlPlane;
    const namespace = await admin.createNamespace();
    await admin.create({
      apiVersion: 'pgv2.percona.com/v2',
      kind: 'PerconaPGCluster',
      metadata: { name: 'shared', namespace },
      spec: {
        postgresVersion: 16,
        instances: [
          {
            name: 'one',
            dataVolumeClaimSpec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
        users: [{ name: 'files', databases: ['files'] }],
        backups: { enabled: false },
      },
    });
    await admin.create(dittoServer(namespace, 'files', { perconaPGClusterRef: { name: 'shared' } }));
    await perconaReady(admin, namespace, 'shared', 'files');
    const before = await admin.get(PERCONA_CLUSTER, 'shared', namespace);
    await podReady(admin, namespace, 'files');
    await conditionOf(admin, namespace, 'files', 'Ready', { status: 'True' });
    const set = await admin.get(STATEFUL_SET, 'files', namespace);
    expect(JSON.stringify(set.spec)).toContain('"shared-pguser-files"');
    await admin.delete(DITTO_SERVER, 'files', namespace);
    await admin.gone(STATEFUL_SET, 'files', namespace, 60_000);
    expect(await admin.get(PERCONA_CLUSTER, 'shared', namespace)).toEqual(before);
  });
});

describe('a change of credentials', () => {
  it('rolls the pod template once; nothing else about the Secret does', async () => {
    const { admin, namespace } = await startedServer();
    const generation = async () => (await admin.get(STATEFUL_SET, 'files', namespace)).metadata.generation;
    const hash = async () => (await templateAnnotations(admin, namespace, 'files'))['dittofs.io/config-hash'];
    const first = { hash: await hash(), generation: await generation() };

    const secret = 'files-postgres-pguser-dittofs';
    await admin.patch('v1/Secret', secret, namespace, {
      stringData: { verifier: 'another', 'jdbc-uri': 'x' },
      metadata: { annotations: { touched: 'yes' } },
    });
    // Something that the operator does answer to comes after it, so that "nothing happened" is known.
    await admin.patch(DITTO_SERVER, 'files', namespace, { spec: { service: { annotations: { seen: 'one' } } } });
    await eventually(
      'the Service follows',
      async () => (await admin.get('v1/Service', 'files-api', namespace)).metadata.annotations?.['seen'] === 'one',
    );
    expect({ hash: await hash(), generation: await generation() }).toEqual(first);

    await perconaSecrets(admin, namespace, 'files-postgres', 'dittofs', 'rotated');
    await eventually('another hash', async () => (await hash()) !== first.hash);
    const second = await hash();
    await admin.patch(DITTO_SERVER, 'files', namespace, { spec: { service: { annotations: { seen: 'two' } } } });
    await eventually(
      'the Service follows',
      async () => (await admin.get('v1/Service', 'files-api', namespace)).metadata.annotations?.['seen'] === 'two',
    );
    expect(await hash()).toBe(second);
    expect(await generation()).toBe(first.generation! + 1);
    expect(await eventReasons(admin, namespace, 'files')).toContain('RestartingServer');
  });

  it('never shows in the status, the events or the log', async () => {
    const { admin, namespace } = await startedServer();
    const password = await perconaSecrets(admin, namespace, 'files-postgres');
    await eventually('the change was told', async () =>
      (await eventReasons(admin, namespace, 'files')).includes('RestartingServer'),
    );
    const server = await admin.get<DittoServer>(DITTO_SERVER, 'files', namespace);
    const events = await admin.list('events.k8s.io/v1/Event', { namespace });
    const map = await admin.get('v1/ConfigMap', 'files-config', namespace);
    expect(JSON.stringify([server, events, map, operator.log])).not.toContain(password);
  });

  it('keeps the pods as they are while the Secret is away', async () => {
    const { admin, namespace } = await startedServer();
    const before = await templateAnnotations(admin, namespace, 'files');
    await admin.delete('v1/Secret', 'files-postgres-pguser-dittofs', namespace);
    await conditionOf(admin, namespace, 'files', 'DatabaseReady', { status: 'False' });
    expect(await templateAnnotations(admin, namespace, 'files')).toEqual(before);
  });
});

describe('a larger volume in the spec', () => {
  it('grows the claim that is there; a storage class that cannot do that is named', async () => {
    const { admin } = test.controlPlane;
    const namespace = await admin.createNamespace();
    for (const [name, allowVolumeExpansion] of [
      ['elastic', true],
      ['rigid', false],
    ] as const) {
      await admin.apply({
        ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name }, provisioner: 'test/none' },
        allowVolumeExpansion,
      });
      await admin.create(dittoServer(namespace, name, { storage: { metadataSize: '1Gi', storageClassName: name } }));
      const claim = `metadata-${name}-0`;
      await eventually(`claim ${claim}`, () => admin.find('v1/PersistentVolumeClaim', claim, namespace));
      await bind(namespace, claim);
      await admin.patch(DITTO_SERVER, name, namespace, { spec: { storage: { metadataSize: '3Gi' } } });
    }
    await eventually('the claim asks for more', async () => {
      const { spec } = await admin.get('v1/PersistentVolumeClaim', 'metadata-elastic-0', namespace);
      return (spec!['resources'] as { requests: { storage: string } }).requests.storage === '3Gi';
    });
    const { message } = await conditionOf(admin, namespace, 'rigid', 'SpecApplied', { reason: 'StorageNotChangeable' });
    expect(message).toMatch(/"metadata-rigid-0" cannot grow: .*storageclass/i);
    // Neither touches what runs: a StatefulSet's claim templates cannot be changed.
    expect((await admin.get(STATEFUL_SET, 'elastic', namespace)).metadata.generation).toBe(1);
  });

  /** What a provisioner does: a volume for the claim, and both say that they belong together. */
  async function bind(namespace: string, claim: string) {
    const { admin } = test.controlPlane;
    const { metadata, spec } = await admin.get('v1/PersistentVolumeClaim', claim, namespace);
    await admin.create({
      ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `${namespace}-${claim}` } },
      spec: {
        ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/nowhere' } },
        storageClassName: spec!['storageClassName'],
        claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name: claim, uid: metadata.uid },
      },
    });
    await eventually(
      `claim ${claim} is bound`,
      async () => {
        const { status } = await admin.get('v1/PersistentVolumeClaim', claim, namespace);
        return status?.['phase'] === 'Bound';
      },
      { timeoutMs: 60_000 },
    );
  }
});
