/** One DittoServer at a time: observe, plan, act, until there is nothing left to write; then the status and the events. */
import { isDeepStrictEqual } from 'node:util';
import type { DittoServer, DittoServerStatus } from '../api/types.ts';
import type { Client } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { ApiError } from '../kube/errors.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { ClusterFacts, ForeignObject, OperatorDefaults, RefusedWrite } from '../observed.ts';
import { type Plan, plan } from '../plan.ts';
import { databaseInUse } from '../postgres/database.ts';
import type { EventIntent } from '../status/events.ts';
import { type Actuator, type Planned, type WaveResult, WriteFailure } from './actuator.ts';
import { observe, observeDatabase } from './observe.ts';
import { digest } from './projection.ts';
import { namedSecrets } from './references.ts';
import { DITTO_SERVERS, PERCONA_CLUSTERS } from './resources.ts';
import type { World } from './world.ts';

/** What the shell wants to know of each server, for its metrics. */
export interface ServerObserver {
  settled(server: DittoServer, status: DittoServerStatus): void;
  gone(serverKey: string): void;
}

export interface ReconcilerOptions {
  world: World;
  actuator: Actuator;
  client: Client;
  events: EventRecorder;
  clock: Clock;
  defaults: OperatorDefaults;
  observer?: ServerObserver;
}

/**
 * A plan depends on the answers of the one before at most this often: Secrets, then the StatefulSet, then the look at
 * the result, and twice more when objects are taken over. More would be two writers at odds.
 */
const MOST_WAVES = 6;

/** What a server's last waves ran into, with the time at which it is to be tried again. */
interface Remembered {
  /** The spec's generation that it is about; a changed spec is tried at once. */
  generation: number;
  foreign: Map<string, { object: ForeignObject; retryAt: number }>;
  refused: Map<string, { write: RefusedWrite; retryAt: number }>;
  /** When each object was last put back to what we had made it. */
  corrections: Map<string, number[]>;
}

