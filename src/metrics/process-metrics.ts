import { readdirSync, readFileSync } from 'node:fs';
import { Counter, Gauge, type Registry } from './prometheus.ts';

const MICROSECONDS = 1e6;

/**
 * What every Prometheus client says of its process, read at the scrape. prom-client's own collection is not used: it
 * keeps an event loop monitor that wakes the process a hundred times a second.
 */
export function registerProcessMetrics(registry: Registry): void {
  const startedAt = Date.now() / 1000 - process.uptime();
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const value = read();
        if (value !== undefined) this.set(value);
      },
    });
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time used, user and system, in seconds.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / MICROSECONDS);
    },
  });
  gauge('process_resident_memory_bytes', 'Resident memory in bytes.', () => process.memoryUsage.rss());
  gauge('process_start_time_seconds', 'Start of the process since the epoch in seconds.', () => startedAt);
  gauge('process_open_fds', 'Open file descriptors.', () => attempt(() => readdirSync('/proc/self/fd').length - 1));
  gauge('process_max_fds', 'Most file descriptors that may be open.', () => attempt(maxFileDescriptors));
  gauge('nodejs_heap_size_used_bytes', 'Used heap in bytes.', () => process.memoryUsage().heapUsed);
  gauge('nodejs_heap_size_total_bytes', 'Heap in bytes.', () => process.memoryUsage().heapTotal);
}

function maxFileDescriptors(): number | undefined {
  const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return limit === undefined ? undefined : Number(limit);
}

/** Only Linux has /proc. */
function attempt(read: () => number | undefined): number | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
