import { Command } from 'commander';

const EXAMPLE = `
Example:
  dittofs-operator crd | kubectl apply --server-side -f -
`;

/** `crd`: the CustomResourceDefinition. */
export function crdCommand(): Command {
  return new Command('crd')
    .description('Print the CustomResourceDefinition of the DittoServer as YAML.')
    .addHelpText('after', EXAMPLE)
    .action(async () => {
      const { printCrd } = await import('../api/crd.ts');
      process.stdout.write(printCrd());
    });
}
