import { Backoff } from './backoff.ts';
import type { Client } from './client.ts';
import type { Clock, Random } from './clock.ts';
import { isAborted, microTime, sleep, systemClock } from './clock.ts';
import { ApiError, isRetriable } from './errors.ts';
import type { Log } from './log.ts';
import { messageOf } from './log.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resource.ts';
import { TokenBuckets } from './token-buckets.ts';

/** Events as the API server names them. */
export const events: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

/** What an event is about. */
export interface ObjectReference {
  apiVersion: string;
  kind: string;
  /** Absent for cluster-scoped objects; their events go to the namespace `default`. */
  namespace?: string;
  name: string;
  uid: string;
  resourceVersion?: string;
}

/** An event to be told. Never put a Secret's value in `note`. */
export interface EmittedEvent {
  regarding: ObjectReference;
  type: 'Normal' | 'Warning';
  /** Why, in UpperCamelCase; at most 128 characters. */
  reason: string;
  /** What was done or found, in UpperCamelCase; at most 128 characters. */
  action: string;
  /** For humans; cut at 1 kB, the API server's limit. */
  note: string;
}

/** What a recorder is made of. */
export interface EventRecorderOptions {
  client: Client;
  /** Name of the controller, for example `dittofs.io/operator`. */
  reportingController: string;
  /** Which instance of it: the pod's name. Cut at 128 characters, the API server's limit. */
  reportingInstance: string;
  log: Log;
  clock?: Clock;
  random?: Random;
}

/** One event object and how often it has happened. */
interface Series {
  readonly namespace: string;
  /** Name of the Event object. */
  readonly name: string;
  readonly event: EmittedEvent;
  count: number;
  /** Wall clock: it is written into the event. */
  lastAtMs: number;
  /** What the API server knows; 0 as long as it was not told. */
  sentCount: number;
  sentAtMs: number;
}

/** A repeat after a longer pause is a new event, and a running series is written this often; both as in client-go. */
const seriesMs = 6 * 60_000;
/** Series remembered; client-go's legacy recorder keeps as many. */
const mostSeries = 4096;
/** Events waiting to be sent; more are dropped. client-go queues 1,000. */
const mostQueued = 1000;
/** Attempts to write one event, and the first pause between two, which doubles. The API server may just be restarting. */
const mostAttempts = 4;
const retryMs = 2_000;
/** Events per object: 25 at once, then one in five minutes; client-go's spam filter. */
const bucket = { burst: 25, refillMs: 300_000 };

