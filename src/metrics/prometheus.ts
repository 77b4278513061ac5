/**
 * prom-client without what its index loads as well: the collection from a cluster of processes and the push gateway
 * cost 18 MB of memory.
 */
export { default as Counter } from 'prom-client/lib/counter.js';
export { default as Gauge } from 'prom-client/lib/gauge.js';
export { default as Histogram } from 'prom-client/lib/histogram.js';
export { default as Registry } from 'prom-client/lib/registry.js';
