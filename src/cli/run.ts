import { Command, Option } from 'commander';
import type { ClusterOptions } from './cluster.ts';
import { type ImageOptions, withImageOptions } from './images.ts';
import type { LogLevel } from './logger.ts';
import { saveMemory } from './memory.ts';
import {
  addressOption,
  type AddressOption,
  namespaceOption,
  namespacesOption,
  textOption,
  workersOption,
} from './options.ts';

/** The flags of `run` as commander gives them. */
export interface RunOptions extends ClusterOptions, ImageOptions {
  namespaces?: string[];
  leaderElect?: boolean;
  leaderElectionNamespace?: string;
  leaseName: string;
  metricsAddress: AddressOption;
  healthAddress: AddressOption;
  workers: number;
  logLevel: LogLevel;
}

const EXAMPLES = `
Examples:
  dittofs-operator run
  dittofs-operator run --kubeconfig ~/.kube/config --namespaces files,staging --log-level debug
`;

/** As many as CloudNativePG: the work is waiting for the API server. */
const WORKERS = 10;

/** `run`: the operator itself. */
export function runCommand(): Command {
  const command = new Command('run')
    .description('Run the operator: in its pod without any flag, or outside a cluster with --kubeconfig.')
    .option('--kubeconfig <path>', 'kubeconfig of the cluster (default: the cluster that this pod runs in)', textOption)
    .option('--context <name>', 'context of the kubeconfig (default: its current one)', textOption)
    .option('--namespaces <list>', 'namespaces to watch, separated by commas (default: all)', namespacesOption)
    .option('--leader-elect', 'wait for the lease before working (default in a cluster)')
    .option('--no-leader-elect', 'work at once, alone (default with --kubeconfig)')
    .option(
      '--leader-election-namespace <name>',
      'namespace of the lease (default: the pod\'s own, or "default")',
      namespaceOption,
    )
    .option('--lease-name <name>', 'name of the lease', textOption, 'dittofs-operator')
    .addOption(address('--metrics-address <address>', 'where /metrics is served, as [HOST]:PORT; 0 for nowhere', 8080))
    .addOption(address('--health-address <address>', 'where /healthz and /readyz are served; 0 for nowhere', 8081))
    .option('--workers <number>', 'how many DittoServers are worked on at a time', workersOption, WORKERS)
    .addOption(
      new Option('--log-level <level>', 'least severe level that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    );
  return withImageOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: RunOptions) => {
      saveMemory();
      const { runOperator } = await import('./run-operator.ts');
      await runOperator(options);
    });
}

function address(flags: string, description: string, port: number): Option {
  return new Option(flags, description).argParser(addressOption).default({ address: { port } }, `:${port}`);
}
