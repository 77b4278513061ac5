/** A timer that has been started. Cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time, passed in so that tests can move it. */
export interface Clock {
  /** Milliseconds on a monotonic clock with an arbitrary start: for durations and deadlines. */
  now(): number;
  /** Wall-clock milliseconds since the epoch: only for timestamps that somebody reads. */
  wallNow(): number;
  /** Calls `callback` once after `ms` milliseconds (0 or less: as soon as possible). */
  setTimer(callback: () => void, ms: number): Timer;
}

/** Numbers in [0, 1), passed in so that tests can fix the jitter. */
export type Random = () => number;

/** The longest delay setTimeout can hold (2^31-1 ms); a longer one would fire at once. */
const longestTimeoutMs = 2_147_483_647;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer: (callback, ms) => {
    const timeout = setTimeout(callback, Math.min(Math.max(0, ms), longestTimeoutMs));
    return { cancel: () => clearTimeout(timeout) };
  },
};

/**
 * Waits `ms` milliseconds or until `signal` aborts, whichever comes first. Leaves neither a timer nor a listener.
 * @returns true when the time has passed, false when it was cut short. Never rejects: a caller in a loop looks at its
 * signal anyway.
 */
export function sleep(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  if (signal?.aborted === true) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onAbort = (): void => {
      timer.cancel();
      resolve(false);
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(true);
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Whether the signal has aborted. A call, because the compiler takes the property for unchanged across an `await`.
 */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** A signal that aborts by itself after a while. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** True when the time ran out, false when nothing happened yet or the outer signal aborted first. */
  readonly expired: boolean;
  /** Milliseconds left, never negative. */
  remainingMs(): number;
  /** Must be called when the work is done: it removes the timer and the listener. */
  dispose(): void;
}

/** A signal that aborts after `ms` milliseconds or together with `outer` (with its reason). */
export function startDeadline(clock: Clock, ms: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const endsAt = clock.now() + ms;
  let expired = false;
  const onOuter = (): void => controller.abort(outer?.reason);
  const timer = clock.setTimer(() => {
    expired = !controller.signal.aborted;
    controller.abort(new Error(`deadline of ${ms} ms exceeded`));
  }, ms);
  if (outer?.aborted === true) onOuter();
  else outer?.addEventListener('abort', onOuter, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    remainingMs: () => Math.max(0, endsAt - clock.now()),
    dispose: () => {
      timer.cancel();
      outer?.removeEventListener('abort', onOuter);
    },
  };
}

/**
 * A time in the format of Kubernetes' MicroTime, which takes exactly six fractional digits (the API server answers 400
 * to the three of `toISOString`).
 * @param wallMs milliseconds since the epoch
 */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
