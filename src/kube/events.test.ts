import { afterEach, describe, expect, it } from 'vitest';
import { Client } from './client.ts';
import type { EmittedEvent } from './events.ts';
import { cutToBytes, EventRecorder } from './events.ts';
import { silentLog } from './log.ts';
import { FakeClock, settle, until } from './testing/fake-clock.ts';
import type { Answer, SeenRequest } from './testing/fake-server.ts';
import { FakeServer, status } from './testing/fake-server.ts';
import { Transport } from './transport.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const never = new AbortController().signal;
const minutes = 60_000;

async function start(answer: (request: SeenRequest) => Answer = () => ({})): Promise<{
  server: FakeServer;
  clock: FakeClock;
  recorder: EventRecorder;
  lines: string[];
  sent: () => string[];
}> {
  const server = await FakeServer.start(answer);
  const clock = new FakeClock();
  const config = { server: server.url, authorization: () => undefined, namespace: '' };
  const transport = new Transport({ config, userAgent: 'test', clock });
  const lines: string[] = [];
  const recorder = new EventRecorder({
    client: new Client(transport, 'test'),
    reportingController: 'example.com/operator',
    reportingInstance: 'pod-1',
    log: { ...silentLog, debug: (message) => lines.push(message) },
    clock,
    random: () => 0.5,
  });
  cleanUp.push(
    () => server.stop(),
    () => transport.close(),
  );
  /** `POST`, or `PATCH count`. */
  const sent = (): string[] =>
    server.requests.map(({ method, body }) => {
      const count = (body as { series?: { count: number } }).series?.count;
      return count === undefined ? method : `${method} ${count}`;
    });
  return { server, clock, recorder, lines, sent };
}

const event = (changes: Partial<EmittedEvent> = {}, name = 'files'): EmittedEvent => ({
  regarding: { apiVersion: 'example.com/v1', kind: 'Widget', namespace: 'n', name, uid: `uid-${name}` },
  type: 'Normal',
  reason: 'Created',
  action: 'Create',
  note: 'created a thing',
  ...changes,
});

describe('an event', () => {
  it('is created with everything the API asks for', async () => {
    const { server, recorder } = await start();
    recorder.emit(event());
    await recorder.flush(never);
    const [request] = server.requests;
    expect(request?.path).toBe('/apis/events.k8s.io/v1/namespaces/n/events');
    expect(request?.body).toEqual({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'n', name: expect.stringMatching(/^files\.[0-9a-f]+$/) as string },
      eventTime: '2026-01-01T00:00:01.000000Z',
      reportingController: 'example.com/operator',
      reportingInstance: 'pod-1',
      ...event(),
    });
  });

  it('of a cluster-scoped object goes to the default namespace', async () => {
    const { server, recorder } = await start();
    const regarding = { apiVersion: 'v1', kind: 'Node', name: 'a', uid: 'u' };
    recorder.emit(event({ regarding }));
    await recorder.flush(never);
    expect(server.requests[0]?.path).toBe('/apis/events.k8s.io/v1/namespaces/default/events');
  });

  it('has a valid name however long that of its object is', async () => {
    const { server, recorder } = await start();
    recorder.emit(event({}, `${'a'.repeat(233)}--${'b'.repeat(18)}`));
    await recorder.flush(never);
    const { name } = (server.requests[0]?.body as { metadata: { name: string } }).metadata;
    expect(name.length).toBeLessThanOrEqual(253);
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
  });

  it('has a note of 1 kB at most, cut between characters', async () => {
    const { server, recorder } = await start();
    recorder.emit(event({ note: `${'x'.repeat(1023)}äb` }));
    await recorder.flush(never);
    expect((server.requests[0]?.body as EmittedEvent).note).toBe('x'.repeat(1023));
    expect(cutToBytes('aä', 3)).toBe('aä');
    expect(cutToBytes('aä', 2)).toBe('a');
    expect(cutToBytes('€€', 5)).toBe('€');
  });
});

