import type { Random } from './clock.ts';

/** Bounds of an exponential back-off. */
export interface BackoffOptions {
  /** Longest first delay in milliseconds. Default 800, as in client-go's reflector. */
  baseMs?: number;
  /** Longest delay in milliseconds. Default 30,000, as in client-go's reflector. */
  maxMs?: number;
  random: Random;
}

/**
 * Exponential back-off: the n-th delay lies between half and the whole of `min(base * 2^n, max)`. The jitter spreads the
 * reconnects of many watches after the API server comes back, also when all have reached the maximum.
 */
export class Backoff {
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#baseMs = options.baseMs ?? 800;
    this.#maxMs = options.maxMs ?? 30_000;
    this.#random = options.random;
  }

  /** The next delay in milliseconds; counts one failure. */
  next(): number {
    // 2^30 is past any maximum; without the bound the power overflows to Infinity after about a thousand failures.
    const longest = Math.min(this.#baseMs * 2 ** Math.min(this.#failures, 30), this.#maxMs);
    this.#failures += 1;
    return longest / 2 + (longest / 2) * this.#random();
  }

  /** Failures since the last reset. */
  get failures(): number {
    return this.#failures;
  }

  /** Start again from the base: something has worked. */
  reset(): void {
    this.#failures = 0;
  }
}
