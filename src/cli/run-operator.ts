/** Puts the operator together and runs it until it is told to stop. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Operator, type OperatorEnd, type OperatorOptions } from '../controller/operator.ts';
import type { ClientConfig } from '../kube/config.ts';
import { type Log, messageOf } from '../kube/log.ts';
import { healthRoutes } from '../metrics/health.ts';
import { type HttpServer, type Routes, serve } from '../metrics/http-server.ts';
import { PrometheusMetrics } from '../metrics/operator-metrics.ts';
import { namedCluster, ownCluster } from './cluster.ts';
import { CommandError, FAILED } from './exit.ts';
import { operatorDefaults } from './images.ts';
import { createLog } from './logger.ts';
import { giveMemoryBack } from './memory.ts';
import type { AddressOption } from './options.ts';
import type { RunOptions } from './run.ts';
import { operatorVersion } from './version.ts';

/**
 * Runs until SIGTERM or SIGINT, then ends the process with 0; with 1 when the lease was lost or something broke, so that
 * the pod starts anew.
 *
 * @throws CommandError when it cannot start.
 */
export async function runOperator(options: RunOptions): Promise<void> {
  const inCluster = options.kubeconfig === undefined && options.context === undefined;
  const config = inCluster ? await ownCluster() : await namedCluster(options);
  const log = createLog(options.logLevel);
  endOnUncaught(log);
  const stop = stopOnSignal(log);
  const version = operatorVersion();
  const metrics = new PrometheusMetrics(version);
  const operator = new Operator(operatorOptions({ options, config, inCluster, log, metrics, version }));
  const servers = [
    await served('--metrics-address', options.metricsAddress, metrics.routes(), log),
    await served(
      '--health-address',
      options.healthAddress,
      healthRoutes(() => operator.readiness()),
      log,
    ),
  ];
  log.info('the operator starts', { version, node: process.versions.node, server: config.server });
  const end = await finished(operator, stop, log);
  for (const server of servers) await server?.close();
  log.info('the operator has stopped', { end });
  // Kept-alive connections to the API server would hold the process for a while.
  process.exit(end === 'stopped' ? 0 : FAILED);
}

interface Parts {
  options: RunOptions;
  config: ClientConfig;
  inCluster: boolean;
  log: Log;
  metrics: PrometheusMetrics;
  version: string;
}

function operatorOptions({ options, config, inCluster, log, metrics, version }: Parts): OperatorOptions {
  const instance = hostname();
  const namespace = options.leaderElectionNamespace ?? (inCluster ? config.namespace : 'default');
  const leaderElection = { namespace, name: options.leaseName, identity: `${instance}_${randomUUID()}` };
  return {
    config,
    version,
    log,
    metrics,
    namespaces: options.namespaces ?? [],
    workers: options.workers,
    defaults: operatorDefaults(options),
    ...((options.leaderElect ?? inCluster) && { leaderElection }),
    instance,
    onQuiet: giveMemoryBack,
  };
}

async function served(
  flag: string,
  { address }: AddressOption,
  routes: Routes,
  log: Log,
): Promise<HttpServer | undefined> {
  if (!address) return undefined;
  try {
    const server = await serve(address, routes);
    log.info('listening', { flag, address: server.address, paths: Object.keys(routes) });
    return server;
  } catch (error) {
    throw new CommandError(`error: ${flag}: ${messageOf(error)}`);
  }
}

async function finished(operator: Operator, stop: AbortSignal, log: Log): Promise<OperatorEnd | 'failed'> {
  try {
    return await operator.run(stop);
  } catch (error) {
    log.error('the operator failed', { error });
    return 'failed';
  }
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/** The first signal asks to finish what is in work; a second one does not wait for it. */
function stopOnSignal(log: Log): AbortSignal {
  const stop = new AbortController();
  const onSignal = (signal: keyof typeof SIGNALS): void => {
    if (stop.signal.aborted) process.exit(128 + SIGNALS[signal]);
    log.info('stopping', { signal });
    stop.abort(new Error(signal));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return stop.signal;
}

/** A state that nobody thought of is left by starting anew. */
function endOnUncaught(log: Log): void {
  const end = (error: unknown): void => {
    log.error('uncaught error', { error });
    process.exit(FAILED);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
