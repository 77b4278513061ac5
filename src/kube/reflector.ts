import { Backoff } from './backoff.ts';
import type { Cache } from './cache.ts';
import type { CacheEntry, CacheScope } from './cache-entry.ts';
import type { Client } from './client.ts';
import type { Clock, Random } from './clock.ts';
import { isAborted, sleep, systemClock } from './clock.ts';
import { ApiError } from './errors.ts';
import type { Log } from './log.ts';
import { messageOf } from './log.ts';
import type { ReflectorMetrics } from './metrics.ts';
import type { KubeObject } from './objects.ts';
import { resourceName } from './resource.ts';
import { isExpired, mustListAgain, reasonOf, refusesStreaming, VersionsWentBack } from './reflector-failures.ts';
import type { ReflectorState } from './reflector-state.ts';
import { StateHolder } from './reflector-state.ts';
import { isOlderVersion } from './resource-version.ts';
import type { Transport } from './transport.ts';
import type { Selection, WatchEvent } from './watch-stream.ts';
import { endsInitialEvents, watch, withKind } from './watch-stream.ts';

/** What reflectors of one API server learn about it and share. */
export interface ServerTraits {
  /** Whether the server streams lists. Assumed until it refuses. */
  streamingLists: boolean;
}

/** What a reflector is made of. */
export interface ReflectorOptions<V> extends Selection {
  transport: Transport;
  client: Client;
  cache: Cache<V>;
  /** The part of the cache this reflector fills; default: the selection's namespace, or all. */
  scope?: CacheScope;
  log: Log;
  /** Called after each change of state. Must not throw. */
  onState?: (state: ReflectorState) => void;
  metrics?: ReflectorMetrics;
  traits?: ServerTraits;
  clock?: Clock;
  random?: Random;
}

/** A watch that ended sooner than this without any event is a failure, or it would be repeated in a hot loop. */
const shortestWatchMs = 1_000;
/** The server ends a watch after 5 to 10 minutes, as client-go asks it to: it spreads load after a rolling restart. */
const shortestTimeoutSeconds = 300;

/**
 * Keeps a cache equal to what the API server holds for one selection: lists, then watches, and starts again from
 * wherever that broke off. It gives up on nothing but its signal.
 */
export class Reflector<V> {
  readonly #options: ReflectorOptions<V>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #backoff: Backoff;
  readonly #traits: ServerTraits;
  readonly #name: string;
  readonly #scope: CacheScope;
  readonly #state: StateHolder;
  /** Version to continue from; undefined: list again. */
  #continueFrom: string | undefined;
  /** Newest version ever seen, also across lists: a list below it means that etcd was restored. */
  #newest: string | undefined;
  #pause: AbortController | undefined;

