import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayHeap } from './delay-heap.ts';
import { FakeClock, settle } from './testing/fake-clock.ts';
import type { Priority } from './work-queue.ts';
import { WorkQueue } from './work-queue.ts';

const newQueue = (): { clock: FakeClock; queue: WorkQueue } => {
  const clock = new FakeClock();
  return { clock, queue: new WorkQueue({ name: 'test', clock }) };
};

describe('keys', () => {
  it('are handed out once, however often they are added', async () => {
    const { queue } = newQueue();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(queue.depth).toBe(2);
    expect([await queue.get(), await queue.get()]).toEqual(['a', 'b']);
    expect(queue.depth).toBe(0);
  });

  it('that are added while in work run once more, after it', async () => {
    const { queue } = newQueue();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(queue.depth).toBe(1);
    expect(await queue.get()).toBe('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  it('of high priority come first, and raise but never lower', async () => {
    const { queue } = newQueue();
    queue.add('list1', 'low');
    queue.add('list2', 'low');
    queue.add('live');
    queue.add('list2', 'high');
    queue.add('live', 'low');
    expect([await queue.get(), await queue.get(), await queue.get()]).toEqual(['live', 'list2', 'list1']);
  });

  it('are awaited, the first to wait is the first served, and a wait can be cut short', async () => {
    const { queue } = newQueue();
    const abort = new AbortController();
    const got = [queue.get(), queue.get(abort.signal), queue.get()];
    abort.abort();
    queue.add('a');
    queue.add('b');
    expect(await Promise.all(got)).toEqual(['a', undefined, 'b']);
    expect(await queue.get(abort.signal)).toBeUndefined();
  });
});

describe('delays', () => {
  it('end at their time, the earliest wish of a key wins, and adding at once replaces them', async () => {
    const { clock, queue } = newQueue();
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 200);
    queue.addAfter('b', 70);
    await clock.advance(49);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await queue.get()).toBe('a');
    queue.done('a');
    queue.add('b');
    queue.addAfter('b', 10);
    expect([queue.depth, queue.delayed]).toEqual([1, 0]);
    await queue.get();
    queue.done('b');
    await clock.advance(1000);
    expect(queue.depth).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('keep their priority', async () => {
    const { clock, queue } = newQueue();
    queue.addAfter('low', 10, 'low');
    queue.addAfter('high', 20, 'high');
    await clock.advance(30);
    expect(await queue.get()).toBe('high');
  });

  it('that end while the key is in work wait for it', async () => {
    const { clock, queue } = newQueue();
    queue.add('a');
    await queue.get();
    queue.addAfter('a', 10);
    await clock.advance(10);
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(queue.depth).toBe(1);
  });

  it('use one timer for all, and no more memory when keys are re-scheduled for ever', async () => {
    const { clock, queue } = newQueue();
    for (let turn = 0; turn < 1000; turn += 1) {
      queue.addAfter('a', 1_000_000);
      queue.addAfter('b', 500_000 - turn);
      queue.add('a');
      await queue.get();
      queue.done('a');
    }
    expect(clock.timers).toBe(1);
    expect(queue.delayed).toBe(1);
  });

  it('of a failing key double from 5 ms to 1000 s and start anew when it is forgotten', async () => {
    const { clock, queue } = newQueue();
    const delays = Array.from({ length: 20 }, () => queue.addRateLimited('a'));
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.slice(-2)).toEqual([1_000_000, 1_000_000]);
    expect(queue.failures('a')).toBe(20);
    queue.forget('a');
    expect(queue.addRateLimited('b', 3000)).toBe(3000);
    expect(queue.addRateLimited('a')).toBe(5);
    for (let turn = 0; turn < 2000; turn += 1) expect(queue.addRateLimited('a')).toBeLessThanOrEqual(1_000_000);
    await clock.advance(5);
    expect(queue.depth).toBe(1);
  });
});

describe('shutting down', () => {
  it('hands out what is ready, drops what is delayed, and takes in nothing', async () => {
    const { clock, queue } = newQueue();
    queue.add('a');
    queue.addAfter('b', 10);
    queue.shutDown();
    queue.add('c');
    expect(clock.timers).toBe(0);
    expect([await queue.get(), await queue.get()]).toEqual(['a', undefined]);
  });

  it('ends the waits', async () => {
    const { queue } = newQueue();
    const got = [queue.get(), queue.get()];
    queue.shutDown();
    expect(await Promise.all(got)).toEqual([undefined, undefined]);
  });
});

