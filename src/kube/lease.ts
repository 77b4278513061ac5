import type { Client } from './client.ts';
import type { Clock, Random } from './clock.ts';
import { isAborted, sleep, startDeadline, systemClock } from './clock.ts';
import { ApiError } from './errors.ts';
import type { Lease } from './lease-record.ts';
import { heldBy, leases, newLease, released } from './lease-record.ts';
import type { Log } from './log.ts';
import { messageOf } from './log.ts';
import type { LeaderMetrics } from './metrics.ts';

/** What an election is made of. Times are in milliseconds; the defaults are those of client-go. */
export interface ElectionOptions {
  client: Client;
  namespace: string;
  name: string;
  /** Unique for this process, also across restarts of its pod: `hostname_uuid`. */
  identity: string;
  /** How long others wait after the last change of the lease they saw before they take it. Default 15,000. */
  leaseDurationMs?: number;
  /** How long the leader tries to renew before it steps down; less than `leaseDurationMs`. Default 10,000. */
  renewDeadlineMs?: number;
  /** Pause between attempts. Default 2,000. */
  retryPeriodMs?: number;
  /**
   * What the leader does. It must end soon after the signal aborts (within seconds if the lease was lost, since another
   * may lead by then). If it ends by itself, so does the election.
   */
  lead: (signal: AbortSignal) => Promise<void>;
  /** Called when somebody else is seen to lead, or we do. Must not throw. */
  onLeader?: (identity: string) => void;
  log: Log;
  metrics?: LeaderMetrics;
  clock?: Clock;
  random?: Random;
}

/**
 * How an election ended: `stopped` by the signal (or by `lead` ending), the lease given back; `lost`, and the process
 * should end and start anew, as client-go's users do.
 */
export type ElectionEnd = 'stopped' | 'lost';

/** Jitter of the pause between attempts to acquire: up to 1.2 times the period on top of it, as in client-go. */
const jitterFactor = 1.2;

/**
 * Waits to become the leader, leads, and gives the lease back.
 *
 * Whether another's lease has run out is judged by how long it has not changed before our own eyes, on our own monotonic
 * clock: clocks of two machines are never compared. While leading, one request per period renews the lease. A
 * leader that cannot renew within the deadline, measured from when its last successful renewal was sent, steps down while the
 * lease still holds for everybody else. On abort, `lead` ends first and the lease is given back after, so that no
 * other starts before this one has finished.
 * @throws what `lead` throws, after the lease is given back; Error when the durations contradict each other.
 */
export async function runElection(options: ElectionOptions, signal: AbortSignal): Promise<ElectionEnd> {
  const election = new Election(options);
  return (await election.acquire(signal)) ? await election.lead(signal) : 'stopped';
}

