import { Command, Option } from 'commander';
import { OPERATOR_DEFAULTS } from '../observed.ts';
import { operatorVersion } from './version.ts';

const EXAMPLE = `
Example:
  dittofs-operator version -o json
`;

/** `version`: this program, what it runs on, and what it orders unless told otherwise. */
export function versionCommand(): Command {
  return new Command('version')
    .description('Print the version of the operator, and the images and crVersion that it uses by default.')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .addHelpText('after', EXAMPLE)
    .action(({ output }: { output: 'text' | 'json' }) => {
      const facts = { version: operatorVersion(), node: process.versions.node, defaults: OPERATOR_DEFAULTS };
      process.stdout.write(output === 'json' ? `${JSON.stringify(facts, undefined, 2)}\n` : asText(facts));
    });
}

function asText({ version, node, defaults }: { version: string; node: string; defaults: object }): string {
  const rows = Object.entries(defaults).map(([name, value]) => `${name.padEnd(21)}${String(value)}\n`);
  return `dittofs-operator ${version} on Node ${node}\n\nDefaults:\n${rows.map((row) => `  ${row}`).join('')}`;
}
