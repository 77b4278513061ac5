/** `npm run bench`: what the operator costs, measured. See docs/benchmarks.md. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBinaries, KUBERNETES_VERSION } from '../test/control-plane/binaries.ts';
import { type BenchOptions, HELP, readArguments, UsageError } from './arguments.ts';
import { lines, table } from './report.ts';
import { measure, type Measured } from './run.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function bench(options: BenchOptions): Promise<void> {
  if (!existsSync('/proc/self/stat')) throw new UsageError('The bench reads /proc and so runs on Linux only.');
  progress('building the operator');
  execFileSync(process.execPath, ['build.ts'], { cwd: PROJECT, stdio: ['ignore', 'ignore', 'inherit'] });
  await ensureBinaries({ progress });
  const [loadBefore = NaN] = loadavg();
  const runs: Measured[] = [];
  for (let run = 1; run <= options.repeat; run++) {
    if (options.repeat > 1) progress(`run ${run} of ${options.repeat}`);
    runs.push(await measure(options, progress));
  }
  const { servers, database } = options;
  const machine = {
    ...{ node: process.versions.node, kubernetes: KUBERNETES_VERSION },
    ...{ cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism() },
    // What else ran beforehand: on a machine that is busy, times and CPU are not to be compared.
    loadBefore,
  };
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ servers, database, machine, lines: lines(runs, database), runs }, null, 2)}\n`,
    );
    return;
  }
  const { node, kubernetes, cpu, cores } = machine;
  const load = `load before: ${loadBefore.toFixed(1)}`;
  const title = `${servers} DittoServers, ${database}; Node ${node}, Kubernetes ${kubernetes}, ${cores} × ${cpu}, ${load}`;
  process.stdout.write(`\n${title}\n\n${table(runs, database)}\n`);
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else {
    const profile = options.profile === undefined ? undefined : resolve(options.profile);
    if (profile !== undefined) mkdirSync(profile, { recursive: true });
    await bench({ ...options, profile });
  }
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
