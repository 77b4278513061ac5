import { Counter, Gauge, Histogram, Registry } from './prometheus.ts';
import type { DittoServer, DittoServerStatus } from '../api/types.ts';
import type { OperatorMetrics } from '../controller/operator.ts';
import type { ReconcileOutcome } from '../kube/metrics.ts';
import { QUEUE_SECONDS, RECONCILE_SECONDS } from './buckets.ts';
import type { Routes } from './http-server.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { ServerMetrics } from './server-metrics.ts';
import { WorkTracker } from './work-tracker.ts';

/**
 * The operator's metrics in a registry of their own. What controller-runtime and client-go have too bears their names
 * and labels, so that dashboards and alerts for other operators work here.
 */
export class PrometheusMetrics implements OperatorMetrics {
  readonly registry = new Registry();
  readonly #servers = new ServerMetrics(this.registry);
  readonly #work = new Map<string, WorkTracker>();
  readonly #reconciles = this.#counter('controller_runtime_reconcile_total', 'Reconciles by result.', [
    'controller',
    'result',
  ]);
  readonly #errors = this.#counter('controller_runtime_reconcile_errors_total', 'Failed reconciles.', ['controller']);
  readonly #terminalErrors = this.#counter(
    'controller_runtime_terminal_reconcile_errors_total',
    'Failed reconciles that are not repeated by themselves.',
    ['controller'],
  );
  readonly #seconds = this.#histogram(
    'controller_runtime_reconcile_time_seconds',
    'Duration of a reconcile.',
    ['controller'],
    RECONCILE_SECONDS,
  );
  readonly #activeWorkers = this.#gauge('controller_runtime_active_workers', 'Workers at work.', ['controller']);
  readonly #maxWorkers = this.#gauge('controller_runtime_max_concurrent_reconciles', 'Workers.', ['controller']);
  readonly #depth = this.#gauge('workqueue_depth', 'Keys that are ready to be worked on.', ['name']);
  readonly #adds = this.#counter('workqueue_adds_total', 'Keys that became ready.', ['name']);
  readonly #retries = this.#counter('workqueue_retries_total', 'Keys put back with a back-off.', ['name']);
  readonly #waits = this.#histogram(
    'workqueue_queue_duration_seconds',
    'How long a key was ready before a worker took it.',
    ['name'],
    QUEUE_SECONDS,
  );
  readonly #works = this.#histogram(
    'workqueue_work_duration_seconds',
    'How long a key was in work.',
    ['name'],
    QUEUE_SECONDS,
  );
  readonly #requests = this.#counter('rest_client_requests_total', 'Requests to the API server, each attempt.', [
    'code',
    'method',
    'host',
  ]);
  readonly #leader = this.#gauge('leader_election_master_status', 'Whether this process leads.', ['name']);
  readonly #lists = this.#counter('reflector_lists_total', 'Lists that were read whole.', ['name']);
  readonly #watches = this.#counter('reflector_watches_total', 'Watches that were opened.', ['name']);
  readonly #watchEvents = this.#counter('dittofs_operator_watch_events_total', 'Events of watches, with bookmarks.', [
    'resource',
  ]);
  readonly #watchFailures = this.#counter('dittofs_operator_watch_failures_total', 'Lists and watches that failed.', [
    'resource',
    'reason',
  ]);

  /** @param version the operator's, for `dittofs_operator_build_info`. */
  constructor(version: string) {
    this.#unfinished('workqueue_unfinished_work_seconds', 'Seconds that all keys in work have taken.', (work) =>
      work.unfinished(),
    );
    this.#unfinished('workqueue_longest_running_processor_seconds', 'Seconds of the longest in work.', (work) =>
      work.longest(),
    );
    this.#gauge('dittofs_operator_build_info', 'Always 1; the labels tell versions.', ['version', 'node']).set(
      { version, node: process.versions.node },
      1,
    );
    registerProcessMetrics(this.registry);
  }

  /** `/metrics`, in Prometheus' text format. */
  routes(): Routes {
    return {
      '/metrics': async () => ({
        status: 200,
        body: await this.registry.metrics(),
        type: this.registry.contentType,
      }),
    };
  }

  requestEnded(labels: { code: string; method: string; host: string }): void {
    this.#requests.inc(labels);
  }

  depth(name: string, depth: number): void {
    this.#depth.set({ name }, depth);
  }

  added(name: string): void {
    this.#adds.inc({ name });
  }

  waited(name: string, seconds: number): void {
    this.#waits.observe({ name }, seconds);
    this.#tracker(name).begun();
  }

  worked(name: string, seconds: number): void {
    this.#works.observe({ name }, seconds);
    this.#tracker(name).ended(seconds);
  }

  retried(name: string): void {
    this.#retries.inc({ name });
  }

  maxConcurrent(controller: string, workers: number): void {
    this.#maxWorkers.set({ controller }, workers);
    // Counters that are there from the start, so that the first failure is an increase and an alert sees it.
    for (const result of ['success', 'requeue_after', 'error']) this.#reconciles.inc({ controller, result }, 0);
    this.#errors.inc({ controller }, 0);
    this.#terminalErrors.inc({ controller }, 0);
  }

  activeWorkers(controller: string, active: number): void {
    this.#activeWorkers.set({ controller }, active);
  }

  reconciled(controller: string, outcome: ReconcileOutcome, seconds: number, terminal: boolean): void {
    this.#reconciles.inc({ controller, result: outcome });
    this.#seconds.observe({ controller }, seconds);
    if (outcome === 'error') this.#errors.inc({ controller });
    if (terminal) this.#terminalErrors.inc({ controller });
  }

  listed(resource: string): void {
    this.#lists.inc({ name: resource });
  }

  watchOpened(resource: string): void {
    this.#watches.inc({ name: resource });
  }

  watchEvent(resource: string): void {
    this.#watchEvents.inc({ resource });
  }

  failed(resource: string, reason: string): void {
    this.#watchFailures.inc({ resource, reason });
  }

  leading(name: string, leading: boolean): void {
    this.#leader.set({ name }, leading ? 1 : 0);
  }

  settled(server: DittoServer, status: DittoServerStatus): void {
    this.#servers.settled(server, status);
  }

  gone(serverKey: string): void {
    this.#servers.gone(serverKey);
  }

  #tracker(name: string): WorkTracker {
    const known = this.#work.get(name);
    if (known) return known;
    const tracker = new WorkTracker();
    this.#work.set(name, tracker);
    return tracker;
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<Label extends string>(name: string, help: string, labelNames: Label[], buckets: number[]) {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }

  /** A gauge of what is under way, worked out at the scrape. */
  #unfinished(name: string, help: string, read: (work: WorkTracker) => number): void {
    const trackers = this.#work;
    new Gauge({
      name,
      help,
      labelNames: ['name'],
      registers: [this.registry],
      collect() {
        for (const [queue, tracker] of trackers) this.set({ name: queue }, read(tracker));
      },
    });
  }
}