  constructor(options: ReflectorOptions<V>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff({ random: this.#random });
    this.#traits = options.traits ?? { streamingLists: true };
    this.#name = resourceName(options.resource);
    this.#state = new StateHolder(options.onState);
    this.#scope = options.scope ?? (options.namespace === undefined ? {} : { namespace: options.namespace });
  }

  get state(): ReflectorState {
    return this.#state.get();
  }

  /** Try again now instead of waiting for the back-off to end: the CRD has appeared, or permissions have changed. */
  poke(): void {
    this.#backoff.reset();
    this.#pause?.abort();
  }

  /** Resolves with the state as soon as it is another than `starting`, or when the signal aborts. */
  settled(signal: AbortSignal): Promise<ReflectorState> {
    return this.#state.settled(signal);
  }

  /** Runs until the signal aborts; then nothing of it is left behind and the cache is not touched any more. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#round(signal);
      } catch (error) {
        if (isAborted(signal)) return;
        await this.#wait(this.#onFailure(error), signal);
      }
    }
  }

  /** One list, if needed, and one watch. Returns when the server has ended the watch in good order. */
  async #round(signal: AbortSignal): Promise<void> {
    if (this.#continueFrom === undefined && !this.#traits.streamingLists) await this.#listPages(signal);
    const startedAt = this.#clock.now();
    const events = await this.#watch(signal);
    if (events === 0 && this.#clock.now() - startedAt < shortestWatchMs) {
      throw new Error(`the watch of ${this.#name} was closed at once and without an event`);
    }
  }

  async #listPages(signal: AbortSignal): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector, metadataOnly } = this.#options;
    const entries: CacheEntry<V>[] = [];
    let resourceVersion = '';
    const pages = client.pages(resource, {
      signal,
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
      ...(metadataOnly !== undefined && { metadataOnly }),
    });
    // Projected page by page, so that the whole list is never in memory as JSON.
    for await (const page of pages) {
      for (const item of page.items) this.#collect(withKind(item, resource), entries);
      resourceVersion = page.metadata.resourceVersion ?? '';
    }
    signal.throwIfAborted();
    this.#replace(entries, resourceVersion);
  }

  /** @returns number of events, bookmarks included */
  async #watch(signal: AbortSignal): Promise<number> {
    let initial: CacheEntry<V>[] | undefined = this.#continueFrom === undefined ? [] : undefined;
    let events = 0;
    const stream = watch(this.#options.transport, this.#options, {
      resourceVersion: this.#continueFrom,
      timeoutSeconds: Math.round(shortestTimeoutSeconds * (1 + this.#random())),
      signal,
      onOpen: () => {
        this.#options.metrics?.watchOpened(this.#name);
        if (initial === undefined) this.#state.set({ kind: 'synced' });
      },
    });
    try {
      for await (const event of stream) {
        // The stream may have had another event at hand when the signal aborted.
        signal.throwIfAborted();
        events += 1;
        this.#options.metrics?.watchEvent(this.#name);
        if (initial === undefined) {
          this.#handle(event);
        } else if (endsInitialEvents(event)) {
          this.#replace(initial, event.object.metadata.resourceVersion ?? '');
          initial = undefined;
        } else {
          if (event.type !== 'BOOKMARK') this.#collect(event.object, initial);
          continue;
        }
        // Only now has something been achieved: a list that breaks off in its middle each time must not reset it.
        this.#backoff.reset();
      }
    } catch (error) {
      if (initial === undefined || !refusesStreaming(error)) throw error;
      this.#traits.streamingLists = false;
      this.#options.log.info('the API server does not stream lists, reading them in pages', { resource: this.#name });
      return 1;
    }
    if (initial !== undefined) throw new Error(`the streamed list of ${this.#name} ended before it was complete`);
    return events;
  }

  #handle(event: WatchEvent): void {
    const { cache } = this.#options;
    const { namespace = '', name, uid, resourceVersion } = event.object.metadata;
    if (resourceVersion === undefined) return;
    if (this.#continueFrom !== undefined && isOlderVersion(resourceVersion, this.#continueFrom)) {
      throw new VersionsWentBack(`${this.#name}: version ${resourceVersion} came after ${this.#continueFrom}`);
    }
    if (event.type === 'DELETED') cache.observeDeleted(namespace, name, uid ?? '', resourceVersion);
    else if (event.type !== 'BOOKMARK') {
      const entry = this.#entryOf(event.object);
      if (entry !== undefined) cache.upsert(entry);
    }
    this.#continueFrom = resourceVersion;
    this.#newest = resourceVersion;
  }

  #replace(entries: CacheEntry<V>[], resourceVersion: string): void {
    const { cache, metrics, log } = this.#options;
    const force = this.#newest !== undefined && isOlderVersion(resourceVersion, this.#newest);
    if (force) log.warn('resource versions went back: etcd was restored', { resource: this.#name });
    cache.replace({ entries, resourceVersion, scope: this.#scope, force });
    this.#continueFrom = resourceVersion;
    this.#newest = resourceVersion;
    metrics?.listed(this.#name, entries.length);
    this.#state.set({ kind: 'synced' });
  }

  #collect(object: KubeObject, entries: CacheEntry<V>[]): void {
    const entry = this.#entryOf(object) ?? this.#held(object);
    if (entry !== undefined) entries.push(entry);
  }

  /** One object that `project` cannot read must not keep all others from being seen. */
  #entryOf(object: KubeObject): CacheEntry<V> | undefined {
    try {
      return this.#options.cache.entryOf(object);
    } catch (error) {
      const { namespace, name } = object.metadata;
      this.#options.log.error('an object cannot be read and is left as it was known', {
        resource: this.#name,
        namespace,
        name,
        error: messageOf(error),
      });
      return undefined;
    }
  }

  #held(object: KubeObject): CacheEntry<V> | undefined {
    const { namespace = '', name, uid } = object.metadata;
    const held = this.#options.cache.get(namespace, name);
    return held?.uid === uid ? held : undefined;
  }

  /** Takes note of a failure. @returns milliseconds to wait before the next attempt */
  #onFailure(error: unknown): number {
    const { cache, log, metrics } = this.#options;
    if (mustListAgain(error)) this.#continueFrom = undefined;
    if (error instanceof ApiError && error.isNotFound) {
      cache.clear(this.#scope);
      this.#state.set({ kind: 'absent' });
      return this.#backoff.next();
    }
    metrics?.failed(this.#name, reasonOf(error));
    if (isExpired(error) && this.#backoff.failures === 0) {
      // Part of normal life after a long pause; only when it happens again is something wrong.
      log.debug('the watch is too old, listing again', { resource: this.#name });
      return this.#backoff.next();
    }
    log.warn('list or watch failed', { resource: this.#name, error: messageOf(error) });
    this.#state.set({ kind: 'failing', error: error instanceof Error ? error : new Error(String(error)) });
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    return Math.max(asked, this.#backoff.next());
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const pause = new AbortController();
    const onAbort = (): void => pause.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#pause = pause;
    await sleep(this.#clock, ms, pause.signal);
    this.#pause = undefined;
    signal.removeEventListener('abort', onAbort);
  }
}
