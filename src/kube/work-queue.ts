import type { Clock, Timer } from './clock.ts';
import { systemClock } from './clock.ts';
import { DelayHeap } from './delay-heap.ts';
import type { QueueMetrics } from './metrics.ts';

/**
 * `high` for live changes, `low` for the objects of an initial list: after a start with 10,000 objects, what a user
 * changes now is served first. Low keys wait as long as there are high ones.
 */
export type Priority = 'high' | 'low';

/** What a queue is made of. */
export interface WorkQueueOptions {
  /** Label of its metrics. */
  name: string;
  clock?: Clock;
  metrics?: QueueMetrics;
  /** First back-off of a failing key in milliseconds. Default 5, as in client-go and controller-runtime. */
  baseDelayMs?: number;
  /** Longest back-off of a failing key in milliseconds. Default 1,000,000, as in client-go and controller-runtime. */
  maxDelayMs?: number;
}

/**
 * Keys to be worked on. A key is pending at most once, whoever adds it and how often: ready, or delayed, or, while it is
 * in work, to be run once more after `done`. The earliest wish wins: adding at once replaces a delay, since the run that
 * follows decides anew when to look again.
 */
export class WorkQueue {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #metrics: QueueMetrics | undefined;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  /** Ready keys in order of arrival, with the time since when. */
  readonly #ready: Readonly<Record<Priority, Map<string, number>>> = { high: new Map(), low: new Map() };
  /** Keys in work, with the time since when. */
  readonly #working = new Map<string, number>();
  /** Keys that were added while in work. */
  readonly #again = new Map<string, Priority>();
  readonly #delays = new DelayHeap();
  readonly #delayed = new Map<string, Priority>();
  readonly #failures = new Map<string, number>();
  readonly #waiting = new Set<(key: string | undefined) => void>();
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #shutDown = false;

  constructor(options: WorkQueueOptions) {
    this.#name = options.name;
    this.#clock = options.clock ?? systemClock;
    this.#metrics = options.metrics;
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 1_000_000;
  }

  /** Number of ready keys: neither delayed nor in work. */
  get depth(): number {
    return this.#ready.high.size + this.#ready.low.size;
  }

  /** Number of delayed keys. */
  get delayed(): number {
    return this.#delays.size;
  }

