import { afterAll, beforeAll, expect, it } from 'vitest';
import { EventRecorder } from '../../src/kube/events.ts';
import type { ElectionEnd } from '../../src/kube/lease.ts';
import { runElection } from '../../src/kube/lease.ts';
import { silentLog } from '../../src/kube/log.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import type { Connection } from './connect.ts';
import { connect, configMaps, named } from './connect.ts';

const test = useControlPlane({ controllerManager: false });
let namespace = '';
let connection: Connection;
beforeAll(async () => {
  connection = await connect(test.controlPlane);
  namespace = await test.controlPlane.admin.createNamespace('lease');
});
afterAll(() => connection.transport.close());

/** Who leads now, and who led; two at a time is the failure that all this is there to prevent. */
class Throne {
  readonly history: string[] = [];
  leader: string | undefined;

  candidate(name: string, lease: string): { abort: AbortController; end: Promise<ElectionEnd> } {
    const abort = new AbortController();
    const end = runElection(
      {
        client: connection.client,
        namespace,
        name: lease,
        identity: name,
        leaseDurationMs: 3000,
        renewDeadlineMs: 2000,
        retryPeriodMs: 300,
        log: silentLog,
        lead: async (signal) => {
          expect(this.leader).toBeUndefined();
          this.leader = name;
          this.history.push(name);
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
          // Winding down takes a moment; nobody may take over meanwhile.
          await new Promise((resolve) => setTimeout(resolve, 500));
          this.leader = undefined;
        },
      },
      abort.signal,
    );
    return { abort, end };
  }
}

const leaseOf = async (name: string): Promise<{ holderIdentity?: string; leaseTransitions?: number }> => {
  const { spec } = await test.controlPlane.admin.get('coordination.k8s.io/v1/Lease', name, namespace);
  return spec ?? {};
};

it('one of two leads; the other follows at once when the lease is given back', async () => {
  const throne = new Throne();
  const one = throne.candidate('one', 'handover');
  await eventually('one leads', () => throne.leader === 'one');
  const two = throne.candidate('two', 'handover');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(throne.history).toEqual(['one']);
  one.abort.abort();
  expect(await one.end).toBe('stopped');
  const givenBack = performance.now();
  await eventually('two leads', () => throne.leader === 'two');
  expect(performance.now() - givenBack).toBeLessThan(1500);
  expect(await leaseOf('handover')).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
  two.abort.abort();
  expect(await two.end).toBe('stopped');
  expect((await leaseOf('handover')).holderIdentity ?? '').toBe('');
});

it('steps down in time when the API server is away, and another may lead after', async () => {
  const throne = new Throne();
  const one = throne.candidate('one', 'outage');
  await eventually('one leads', () => throne.leader === 'one');
  const stoppedAt = performance.now();
  await test.controlPlane.stopApiServer();
  expect(await one.end).toBe('lost');
  // Stopping the server and winding down are in it; the lease itself would have held for 3 s.
  expect(performance.now() - stoppedAt).toBeLessThan(6_000);
  await test.controlPlane.startApiServer();
  const two = throne.candidate('two', 'outage');
  await eventually('two leads', () => throne.leader === 'two');
  expect(throne.history).toEqual(['one', 'two']);
  two.abort.abort();
  await two.end;
});

it('steps down at once when the lease is taken from it', async () => {
  const throne = new Throne();
  const one = throne.candidate('one', 'theft');
  await eventually('one leads', () => throne.leader === 'one');
  const spec = { holderIdentity: 'thief' };
  await test.controlPlane.admin.patch('coordination.k8s.io/v1/Lease', 'theft', namespace, { spec });
  expect(await one.end).toBe('lost');
  expect((await leaseOf('theft')).holderIdentity).toBe('thief');
});

it('events are accepted, and repeats become a series', async () => {
  const { client } = connection;
  const object = await client.apply(configMaps, named(namespace, 'told'));
  const recorder = new EventRecorder({
    client,
    reportingController: 'example.com/operator',
    reportingInstance: 'x'.repeat(200),
    log: { ...silentLog, debug: (message, fields) => expect.fail(`${message} ${JSON.stringify(fields)}`) },
  });
  const { uid, name } = { uid: object.metadata.uid!, name: 'told' };
  const event = {
    regarding: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name, uid },
    type: 'Warning',
    reason: 'Tested',
    action: 'Test',
    note: 'ä'.repeat(1000),
  } as const;
  const never = new AbortController().signal;
  for (let turn = 0; turn < 3; turn += 1) {
    recorder.emit(event);
    await recorder.flush(never);
  }
  const options = { namespace, fieldSelector: `regarding.uid=${uid}` };
  const { items } = await test.controlPlane.admin.list('events.k8s.io/v1/Event', options);
  expect(items).toHaveLength(1);
  expect(items[0]).toMatchObject({
    type: 'Warning',
    reason: 'Tested',
    action: 'Test',
    note: 'ä'.repeat(512),
    reportingController: 'example.com/operator',
    series: { count: 3 },
  });
});
