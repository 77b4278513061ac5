import type { CacheEntry } from './cache-entry.ts';

/**
 * Finds entries by a key that is computed from them. Most keys have one entry (an owner has one child of a kind), so a
 * lone entry is kept without a set around it: a set costs more memory than a small entry.
 */
export class CacheIndex<V> {
  readonly #keysOf: (entry: CacheEntry<V>) => readonly string[];
  readonly #found = new Map<string, CacheEntry<V> | Set<CacheEntry<V>>>();

  constructor(keysOf: (entry: CacheEntry<V>) => readonly string[]) {
    this.#keysOf = keysOf;
  }

  /** The entries under a key. */
  get(key: string): CacheEntry<V>[] {
    const found = this.#found.get(key);
    if (found === undefined) return [];
    return found instanceof Set ? [...found] : [found];
  }

  /** Any one entry under a key. */
  first(key: string): CacheEntry<V> | undefined {
    const found = this.#found.get(key);
    return found instanceof Set ? found.values().next().value : found;
  }

  /** Files an entry under its keys. */
  add(entry: CacheEntry<V>): void {
    for (const key of this.#keysOf(entry)) {
      const found = this.#found.get(key);
      if (found === undefined) this.#found.set(key, entry);
      else if (found instanceof Set) found.add(entry);
      else if (found !== entry) this.#found.set(key, new Set([found, entry]));
    }
  }

  /** Takes an entry out. It must be the very entry that was added. */
  remove(entry: CacheEntry<V>): void {
    for (const key of this.#keysOf(entry)) {
      const found = this.#found.get(key);
      if (found === entry) this.#found.delete(key);
      else if (found instanceof Set && found.delete(entry) && found.size === 1) {
        const [last] = found;
        if (last !== undefined) this.#found.set(key, last);
      }
    }
  }
}
