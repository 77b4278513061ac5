/** The running operator: watches, queue, workers and leader lease, put together once. */
import type { ClientConfig } from '../kube/config.ts';
import { Client } from '../kube/client.ts';
import { type Clock, systemClock, type Timer } from '../kube/clock.ts';
import { runWorkers } from '../kube/controller.ts';
import { EventRecorder } from '../kube/events.ts';
import { runElection } from '../kube/lease.ts';
import type { Log } from '../kube/log.ts';
import type {
  ControllerMetrics,
  LeaderMetrics,
  QueueMetrics,
  ReflectorMetrics,
  RequestMetrics,
} from '../kube/metrics.ts';
import { Transport } from '../kube/transport.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import { FIELD_MANAGER } from '../desired/names.ts';
import type { OperatorDefaults } from '../observed.ts';
import { Actuator } from './actuator.ts';
import { Reconciler, type ServerObserver } from './reconciler.ts';
import { World } from './world.ts';

/** Hooks that the shell feeds its metrics from. */
export type OperatorMetrics = RequestMetrics &
  QueueMetrics &
  ControllerMetrics &
  ReflectorMetrics &
  LeaderMetrics &
  ServerObserver;

export interface OperatorOptions {
  config: ClientConfig;
  /** Version for the User-Agent. */
  version: string;
  log: Log;
  metrics?: OperatorMetrics;
  /** Namespaces to watch; empty: all. */
  namespaces: readonly string[];
  /** How many DittoServers are worked on at a time. */
  workers: number;
  defaults: OperatorDefaults;
  /** Without it the operator works at once, alone. */
  leaderElection?: { namespace: string; name: string; identity: string };
  /** The pod's name, for events. */
  instance: string;
  /** Called when a lot was written and all is quiet again: a good moment to give memory back. */
  onQuiet?: () => void;
  clock?: Clock;
}

/** Whether the operator is in a state to do its work. */
export interface Readiness {
  ready: boolean;
  /** What is amiss, each in one sentence. */
  problems: string[];
}

/** How a run ended. `lost`: another leads; the process should end and start anew. */
export type OperatorEnd = 'stopped' | 'lost';

const CONTROLLER = 'dittoserver';

/** What failed is tried once a minute at least: controller-runtime's 17 minutes are long for one who has just mended it. */
const LONGEST_BACKOFF_MS = 60_000;
/** After this long without work it is quiet. */
const QUIET_MS = 2_000;
/** A lot, in objects written: about ten new servers. Less leaves little behind. */
const MANY_WRITES = 70;

export class Operator {
  readonly #options: OperatorOptions;
  readonly #client: Client;
  readonly #world: World;
  readonly #queue: WorkQueue;
  readonly #events: EventRecorder;
  readonly #reconciler: Reconciler;
  #synced = false;
  #quiet: Timer | undefined;
  /** The first quiet comes after the first look at everything, whether or not it wrote. */
  #writesWhenQuiet = -MANY_WRITES;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { config, version, log, metrics, clock = systemClock } = options;
    const withMetrics = metrics && { metrics };
    const transport = new Transport({ config, userAgent: `${FIELD_MANAGER}/${version}`, clock, ...withMetrics });
    this.#client = new Client(transport, FIELD_MANAGER);
    const client = this.#client;
    this.#world = new World({ client, transport, log, namespaces: options.namespaces, ...withMetrics });
    this.#queue = new WorkQueue({ name: CONTROLLER, clock, maxDelayMs: LONGEST_BACKOFF_MS, ...withMetrics });
    this.#events = new EventRecorder({
      client,
      reportingController: 'dittofs.dittofs.com/operator',
      reportingInstance: options.instance,
      log,
      clock,
    });
    this.#reconciler = new Reconciler({
      world: this.#world,
      actuator: new Actuator({ client, world: this.#world }),
      client,
      events: this.#events,
      clock,
      defaults: options.defaults,
      ...(metrics && { observer: metrics }),
    });
    this.#world.onChange((key, priority) => this.#queue.add(key, priority));
  }

  /** Whether every watch works. A standby is ready too: it could lead at once. */
  readiness(): Readiness {
    const problems = this.#synced ? this.#world.failing() : ['the first lists are not complete'];
    return { ready: problems.length === 0, problems };
  }

  /**
   * Runs until the signal aborts. The watches run while this is a standby too, so that taking the lead over takes no
   * time.
   */
  async run(signal: AbortSignal): Promise<OperatorEnd> {
    // The watches outlive the work: what is in progress at the end still needs them.
    const watches = new AbortController();
    const watching = this.#world.run(watches.signal);
    try {
      await this.#world.synced(signal);
      this.#synced = true;
      return signal.aborted ? 'stopped' : await this.#lead(signal);
    } finally {
      this.#queue.shutDown();
      this.#quiet?.cancel();
      await this.#events.flush(AbortSignal.timeout(5_000));
      watches.abort();
      await watching;
    }
  }

  async #lead(signal: AbortSignal): Promise<OperatorEnd> {
    const { leaderElection, log, metrics } = this.#options;
    const lead = (leading: AbortSignal) => this.#work(leading);
    if (!leaderElection) {
      metrics?.leading(FIELD_MANAGER, true);
      await lead(signal);
      return 'stopped';
    }
    const end = await runElection(
      { client: this.#client, ...leaderElection, lead, log, ...(metrics && { metrics }) },
      signal,
    );
    return end;
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { workers, log, metrics } = this.#options;
    await runWorkers(
      {
        name: CONTROLLER,
        queue: this.#queue,
        workers,
        reconcile: async (key, deadline) => {
          const result = await this.#reconciler.reconcile(key, deadline);
          this.#watchForQuiet();
          return result;
        },
        log,
        ...(metrics && { metrics }),
      },
      signal,
    );
  }

  #watchForQuiet(): void {
    const { onQuiet, clock = systemClock } = this.#options;
    if (!onQuiet || this.#reconciler.writes - this.#writesWhenQuiet < MANY_WRITES) return;
    this.#quiet?.cancel();
    this.#quiet = clock.setTimer(() => {
      this.#writesWhenQuiet = this.#reconciler.writes;
      onQuiet();
    }, QUIET_MS);
  }
}
