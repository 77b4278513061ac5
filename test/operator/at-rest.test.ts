/** When nothing changes, nothing is asked and nothing is written: read off the API server's audit log. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DittoServer } from '../../src/api/types.ts';
import type { AuditEntry } from '../control-plane/audit.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import {
  operatorRequests,
  condition,
  conditionOf,
  DITTO_SERVER,
  dittoServer,
  PERCONA_CLUSTER,
  perconaReady,
  podReady,
  type Spec,
} from './actors.ts';
import { installOperator, type OperatorProcess, startOperatorProcess } from './installation.ts';

const SERVERS = 100;
/** Every tenth has a database of each other kind, and one waits for its database for ever. */
function spec(index: number): Spec {
  if (index % 10 === 1) return { percona: { enabled: true } };
  if (index % 10 === 2) return { database: { postgresSecretRef: { name: 'external', key: 'x' } } };
  if (index % 10 === 3) return { metrics: { enabled: true }, networkPolicy: { enabled: false }, replicas: 0 };
  return {};
}

const test = useControlPlane({ percona: '2.9.0', beforeControllers: installOperator });
const flags = ['--leader-elect', '--leader-election-namespace', 'dittofs-system'];
let operator: OperatorProcess;
let namespace: string;

beforeAll(async () => {
  const { admin } = test.controlPlane;
  operator = await startOperatorProcess(test.controlPlane, flags);
  namespace = await admin.createNamespace();
  const stringData = { host: 'h', database: 'd', user: 'u', password: 'p' };
  await admin.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'external', namespace }, stringData });
  const names = Array.from({ length: SERVERS }, (_, index) => `files-${index}`);
  await Promise.all(names.map((name, index) => admin.create(dittoServer(namespace, name, spec(index)))));
  await Promise.all(
    names.map(async (name, index) => {
      const { percona, replicas } = spec(index);
      if (percona?.enabled === true) {
        await eventually('the PerconaPGCluster', () => admin.find(PERCONA_CLUSTER, `${name}-postgres`, namespace), {
          timeoutMs: 60_000,
        });
        await perconaReady(admin, namespace, `${name}-postgres`);
      }
      if (replicas !== 0) await podReady(admin, namespace, name);
    }),
  );
  await eventually(
    'every server is ready',
    async () => {
      const { items } = await admin.list<DittoServer>(DITTO_SERVER, { namespace });
      const waiting = items.filter((server) => condition(server, 'Ready')?.status !== 'True');
      if (waiting.length > 0) throw new Error(`${waiting.length} are not`);
      return true;
    },
    { timeoutMs: 100_000 },
  );
});
afterAll(async () => operator.stop());

/** Lets the last writes be over, for which two quiet seconds are the proof, and then a minute pass. */
async function aMinute(): Promise<AuditEntry[]> {
  const { audit } = test.controlPlane;
  await eventually(
    'the last writes are over',
    async () => {
      const mark = await audit.mark();
      await sleep(2_000);
      return operatorRequests(await audit.since(mark)).length === 0;
    },
    { timeoutMs: 40_000 },
  );
  const mark = await audit.mark();
  await sleep(60_000);
  return await audit.since(mark);
}

it(`asks and writes nothing for a minute, with ${SERVERS} settled servers and one that waits for its database`, async () => {
  const { admin } = test.controlPlane;
  await admin.create(dittoServer(namespace, 'waiting', { percona: { enabled: true } }));
  await conditionOf(admin, namespace, 'waiting', 'DatabaseReady', { reason: 'WaitingForDatabase' });
  const entries = await aMinute();
  expect(operatorRequests(entries)).toEqual([]);
  // It is alive all the same: the lease was renewed.
  expect(entries.filter(({ resource, verb }) => resource === 'leases' && verb === 'update').length).toBeGreaterThan(10);
});

it(`writes nothing when it starts with ${SERVERS} settled servers`, async () => {
  const { audit, admin } = test.controlPlane;
  await operator.stop();
  const mark = await audit.mark();
  operator = await startOperatorProcess(test.controlPlane, flags);
  await eventually('it leads', async () => (await operator.metric('leader_election_master_status')) === 1);
  // A change that it does answer to comes last, and the initial look at everybody else is over when it is answered.
  await admin.patch(DITTO_SERVER, 'files-0', namespace, { spec: { service: { annotations: { last: 'yes' } } } });
  await eventually('the Service follows', async () => {
    const { metadata } = await admin.get('v1/Service', 'files-0-api', namespace);
    return metadata.annotations?.['last'] === 'yes';
  });
  await conditionOf(admin, namespace, 'files-0', 'Ready', { status: 'True' });
  await eventually('everybody was looked at', async () => (await operator.metric('workqueue_depth')) === 0);
  const written = operatorRequests(await audit.since(mark)).filter(
    (request) => !request.startsWith('list ') && !request.startsWith('get '),
  );
  // The Service, and the status that goes with the new generation.
  expect(new Set(written)).toEqual(new Set(['patch services/ files-0-api', 'patch dittoservers/status files-0']));
});
