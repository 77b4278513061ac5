import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { stringify } from 'yaml';
import { CommandError, USAGE } from './exit.ts';
import { operatorDefaults } from './images.ts';
import { type Manifest, readManifests, type Source } from './manifests.ts';
import type { RenderOptions } from './render.ts';
import { type RenderedObject, renderServer } from './rendering.ts';

const HEADER = `# What dittofs-operator makes of these DittoServers. For reading, comparing and dry runs; the operator applies it by itself.
# Left out: owner references, which need the uid that a DittoServer gets from the API server, and values of Secrets.
`;

/** kubectl reads YAML 1.1, in which an unquoted y is true. */
const YAML = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const;

/**
 * The objects of every DittoServer in the files.
 *
 * @throws CommandError when a file cannot be read, or with every problem in them.
 */
export async function printRendered(options: RenderOptions): Promise<string> {
  const { valid, problems } = readManifests(await Promise.all(options.filename.map(readSource)));
  if (problems.length > 0) throw new CommandError(problems.map((problem) => `error: ${problem}`).join('\n'));
  const all = valid.map((manifest) => ({
    manifest,
    objects: renderServer(manifest.object, options.namespace, operatorDefaults(options)),
  }));
  if (options.output === 'yaml') return HEADER + all.map(({ manifest, objects }) => asYaml(manifest, objects)).join('');
  const items = all.flatMap(({ objects }) => objects.map(({ object }) => object));
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 2)}\n`;
}

async function readSource(path: string): Promise<Source> {
  if (path === '-') return { name: 'standard input', text: await text(process.stdin) };
  try {
    return { name: path, text: await readFile(path, 'utf8') };
  } catch (error) {
    throw new CommandError(`error: --filename ${path}: ${reasonOf(error as NodeJS.ErrnoException)}`, USAGE);
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  return code === 'EACCES' ? 'it may not be read' : message;
}

function asYaml({ object: { metadata } }: Manifest, objects: readonly RenderedObject[]): string {
  return objects
    .map(({ object, generatedKeys }) => {
      const drawn =
        generatedKeys.length > 0 ? `# The operator draws at random, once: ${generatedKeys.join(', ')}.\n` : '';
      const yaml = stringify(object, YAML);
      return `---\n# DittoServer ${metadata.name}\n${drawn}${yaml}`;
    })
    .join('');
}
