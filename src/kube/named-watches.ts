import type { Cache } from './cache.ts';
import type { ObjectKey } from './objects.ts';
import type { ReflectorOptions } from './reflector.ts';
import { Reflector } from './reflector.ts';
import type { ReflectorState } from './reflector-state.ts';

/** What named watches are made of: what a reflector is made of, but for which object. */
export interface NamedWatchesOptions<V> extends Omit<
  ReflectorOptions<V>,
  'namespace' | 'labelSelector' | 'fieldSelector' | 'scope' | 'onState'
> {
  cache: Cache<V>;
  /** Called after the state of one object's watch has changed. Must not throw. */
  onState?: (key: Required<ObjectKey>, state: ReflectorState) => void;
}

interface Watched {
  readonly reflector: Reflector<unknown>;
  readonly stop: AbortController;
  readonly holders: Set<string>;
}

/**
 * Watches single objects by name, as long as somebody refers to them: for Secrets that users name, of which an operator
 * should read those and no others (RBAC can allow a watch of one name). All fill one cache.
 * Each watched object costs one connection to the API server.
 */
export class NamedWatches<V> {
  readonly #options: NamedWatchesOptions<V>;
  readonly #watched = new Map<string, Watched>();
  readonly #references = new Map<string, Map<string, Required<ObjectKey>>>();
  readonly #running = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: NamedWatchesOptions<V>) {
    this.#options = options;
  }

  /** What is known of the watched objects. */
  get cache(): Cache<V> {
    return this.#options.cache;
  }

  /**
   * Says which objects `holder` refers to now; replaces what it said before, and an empty list is its end. Watches start
   * and stop accordingly; an object that nobody refers to any more leaves the cache.
   */
  refer(holder: string, objects: Iterable<Required<ObjectKey>>): void {
    if (this.#stopped) return;
    const before = this.#references.get(holder);
    const after = new Map([...objects].map((key) => [idOf(key), key]));
    if (after.size === 0) this.#references.delete(holder);
    else this.#references.set(holder, after);
    for (const [id, key] of after) this.#hold(id, key, holder);
    for (const [id, key] of before ?? []) if (!after.has(id)) this.#letGo(id, key, holder);
  }

  /** Who refers to the object. */
  holdersOf(key: Required<ObjectKey>): ReadonlySet<string> {
    return this.#watched.get(idOf(key))?.holders ?? new Set();
  }

  /** State of the object's watch; undefined when nobody refers to it. `synced` and not in the cache: it does not exist. */
  state(key: Required<ObjectKey>): ReflectorState | undefined {
    return this.#watched.get(idOf(key))?.reflector.state;
  }

  /** Resolves when the object's watch is no longer `starting`, or the signal aborts. */
  async settled(key: Required<ObjectKey>, signal: AbortSignal): Promise<ReflectorState | undefined> {
    return await this.#watched.get(idOf(key))?.reflector.settled(signal);
  }

  /** Ends all watches; resolves when nothing runs any more. The cache stays as it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { stop } of this.#watched.values()) stop.abort();
    await Promise.all(this.#running);
  }

  #hold(id: string, key: Required<ObjectKey>, holder: string): void {
    const known = this.#watched.get(id);
    if (known !== undefined) {
      known.holders.add(holder);
      return;
    }
    const { onState, ...options } = this.#options;
    const reflector = new Reflector<V>({
      ...options,
      namespace: key.namespace,
      fieldSelector: `metadata.name=${key.name}`,
      scope: key,
      ...(onState !== undefined && { onState: (state: ReflectorState) => onState(key, state) }),
    });
    const stop = new AbortController();
    this.#watched.set(id, { reflector: reflector as Reflector<unknown>, stop, holders: new Set([holder]) });
    const run: Promise<void> = reflector.run(stop.signal).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  #letGo(id: string, key: Required<ObjectKey>, holder: string): void {
    const watched = this.#watched.get(id);
    watched?.holders.delete(holder);
    if (watched === undefined || watched.holders.size > 0) return;
    this.#watched.delete(id);
    // Aborted first: the reflector does not touch the cache any more.
    watched.stop.abort();
    this.#options.cache.clear(key);
  }
}

function idOf(key: Required<ObjectKey>): string {
  return `${key.namespace}/${key.name}`;
}
