/** What is kept of one object. Entries are replaced, never changed, so a reader may hold on to one. */
export interface CacheEntry<V> {
  /** The empty string for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** uid of the owner that controls the object. */
  readonly ownerUid?: string;
  /** What `project` made of the object. */
  readonly value: V;
}

/** A change of the cache. `fromList` is true when it came with a list and not from a watch or our own write. */
export type CacheEvent<V> =
  | { type: 'added'; after: CacheEntry<V>; fromList: boolean }
  | { type: 'updated'; before: CacheEntry<V>; after: CacheEntry<V>; fromList: boolean }
  | { type: 'deleted'; before: CacheEntry<V>; fromList: boolean };

/** Called after the cache has changed. Must not throw; may read the cache, must not change it. */
export type CacheListener<V> = (event: CacheEvent<V>) => void;

/** The part of a cache that a list speaks for. */
export interface CacheScope {
  namespace?: string;
  name?: string;
}

/** A list, ready to replace what the cache holds. */
export interface CacheList<V> {
  entries: readonly CacheEntry<V>[];
  /** The list's own resource version. */
  resourceVersion: string;
  /** Default: the whole cache. */
  scope?: CacheScope;
  /** True after etcd went back in time: the list is right whatever its versions say, tombstones are forgotten. */
  force?: boolean;
}
