import type { Clock, Timer } from '../clock.ts';

interface Pending {
  at: number;
  callback: () => void;
}

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  readonly #pending = new Set<Pending>();
  #now = 1_000;

  now(): number {
    return this.#now;
  }

  /** The wall clock goes with the monotonic one, from 2026-01-01. */
  wallNow(): number {
    return Date.UTC(2026, 0, 1) + this.#now;
  }

  setTimer(callback: () => void, ms: number): Timer {
    const pending = { at: this.#now + Math.max(0, ms), callback };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  /** Number of timers that are running: 0 when nothing was left behind. */
  get timers(): number {
    return this.#pending.size;
  }

  /** Milliseconds until each running timer fires, the next first. */
  get delays(): number[] {
    return [...this.#pending].map(({ at }) => at - this.#now).sort((one, other) => one - other);
  }

  /** Moves time, fires what is due in order, and lets all that follows at once from each of it happen. */
  async advance(ms: number): Promise<void> {
    await settle();
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#pending].sort((one, other) => one.at - other.at)[0];
      if (next === undefined || next.at > end) break;
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything happen that needs no time and no network. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Waits, on the real clock, until `condition` holds: for what needs the loopback network. Fails after 5 s.
 * @param what for the error message
 */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`in vain waited for: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