/**
 * Tells about objects through events.k8s.io/v1. Repeats (same object, type, reason, action and note) become one event
 * with a `series`: the first is created, the second patches it, later ones are counted and written every six minutes
 * and at `flush`. Events are a courtesy: nothing here throws or waits, and failures go to the debug log.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #buckets: TokenBuckets;
  /** In order of last use, the oldest first. */
  readonly #series = new Map<string, Series>();
  readonly #queue: Series[] = [];
  readonly #stop = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#buckets = new TokenBuckets({ ...bucket, most: mostSeries, clock: this.#clock });
  }

  /** Tells an event; returns at once. */
  emit(event: EmittedEvent): void {
    const now = this.#clock.wallNow();
    const { regarding, type, reason, action, note } = event;
    const key = JSON.stringify([regarding.uid, regarding.kind, regarding.name, type, reason, action, note]);
    const known = this.#series.get(key);
    this.#series.delete(key);
    if (known !== undefined && now - known.lastAtMs < seriesMs) {
      this.#series.set(key, known);
      known.count += 1;
      known.lastAtMs = now;
      // The second one starts the series; of later ones, only the count matters, and it can wait.
      if (known.sentCount < 2 || now - known.sentAtMs >= seriesMs) this.#enqueue(known);
      return;
    }
    if (!this.#buckets.take(regarding.uid)) {
      this.#options.log.debug('too many events for one object', { name: regarding.name, reason });
      return;
    }
    const namespace = regarding.namespace ?? 'default';
    const name = this.#newName(regarding.name, now);
    const series = { namespace, name, event, count: 1, lastAtMs: now, sentCount: 0, sentAtMs: now };
    this.#series.set(key, series);
    this.#forgetOldest();
    this.#enqueue(series);
  }

  /**
   * Sends what is waiting and the counts not written yet. Resolves when done or when the signal aborts, which also
   * gives up what is in flight. The recorder can be used afterwards, unless the signal aborted.
   */
  async flush(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#stop.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    // What is under way first: only then is it known which counts the server lacks.
    await this.#sending;
    for (const series of this.#series.values()) if (series.count > series.sentCount) this.#enqueue(series);
    await this.#sending;
    signal.removeEventListener('abort', onAbort);
  }

  #enqueue(series: Series): void {
    if (this.#queue.includes(series)) return;
    if (this.#queue.length >= mostQueued) {
      this.#options.log.debug('too many events waiting', { name: series.event.regarding.name });
      return;
    }
    this.#queue.push(series);
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
  }

  /** One after another: events must not compete with the requests that do the work. */
  async #sendAll(): Promise<void> {
    for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
      if (this.#stop.signal.aborted) continue;
      await this.#sendOrGiveUp(series);
    }
  }

  /** Never rejects. While it waits all other events wait too: what fails one fails them all. */
  async #sendOrGiveUp(series: Series): Promise<void> {
    const { signal } = this.#stop;
    const backoff = new Backoff({ baseMs: retryMs, random: this.#random });
    for (let attempt = 1; !isAborted(signal); attempt += 1) {
      try {
        await this.#send(series);
        return;
      } catch (error) {
        if (attempt < mostAttempts && isRetriable(error)) {
          await sleep(this.#clock, backoff.next(), signal);
          continue;
        }
        const { reason } = series.event;
        // Counted as told, or every flush would try again; a repeat finds that it is not there and creates it.
        series.sentCount = series.count;
        this.#options.log.debug('an event could not be written', { reason, error: messageOf(error) });
        return;
      }
    }
  }

  async #send(series: Series): Promise<void> {
    const { client } = this.#options;
    const { signal } = this.#stop;
    const { namespace, name, count } = series;
    series.sentAtMs = this.#clock.wallNow();
    if (series.sentCount > 0) {
      const patch = { series: { count, lastObservedTime: microTime(series.lastAtMs) } };
      try {
        await client.mergePatch(events, { namespace, name }, patch, { signal });
        series.sentCount = count;
        return;
      } catch (error) {
        // Events live for an hour: this one has gone, so it is told anew.
        if (!(error instanceof ApiError && error.isNotFound)) throw error;
      }
    }
    try {
      await client.create(events, this.#objectOf(series), { signal });
    } catch (error) {
      // An attempt whose answer was lost.
      if (!(error instanceof ApiError && error.isAlreadyExists)) throw error;
    }
    series.sentCount = count;
  }

  #objectOf(series: Series): KubeObject {
    const { namespace, name, event, count, lastAtMs } = series;
    const at = microTime(lastAtMs);
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace, name },
      eventTime: at,
      reportingController: this.#options.reportingController,
      reportingInstance: this.#options.reportingInstance.slice(0, 128),
      regarding: event.regarding,
      type: event.type,
      reason: event.reason,
      action: event.action,
      note: cutToBytes(event.note, 1024),
      ...(count > 1 && { series: { count, lastObservedTime: at } }),
    };
  }

  #forgetOldest(): void {
    if (this.#series.size <= mostSeries) return;
    const oldest = this.#series.keys().next().value;
    if (oldest !== undefined) this.#series.delete(oldest);
  }

  /** `name.hex`, as client-go names events; random too, because two may fall into one millisecond. */
  #newName(name: string, wallMs: number): string {
    const noise = Math.floor(this.#random() * 0x1000000);
    const suffix = `${wallMs.toString(16)}${noise.toString(16).padStart(6, '0')}`;
    // 253 characters are the limit of a name, and a part of it must not end in a dot or dash.
    return `${name.slice(0, 252 - suffix.length).replace(/[^a-z0-9]+$/, '')}.${suffix}`;
  }
}

/** The longest prefix of whole characters with at most `most` bytes in UTF-8. */
export function cutToBytes(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let end = most;
  // 10xxxxxx continues a character; the cut must fall before its first byte.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
