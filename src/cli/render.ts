import { Command, Option } from 'commander';
import { type ImageOptions, withImageOptions } from './images.ts';
import { namespaceOption, textOption } from './options.ts';

/** The flags of `render` as commander gives them. */
export interface RenderOptions extends ImageOptions {
  filename: string[];
  namespace: string;
  output: 'yaml' | 'json';
}

const EXAMPLES = `
Examples:
  dittofs-operator render -f samples/percona.yaml
  dittofs-operator render -f samples/percona.yaml | kubectl apply --dry-run=server -f -
  kubectl get dittoserver files -o yaml | dittofs-operator render -f -
`;

/** `render`: everything that DittoServers become, offline. */
export function renderCommand(): Command {
  const command = new Command('render')
    .description('Print every object that the operator would make for the DittoServers of a file, without a cluster.')
    .addOption(
      new Option('-f, --filename <path>', 'file with DittoServers, "-" for standard input; may be repeated')
        .argParser((path: string, before: string[] | undefined) => [...(before ?? []), textOption(path)])
        .makeOptionMandatory(),
    )
    .option('-n, --namespace <name>', 'namespace of DittoServers that name none', namespaceOption, 'default')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['yaml', 'json']).default('yaml'));
  return withImageOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: RenderOptions) => {
      const { printRendered } = await import('./render-output.ts');
      process.stdout.write(await printRendered(options));
    });
}
