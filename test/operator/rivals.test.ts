/** Two operators with one lease: one works, and the other takes over where it stopped. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import { conditionOf, dittoServer, operatorRequests, podReady, STATEFUL_SET } from './actors.ts';
import { installOperator, useOperatorProcesses } from './installation.ts';

const test = useControlPlane({ beforeControllers: installOperator });
const start = useOperatorProcesses(test);

describe('two operators with one lease', () => {
  const flags = ['--leader-elect', '--leader-election-namespace', 'dittofs-system'];

  it('one works; killed, the other takes over within the lease and finishes what was begun', async () => {
    const { admin, audit } = test.controlPlane;
    const first = await start(...flags);
    await eventually('the first leads', async () => (await first.metric('leader_election_master_status')) === 1);
    const second = await start(...flags);
    const namespace = await admin.createNamespace();
    await admin.create(dittoServer(namespace, 'files'));
    await eventually('the StatefulSet', () => admin.find(STATEFUL_SET, 'files', namespace));
    expect(await second.metric('leader_election_master_status')).toBe(0);

    await first.stop(0);
    const mark = await audit.mark();
    await podReady(admin, namespace, 'files');
    await conditionOf(admin, namespace, 'files', 'Ready', { status: 'True' }, 60_000);
    expect(await second.metric('leader_election_master_status')).toBe(1);
    expect(operatorRequests(await audit.since(mark))).toEqual(['patch dittoservers/status files']);
  });

  it('the leader that is told to stop hands over at once', async () => {
    const { admin } = test.controlPlane;
    const first = await start(...flags);
    await eventually('the first leads', async () => (await first.metric('leader_election_master_status')) === 1, {
      timeoutMs: 40_000,
    });
    const second = await start(...flags);
    const held = await admin.get('coordination.k8s.io/v1/Lease', 'dittofs-operator', 'dittofs-system');
    await first.stop();
    const given = await admin.get('coordination.k8s.io/v1/Lease', 'dittofs-operator', 'dittofs-system');
    // Given back, or taken already: in neither case does anybody wait for 15 s.
    expect(given.spec!['holderIdentity']).not.toBe(held.spec!['holderIdentity']);
    await eventually('the second leads', async () => (await second.metric('leader_election_master_status')) === 1);
    const namespace = await admin.createNamespace();
    await admin.create(dittoServer(namespace, 'files'));
    await eventually('the StatefulSet', () => admin.find(STATEFUL_SET, 'files', namespace));
    await conditionOf(admin, namespace, 'files', 'ConfigReady', { status: 'True' });
  });
});
