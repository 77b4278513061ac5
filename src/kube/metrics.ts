/**
 * Hooks for metrics, so that this folder does not depend on a metrics library. Names in the docstrings are the
 * metric each hook feeds; they are those of client-go and controller-runtime, so that existing dashboards work.
 * Durations are in seconds. Implementations must not throw.
 */
export interface RequestMetrics {
  /**
   * `rest_client_requests_total{code,method,host}`: one attempt has ended.
   * `code` is the HTTP status, or `<error>` when there was no answer (as client-go writes it).
   */
  requestEnded(labels: { code: string; method: string; host: string }): void;
}

/** Hooks of a work queue; `name` is the label of every metric. */
export interface QueueMetrics {
  /** `workqueue_depth{name}`: keys ready to be worked on (neither delayed ones nor those in work). */
  depth(name: string, depth: number): void;
  /** `workqueue_adds_total{name}`: a key became ready. */
  added(name: string): void;
  /** `workqueue_queue_duration_seconds{name}`: how long a key was ready before a worker took it. */
  waited(name: string, seconds: number): void;
  /** `workqueue_work_duration_seconds{name}`: how long a key was in work. */
  worked(name: string, seconds: number): void;
  /** `workqueue_retries_total{name}`: a key was put back with a back-off. */
  retried(name: string): void;
}

/** How one reconcile ended, as controller-runtime labels it. */
export type ReconcileOutcome = 'success' | 'requeue_after' | 'error';

/** Hooks of a controller; `controller` is the label of every metric. */
export interface ControllerMetrics {
  /** `controller_runtime_max_concurrent_reconciles{controller}`, set once. */
  maxConcurrent(controller: string, workers: number): void;
  /** `controller_runtime_active_workers{controller}`: workers with a key in work. */
  activeWorkers(controller: string, active: number): void;
  /**
   * `controller_runtime_reconcile_total{controller,result}` and `controller_runtime_reconcile_time_seconds{controller}`;
   * for `error` also `controller_runtime_reconcile_errors_total{controller}`, and for an error that is not retried
   * `controller_runtime_terminal_reconcile_errors_total{controller}`.
   */
  reconciled(controller: string, outcome: ReconcileOutcome, seconds: number, terminal: boolean): void;
}

/** Hooks of a reflector; `resource` is `plural.group`. */
export interface ReflectorMetrics {
  /** A list (paginated or streamed) has been taken over into the cache. */
  listed(resource: string, objects: number): void;
  /** A watch connection was opened. */
  watchOpened(resource: string): void;
  /** One event line was handled, bookmarks included. */
  watchEvent(resource: string): void;
  /** A list or watch failed; `reason` is short and of low cardinality (an HTTP status, `connection`, `unreadable`). */
  failed(resource: string, reason: string): void;
}

/** Hooks of a leader election. */
export interface LeaderMetrics {
  /** `leader_election_master_status{name}`: 1 while leading, else 0. */
  leading(name: string, leading: boolean): void;
}
