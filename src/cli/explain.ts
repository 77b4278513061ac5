import { Argument, Command, Option } from 'commander';
import type { ClusterOptions } from './cluster.ts';
import { namespaceOption, textOption } from './options.ts';

/** The flags of `explain` as commander gives them. */
export interface ExplainOptions extends ClusterOptions {
  namespace?: string;
  output: 'text' | 'json';
}

const EXAMPLES = `
Examples:
  dittofs-operator explain files -n storage
  dittofs-operator explain files -n storage -o json

Ends with 0 when the DittoServer is ready, and with 1 when it is not.
`;

/** `explain`: why a DittoServer is not ready, and what to do. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('Tell why a DittoServer is not ready, down to the root cause, and what to do. Only reads.')
    .addArgument(new Argument('<name>', 'name of the DittoServer').argParser(textOption))
    .option('-n, --namespace <name>', "its namespace (default: that of the kubeconfig's context)", namespaceOption)
    .option('--kubeconfig <path>', 'kubeconfig of the cluster (default: $KUBECONFIG, ~/.kube/config)', textOption)
    .option('--context <name>', 'context of the kubeconfig (default: its current one)', textOption)
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: ExplainOptions) => {
      const { explain } = await import('./explain-live.ts');
      await explain(name, options);
    });
}
