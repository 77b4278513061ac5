import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.ts';
import { startDeadline, systemClock } from './clock.ts';
import { ApiError } from './errors.ts';
import type { Log } from './log.ts';
import { messageOf } from './log.ts';
import type { ControllerMetrics, ReconcileOutcome } from './metrics.ts';
import type { WorkQueue } from './work-queue.ts';

/** What a reconcile asks for when it did not fail. */
export interface ReconcileResult {
  /** Look again after this many milliseconds; absent: only when something changes. */
  requeueAfterMs?: number;
}

/**
 * Brings one object to what it should be. The signal aborts when the time for this run is up or the program must end.
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>;

/** A failure that repeating cannot cure: the key is not tried again until something changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** What workers are made of. */
export interface WorkersOptions {
  /** Name of the controller: label of metrics, field of log lines. */
  name: string;
  queue: WorkQueue;
  /** How many keys are worked on at a time. Default 1, as in controller-runtime. */
  workers?: number;
  reconcile: Reconcile;
  log: Log;
  metrics?: ControllerMetrics;
  clock?: Clock;
  /** Longest time for one reconcile in milliseconds; then its signal aborts. Default 60,000. */
  timeoutMs?: number;
  /** Time for what is in work when the signal aborts, in milliseconds. Default 30,000, as in controller-runtime. */
  graceMs?: number;
}

/**
 * Takes keys from the queue and reconciles them until the signal aborts; a key is never with two workers, the queue sees
 * to that. A failure is put back with the key's own back-off, unless it is a TerminalError.
 * On abort the queue is shut down and no new key is taken; resolves when what is in work has ended, or `graceMs` later, with a log line that names
 * what was left.
 */
export async function runWorkers(options: WorkersOptions, signal: AbortSignal): Promise<void> {
  const { name, workers = 1, graceMs = 30_000, clock = systemClock, log, metrics, queue } = options;
  // Each waiting worker listens; that is no leak, though Node takes more than ten for one.
  setMaxListeners(0, signal);
  const hardStop = new AbortController();
  const run = new Run(options, hardStop.signal);
  metrics?.maxConcurrent(name, workers);
  const loops = Promise.all(Array.from({ length: workers }, () => run.work(signal)));
  const tooLate = new Promise<'late'>((resolve) => {
    hardStop.signal.addEventListener('abort', () => resolve('late'), { once: true });
  });
  let grace = { cancel: (): void => undefined };
  const onAbort = (): void => {
    queue.shutDown();
    grace = clock.setTimer(() => hardStop.abort(new Error('the program is stopping')), graceMs);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  const ended = await Promise.race([loops, tooLate]);
  signal.removeEventListener('abort', onAbort);
  grace.cancel();
  if (ended === 'late')
    log.error('stopped with work unfinished', { controller: name, keys: [...queue.inWork().keys()] });
}

/** What the workers of one controller share. */
class Run {
  readonly #options: WorkersOptions;
  readonly #clock: Clock;
  readonly #hardStop: AbortSignal;
  #active = 0;

  constructor(options: WorkersOptions, hardStop: AbortSignal) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#hardStop = hardStop;
  }

  async work(signal: AbortSignal): Promise<void> {
    const { queue } = this.#options;
    for (let key = await queue.get(signal); key !== undefined; key = await queue.get(signal)) {
      this.#setActive(1);
      await this.#reconcile(key);
      queue.done(key);
      this.#setActive(-1);
    }
  }

  /** One key, once. Never rejects. */
  async #reconcile(key: string): Promise<void> {
    const { name, queue, reconcile, metrics, timeoutMs = 60_000 } = this.#options;
    const startedAt = this.#clock.now();
    const deadline = startDeadline(this.#clock, timeoutMs, this.#hardStop);
    let outcome: ReconcileOutcome = 'success';
    let terminal = false;
    try {
      const { requeueAfterMs } = await reconcile(key, deadline.signal);
      queue.forget(key);
      if (requeueAfterMs !== undefined) {
        outcome = 'requeue_after';
        queue.addAfter(key, requeueAfterMs);
      }
    } catch (error) {
      outcome = 'error';
      terminal = error instanceof TerminalError;
      this.#onError(key, error);
    } finally {
      deadline.dispose();
    }
    metrics?.reconciled(name, outcome, (this.#clock.now() - startedAt) / 1000, terminal);
  }

  #onError(key: string, error: unknown): void {
    const { name, queue, log } = this.#options;
    const fields = { controller: name, key, error: messageOf(error) };
    if (error instanceof TerminalError) {
      queue.forget(key);
      log.error('reconcile failed and is not repeated until something changes', fields);
      return;
    }
    const askedMs = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const delayMs = queue.addRateLimited(key, askedMs);
    // A conflict is how two writers find out about each other: it is part of normal life.
    if (error instanceof ApiError && error.isConflict) log.debug('conflict, trying again', { ...fields, delayMs });
    else log.warn('reconcile failed, trying again', { ...fields, delayMs });
  }

  #setActive(change: 1 | -1): void {
    this.#active += change;
    this.#options.metrics?.activeWorkers(this.#options.name, this.#active);
  }
}
