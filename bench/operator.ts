import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ControlPlane } from '../test/control-plane/control-plane.ts';
import { eventually } from '../test/control-plane/eventually.ts';
import { freePort } from '../test/control-plane/ports.ts';
import type { ManagedProcess } from '../test/control-plane/processes.ts';
import type { BenchOptions } from './arguments.ts';
import { usageOf, type Usage } from './usage.ts';

/** The operator in a process of its own, as in its pod: bundled, with leader election and all its addresses. */
export interface BenchedOperator {
  pid: number;
  /** From the start of the process until `/readyz` said yes: everything is listed once. Milliseconds. */
  syncedMs: number;
  usage: () => Promise<Usage>;
  /** SIGTERM, as the kubelet does it; resolves when it has ended. */
  stop: () => Promise<void>;
}

const BUNDLE = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const PRELOAD = new URL('in-cluster.js', import.meta.url).href;
/** Where the lease is. */
export const OPERATOR_NAMESPACE = 'dittofs-system';

/**
 * Starts the operator and waits until it is ready.
 * @throws with the end of its log when it does not get there.
 */
export async function startOperator(controlPlane: ControlPlane, options: BenchOptions): Promise<BenchedOperator> {
  const { hostname, port } = new URL(controlPlane.url);
  const [health, metrics] = [await freePort(), await freePort()];
  const address = (on: number) => `127.0.0.1:${on}`;
  const started = performance.now();
  const operator = await controlPlane.start({
    name: 'operator',
    command: process.execPath,
    args: [
      ...nodeFlags(options),
      ...['--import', PRELOAD, BUNDLE, 'run'],
      ...['--health-address', address(health), '--metrics-address', address(metrics)],
      ...(options.workers === undefined ? [] : ['--workers', String(options.workers)]),
    ],
    env: {
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      BENCH_SERVICE_ACCOUNT: await serviceAccountFiles(controlPlane),
      NODE_ENV: 'production',
      NODE_OPTIONS: undefined,
    },
  });
  await readyOrEnded(operator, `http://${address(health)}/readyz`);
  return {
    pid: operator.pid,
    syncedMs: performance.now() - started,
    usage: () => usageOf(operator.pid),
    stop: () => operator.stop(30_000),
  };
}

function nodeFlags({ nodeFlags: given, profile }: BenchOptions): string[] {
  if (profile === undefined) return given;
  return [...given, '--cpu-prof', '--cpu-prof-dir', profile, '--heap-prof', '--heap-prof-dir', profile];
}

async function serviceAccountFiles({ directory, caFile, adminToken }: ControlPlane): Promise<string> {
  const folder = join(directory, 'service-account');
  await mkdir(folder, { recursive: true });
  await copyFile(caFile, join(folder, 'ca.crt'));
  await writeFile(join(folder, 'token'), adminToken, { mode: 0o600 });
  await writeFile(join(folder, 'namespace'), OPERATOR_NAMESPACE);
  return folder;
}

async function readyOrEnded(operator: ManagedProcess, url: string): Promise<void> {
  const probe = async () => !operator.alive || (await fetch(url)).ok;
  await eventually('the operator is ready', probe, { timeoutMs: 60_000, everyMs: 10 });
  if (operator.alive) return;
  throw new Error(`the operator ended (${await operator.ended}):\n${await operator.lastLines()}`);
}
