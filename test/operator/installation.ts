import { existsSync } from 'node:fs';
import { crd } from '../../src/api/crd.ts';
import { Operator, type OperatorOptions } from '../../src/controller/operator.ts';
import { kubeconfigConfig } from '../../src/kube/config.ts';
import type { LogFields } from '../../src/kube/log.ts';
import { OPERATOR_DEFAULTS } from '../../src/observed.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

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
export async function installOperator({ admin }: Pick<ControlPlane, 'admin'>): Promise<void> {
  await admin.apply(crd());
  await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  if (!existsSync(RBAC)) {
    await admin.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: SERVICE_ACCOUNT, namespace: NAMESPACE },
    });
    await admin.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'tmp' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: SERVICE_ACCOUNT, namespace: NAMESPACE }],
    });
    return;
  }
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
  while (!operator.readiness().ready) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), running]);
  }
  return {
    operator,
    log,
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}
