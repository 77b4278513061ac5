import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const SAMPLE = fileURLToPath(new URL('../../samples/percona.yaml', import.meta.url));

/** How the demo is to be played. */
export interface DemoOptions {
  /** The user's cluster; undefined: one of our own, on this machine. */
  kubeconfig: string | undefined;
  /** The manifests to apply. */
  file: string;
  /** End as soon as there is nothing more to be seen, instead of staying until Ctrl-C. */
  once: boolean;
}

export const HELP = `Usage: npm run demo -- [options]

Plays the main job on real parts: a DittoFS file server with its control-plane database on PostgreSQL by Percona's
operator. Starts a Kubernetes control plane and Percona's operator on this machine (built from their Go modules the first
time, which takes minutes), the dittofs-operator beside them, applies samples/percona.yaml and follows what happens.

Options:
  --kubeconfig <path>  use this cluster instead; works in a namespace of its own and deletes only what it has made
  --file <path>        manifests to apply (default: samples/percona.yaml); one of them has to be a DittoServer
  --once               end when there is nothing more to be seen, and take everything down
  -h, --help           print this

Without a terminal on both ends (a pipe, </dev/null, CI=true) it behaves as with --once; otherwise it stays until Ctrl-C.
`;

/** Something the user has to do differently; its message is all there is to say. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Reads the command line.
 *
 * @param interactive whether a person sits at both ends.
 * @returns undefined when help was asked for.
 * @throws DemoError with exit code 2.
 */
export function readArguments(args: readonly string[], interactive: boolean): DemoOptions | undefined {
  const { help, once = false, kubeconfig, file = SAMPLE } = parsed(args);
  if (help === true) return undefined;
  if (kubeconfig?.trim() === '') throw new DemoError('--kubeconfig takes the path of a file.', 2);
  return { kubeconfig, file, once: once || !interactive };
}

function parsed(args: readonly string[]) {
  try {
    const options = {
      kubeconfig: { type: 'string' },
      file: { type: 'string' },
      once: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new DemoError(`${(error as Error).message} Try --help.`, 2);
  }
}