describe('repeats', () => {
  it('become a series: the second patches the first, later ones are counted and written every six minutes', async () => {
    const { server, clock, recorder, sent } = await start();
    for (let turn = 0; turn < 5; turn += 1) {
      recorder.emit(event());
      if (turn < 2) await recorder.flush(never);
      await clock.advance(minutes);
    }
    expect(sent()).toEqual(['POST', 'PATCH 2']);
    expect(server.requests[1]?.body).toEqual({
      series: { count: 2, lastObservedTime: '2026-01-01T00:01:01.000000Z' },
    });
    const { name } = (server.requests[0]?.body as { metadata: { name: string } }).metadata;
    expect(server.requests[1]?.path).toBe(`/apis/events.k8s.io/v1/namespaces/n/events/${name}`);
    expect(server.requests[1]?.headers['content-type']).toBe('application/merge-patch+json');
    await clock.advance(3 * minutes);
    recorder.emit(event());
    await until('sending', () => sent().length === 3);
    expect(sent()[2]).toBe('PATCH 6');
  });

  it('are new events after a long pause, or when anything of them differs', async () => {
    const { clock, recorder, sent } = await start();
    recorder.emit(event());
    await clock.advance(6 * minutes);
    recorder.emit(event());
    recorder.emit(event({ note: 'created another' }));
    recorder.emit(event({ type: 'Warning' }));
    recorder.emit(event({}, 'other'));
    await recorder.flush(never);
    expect(sent()).toEqual(['POST', 'POST', 'POST', 'POST', 'POST']);
  });

  it('that were not written yet are written at the end', async () => {
    const { recorder, sent } = await start();
    for (let turn = 0; turn < 2; turn += 1) {
      recorder.emit(event());
      await recorder.flush(never);
    }
    for (let turn = 0; turn < 5; turn += 1) recorder.emit(event());
    await settle();
    expect(sent()).toEqual(['POST', 'PATCH 2']);
    await recorder.flush(never);
    expect(sent()).toEqual(['POST', 'PATCH 2', 'PATCH 7']);
    await recorder.flush(never);
    expect(sent()).toHaveLength(3);
  });

  it('that come while one is being written are written once, with their count', async () => {
    const { recorder, sent } = await start();
    for (let turn = 0; turn < 4; turn += 1) recorder.emit(event());
    await recorder.flush(never);
    expect(sent()).toEqual(['POST', 'PATCH 4']);
  });

  it('of an event that the server has forgotten create it again', async () => {
    const { recorder, sent } = await start(({ method }) =>
      method === 'PATCH' ? { status: 404, body: status(404, 'NotFound') } : {},
    );
    recorder.emit(event());
    await recorder.flush(never);
    recorder.emit(event());
    await recorder.flush(never);
    expect(sent()).toEqual(['POST', 'PATCH 2', 'POST 2']);
  });
});

describe('limits', () => {
  it('per object: 25 at once, then one in five minutes; others are not held back', async () => {
    const { clock, recorder, sent, lines } = await start();
    for (let turn = 0; turn < 40; turn += 1) recorder.emit(event({ note: String(turn) }));
    await recorder.flush(never);
    expect(sent()).toHaveLength(25);
    expect(lines).toHaveLength(15);
    recorder.emit(event({}, 'other'));
    await clock.advance(5 * minutes);
    recorder.emit(event({ note: 'later' }));
    recorder.emit(event({ note: 'too much again' }));
    await recorder.flush(never);
    expect(sent()).toHaveLength(27);
  });

  it('of what waits: more is dropped', async () => {
    const { recorder, lines } = await start(() => 'hang');
    for (let turn = 0; turn < 1100; turn += 1) recorder.emit(event({}, `o${turn}`));
    expect(lines.length).toBeGreaterThan(90);
    const abort = new AbortController();
    const flushed = recorder.flush(abort.signal);
    abort.abort();
    await flushed;
  });
});

describe('failures', () => {
  it('that may go away are tried again, without ever disturbing the caller', async () => {
    const answers: Answer[] = ['reset', { status: 500 }, {}];
    const { clock, recorder, sent } = await start(() => answers.shift() ?? {});
    recorder.emit(event());
    await until('the pause', () => clock.delays.includes(1500));
    await clock.advance(1500);
    await until('the pause', () => clock.delays.includes(3000));
    await clock.advance(3000);
    await recorder.flush(never);
    expect(sent()).toEqual(['POST', 'POST', 'POST']);
  });

  it('that last, and refusals, are dropped with a line in the debug log', async () => {
    const { recorder, sent, lines } = await start(() => ({ status: 403, body: status(403, 'Forbidden') }));
    recorder.emit(event());
    await recorder.flush(never);
    expect([sent().length, lines]).toEqual([1, ['an event could not be written']]);
  });

  it('whose answer was lost are not told twice', async () => {
    const answers: Answer[] = ['reset', { status: 409, body: status(409, 'AlreadyExists') }];
    const { clock, recorder, lines, sent } = await start(() => answers.shift() ?? {});
    recorder.emit(event());
    await until('the pause', () => clock.delays.includes(1500));
    await clock.advance(1500);
    await recorder.flush(never);
    expect(lines).toEqual([]);
    recorder.emit(event());
    await recorder.flush(never);
    expect(sent()).toEqual(['POST', 'POST', 'PATCH 2']);
  });

  it('do not keep the program from ending: flush gives up with its signal', async () => {
    const { clock, recorder } = await start(() => 'hang');
    recorder.emit(event());
    recorder.emit(event({ note: 'another' }));
    const abort = new AbortController();
    const flushed = recorder.flush(abort.signal);
    await settle();
    abort.abort();
    await flushed;
    expect(clock.timers).toBe(0);
  });
});