  /** Keys in work with the seconds since each was taken: for `workqueue_unfinished_work_seconds` and its like. */
  inWork(): Map<string, number> {
    const now = this.#clock.now();
    return new Map([...this.#working].map(([key, since]) => [key, (now - since) / 1000]));
  }

  /** Makes a key ready now. A key that is ready with low priority is raised, never lowered. */
  add(key: string, priority: Priority = 'high'): void {
    if (this.#shutDown) return;
    const effective = higher(priority, this.#undelay(key));
    if (this.#working.has(key)) {
      this.#again.set(key, higher(effective, this.#again.get(key)));
      return;
    }
    if (this.#ready.high.has(key)) return;
    const since = this.#ready.low.get(key);
    if (since !== undefined) {
      if (effective === 'low') return;
      this.#ready.low.delete(key);
      this.#ready.high.set(key, since);
      return;
    }
    this.#makeReady(key, effective);
  }

  /** Makes a key ready after `ms` milliseconds, unless it is ready or due earlier anyway. */
  addAfter(key: string, ms: number, priority: Priority = 'high'): void {
    if (this.#shutDown) return;
    if (!(ms > 0)) {
      this.add(key, priority);
      return;
    }
    if (this.#again.has(key) || this.#ready.high.has(key) || this.#ready.low.has(key)) return;
    const dueAt = this.#clock.now() + ms;
    this.#delayed.set(key, higher(priority, this.#delayed.get(key)));
    if (dueAt < (this.#delays.dueAt(key) ?? Infinity)) this.#delays.set(key, dueAt);
    this.#arm();
  }

  /**
   * Makes a failing key ready after its back-off, which doubles each time.
   * @param atLeastMs wait no less than this, for a server that said how long
   * @returns the delay in milliseconds
   */
  addRateLimited(key: string, atLeastMs = 0, priority: Priority = 'high'): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    // 2^60 is past any maximum, and the power must not become Infinity.
    const backoffMs = Math.min(this.#baseDelayMs * 2 ** Math.min(failures, 60), this.#maxDelayMs);
    const ms = Math.max(backoffMs, atLeastMs);
    this.#metrics?.retried(this.#name);
    this.addAfter(key, ms, priority);
    return ms;
  }

  /** How often the key was rate-limited since it was last forgotten. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The key has succeeded or is of no interest any more: its back-off starts anew. Does not take it off the queue. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /**
   * The next key, when there is one; it is in work until `done`. Of several waiting, the first is served first.
   * @returns undefined when the signal aborted, or the queue is shut down and empty
   */
  get(signal?: AbortSignal): Promise<string | undefined> {
    if (signal?.aborted === true) return Promise.resolve(undefined);
    const key = this.#take();
    if (key !== undefined || this.#shutDown) return Promise.resolve(key);
    return new Promise((resolve) => {
      const waiter = (taken: string | undefined): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve(taken);
      };
      const onAbort = (): void => {
        this.#waiting.delete(waiter);
        resolve(undefined);
      };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The key is no longer in work. Must be called once for every key that `get` gave. */
  done(key: string): void {
    const since = this.#working.get(key);
    if (since === undefined) return;
    this.#working.delete(key);
    this.#metrics?.worked(this.#name, (this.#clock.now() - since) / 1000);
    const again = this.#again.get(key);
    if (again === undefined) return;
    this.#again.delete(key);
    this.#makeReady(key, again);
  }

  /** Nothing is taken in any more and delays are dropped. What is ready is still handed out, then `get` gives undefined. */
  shutDown(): void {
    this.#shutDown = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#delays.clear();
    this.#delayed.clear();
    if (this.depth > 0) return;
    for (const waiter of this.#waiting) waiter(undefined);
    this.#waiting.clear();
  }

  #makeReady(key: string, priority: Priority): void {
    this.#ready[priority].set(key, this.#clock.now());
    this.#metrics?.added(this.#name);
    const [waiter] = this.#waiting;
    if (waiter === undefined) {
      this.#metrics?.depth(this.#name, this.depth);
      return;
    }
    this.#waiting.delete(waiter);
    waiter(this.#take());
  }

  #take(): string | undefined {
    const queue = this.#ready.high.size > 0 ? this.#ready.high : this.#ready.low;
    const [first] = queue;
    if (first === undefined) return undefined;
    const [key, since] = first;
    queue.delete(key);
    const now = this.#clock.now();
    this.#working.set(key, now);
    this.#metrics?.waited(this.#name, (now - since) / 1000);
    this.#metrics?.depth(this.#name, this.depth);
    return key;
  }

  /** Takes a key off the delays. @returns the priority it was waiting with */
  #undelay(key: string): Priority | undefined {
    const priority = this.#delayed.get(key);
    this.#delayed.delete(key);
    this.#delays.delete(key);
    return priority;
  }

  /** One timer for all delays: for the earliest. */
  #arm(): void {
    const earliest = this.#delays.peek()?.dueAt ?? Infinity;
    if (this.#timer !== undefined && this.#timerAt <= earliest) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (earliest === Infinity) return;
    this.#timerAt = earliest;
    this.#timer = this.#clock.setTimer(() => this.#onTimer(), earliest - this.#clock.now());
  }

  #onTimer(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (let next = this.#delays.peek(); next !== undefined && next.dueAt <= now; next = this.#delays.peek()) {
      this.add(next.key, this.#delayed.get(next.key));
    }
    this.#arm();
  }
}

function higher(one: Priority, other: Priority | undefined): Priority {
  return one === 'high' || other === 'high' ? 'high' : 'low';
}
