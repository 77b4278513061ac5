import type { Measured } from './run.ts';

/** One line of the table: a number of every run, and the Go operator's where there is one. */
interface Row {
  what: string;
  value: (run: Measured) => number;
  unit?: string;
  /** Digits after the point. */
  digits?: number;
  /** The Go operator's number, for the closest number of servers that was measured. */
  go?: (servers: number) => number | undefined;
  /** Whether more is better; absent: less is. */
  more?: boolean;
}

/** A row of the result with its numbers. */
export interface Line {
  what: string;
  unit: string;
  min: number;
  median: number;
  max: number;
  go?: number;
  /** How many times better than the Go operator's. Absent where one of the two is 0. */
  ratio?: number;
}

/**
 * The Go operator for the same resource, without a database, its StatefulSets said to be ready by hand: two cores of the
 * same kind of machine, on another day. For orientation.
 */
const GO = {
  callsPerServer: 20.3,
  cpuMsPerServer: 13.8,
  serversPerSecond: 17.5,
  rssIdle: 53,
  rssAt300: 78,
  rssAt1000: 127,
  restartWritesPerServer: 2,
};

/** Memory grows with the servers: only near the two numbers that were measured is there anything to compare. */
function goRss(servers: number): number | undefined {
  if (servers === 300) return GO.rssAt300;
  return servers === 1000 ? GO.rssAt1000 : undefined;
}

function rows(runs: readonly Measured[]): Row[] {
  const kinds = [...new Set(runs.flatMap(({ calls }) => Object.keys(calls.byKind)))].sort();
  return [
    {
      what: 'API calls per server',
      value: ({ calls, servers }) => (calls.reads + calls.writes) / servers,
      digits: 2,
      go: () => GO.callsPerServer,
    },
    ...kinds.map((kind) => ({
      ...{ what: `  ${kind}`, digits: 2 },
      value: ({ calls, servers }: Measured) => (calls.byKind[kind] ?? 0) / servers,
    })),
    { what: 'Writes that were refused', value: ({ calls }) => calls.refused },
    {
      what: 'CPU per server',
      unit: 'ms',
      value: ({ cpuMs, servers }) => cpuMs / servers,
      digits: 1,
      go: () => GO.cpuMsPerServer,
    },
    {
      what: '  beside it, API server and etcd',
      unit: 'ms',
      value: ({ others, servers }) => others.controlPlaneMs / servers,
      digits: 1,
    },
    {
      what: '  beside it, this bench',
      unit: 'ms',
      value: ({ others, servers }) => others.benchMs / servers,
      digits: 1,
    },
    { what: 'Time until all are ready', unit: 's', value: ({ convergeMs }) => convergeMs / 1000, digits: 1 },
    {
      what: 'Servers per second',
      value: ({ convergeMs, servers }) => (servers * 1000) / convergeMs,
      digits: 1,
      go: () => GO.serversPerSecond,
      more: true,
    },
    { what: 'Memory without servers', unit: 'MiB', value: ({ rssIdle }) => rssIdle, go: () => GO.rssIdle },
    { what: '  of it without pages of files, idle', unit: 'MiB', value: ({ anonymousIdle }) => anonymousIdle },
    { what: 'Memory with all servers', unit: 'MiB', value: ({ rssAfter }) => rssAfter, go: goRss },
    { what: '  of it without pages of files', unit: 'MiB', value: ({ anonymousAfter }) => anonymousAfter },
    { what: 'Memory at the peak', unit: 'MiB', value: ({ rssPeak }) => rssPeak },
    { what: 'At rest: requests', value: ({ rest }) => rest.calls.reads + rest.calls.writes },
    { what: 'At rest: CPU', unit: 'ms', value: ({ rest }) => rest.cpuMs },
    {
      what: 'Restart: writes',
      value: ({ restart }) => restart.calls.writes,
      go: (servers) => servers * GO.restartWritesPerServer,
    },
    { what: 'Restart: reads', value: ({ restart }) => restart.calls.reads },
    { what: 'Restart: watches', value: ({ restart }) => restart.calls.watches },
    { what: 'Restart: time to ready', unit: 'ms', value: ({ restart }) => restart.syncedMs },
    { what: 'Restart: CPU', unit: 'ms', value: ({ restart }) => restart.cpuMs },
    { what: 'Restart: memory', unit: 'MiB', value: ({ restart }) => restart.rssAfter },
    { what: 'Restart: memory at the peak', unit: 'MiB', value: ({ restart }) => restart.rssPeak },
  ];
}

/** The lines of the table. @param runs at least one, all of as many servers. */
export function lines(runs: readonly Measured[], database: string): Line[] {
  const servers = runs[0]?.servers ?? 0;
  return rows(runs).map(({ what, unit = '', value, go, more = false }) => {
    const sorted = runs.map(value).sort((one, other) => one - other);
    const median = middle(sorted);
    // What the Go operator does for a database was not measured.
    const theirs = database === 'sqlite' ? go?.(servers) : undefined;
    const comparable = theirs !== undefined && theirs > 0 && median > 0;
    return {
      ...{ what, unit, min: sorted[0] ?? NaN, median, max: sorted.at(-1) ?? NaN },
      ...(theirs !== undefined && { go: theirs }),
      ...(comparable && { ratio: more ? median / theirs : theirs / median }),
    };
  });
}

function middle(sorted: readonly number[]): number {
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)] ?? NaN;
  return Number.isInteger(half) ? (upper + (sorted[half - 1] ?? NaN)) / 2 : upper;
}

/** The table as text. */
export function table(runs: readonly Measured[], database: string): string {
  const repeated = runs.length > 1;
  const digits = new Map(rows(runs).map(({ what, digits: count = 0 }) => [what, count]));
  const head = ['', ...(repeated ? ['least', 'median', 'most'] : ['measured']), 'Go operator*', 'better by'];
  const body = lines(runs, database).map(({ what, unit, min, median, max, go, ratio }) => {
    const number = (value: number) => `${value.toFixed(digits.get(what))}${unit === '' ? '' : ` ${unit}`}`;
    const ours = repeated ? [min, median, max].map(number) : [number(median)];
    return [what, ...ours, go === undefined ? '' : number(go), ratio === undefined ? '' : `${ratio.toFixed(1)} ×`];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((row) => row[column]?.length ?? 0)));
  const layOut = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  const text = [head, ...body].map(layOut).join('\n');
  return `${text}\n\n* Measured elsewhere: the Go operator for the same resource, without a database, on another day and another\n  machine of the same kind. For orientation only.`;
}
