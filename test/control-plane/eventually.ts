import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

/** How `eventually` waits. */
export interface EventuallyOptions {
  /** Milliseconds until it gives up. Default: 20000. */
  timeoutMs?: number;
  /** Milliseconds between two tries. Default: 25. */
  everyMs?: number;
}

/** A type without its falsy values. */
export type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Calls `probe` until it returns something truthy and returns that; an exception counts as "not yet".
 *
 * @param description what is waited for, as it should read in the failure: "the Pod exists".
 * @throws after the timeout: the description with the last value or error, which is also the `cause`.
 */
export async function eventually<T>(
  description: string,
  probe: () => Promise<T> | T,
  { timeoutMs = 20_000, everyMs = 25 }: EventuallyOptions = {},
): Promise<Truthy<T>> {
  const deadline = performance.now() + timeoutMs;
  let last = 'nothing was tried';
  let cause: unknown;
  do {
    try {
      const value = await probe();
      if (value) return value as Truthy<T>;
      last = `last value: ${inspect(value, { depth: 4 })}`;
      cause = undefined;
    } catch (error) {
      last = `last error: ${error instanceof Error ? error.message : inspect(error)}`;
      cause = error;
    }
    await sleep(everyMs);
  } while (performance.now() < deadline);
  throw new Error(`not within ${timeoutMs / 1000} s: ${description}; ${last}`, { cause });
}
