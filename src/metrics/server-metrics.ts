import { Gauge, Histogram, type Registry } from './prometheus.ts';
import type { DittoServer, DittoServerStatus } from '../api/types.ts';
import type { ServerObserver } from '../controller/reconciler.ts';
import { TIME_TO_READY_SECONDS } from './buckets.ts';

const KEY_LABELS = ['namespace', 'name'] as const;
const INFO_LABELS = [...KEY_LABELS, 'database_mode', 'phase'] as const;

/** What is remembered of one server. */
interface Known {
  uid: string;
  info: Record<(typeof INFO_LABELS)[number], string>;
  /** It was there from its first status on and has not been ready yet: the next Ready counts as its first. */
  fresh: boolean;
}

/** The metrics of each DittoServer; they go when it goes. */
export class ServerMetrics implements ServerObserver {
  readonly #known = new Map<string, Known>();
  readonly #now: () => number;
  readonly #ready;
  readonly #databaseReady;
  readonly #info;
  readonly #timeToReady;

  /** @param now milliseconds since the epoch. */
  constructor(registry: Registry, now: () => number = Date.now) {
    this.#now = now;
    const registers = [registry];
    this.#ready = new Gauge({
      name: 'dittofs_server_ready',
      help: 'Whether condition Ready of the DittoServer is True.',
      labelNames: KEY_LABELS,
      registers,
    });
    this.#databaseReady = new Gauge({
      name: 'dittofs_server_database_ready',
      help: 'Whether condition DatabaseReady of the DittoServer is True.',
      labelNames: KEY_LABELS,
      registers,
    });
    this.#info = new Gauge({
      name: 'dittofs_server_info',
      help: 'Always 1; the labels tell the database mode and the phase of the DittoServer.',
      labelNames: INFO_LABELS,
      registers,
    });
    this.#timeToReady = new Histogram({
      name: 'dittofs_server_time_to_ready_seconds',
      help: 'From the creation of a DittoServer to its first Ready, of those whose whole way this process has seen.',
      buckets: TIME_TO_READY_SECONDS,
      registers,
    });
  }

  settled(server: DittoServer, status: DittoServerStatus): void {
    const { namespace, name, uid, creationTimestamp } = server.metadata;
    const key = `${namespace}/${name}`;
    const before = this.#known.get(key);
    const ready = holds(status, 'Ready');
    const first = before?.uid === uid ? before.fresh : server.status?.conditions === undefined;
    // A server that is wanted stopped is Ready and has not started.
    if (first && ready && status.phase === 'Running' && creationTimestamp !== undefined) {
      this.#timeToReady.observe(Math.max(0, (this.#now() - Date.parse(creationTimestamp)) / 1000));
    }
    const info = { namespace, name, database_mode: status.databaseMode ?? '', phase: status.phase ?? '' };
    if (before && !sameInfo(before.info, info)) this.#info.remove(before.info);
    this.#info.set(info, 1);
    this.#ready.set({ namespace, name }, ready ? 1 : 0);
    this.#databaseReady.set({ namespace, name }, holds(status, 'DatabaseReady') ? 1 : 0);
    this.#known.set(key, { uid, info, fresh: first && !ready });
  }

  gone(serverKey: string): void {
    const known = this.#known.get(serverKey);
    if (!known) return;
    const { namespace, name } = known.info;
    this.#known.delete(serverKey);
    this.#info.remove(known.info);
    this.#ready.remove({ namespace, name });
    this.#databaseReady.remove({ namespace, name });
  }
}

function holds({ conditions = [] }: DittoServerStatus, wanted: string): boolean {
  return conditions.some(({ type, status }) => type === wanted && status === 'True');
}

function sameInfo(one: Known['info'], other: Known['info']): boolean {
  return INFO_LABELS.every((label) => one[label] === other[label]);
}
