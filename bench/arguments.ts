import { parseArgs } from 'node:util';

/** What to measure. */
export interface BenchOptions {
  /** How many DittoServers. */
  servers: number;
  /** Where their control plane's data lives. */
  database: 'sqlite' | 'percona';
  /** How often everything is done, each time on a new control plane. */
  repeat: number;
  /** How many DittoServers the operator works on at a time; undefined: its default. */
  workers: number | undefined;
  /** Seconds for which the settled operator is watched. */
  restSeconds: number;
  /** Print JSON instead of a table. */
  json: boolean;
  /** Folder for the operator's CPU and heap profiles; they cost time, so the numbers beside them count for little. */
  profile: string | undefined;
  /** Added to Node's command line. */
  nodeFlags: string[];
}

export const HELP = `Usage: npm run bench -- [options]

Measures the operator, built as it is shipped, on a real etcd and kube-apiserver: API calls, CPU and memory per
DittoServer, how fast many of them become ready, and what a restart costs. Nothing passes or fails here.

Options:
  --servers <number>            how many DittoServers (default: 300)
  --database <sqlite|percona>   with percona, the bench plays Percona's operator (default: sqlite)
  --repeat <number>             do everything so often; prints least, median and most (default: 1)
  --workers <number>            passed on to the operator (default: the operator's own)
  --rest <seconds>              how long the settled operator is watched (default: 10)
  --node-flag <flag>            added to Node's command line, for instance --node-flag=--max-semi-space-size=1; repeatable
  --profile <folder>            write a CPU and a heap profile of the operator there
  --json                        print JSON on standard output; progress goes to standard error
  -h, --help                    print this

Runs on Linux, since it reads /proc.
`;

/** A command line that cannot be carried out. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads the command line.
 *
 * @param args without the program's name.
 * @returns undefined when help was asked for.
 * @throws UsageError in one sentence.
 */
export function readArguments(args: readonly string[]): BenchOptions | undefined {
  const values = parsed(args);
  if (values.help === true) return undefined;
  const { database = 'sqlite' } = values;
  if (database !== 'sqlite' && database !== 'percona') {
    throw new UsageError(`--database is "${database}"; it can be sqlite or percona.`);
  }
  return {
    servers: wholeNumber('--servers', values.servers) ?? 300,
    database,
    repeat: wholeNumber('--repeat', values.repeat) ?? 1,
    workers: wholeNumber('--workers', values.workers),
    restSeconds: wholeNumber('--rest', values.rest) ?? 10,
    json: values.json ?? false,
    profile: values.profile,
    nodeFlags: values['node-flag'] ?? [],
  };
}

function parsed(args: readonly string[]) {
  try {
    const options = {
      servers: { type: 'string' },
      database: { type: 'string' },
      repeat: { type: 'string' },
      workers: { type: 'string' },
      rest: { type: 'string' },
      profile: { type: 'string' },
      'node-flag': { type: 'string', multiple: true },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`${flag} is "${text}"; it takes a whole number from 1 on.`);
  return Number(text);
}
