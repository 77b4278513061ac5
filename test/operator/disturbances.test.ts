/** Restarts and outages: whatever happens in between, the end is the same and nothing is made twice. */
import { describe, expect, it } from 'vitest';
import type { DittoServer } from '../../src/api/types.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import {
  conditionOf,
  DITTO_SERVER,
  dittoServer,
  PERCONA_CLUSTER,
  perconaReady,
  podReady,
  STATEFUL_SET,
} from './actors.ts';
import { installOperator, useOperatorProcesses } from './installation.ts';

const test = useControlPlane({ percona: '2.9.0', beforeControllers: installOperator });
const start = useOperatorProcesses(test);

/** What is there in the end, as far as it does not depend on chance or time. */
async function outcome(namespace: string) {
  const { admin } = test.controlPlane;
  const kinds = [
    'v1/ConfigMap',
    'v1/Service',
    'v1/Secret',
    'networking.k8s.io/v1/NetworkPolicy',
    STATEFUL_SET,
    PERCONA_CLUSTER,
  ] as const;
  const found: string[] = [];
  for (const kind of kinds) {
    const { items } = await admin.list(kind, { namespace });
    found.push(
      ...items
        .filter(({ metadata }) => metadata.name.startsWith('files'))
        .map(({ metadata }) => `${kind} ${metadata.name} owners=${metadata.ownerReferences?.length ?? 0}`),
    );
  }
  const server = await admin.get<DittoServer>(DITTO_SERVER, 'files', namespace);
  const conditions = server.status!.conditions!.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  return { found: found.sort(), conditions, phase: server.status!.phase };
}

/** A server from nothing to Ready, with `disturb` after each step. */
async function scenario(disturb: (step: string) => Promise<void>) {
  const { admin } = test.controlPlane;
  const namespace = await admin.createNamespace();
  await admin.create(dittoServer(namespace, 'files', { percona: { enabled: true } }));
  await disturb('created');
  await eventually('the PerconaPGCluster', () => admin.find(PERCONA_CLUSTER, 'files-postgres', namespace));
  await disturb('ordered');
  await perconaReady(admin, namespace, 'files-postgres');
  await disturb('database ready');
  await eventually('the StatefulSet', () => admin.find(STATEFUL_SET, 'files', namespace));
  await podReady(admin, namespace, 'files');
  await disturb('pod ready');
  await conditionOf(admin, namespace, 'files', 'Ready', { status: 'True' });
  await disturb('ready');
  await conditionOf(admin, namespace, 'files', 'Ready', { status: 'True' });
  return { namespace, outcome: await outcome(namespace) };
}

describe('killed and started again', () => {
  it('at each step, it comes to the same end', async () => {
    let operator = await start();
    const undisturbed = await scenario(() => Promise.resolve());
    const disturbed = await scenario(async () => {
      await operator.stop(0);
      operator = await start();
    });
    expect(disturbed.outcome).toEqual(undisturbed.outcome);
  });

  it('in the middle of its first writes, it makes nothing twice', async () => {
    const { admin, audit } = test.controlPlane;
    for (const delayMs of [0, 15, 30, 45, 60]) {
      const operator = await start();
      const namespace = await admin.createNamespace();
      const mark = await audit.mark();
      await admin.create(dittoServer(namespace, 'files', { percona: { enabled: true } }));
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await operator.stop(0);
      const second = await start();
      await conditionOf(admin, namespace, 'files', 'DatabaseReady', { reason: 'WaitingForDatabase' });
      const created = (await audit.since(mark)).filter(
        ({ code, namespace: where }) => code === 201 && where === namespace,
      );
      const names = created
        .filter(({ userAgent }) => userAgent.startsWith('dittofs-operator/'))
        .filter(({ resource }) => resource !== 'events')
        .map(({ resource, name }) => `${resource} ${name}`);
      expect(names.filter((name) => name.startsWith('perconapgclusters'))).toHaveLength(1);
      expect(new Set(names.filter((name) => !name.endsWith(' '))).size).toBe(
        names.filter((name) => !name.endsWith(' ')).length,
      );
      await second.stop();
    }
  });
});

describe('the API server', () => {
  it('away for 20 s: the operator goes on where it was, and misses nothing that happened', async () => {
    const { admin } = test.controlPlane;
    const operator = await start();
    const { namespace } = await scenario(() => Promise.resolve());
    await test.controlPlane.stopApiServer();
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    await test.controlPlane.startApiServer();
    // It backs off like us, and is not what is tested here.
    await test.controlPlane.restartControllerManager();
    await eventually('the API answers', () =>
      admin.patch(DITTO_SERVER, 'files', namespace, { spec: { podAnnotations: { after: 'outage' } } }),
    );
    await eventually(
      'the StatefulSet follows',
      async () => JSON.stringify(await admin.get(STATEFUL_SET, 'files', namespace)).includes('"after":"outage"'),
      { timeoutMs: 60_000 },
    );
    expect(operator.process.alive).toBe(true);
  });

  it('back without its history: every watch is told 410, and what changed meanwhile is seen', async () => {
    const { admin } = test.controlPlane;
    const operator = await start();
    const { namespace } = await scenario(() => Promise.resolve());
    await test.controlPlane.forgetHistory();
    await test.controlPlane.restartControllerManager();
    await eventually('the API answers', () =>
      admin.patch(DITTO_SERVER, 'files', namespace, { spec: { podAnnotations: { after: 'compaction' } } }),
    );
    await eventually(
      'the StatefulSet follows',
      async () => JSON.stringify(await admin.get(STATEFUL_SET, 'files', namespace)).includes('"after":"compaction"'),
      { timeoutMs: 60_000 },
    );
    // A Service deleted now is noticed too: the other watches work as well.
    await admin.delete('v1/Service', 'files-api', namespace);
    await eventually('the Service is back', () => admin.find('v1/Service', 'files-api', namespace), {
      timeoutMs: 60_000,
    });
    expect(operator.process.alive).toBe(true);
  });
});
