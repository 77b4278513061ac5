/** What we order, given to Percona's own definitions and to its real operator. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useControlPlane } from '../control-plane/fixture.ts';
import { startControlPlane } from '../control-plane/control-plane.ts';
import { eventually } from '../control-plane/eventually.ts';
import { installPerconaCRDs, perconaCRDVersions } from '../control-plane/percona.ts';
import type { DittoServer } from '../../src/api/types.ts';
import { OPERATOR_DEFAULTS } from '../../src/observed.ts';
import { perconaCluster } from '../../src/postgres/percona-cluster.ts';
import { conditionOf, DITTO_SERVER, dittoServer, PERCONA_CLUSTER, type Spec, STATEFUL_SET } from './actors.ts';
import { installOperator, type RunningOperator, startOperator } from './installation.ts';

const BACKUP = {
  ...{ enabled: true, credentialsSecretRef: { name: 's3' }, bucket: 'files', endpoint: 's3.cubbit.eu' },
  ...{ retentionDays: 14, fullSchedule: '@weekly', incrSchedule: '0 */4 * * *' },
};
const ORDERS: Record<string, NonNullable<Spec['percona']>> = {
  'nothing but enabled': { enabled: true },
  'every field': {
    ...{ enabled: true, replicas: 3, storageSize: '1.5Ti', storageClassName: 'fast', databaseName: 'files_1' },
    ...{ crVersion: '2.9.0', deleteWithServer: false, backup: BACKUP },
    resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '2Gi' } },
    images: { postgres: 'a/b:1', pgBouncer: 'a/c:1', pgBackRest: 'a/d:1', init: 'registry:5000/e:1' },
  },
  'with backups': { enabled: true, backup: BACKUP },
};

describe("Percona's definitions", () => {
  const missing = (['2.8.2', '2.9.0', '3.0.0'] as const).filter((version) => !perconaCRDVersions().includes(version));
  if (missing.length > 0) console.log(`left out: Percona's CRDs ${missing.join(', ')} (set DITTOFS_PERCONA_CRDS)`);

  it.each(perconaCRDVersions())('%s take every order of ours, and know every field of it', async (version) => {
    const controlPlane = await startControlPlane({ controllerManager: false });
    try {
      const { admin } = controlPlane;
      await installPerconaCRDs(admin, version);
      const namespace = await admin.createNamespace();
      const served = await eventually('the definitions are served', () => admin.path(PERCONA_CLUSTER, namespace));
      const path = `${served}?dryRun=All&fieldValidation=Strict`;
      for (const [name, percona] of Object.entries(ORDERS)) {
        const { apiVersion, kind, metadata, spec } = dittoServer(namespace, 'files', { percona });
        const server = { apiVersion, kind, spec, metadata: { ...metadata, uid: 'a', generation: 1 } } as DittoServer;
        const secret = { metadata: { name: 's3', namespace, uid: 'b' }, digests: { 's3.conf': 'x', 'ca.crt': 'y' } };
        const answer = await admin.raw('POST', path, perconaCluster(server, OPERATOR_DEFAULTS, secret));
        expect({ name, code: answer.status, said: (answer.body as { message?: string }).message }).toEqual({
          name,
          code: 201,
          said: undefined,
        });
      }
    } finally {
      await controlPlane.stop();
    }
  });
});

describe("Percona's operator 2.9.0", () => {
  const test = useControlPlane({ operator: true, beforeControllers: installOperator });
  let operator: RunningOperator;
  beforeAll(async () => {
    operator = await startOperator(test.controlPlane);
  });
  afterAll(async () => operator.stop());

  it.each(Object.keys(ORDERS).filter((name) => name !== 'every field'))(
    'builds a cluster from an order: %s',
    async (name) => {
      const { admin } = test.controlPlane;
      const namespace = await admin.createNamespace();
      await admin.create({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's3', namespace },
        stringData: { 's3.conf': '[global]\n' },
      });
      await admin.create(dittoServer(namespace, 'files', { percona: ORDERS[name]! }));
      await eventually('its PostgresCluster', () =>
        admin.find('postgres-operator.crunchydata.com/v1beta1/PostgresCluster', 'files-postgres', namespace),
      );
      const set = await eventually("the instance's StatefulSet", async () => {
        const { items } = await admin.list(STATEFUL_SET, {
          namespace,
          labelSelector: 'postgres-operator.crunchydata.com/instance-set=instance1',
        });
        return items[0];
      });
      expect(JSON.stringify(set.spec)).toContain(OPERATOR_DEFAULTS.postgresImage);
      expect(JSON.stringify(set.spec)).toContain(OPERATOR_DEFAULTS.perconaInitImage);
      const secret = await eventually("the user's Secret", () =>
        admin.find('v1/Secret', 'files-postgres-pguser-dittofs', namespace),
      );
      expect(Object.keys(secret.data!)).toEqual(
        expect.arrayContaining(['host', 'port', 'user', 'password', 'dbname', 'uri']),
      );
      // The real one knows this user by the name of its database, and gave it a password that needs no escaping.
      expect(Buffer.from(secret.data!['password']!, 'base64').toString()).toMatch(/^[A-Za-z0-9]+$/);

      const { status } = await eventually("Percona's first status", async () => {
        const cluster = await admin.get(PERCONA_CLUSTER, 'files-postgres', namespace);
        return cluster.status?.['state'] !== undefined && cluster;
      });
      expect(status).toMatchObject({ state: 'initializing' });
      // No node runs its pods here: the server waits, and says what for.
      const { message } = await conditionOf(admin, namespace, 'files', 'Ready', {
        status: 'False',
        reason: 'WaitingForDatabase',
      });
      expect(message).toMatch(/PostgreSQL.*PerconaPGCluster "files-postgres"/);
      const { items: events } = await admin.list<{ reason?: string }>('events.k8s.io/v1/Event', { namespace });
      expect(events.map(({ reason }) => reason)).not.toContain('MissingRequiredImage');
      expect(await admin.find(STATEFUL_SET, 'files', namespace)).toBeUndefined();
      expect(await test.perconaOperator.log()).not.toMatch(/panic/i);
    },
  );

  it('takes the whole cluster down with the DittoServer and leaves the claim and the password', async () => {
    const { admin } = test.controlPlane;
    const namespace = await admin.createNamespace();
    await admin.create(dittoServer(namespace, 'files', { percona: { enabled: true } }));
    const secret = await eventually("the user's Secret", () =>
      admin.find('v1/Secret', 'files-postgres-pguser-dittofs', namespace),
    );
    await admin.delete(DITTO_SERVER, 'files', namespace);
    await admin.gone(PERCONA_CLUSTER, 'files-postgres', namespace, 60_000);
    await eventually(
      'no StatefulSet is left',
      async () => (await admin.list(STATEFUL_SET, { namespace })).items.length === 0,
      { timeoutMs: 60_000 },
    );
    const left = await admin.get('v1/Secret', 'files-postgres-pguser-dittofs', namespace);
    expect(left.data).toEqual(secret.data);
  });
});
