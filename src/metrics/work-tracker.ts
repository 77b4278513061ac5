/**
 * When each piece of work that is under way was begun, from the two things that a queue tells: that a key was taken, and
 * how long one was in work when it was done.
 */
export class WorkTracker {
  readonly #now: () => number;
  /** Starts in seconds, oldest first. There are no more than workers. */
  #starts: number[] = [];

  /** @param now seconds on a monotonic clock. */
  constructor(now: () => number = () => performance.now() / 1000) {
    this.#now = now;
  }

  begun(): void {
    this.#starts.push(this.#now());
  }

  /** @param seconds how long it took: that tells which piece of work it was. */
  ended(seconds: number): void {
    const start = this.#now() - seconds;
    const distances = this.#starts.map((candidate) => Math.abs(candidate - start));
    const nearest = distances.indexOf(Math.min(...distances));
    if (nearest >= 0) this.#starts.splice(nearest, 1);
  }

  /** The seconds that all work under way has taken so far. */
  unfinished(): number {
    const now = this.#now();
    return this.#starts.reduce((sum, start) => sum + (now - start), 0);
  }

  /** The seconds that the longest work under way has taken so far. */
  longest(): number {
    const [oldest] = this.#starts;
    return oldest === undefined ? 0 : this.#now() - oldest;
  }
}
