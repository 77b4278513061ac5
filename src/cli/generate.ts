/** Writes the files that are made from the code: `npm run generate`. With `--check` only compares, for CI. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printCrd } from '../api/crd.ts';
import { printReference } from '../api/reference.ts';
import { printClusterWideRbac, printNamespacedRbac } from './rbac.ts';

/** Every generated file by its path from the root of the repository. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  'deploy/crd.yaml': printCrd,
  'deploy/rbac.yaml': () => printClusterWideRbac(),
  'deploy/rbac-namespaced.yaml': () => printNamespacedRbac(),
  'docs/crd-reference.md': printReference,
};

const root = new URL('../../', import.meta.url);

/** The generated files that are not as the code says. */
export function outdated(): string[] {
  return Object.entries(GENERATED).flatMap(([path, print]) => (contentOf(path) === print() ? [] : [path]));
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, root), 'utf8');
  } catch {
    return undefined;
  }
}

function generate(paths: readonly string[]): void {
  for (const path of paths) {
    const file = fileURLToPath(new URL(path, root));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, GENERATED[path]?.() ?? '');
    process.stdout.write(`${path}\n`);
  }
}

function main(args: readonly string[]): number {
  const unknown = args.filter((arg) => arg !== '--check');
  if (unknown.length > 0) {
    process.stderr.write(`error: unknown argument "${unknown.join(' ')}"; there is only --check\n`);
    return 2;
  }
  const paths = outdated();
  if (!args.includes('--check')) {
    generate(paths);
    return 0;
  }
  if (paths.length === 0) return 0;
  process.stderr.write(`error: out of date: ${paths.join(', ')}. Run: npm run generate\n`);
  return 1;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
