import type { CacheEntry, CacheEvent, CacheList, CacheListener, CacheScope } from './cache-entry.ts';
import { CacheIndex } from './cache-index.ts';
import type { KubeObject } from './objects.ts';
import { controllerOf } from './objects.ts';
import { isOlderVersion, isUpTo } from './resource-version.ts';
import { Tombstones } from './tombstones.ts';

/** What a cache is made of. */
export interface CacheOptions<V> {
  /** What to keep of an object. Must be pure. The smaller its result, the less memory 10,000 objects take. */
  project: (object: KubeObject) => V;
  /** Further indexes by name: the keys under which an entry is found. Must be pure: removal computes the keys again. */
  indexes?: Readonly<Record<string, (entry: CacheEntry<V>) => readonly string[]>>;
  /** Deleted objects remembered. Default 4,096 (about 0.5 MB): only those with requests or events in flight matter. */
  tombstones?: number;
}

/**
 * What is known of the objects of one resource. Fed by a reflector and by the answers to our own writes, in any order:
 * per object the newest resource version wins, and what was deleted stays deleted. So a write can be stored at once
 * (read your own writes), and a watch that lags behind does not undo it.
 */
export class Cache<V> {
  readonly #project: (object: KubeObject) => V;
  readonly #namespaces = new Map<string, Map<string, CacheEntry<V>>>();
  readonly #owners = new CacheIndex<V>((entry) => (entry.ownerUid === undefined ? [] : [entry.ownerUid]));
  readonly #indexes: ReadonlyMap<string, CacheIndex<V>>;
  readonly #listeners = new Set<CacheListener<V>>();
  readonly #tombstones: Tombstones;
  /** Per scope, the version of its last list: what that lacked did not exist then, and older news of it is stale. */
  readonly #listedAt = new Map<string, string>();
  #size = 0;

  constructor(options: CacheOptions<V>) {
    this.#project = options.project;
    this.#tombstones = new Tombstones(options.tombstones ?? 4096);
    this.#indexes = new Map(Object.entries(options.indexes ?? {}).map(([name, keys]) => [name, new CacheIndex(keys)]));
  }

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** The entry of that name. `namespace` is the empty string for cluster-scoped objects. */
  get(namespace: string, name: string): CacheEntry<V> | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  /** The entries whose controlling owner has that uid. */
  ownedBy(uid: string): CacheEntry<V>[] {
    return this.#owners.get(uid);
  }

  /** The entries found under `key` of a named index. @throws Error when there is no such index. */
  byIndex(index: string, key: string): CacheEntry<V>[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new Error(`no index "${index}"`);
    return found.get(key);
  }