/** An object in our way, or a write that was refused, is tried again after this long. */
const RETRY_MS = 60_000;
/** Failures that are over sooner than this are not worth a word. */
const FAILING_MS = 5_000;
/** An object that was put back this often within `RETRY_MS` has another writer; the two must not chase each other. */
const MOST_CORRECTIONS = 5;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #remembered = new Map<string, Remembered>();
  /** Since when the writes for a server have been failing. */
  readonly #failingSince = new Map<string, number>();
  #writes = 0;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** How many objects were written so far. */
  get writes(): number {
    return this.#writes;
  }

  /**
   * Brings one server to what its spec says.
   *
   * @param key `namespace/name`.
   * @throws ApiError, ConnectionError: to be tried again with back-off.
   */
  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const server = this.#server(key);
    if (!server) {
      this.#remembered.delete(key);
      this.#failingSince.delete(key);
      this.#options.observer?.gone(key);
      return {};
    }
    const { world } = this.#options;
    const { namespace } = server.metadata;
    const database = databaseInUse(server, observeDatabase(world, server));
    const secrets = namedSecrets(server, database).map((name) => ({ namespace, name }));
    // The answer to what is looked for first wakes this server again.
    if (!world.needSecrets(key, secrets)) return {};
    const restarts: EventIntent[] = [];
    const final = await this.#carryOut(key, restarts, signal).catch(async (error: unknown) => {
      throw error instanceof WriteFailure ? await this.#reportFailure(key, error, signal) : error;
    });
    this.#failingSince.delete(key);
    if (!final) return {};
    await this.#report(final.server, final.plan, restarts, signal);
    const { lookAgain } = final.plan;
    return lookAgain ? { requeueAfterMs: lookAgain.afterSeconds * 1000 } : {};
  }

  /** Writes wave by wave. @returns the plan that had nothing left to write, or undefined when the server is gone or going. */
  async #carryOut(
    key: string,
    restarts: EventIntent[],
    signal: AbortSignal,
  ): Promise<{ server: DittoServer; plan: Plan } | undefined> {
    const { actuator } = this.#options;
    const first = this.#server(key);
    if (first) this.#forgetDue(key, first);
    for (let wave = 1; ; wave++) {
      const server = this.#server(key);
      if (!server) return undefined;
      const planned = this.#plan(key, server);
      const result = await actuator.carryOut(server, planned, this.#skipped(key), signal);
      this.#writes += result.written.length;
      this.#remember(key, server, result);
      if (wave === MOST_WAVES && result.written.length > 0) {
        throw new Error(`${result.written.join(', ')} did not settle after ${MOST_WAVES} waves of writes`);
      }
      if (result.namespaceTerminating) return undefined;
      if (result.written.length === 0) return { server, plan: planned.plan };
      if (planned.plan.restarts.length > 0 && restarts.length === 0) {
        restarts.push(...planned.plan.events.filter(({ reason }) => reason === 'RestartingServer'));
      }
    }
  }

  /**
   * A write that goes on failing keeps the plan from ever being done; the status must say so all the same.
   *
   * @returns the error to be thrown.
   */
  async #reportFailure(key: string, failure: WriteFailure, signal: AbortSignal): Promise<ApiError> {
    const now = this.#options.clock.now();
    const since = this.#failingSince.get(key) ?? now;
    this.#failingSince.set(key, since);
    const server = this.#server(key);
    if (!server || now - since < FAILING_MS) return failure.cause;
    const { plan: planned } = this.#plan(key, server, [failure.write]);
    await this.#report(server, planned, [], signal);
    return failure.cause;
  }

  #plan(key: string, server: DittoServer, failed: readonly RefusedWrite[] = []): Planned {
    const { world, clock, defaults } = this.#options;
    const remembered = this.#remembered.get(key);
    const observed = observe(world, server, {
      foreign: [...(remembered?.foreign.values() ?? [])].map(({ object }) => object),
      refused: [...[...(remembered?.refused.values() ?? [])].map(({ write }) => write), ...failed],
    });
    const facts: ClusterFacts = {
      perconaApi: world.perconaApi(),
      defaults,
      digest,
      now: new Date(clock.wallNow()).toISOString().replace(/\.\d{3}Z$/, 'Z'),
    };
    return { plan: plan(server, observed, facts), observed };
  }

  #server(key: string): DittoServer | undefined {
    const [namespace = '', name = ''] = key.split('/');
    return this.#options.world.servers.get(namespace, name)?.value;
  }

  /** Forgets what is due to be tried again, and everything about an older spec. */
  #forgetDue(key: string, server: DittoServer): void {
    const remembered = this.#remembered.get(key);
    if (!remembered) return;
    const stale = remembered.generation !== server.metadata.generation;
    const now = this.#options.clock.now();
    for (const map of [remembered.foreign, remembered.refused]) {
      for (const [id, { retryAt }] of map) if (stale || retryAt <= now) map.delete(id);
    }
    // What was refused while the definition went away is no news of the one that comes after it.
    if (this.#options.world.perconaApi() !== 'present') {
      for (const [id, { write }] of remembered.refused)
        if (write.kind === PERCONA_CLUSTERS.kind) remembered.refused.delete(id);
    }
    remembered.generation = server.metadata.generation;
  }

  /** What is known to be in the way, and so is not tried. */
  #skipped(key: string): Set<string> {
    const remembered = this.#remembered.get(key);
    return new Set([...(remembered?.foreign.keys() ?? []), ...(remembered?.refused.keys() ?? [])]);
  }

  #remember(key: string, server: DittoServer, result: WaveResult): void {
    const { foreign, refused, corrected } = result;
    if (foreign.length + refused.length + corrected.length === 0) return;
    const remembered: Remembered = this.#remembered.get(key) ?? {
      generation: server.metadata.generation,
      foreign: new Map(),
      refused: new Map(),
      corrections: new Map(),
    };
    this.#remembered.set(key, remembered);
    const now = this.#options.clock.now();
    const retryAt = now + RETRY_MS;
    for (const object of foreign) remembered.foreign.set(`${object.kind}/${object.name}`, { object, retryAt });
    for (const write of refused) remembered.refused.set(`${write.kind}/${write.name}`, { write, retryAt });
    for (const { kind, name, fields } of corrected) {
      const id = `${kind}/${name}`;
      const recent = [...(remembered.corrections.get(id) ?? []).filter((at) => at > now - RETRY_MS), now];
      remembered.corrections.set(id, recent);
      if (recent.length <= MOST_CORRECTIONS) continue;
      const message = `another writer keeps changing ${fields.slice(0, 3).join(', ')}; it is put back once a minute.`;
      remembered.refused.set(id, { write: { kind, name, message }, retryAt });
    }
  }

  async #report(server: DittoServer, planned: Plan, restarts: EventIntent[], signal: AbortSignal): Promise<void> {
    const { status } = planned;
    if (status === undefined) return;
    if (!isDeepStrictEqual(server.status, status)) await this.#writeStatus(server, status, signal);
    // Only once the status is written: a repeated look must not tell the same news twice.
    for (const event of [...planned.events, ...restarts]) this.#emit(server, event);
    this.#options.observer?.settled(server, status);
  }

  /** The whole status at once, for that very version: a writer who knew less does not undo what we know. */
  async #writeStatus(server: DittoServer, status: DittoServerStatus, signal: AbortSignal): Promise<void> {
    const { client, world } = this.#options;
    const { namespace, name, resourceVersion } = server.metadata;
    try {
      const written = await client.jsonPatch(
        DITTO_SERVERS,
        { namespace, name },
        [
          { op: 'add', path: '/metadata/resourceVersion', value: resourceVersion },
          { op: 'add', path: '/status', value: status },
        ],
        { subresource: 'status', signal },
      );
      world.wrote(DITTO_SERVERS, written);
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isNotFound) throw error;
    }
  }

  #emit(server: DittoServer, { type, reason, action, note }: EventIntent): void {
    const { apiVersion, kind, metadata } = server;
    const { namespace, name, uid } = metadata;
    this.#options.events.emit({ regarding: { apiVersion, kind, namespace, name, uid }, type, reason, action, note });
  }
}
