import { setTimeout as sleep } from 'node:timers/promises';
import { crd } from '../src/api/crd.ts';
import { type ControlPlane, startControlPlane } from '../test/control-plane/control-plane.ts';
import { eventually } from '../test/control-plane/eventually.ts';
import { installPerconaCRDs } from '../test/control-plane/percona.ts';
import { DITTO_SERVER } from '../test/operator/actors.ts';
import { NAMESPACE, startActors } from './actors.ts';
import type { BenchOptions } from './arguments.ts';
import { type Calls, callsSince, quiet } from './calls.ts';
import { OPERATOR_NAMESPACE, startOperator } from './operator.ts';
import { usageOf } from './usage.ts';

/** What one run has measured. Memory in MiB, as resident. */
export interface Measured {
  servers: number;
  /** Requests from the first server's creation until everything was quiet. */
  calls: Calls;
  /** CPU time of the operator in the same phase. */
  cpuMs: number;
  /** CPU time of everybody else meanwhile: they have the same processors. */
  others: { controlPlaneMs: number; benchMs: number };
  /** From the first creation until all servers were ready. */
  convergeMs: number;
  rssIdle: number;
  anonymousIdle: number;
  rssAfter: number;
  anonymousAfter: number;
  rssPeak: number;
  /** Requests in `restSeconds` with all servers settled. */
  rest: { calls: Calls; cpuMs: number };
  /** A new process that finds all servers settled. */
  restart: { calls: Calls; syncedMs: number; cpuMs: number; rssAfter: number; rssPeak: number };
}

/** Freed memory goes back to the system with a delay; so long after the last request it is read. */
const SETTLE_MS = 3_000;

/**
 * One run on a control plane of its own. Without kube-controller-manager: it would make pods and events and take the
 * processor from the operator, and the bench says itself that the pods are ready.
 */
export async function measure(options: BenchOptions, progress: (line: string) => void): Promise<Measured> {
  const controlPlane = await startControlPlane({ controllerManager: false, progress });
  try {
    await prepare(controlPlane, options);
    return await measureOn(controlPlane, options, progress);
  } finally {
    await controlPlane.stop();
  }
}

async function prepare({ admin }: ControlPlane, { database }: BenchOptions): Promise<void> {
  await admin.apply(crd());
  if (database === 'percona') await installPerconaCRDs(admin, '2.9.0');
  await eventually('DittoServers are served', () => admin.list(DITTO_SERVER));
  for (const name of [NAMESPACE, OPERATOR_NAMESPACE]) {
    await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
}

async function measureOn(
  controlPlane: ControlPlane,
  options: BenchOptions,
  progress: (line: string) => void,
): Promise<Measured> {
  const { admin, audit } = controlPlane;
  const { servers, restSeconds } = options;

  const operator = await startOperator(controlPlane, options);
  const actors = await startActors(admin, options);
  await quiet(audit);
  await sleep(SETTLE_MS);
  const idle = await operator.usage();

  progress(`creating ${servers} DittoServers`);
  const begin = await audit.mark();
  const othersBefore = await others(controlPlane, operator.pid);
  const convergeMs = await actors.createServers(servers);
  progress(`all ready after ${(convergeMs / 1000).toFixed(1)} s; waiting until the operator is quiet`);
  await quiet(audit);
  const calls = await callsSince(audit, begin);
  const busy = await operator.usage();
  const othersAfter = await others(controlPlane, operator.pid);
  await sleep(SETTLE_MS);
  const after = await operator.usage();

  progress(`watching the settled operator for ${restSeconds} s`);
  const [restBegin, restBefore] = [await audit.mark(), await operator.usage()];
  await sleep(restSeconds * 1000);
  const restAfter = await operator.usage();
  const rest = { calls: await callsSince(audit, restBegin), cpuMs: restAfter.cpuMs - restBefore.cpuMs };
  await operator.stop();

  progress('restarting the operator');
  const restartBegin = await audit.mark();
  // Its profile would be taken for that of the busy phase.
  const again = await startOperator(controlPlane, { ...options, profile: undefined });
  await quiet(audit);
  await sleep(SETTLE_MS);
  const { cpuMs, rss, rssPeak } = await again.usage();
  const restart = {
    ...{ calls: await callsSince(audit, restartBegin), syncedMs: again.syncedMs },
    ...{ cpuMs, rssAfter: rss, rssPeak },
  };
  await again.stop();
  actors.stop();

  return {
    ...{ servers, calls, convergeMs, rest, restart },
    cpuMs: busy.cpuMs - idle.cpuMs,
    others: {
      controlPlaneMs: othersAfter.controlPlaneMs - othersBefore.controlPlaneMs,
      benchMs: othersAfter.benchMs - othersBefore.benchMs,
    },
    ...{ rssIdle: idle.rss, anonymousIdle: idle.anonymous },
    ...{ rssAfter: after.rss, anonymousAfter: after.anonymous, rssPeak: after.rssPeak },
  };
}

/** CPU time so far of the API server with etcd, and of this process. */
async function others(controlPlane: ControlPlane, operator: number): Promise<Measured['others']> {
  const usages = await Promise.all(
    controlPlane
      .pids()
      .filter((pid) => pid !== operator)
      .map(usageOf),
  );
  const { user, system } = process.cpuUsage();
  return { controlPlaneMs: usages.reduce((sum, { cpuMs }) => sum + cpuMs, 0), benchMs: (user + system) / 1000 };
}