  /** The entries of a namespace. */
  inNamespace(namespace: string): CacheEntry<V>[] {
    return [...(this.#namespaces.get(namespace)?.values() ?? [])];
  }

  /** All entries, in no particular order. The cache must not be changed while they are walked. */
  *values(): Generator<CacheEntry<V>, void, undefined> {
    for (const entries of this.#namespaces.values()) yield* entries.values();
  }

  /** Calls `listener` after every change from now on. @returns a function that ends it. */
  subscribe(listener: CacheListener<V>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The entry of an object as the API server sent it.
   * @throws Error when it has no uid or no resource version; what `project` throws.
   */
  entryOf(object: KubeObject): CacheEntry<V> {
    const { namespace = '', name, uid, resourceVersion } = object.metadata;
    if (uid === undefined || resourceVersion === undefined) {
      throw new Error(`${object.kind} ${namespace}/${name} has no uid or no resourceVersion: it was never stored`);
    }
    // The watch repeats each of our own writes; what is held already need not be projected again.
    const held = this.get(namespace, name);
    if (held?.uid === uid && held.resourceVersion === resourceVersion) return held;
    const ownerUid = controllerOf(object)?.uid;
    const value = this.#project(object);
    return { namespace, name, uid, resourceVersion, ...(ownerUid !== undefined && { ownerUid }), value };
  }

  /**
   * Takes over an object that the API server sent, for example as the answer to our own write; see `upsert`. It must be
   * one that the cache's reflector selects, or nothing will tell of its deletion.
   */
  observe(object: KubeObject): boolean {
    return this.upsert(this.entryOf(object));
  }

  /**
   * Takes over an entry unless something newer is known: a newer version, another incarnation under the same name that
   * came later, or its deletion.
   * @returns whether the cache holds the entry now
   */
  upsert(entry: CacheEntry<V>): boolean {
    return this.#store(entry, false);
  }

  /**
   * The object is gone: the watch said so, or our own DELETE or a 404 did.
   * An entry of another incarnation under the same name stays.
   * @param resourceVersion version of the deletion, when known; entries of this uid are ignored up to it, or for good
   */
  observeDeleted(namespace: string, name: string, uid: string, resourceVersion = ''): void {
    const held = this.get(namespace, name);
    if (held?.uid === uid) {
      // A deletion that was reported late: the same object has come back into the watch's selector since.
      if (resourceVersion !== '' && isOlderVersion(resourceVersion, held.resourceVersion)) return;
      this.#remove(held, resourceVersion, false);
    } else this.#tombstones.add(uid, resourceVersion);
  }

  /**
   * Takes over a list: adds, updates, and removes what it lacks. An entry that is newer than the list stays, because we
   * wrote it after the list was made; the watch that follows tells if it was deleted since.
   */
  replace(list: CacheList<V>): void {
    const { entries, resourceVersion, scope = {}, force = false } = list;
    this.#listedAt.set(scopeId(scope), resourceVersion);
    const listed = new Set<string>();
    if (force) this.#tombstones.clear();
    for (const entry of entries) {
      listed.add(entry.uid);
      this.#store(entry, true, force);
    }
    for (const held of this.#inScope(scope)) {
      const newer = !force && isOlderVersion(resourceVersion, held.resourceVersion);
      if (newer || listed.has(held.uid)) continue;
      // The list is proof of absence up to its own version.
      this.#remove(held, force ? undefined : resourceVersion, true);
    }
  }

  /** Removes everything in the scope: the resource is no longer served, or nobody watches it any more. */
  clear(scope: CacheScope = {}): void {
    if (scope.namespace === undefined && scope.name === undefined) this.#listedAt.clear();
    else this.#listedAt.delete(scopeId(scope));
    for (const held of this.#inScope(scope)) this.#remove(held, undefined, true);
  }

  /** Whether a list that is newer than the entry did not have it. */
  #lackedByList(entry: CacheEntry<V>): boolean {
    const { namespace, name, resourceVersion } = entry;
    return [{}, { namespace }, { namespace, name }].some((scope) => {
      const listedAt = this.#listedAt.get(scopeId(scope));
      return listedAt !== undefined && isUpTo(resourceVersion, listedAt);
    });
  }

  #inScope(scope: CacheScope): CacheEntry<V>[] {
    const { namespace, name } = scope;
    if (name !== undefined) {
      const entry = this.get(namespace ?? '', name);
      return entry === undefined ? [] : [entry];
    }
    return namespace === undefined ? [...this.values()] : this.inNamespace(namespace);
  }

  #store(entry: CacheEntry<V>, fromList: boolean, force = false): boolean {
    if (this.#tombstones.covers(entry.uid, entry.resourceVersion)) return false;
    const before = this.get(entry.namespace, entry.name);
    if (before !== undefined && !force && isOlderVersion(entry.resourceVersion, before.resourceVersion)) return false;
    if (before?.uid === entry.uid && before.resourceVersion === entry.resourceVersion) return true;
    if (before?.uid !== entry.uid && !fromList && this.#lackedByList(entry)) return false;
    if (before !== undefined && before.uid !== entry.uid) {
      this.#remove(before, force ? undefined : '', fromList);
      this.#put(entry, undefined, fromList);
    } else this.#put(entry, before, fromList);
    return true;
  }

  #put(given: CacheEntry<V>, before: CacheEntry<V> | undefined, fromList: boolean): void {
    const after = this.#shared(given, before);
    const names = this.#namespaces.get(after.namespace);
    if (names === undefined) this.#namespaces.set(after.namespace, new Map([[after.name, after]]));
    else names.set(after.name, after);
    if (before === undefined) this.#size += 1;
    for (const index of this.#allIndexes()) {
      if (before !== undefined) index.remove(before);
      index.add(after);
    }
    this.#tell(
      before === undefined ? { type: 'added', after, fromList } : { type: 'updated', before, after, fromList },
    );
  }

  /** Every object that is parsed brings its own copies of equal strings; those that are held already are used again. */
  #shared(entry: CacheEntry<V>, before: CacheEntry<V> | undefined): CacheEntry<V> {
    const neighbour: CacheEntry<V> | undefined = this.#namespaces.get(entry.namespace)?.values().next().value;
    const sibling = entry.ownerUid === undefined ? undefined : this.#owners.first(entry.ownerUid);
    return {
      ...entry,
      namespace: neighbour?.namespace ?? entry.namespace,
      ...(before !== undefined && { name: before.name, uid: before.uid }),
      ...(sibling?.ownerUid !== undefined && { ownerUid: sibling.ownerUid }),
    };
  }

  /** @param tombstone version of the deletion, the empty string for "for good", undefined for no tombstone */
  #remove(before: CacheEntry<V>, tombstone: string | undefined, fromList: boolean): void {
    const names = this.#namespaces.get(before.namespace);
    names?.delete(before.name);
    if (names?.size === 0) this.#namespaces.delete(before.namespace);
    this.#size -= 1;
    for (const index of this.#allIndexes()) index.remove(before);
    if (tombstone !== undefined) this.#tombstones.add(before.uid, tombstone);
    this.#tell({ type: 'deleted', before, fromList });
  }

  *#allIndexes(): Generator<CacheIndex<V>, void, undefined> {
    yield this.#owners;
    yield* this.#indexes.values();
  }

  #tell(event: CacheEvent<V>): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function scopeId({ namespace, name }: CacheScope): string {
  // Neither part can contain a slash.
  return name === undefined ? (namespace ?? '') : `${namespace ?? ''}/${name}`;
}
