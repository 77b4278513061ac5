import { describe, expect, it } from 'vitest';
import type { Reconcile, WorkersOptions } from './controller.ts';
import { runWorkers, TerminalError } from './controller.ts';
import { ApiError } from './errors.ts';
import type { Log } from './log.ts';
import { silentLog } from './log.ts';
import { FakeClock, settle } from './testing/fake-clock.ts';
import { status } from './testing/fake-server.ts';
import { WorkQueue } from './work-queue.ts';

interface Started {
  clock: FakeClock;
  queue: WorkQueue;
  abort: AbortController;
  done: Promise<void>;
  ended: () => boolean;
}

function start(reconcile: Reconcile, options: Partial<WorkersOptions> = {}): Started {
  const clock = new FakeClock();
  const queue = new WorkQueue({ name: 'test', clock });
  const abort = new AbortController();
  let ended = false;
  const done = runWorkers({ name: 'test', queue, clock, log: silentLog, reconcile, ...options }, abort.signal).then(
    () => void (ended = true),
  );
  return { clock, queue, abort, done, ended: () => ended };
}

const stop = async ({ abort, done, clock }: Started): Promise<void> => {
  abort.abort();
  await done;
  expect(clock.timers).toBe(0);
};

describe('workers', () => {
  it('work on as many keys as they are, and never on one key twice at a time', async () => {
    const running: string[] = [];
    const finish: (() => void)[] = [];
    let most = 0;
    const started = start(
      async (key) => {
        expect(running).not.toContain(key);
        running.push(key);
        most = Math.max(most, running.length);
        await new Promise<void>((resolve) => finish.push(resolve));
        running.splice(running.indexOf(key), 1);
        return {};
      },
      { workers: 3 },
    );
    for (const key of ['a', 'b', 'c', 'd']) started.queue.add(key);
    await settle();
    started.queue.add('a');
    await settle();
    expect(running).toEqual(['a', 'b', 'c']);
    for (let turn = 0; turn < 5; turn += 1) {
      finish.shift()?.();
      await settle();
    }
    expect([most, running.length]).toEqual([3, 0]);
    await stop(started);
  });

  it('look again when a reconcile asks for it', async () => {
    const seen: string[] = [];
    const started = start((key) => Promise.resolve(seen.push(key) === 1 ? { requeueAfterMs: 1000 } : {}));
    started.queue.add('a');
    await started.clock.advance(999);
    expect(seen).toHaveLength(1);
    await started.clock.advance(100_000);
    expect(seen).toHaveLength(2);
    await stop(started);
  });

  it('survive failures, thrown in any way, and repeat with a back-off that success ends', async () => {
    const at: number[] = [];
    const started: Started = start(() => {
      at.push(started.clock.now());
      if (at.length === 1) throw new Error('synchronous');
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      return at.length === 2 ? Promise.reject('a string') : Promise.resolve({});
    });
    started.queue.add('a');
    await started.clock.advance(100_000);
    expect(at.map((time) => time - (at[0] ?? 0))).toEqual([0, 5, 15]);
    expect(started.queue.failures('a')).toBe(0);
    await stop(started);
  });

  it('wait as long as the server asked', async () => {
    const at: number[] = [];
    const body = status(429, 'TooManyRequests', '', { retryAfterSeconds: 7 });
    const started: Started = start(() => {
      at.push(started.clock.now());
      return at.length === 1
        ? Promise.reject(new ApiError({ method: 'GET', path: '/', status: 429, body }))
        : Promise.resolve({});
    });
    started.queue.add('a');
    await started.clock.advance(100_000);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBe(7000);
    await stop(started);
  });

  it('do not repeat what cannot be cured, until something changes', async () => {
    let runs = 0;
    const started = start(() => {
      runs += 1;
      throw new TerminalError('never');
    });
    started.queue.add('a');
    await started.clock.advance(10_000_000);
    expect(runs).toBe(1);
    started.queue.add('a');
    await settle();
    expect(runs).toBe(2);
    await stop(started);
  });

  it('give each run a deadline', async () => {
    const started = start(
      (_key, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('late')))),
      { timeoutMs: 500 },
    );
    started.queue.add('a');
    await started.clock.advance(499);
    expect(started.queue.failures('a')).toBe(0);
    await started.clock.advance(1);
    expect(started.queue.failures('a')).toBe(1);
    await stop(started);
  });

  it('tell their metrics', async () => {
    const seen: unknown[][] = [];
    const metrics = {
      maxConcurrent: (...values: unknown[]) => void seen.push(['max', ...values]),
      activeWorkers: (...values: unknown[]) => void seen.push(['active', ...values]),
      reconciled: (...values: unknown[]) => void seen.push(values),
    };
    const results = [{}, { requeueAfterMs: 1e9 }, new Error('x'), new TerminalError('y')];
    const started = start(
      (key) => {
        const result = results[Number(key)];
        return result instanceof Error ? Promise.reject(result) : Promise.resolve(result ?? {});
      },
      { metrics, name: 'c' },
    );
    for (const key of ['0', '1', '2', '3']) {
      started.queue.add(key);
      await settle();
    }
    expect(seen.filter(([what]) => what === 'c')).toEqual([
      ['c', 'success', 0, false],
      ['c', 'requeue_after', 0, false],
      ['c', 'error', 0, false],
      ['c', 'error', 0, true],
    ]);
    expect(seen.slice(0, 2)).toEqual([
      ['max', 'c', 1],
      ['active', 'c', 1],
    ]);
    expect(seen.at(-1)).toEqual(['active', 'c', 0]);
    started.abort.abort();
    await started.done;
  });
});

describe('stopping', () => {
  it('finishes what is in work and takes no new key', async () => {
    let finish: () => void = () => undefined;
    const seen: string[] = [];
    const started = start(async (key, signal) => {
      seen.push(key);
      await new Promise<void>((resolve) => (finish = resolve));
      expect(signal.aborted).toBe(false);
      return {};
    });
    started.queue.add('a');
    started.queue.add('b');
    await settle();
    started.abort.abort();
    await started.clock.advance(29_000);
    expect(started.ended()).toBe(false);
    finish();
    await started.done;
    expect(seen).toEqual(['a']);
    expect(started.clock.timers).toBe(0);
  });

  it('gives up after the grace period, aborts the work, and says what was left', async () => {
    const lines: unknown[] = [];
    const log: Log = { ...silentLog, error: (_message, fields) => void lines.push(fields?.['keys']) };
    let aborted = false;
    const started = start(
      (_key, signal) => {
        signal.addEventListener('abort', () => (aborted = true));
        return new Promise(() => undefined);
      },
      { log, timeoutMs: 1e9 },
    );
    started.queue.add('a');
    await settle();
    started.abort.abort();
    await started.clock.advance(30_000);
    await started.done;
    expect([aborted, lines]).toEqual([true, [['a']]]);
  });
});
