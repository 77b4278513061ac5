/** Which cluster a command talks to. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { ClientConfig } from '../kube/config.ts';
import { CommandError, USAGE } from './exit.ts';

export interface ClusterOptions {
  kubeconfig?: string;
  context?: string;
}

/** The official client, which reads kubeconfig files, crashes on older ones. */
const OLDEST_NODE_FOR_KUBECONFIG = 22;

/** The cluster that this process is a pod of. @throws CommandError when it is none. */
export async function ownCluster(): Promise<ClientConfig> {
  const { inClusterConfig } = await import('../kube/config.ts');
  try {
    return inClusterConfig();
  } catch (error) {
    const advice = 'Outside a cluster, say which one to use: --kubeconfig PATH.';
    throw new CommandError(`error: ${firstLine(error)}\n${advice}`, USAGE);
  }
}

/** The cluster that a kubeconfig names. @throws CommandError when it names none. */
export async function namedCluster({ kubeconfig, context }: ClusterOptions): Promise<ClientConfig> {
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE_FOR_KUBECONFIG) {
    throw new CommandError(
      `error: reading a kubeconfig needs Node ${OLDEST_NODE_FOR_KUBECONFIG} or newer, this is ${process.versions.node}`,
    );
  }
  if (kubeconfig === undefined && !existsSync(defaultKubeconfig())) {
    throw new CommandError(
      `error: no kubeconfig found at ${defaultKubeconfig()}; name one with --kubeconfig PATH`,
      USAGE,
    );
  }
  const { kubeconfigConfig } = await import('../kube/config.ts');
  try {
    return await kubeconfigConfig(kubeconfig, context);
  } catch (error) {
    const source = kubeconfig === undefined ? '' : `--kubeconfig ${kubeconfig}: `;
    throw new CommandError(`error: ${source}${firstLine(error)}`, USAGE);
  }
}

/** The first file that kubectl would read. */
function defaultKubeconfig(): string {
  const [first] = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  return first ?? join(homedir(), '.kube', 'config');
}

/** A parser's message goes on with lines of the file, which may hold a token. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
