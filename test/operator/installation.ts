import { request } from 'node:http';
import { afterEach } from 'vitest';
import { crd } from '../../src/api/crd.ts';
import { Operator, type OperatorOptions } from '../../src/controller/operator.ts';
import { kubeconfigConfig } from '../../src/kube/config.ts';
import type { LogFields } from '../../src/kube/log.ts';
import { OPERATOR_DEFAULTS } from '../../src/observed.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { eventually } from '../control-plane/eventually.ts';
import type { Fixture } from '../control-plane/fixture.ts';
import { freePort } from '../control-plane/ports.ts';
import type { ManagedProcess } from '../control-plane/processes.ts';

/** Where the shipped role binds the operator's ServiceAccount. */
const NAMESPACE = 'dittofs-system';
const SERVICE_ACCOUNT = 'dittofs-operator';
const RBAC = new URL('../../deploy/rbac.yaml', import.meta.url);

/** One line of the operator's log. */
export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  fields?: LogFields | undefined;
}

/** A running operator of this process. */
export interface RunningOperator {
  readonly operator: Operator;
  /** What it logged so far. */
  readonly log: readonly LogLine[];
  /** Lets it finish its work, as SIGTERM does; resolves when it has ended. */
  stop: () => Promise<void>;
}

/** Installs the DittoServer CRD, and the ServiceAccount with the role that is shipped. To be called once. */
export async function installOperator(controlPlane: Pick<ControlPlane, 'admin'>): Promise<void> {
  await controlPlane.admin.apply(crd());
  await installRights(controlPlane);
}

/** Installs the ServiceAccount with the role that is shipped. */
export async function installRights({ admin }: Pick<ControlPlane, 'admin'>): Promise<void> {
  await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await admin.applyYaml(RBAC, NAMESPACE);
}

/** A kubeconfig file of the operator's own ServiceAccount, which may do what the shipped role allows and no more. */
export async function operatorKubeconfig(controlPlane: ControlPlane): Promise<string> {
  const token = await controlPlane.admin.serviceAccountToken(NAMESPACE, SERVICE_ACCOUNT);
  return await controlPlane.kubeconfigFor(token, NAMESPACE);
}

/** Starts an operator as that ServiceAccount and waits until it has seen everything once. */
export async function startOperator(
  controlPlane: ControlPlane,
  options: Partial<OperatorOptions> = {},
): Promise<RunningOperator> {
  const running = await createOperator(controlPlane, options);
  await eventually('the operator is ready', () => running.operator.readiness().ready);
  return running;
}

/** Starts an operator as that ServiceAccount. */
export async function createOperator(
  controlPlane: ControlPlane,
  options: Partial<OperatorOptions> = {},
): Promise<RunningOperator> {
  const log: LogLine[] = [];
  const at = (level: LogLine['level']) => (message: string, fields?: LogFields) =>
    void log.push({ level, message, fields });
  const operator = new Operator({
    config: await kubeconfigConfig(await operatorKubeconfig(controlPlane)),
    version: 'test',
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    namespaces: [],
    workers: 10,
    defaults: OPERATOR_DEFAULTS,
    instance: 'test',
    ...options,
  });
  const stop = new AbortController();
  const running = operator.run(stop.signal);
  return {
    operator,
    log,
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}

/** The operator as a process of its own, started as a user starts it. */
export interface OperatorProcess {
  readonly process: ManagedProcess;
  /** The value of a metric that has one series. */
  metric: (name: string) => Promise<number>;
  /** SIGTERM, then SIGKILL after `graceMs` milliseconds, default 10000; 0 is a crash. */
  stop: (graceMs?: number) => Promise<void>;
}

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;

/** Starts `dittofs-operator run` and waits until it says that it is ready. */
export async function startOperatorProcess(
  controlPlane: ControlPlane,
  flags: readonly string[] = [],
): Promise<OperatorProcess> {
  const kubeconfig = await operatorKubeconfig(controlPlane);
  const [metrics, health] = [await freePort(), await freePort()];
  const addresses = ['--metrics-address', `127.0.0.1:${metrics}`, '--health-address', `127.0.0.1:${health}`];
  const started = await controlPlane.start({
    name: `operator-${metrics}`,
    command: process.execPath,
    args: [MAIN, 'run', '--kubeconfig', kubeconfig, ...addresses, ...flags],
  });
  await eventually('the operator is ready', async () => {
    if (!started.alive) throw new Error(`it has ended: ${await started.lastLines()}`);
    return (await get(health, '/readyz')).status === 200;
  });
  return {
    process: started,
    metric: async (name) => {
      const { body } = await get(metrics, '/metrics');
      const line = body
        .split('\n')
        .find((candidate) => candidate.startsWith(`${name}{`) || candidate.startsWith(`${name} `));
      if (line === undefined) throw new Error(`no metric ${name}`);
      return Number(line.slice(line.lastIndexOf(' ') + 1));
    },
    stop: async (graceMs = 10_000) => started.stop(graceMs),
  };
}

/**
 * To be called at the top of a test file: what it returns starts operators as `startOperatorProcess` does, and after each
 * test those that still run are killed.
 */
export function useOperatorProcesses(fixture: Fixture): (...flags: string[]) => Promise<OperatorProcess> {
  const running: OperatorProcess[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((operator) => operator.stop(0)));
  });
  return async (...flags) => {
    const operator = await startOperatorProcess(fixture.controlPlane, flags);
    running.push(operator);
    return operator;
  };
}

function get(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}
