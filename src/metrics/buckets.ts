/** Buckets of histograms. Those of controller-runtime and client-go, so that existing dashboards fit. */

/** `controller_runtime_reconcile_time_seconds`. */
export const RECONCILE_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/** The durations of work queues: 10 ns to 1,000 s, by tens. */
export const QUEUE_SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1, 1, 10, 100, 1000];

/** From the creation of a DittoServer to its being ready: seconds without a database, minutes with one. */
export const TIME_TO_READY_SECONDS = [1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 3600];