it('metrics tell depth, waiting and working time', async () => {
  const clock = new FakeClock();
  const seen: unknown[] = [];
  const note =
    (what: string) =>
    (...values: unknown[]): void => {
      seen.push([what, ...values]);
    };
  const metrics = {
    depth: note('depth'),
    added: note('added'),
    waited: note('waited'),
    worked: note('worked'),
    retried: note('retried'),
  };
  const queue = new WorkQueue({ name: 'q', clock, metrics });
  queue.add('a');
  await clock.advance(2000);
  await queue.get();
  await clock.advance(3000);
  expect(queue.inWork()).toEqual(new Map([['a', 3]]));
  queue.addRateLimited('a');
  queue.done('a');
  expect(seen).toEqual([
    ['added', 'q'],
    ['depth', 'q', 1],
    ['waited', 'q', 2],
    ['depth', 'q', 0],
    ['retried', 'q'],
    ['worked', 'q', 3],
  ]);
});

type Step =
  | { do: 'add'; key: string; priority: Priority }
  | { do: 'addAfter'; key: string; ms: number; priority: Priority }
  | { do: 'advance'; ms: number }
  | { do: 'get' }
  | { do: 'done'; nth: number };

const key = fc.constantFrom('a', 'b', 'c', 'd');
const priority = fc.constantFrom<Priority>('high', 'low');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key, priority }),
  fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.integer({ min: 1, max: 50 }), priority }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ do: fc.constant('get' as const) }),
  fc.record({ do: fc.constant('done' as const), nth: fc.nat(3) }),
);

/** The same queue in the plainest way: per key, when it is wanted and how urgently; who is in work. */
class Model {
  readonly wanted = new Map<string, { at: number; readySince: number; high: boolean }>();
  readonly working = new Set<string>();
  now = 0;

  want(key: string, at: number, high: boolean): void {
    const known = this.wanted.get(key);
    if (known !== undefined && known.at <= this.now && at > this.now) return;
    this.wanted.set(key, {
      at: Math.min(at, known?.at ?? Infinity),
      readySince: 0,
      high: high || known?.high === true,
    });
  }

  /** Keys that may be handed out now: the urgent ones, or all when there is none. */
  candidates(): string[] {
    const ready = [...this.wanted].filter(([name, { at }]) => at <= this.now && !this.working.has(name));
    const high = ready.filter(([, one]) => one.high);
    return (high.length > 0 ? high : ready).map(([name]) => name);
  }
}

it('behaves like the plain model under any order of calls', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const { clock, queue } = newQueue();
      const model = new Model();
      for (const one of steps) {
        if (one.do === 'add') {
          queue.add(one.key, one.priority);
          model.want(one.key, model.now, one.priority === 'high');
        } else if (one.do === 'addAfter') {
          queue.addAfter(one.key, one.ms, one.priority);
          model.want(one.key, model.now + one.ms, one.priority === 'high');
        } else if (one.do === 'advance') {
          await clock.advance(one.ms);
          model.now += one.ms;
        } else if (one.do === 'get') {
          const candidates = model.candidates();
          const taken = candidates.length === 0 ? undefined : await queue.get();
          if (taken === undefined) continue;
          expect(candidates).toContain(taken);
          model.wanted.delete(taken);
          model.working.add(taken);
        } else {
          const name = [...model.working][one.nth];
          if (name === undefined) continue;
          queue.done(name);
          model.working.delete(name);
        }
        const ready = [...model.wanted].filter(([name, { at }]) => at <= model.now && !model.working.has(name));
        expect(queue.depth).toBe(ready.length);
        expect([...queue.inWork().keys()].sort()).toEqual([...model.working].sort());
      }
      await settle();
    }),
    { numRuns: 200 },
  );
});

it('the heap gives the earliest first, after any changes', () => {
  // Enough keys for a tree of several levels.
  const anyKey = fc.nat(40).map(String);
  const change = fc.oneof(
    { weight: 3, arbitrary: fc.record({ key: anyKey, dueAt: fc.nat(1000) }) },
    { weight: 1, arbitrary: fc.record({ key: anyKey, dueAt: fc.constant(undefined) }) },
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 150, size: 'max' }), (changes) => {
      const heap = new DelayHeap();
      const model = new Map<string, number>();
      for (const { key: name, dueAt } of changes) {
        if (dueAt === undefined) expect(heap.delete(name)).toBe(model.delete(name));
        else {
          heap.set(name, dueAt);
          model.set(name, dueAt);
        }
        expect(heap.size).toBe(model.size);
        expect(heap.peek()?.dueAt).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
        expect(heap.dueAt(name)).toBe(model.get(name));
      }
      const drained: number[] = [];
      for (let next = heap.peek(); next !== undefined; next = heap.peek()) {
        drained.push(next.dueAt);
        heap.delete(next.key);
      }
      expect(drained).toEqual([...model.values()].sort((one, other) => one - other));
    }),
  );
});
