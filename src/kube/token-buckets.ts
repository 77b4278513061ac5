import type { Clock } from './clock.ts';

/** Sizes of the buckets. */
export interface TokenBucketsOptions {
  /** Tokens in a full bucket. */
  burst: number;
  /** Milliseconds in which one token comes back. */
  refillMs: number;
  /** Buckets remembered; of the one unused for longest nothing is remembered beyond that, so it is full again. */
  most: number;
  clock: Clock;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** A rate limit for each of many keys. */
export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  /** In order of last use, the oldest first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  /** Takes one of the key's tokens. @returns false when there is none */
  take(key: string): boolean {
    const { burst, refillMs, most, clock } = this.#options;
    const now = clock.now();
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const full = Math.min(burst, tokens + (now - at) / refillMs);
    const taken = full >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: taken ? full - 1 : full, at: now });
    if (this.#buckets.size > most) {
      const oldest = this.#buckets.keys().next().value;
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return taken;
  }
}
