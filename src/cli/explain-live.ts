import { Client } from '../kube/client.ts';
import { ApiError, ConnectionError } from '../kube/errors.ts';
import { Transport } from '../kube/transport.ts';
import { FIELD_MANAGER } from '../desired/names.ts';
import { namedCluster, ownCluster } from './cluster.ts';
import { CommandError, FAILED } from './exit.ts';
import { explanation } from './explanation.ts';
import { printExplanation } from './explanation-text.ts';
import type { ExplainOptions } from './explain.ts';
import { lookAt } from './look.ts';
import { operatorVersion } from './version.ts';

/**
 * Looks at the cluster, once, and prints what it comes to. The exit code tells whether the DittoServer is ready.
 *
 * @throws CommandError when the DittoServer cannot be read.
 */
export async function explain(name: string, options: ExplainOptions): Promise<void> {
  const config = inPod(options) ? await ownCluster() : await namedCluster(options);
  const transport = new Transport({ config, userAgent: `${FIELD_MANAGER}/${operatorVersion()}` });
  const namespace = options.namespace ?? config.namespace;
  try {
    const told = explanation(await lookAt(new Client(transport, FIELD_MANAGER), namespace, name));
    process.stdout.write(
      options.output === 'json' ? `${JSON.stringify(told, undefined, 2)}\n` : printExplanation(told),
    );
    process.exitCode = told.ready ? 0 : FAILED;
  } catch (error) {
    // Their messages hold no response body.
    if (error instanceof ApiError || error instanceof ConnectionError)
      throw new CommandError(`error: ${error.message}`);
    throw error;
  }
}

/** In a pod without a kubeconfig, its own service account is asked. */
function inPod({ kubeconfig, context }: ExplainOptions): boolean {
  const named = kubeconfig ?? context ?? process.env['KUBECONFIG'];
  return named === undefined && process.env['KUBERNETES_SERVICE_HOST'] !== undefined;
}