class Election {
  readonly #options: ElectionOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  /** The lease as last seen, its spec as text, and when the spec was first seen like that. */
  #lease: Lease | undefined;
  #spec = '';
  #unchangedSince = 0;
  #leader = '';
  /** When the last successful write of ours was sent. */
  #renewedAt = 0;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    if (this.#leaseDurationMs <= this.#renewDeadlineMs || this.#renewDeadlineMs <= this.#retryPeriodMs * jitterFactor) {
      throw new Error('leader election needs leaseDuration > renewDeadline > 1.2 * retryPeriod');
    }
  }

  /** @returns true when the lease is ours, false when the signal aborted */
  async acquire(signal: AbortSignal): Promise<boolean> {
    this.#options.metrics?.leading(this.#options.name, false);
    while (!signal.aborted) {
      if (await this.#attempt(this.#renewDeadlineMs / 2, signal)) {
        if (!isAborted(signal)) return true;
        await this.#release();
      }
      await sleep(this.#clock, this.#retryPeriodMs * (1 + jitterFactor * this.#random()), signal);
    }
    return false;
  }

  /** Leads and renews, until the signal aborts, the lease is lost, or the work ends by itself. */
  async lead(outer: AbortSignal): Promise<ElectionEnd> {
    const { name, identity, log, metrics } = this.#options;
    log.info('leading', { lease: name, identity });
    metrics?.leading(name, true);
    const stop = new AbortController();
    const onOuter = (): void => stop.abort(outer.reason);
    if (outer.aborted) onOuter();
    else outer.addEventListener('abort', onOuter, { once: true });
    const finished = new AbortController();
    // Started in a then, so that a synchronous throw is a rejection like any other.
    const work: Promise<{ error?: unknown }> = Promise.resolve()
      .then(() => this.#options.lead(stop.signal))
      .then(
        () => ({}),
        (error: unknown) => ({ error }),
      )
      .finally(() => finished.abort());
    // The renewal goes on while the work winds down, so that nobody else starts meanwhile.
    const lost = !(await this.#renew(finished.signal));
    if (lost) {
      metrics?.leading(name, false);
      log.error('the lease is lost', { lease: name, identity });
      stop.abort(new Error('the lease is lost'));
    }
    const result = await work;
    outer.removeEventListener('abort', onOuter);
    metrics?.leading(name, false);
    if (!lost) await this.#release();
    if ('error' in result) throw result.error;
    return lost ? 'lost' : 'stopped';
  }

  /** @returns false when the lease could not be renewed in time, true when `finished` aborted first */
  async #renew(finished: AbortSignal): Promise<boolean> {
    while (!finished.aborted) {
      await sleep(this.#clock, Math.min(this.#retryPeriodMs, this.#leftMs()), finished);
      if (isAborted(finished)) break;
      const left = this.#leftMs();
      if (left <= 0) return false;
      // Half of the deadline, so that a request that hangs leaves time for another.
      const renewed = await this.#attempt(Math.min(left, this.#renewDeadlineMs / 2), finished);
      // Somebody else holds it: waiting for the deadline would only prolong the time with two leaders.
      if (!renewed && this.#leader !== this.#options.identity) return finished.aborted;
    }
    return true;
  }

  #leftMs(): number {
    return this.#renewedAt + this.#renewDeadlineMs - this.#clock.now();
  }

  /** One attempt to acquire or renew. Never rejects. @returns whether the lease is ours now */
  async #attempt(timeoutMs: number, outer: AbortSignal): Promise<boolean> {
    const deadline = startDeadline(this.#clock, timeoutMs, outer);
    try {
      return await this.#acquireOrRenew(deadline.signal);
    } catch (error) {
      if (!outer.aborted) {
        this.#options.log.warn('cannot acquire or renew the lease', {
          lease: this.#options.name,
          error: messageOf(error),
        });
      }
      return false;
    } finally {
      deadline.dispose();
    }
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { identity } = this.#options;
    // The holder knows the version it wrote: one request. When that fails, somebody wrote, and the read below tells who.
    if (this.#lease?.spec?.holderIdentity === identity && (await this.#write(this.#lease, signal))) return true;
    const lease = await this.#read(signal);
    if (lease === undefined) return await this.#create(signal);
    this.#saw(lease);
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder !== '' && holder !== identity && !this.#hasRunOut(lease)) return false;
    return await this.#write(lease, signal);
  }

  /** Others' leases run out after the duration their holder announced, since we first saw them as they are. */
  #hasRunOut(lease: Lease): boolean {
    const announcedMs = (lease.spec?.leaseDurationSeconds ?? this.#leaseDurationMs / 1000) * 1000;
    return this.#clock.now() >= this.#unchangedSince + announcedMs;
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get<Lease>(leases, { namespace, name }, { signal });
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return undefined;
      throw error;
    }
  }

  async #create(signal: AbortSignal): Promise<boolean> {
    const { client, identity } = this.#options;
    const sentAt = this.#clock.now();
    const lease = newLease(this.#options, identity, this.#leaseDurationMs, this.#clock.wallNow());
    return await this.#taken(sentAt, client.create(leases, lease, { signal }));
  }

  /** Writes the lease as ours if it still is what `lease` says. */
  async #write(lease: Lease, signal: AbortSignal): Promise<boolean> {
    const { client, identity } = this.#options;
    const sentAt = this.#clock.now();
    const wanted = heldBy(lease, identity, this.#leaseDurationMs, this.#clock.wallNow());
    return await this.#taken(sentAt, client.update(leases, wanted, { signal }));
  }

  /** @returns false when somebody else was first */
  async #taken(sentAt: number, write: Promise<Lease>): Promise<boolean> {
    try {
      this.#saw(await write);
      this.#renewedAt = sentAt;
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.isConflict || error.isAlreadyExists || error.isNotFound)) return false;
      throw error;
    }
  }

  #saw(lease: Lease): void {
    const spec = JSON.stringify(lease.spec);
    if (spec !== this.#spec) {
      this.#spec = spec;
      this.#unchangedSince = this.#clock.now();
    }
    this.#lease = lease;
    const leader = lease.spec?.holderIdentity ?? '';
    if (leader === this.#leader) return;
    this.#leader = leader;
    if (leader !== '') this.#options.onLeader?.(leader);
  }

  /** Gives the lease back, so that the next leader need not wait. A failure costs the next one some seconds, no more. */
  async #release(): Promise<void> {
    const { client, log, name, identity } = this.#options;
    if (this.#lease?.spec?.holderIdentity !== identity) return;
    try {
      await client.update(leases, released(this.#lease, this.#clock.wallNow()), {
        timeoutMs: this.#renewDeadlineMs / 2,
      });
      log.info('the lease is given back', { lease: name });
    } catch (error) {
      log.warn('cannot give the lease back', { lease: name, error: messageOf(error) });
    }
  }
}
