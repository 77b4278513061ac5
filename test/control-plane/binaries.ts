import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  access,
  appendFile,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { go, goBuild } from './go.ts';
import { withLock } from './lock.ts';

/** Absolute paths of the programs. */
export interface Binaries {
  etcd: string;
  kubeApiServer: string;
  kubeControllerManager: string;
  kubectl: string;
}

/** Version of Kubernetes in `kubernetes/go.mod`. */
export const KUBERNETES_VERSION = 'v1.36.3';

/** How to prepare the binaries. */
export interface EnsureOptions {
  /** Called with a line of text when a build starts, every 5 seconds while it runs, and when it ends. Default: nobody is. */
  progress?: (line: string) => void;
}

const PERCONA_MODULE = 'github.com/percona/percona-postgresql-operator/v2';

/**
 * The folder where built programs are kept, outside of the source tree: `$DITTOFS_OPERATOR_CACHE`, else
 * `$XDG_CACHE_HOME/dittofs-operator`, else `~/.cache/dittofs-operator`.
 */
export function cacheDirectory(): string {
  const { DITTOFS_OPERATOR_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  if (own) return own;
  return join(xdg ?? join(homedir(), '.cache'), 'dittofs-operator');
}

/**
 * Builds whatever program of Kubernetes is missing, from Go modules; minutes the first time, milliseconds later. Where
 * `KUBEBUILDER_ASSETS` is set, the programs in that folder are used instead of built ones.
 *
 * @throws a sentence that says what to do when there is no Go; the last lines of the build when one fails.
 */
export async function ensureBinaries({ progress = () => undefined }: EnsureOptions = {}): Promise<Binaries> {
  const assets = process.env.KUBEBUILDER_ASSETS;
  const names = ['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager'];
  const given = new Map(
    assets ? names.map((name) => [name, join(assets, name)] as const).filter(([, path]) => existsSync(path)) : [],
  );
  const built = given.size === names.length ? '' : await ensureBuilt(await kubernetes(), progress);
  const find = (name: string) => given.get(name) ?? join(built, name);
  return {
    etcd: find('etcd'),
    kubeApiServer: find('kube-apiserver'),
    kubeControllerManager: find('kube-controller-manager'),
    kubectl: find('kubectl'),
  };
}

/**
 * Builds Percona's operator for PostgreSQL 2.9.0 when it is missing, and returns its path.
 * @throws like `ensureBinaries`.
 */
export async function ensurePerconaOperator({ progress = () => undefined }: EnsureOptions = {}): Promise<string> {
  return join(await ensureBuilt(await perconaOperator(), progress), 'postgres-operator');
}

/**
 * The folder of Percona's Go module, which has its CRDs (`deploy/crd.yaml`) and manifests; downloaded when it is missing.
 * @throws like `ensureBinaries`.
 */
export async function perconaModuleDir(): Promise<string> {
  const module = JSON.parse(await go(['mod', 'download', '-json', PERCONA_MODULE], folder('percona'))) as {
    Dir: string;
  };
  return module.Dir;
}

/** Something to build: what it is made of, and how. */
interface Recipe {
  name: string;
  /** Changes whenever the result may. */
  key: string;
  build: (target: string) => Promise<void>;
}

async function kubernetes(): Promise<Recipe> {
  const source = folder('kubernetes');
  const version = 'k8s.io/component-base/version';
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(KUBERNETES_VERSION)!;
  const stamps = { gitVersion: KUBERNETES_VERSION, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const ldflags = ['-s', '-w', ...Object.entries(stamps).map(([name, value]) => `-X ${version}.${name}=${value}`)];
  const flags = ['-trimpath', '-buildvcs=false', '-ldflags', ldflags.join(' ')];
  return {
    name: 'kubernetes',
    key: await keyOf(
      [...flags],
      ['go.mod', 'go.sum', 'main.go'].map((file) => join(source, file)),
    ),
    build: async (target) => {
      await goBuild([...flags, '-o', join(target, 'kubernetes'), '.'], source);
      // The program is told by its name which one it is.
      for (const name of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'])
        await symlink('kubernetes', join(target, name));
    },
  };
}

/** A change to a Go file of Percona's: its only `from` becomes `to`. */
interface Change {
  file: string;
  from: string;
  to: string;
}

const PERCONA_CHANGES: readonly Change[] = [
  // It listens for health probes and metrics on fixed ports of all interfaces, which cannot be configured; with them only one
  // operator could run on a machine, and none beside whatever else uses port 8080.
  {
    file: 'cmd/postgres-operator/main.go',
    from: 'options.HealthProbeBindAddress = ":8081"',
    to: 'options.HealthProbeBindAddress = "0"; options.Metrics.BindAddress = "0"',
  },
  // It reads the options of database users with PostgreSQL's parser, which is written in C and would need a C compiler; ours
  // is the same parser, compiled already.
  {
    file: 'internal/postgres/users.go',
    from: '"github.com/pganalyze/pg_query_go/v6"',
    to: '"dittofs-operator/test/control-plane/percona/pg_query"',
  },
];

async function perconaOperator(): Promise<Recipe> {
  const source = folder('percona');
  const flags = ['-trimpath', '-buildvcs=false', '-ldflags', '-s -w'];
  const files = ['go.mod', 'go.sum', 'pg_query/pg_query.go'];
  return {
    name: 'percona-operator',
    key: await keyOf(
      [...flags, JSON.stringify(PERCONA_CHANGES)],
      files.map((file) => join(source, file)),
    ),
    build: async (target) => {
      const work = join(target, 'work');
      await mkdir(join(work, 'pg_query'), { recursive: true });
      for (const file of files) await copyFile(join(source, file), join(work, file));
      await changedModule(await perconaModuleDir(), join(work, 'module'));
      await appendFile(join(work, 'go.mod'), `\nreplace ${PERCONA_MODULE} => ./module\n`);
      const program = `${PERCONA_MODULE}/cmd/postgres-operator`;
      await goBuild([...flags, '-o', join(target, 'postgres-operator'), program], work);
      await rm(work, { recursive: true });
    },
  };
}

async function changedModule(original: string, copy: string): Promise<void> {
  await mkdir(copy);
  await copyFile(join(original, 'go.mod'), join(copy, 'go.mod'));
  for (const part of ['cmd', 'internal', 'percona', 'pkg']) await copyTree(join(original, part), join(copy, part));
  for (const change of PERCONA_CHANGES) await apply(change, copy);
}

async function apply({ file, from, to }: Change, directory: string): Promise<void> {
  const path = join(directory, file);
  const [before, after, ...more] = (await readFile(path, 'utf8')).split(from);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`Percona's ${file} does not have exactly one ${from}: adapt PERCONA_CHANGES to this version`);
  await chmod(path, 0o644);
  await writeFile(path, before + to + after);
}

/** Unlike `fs.cp` it does not keep the modes: Go's module cache is read-only, and the copy has to be removed again. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    await (entry.isDirectory() ? copyTree(source, target) : copyFile(source, target));
  }
}

async function keyOf(words: readonly string[], files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const word of [...words, await goVersion()]) hash.update(`${word}\0`);
  for (const file of files) hash.update(await readFile(file)).update('\0');
  return hash.digest('hex').slice(0, 16);
}

async function goVersion(): Promise<string> {
  // In a module's folder: go.mod can select another toolchain than the one in PATH.
  return go(['env', 'GOVERSION', 'GOOS', 'GOARCH'], folder('kubernetes'));
}

/** Returns the folder of a finished build. It appears there in one step, so what exists is complete. */
async function ensureBuilt(recipe: Recipe, progress: (line: string) => void): Promise<string> {
  const cache = cacheDirectory();
  const finished = join(cache, `${recipe.name}-${recipe.key}`);
  if (await exists(finished)) return finished;
  await mkdir(cache, { recursive: true });
  // One lock for all recipes: a build takes all processors there are.
  const build = async () => {
    if (await exists(finished)) return;
    const target = join(cache, `.building-${recipe.name}-${process.pid}`);
    await rm(target, { recursive: true, force: true });
    await mkdir(target);
    try {
      await reporting(recipe.name, progress, () => recipe.build(target));
      await rename(target, finished);
    } finally {
      await rm(target, { recursive: true, force: true });
    }
  };
  await withLock(join(cache, 'build.lock'), build, (pid) =>
    progress(`waiting for process ${pid}, which is building in ${cache}`),
  );
  return finished;
}

async function reporting(name: string, progress: (line: string) => void, work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  const elapsed = () => `${Math.round((performance.now() - started) / 1000)} s`;
  progress(`building ${name} from Go modules, once; this takes minutes`);
  const ticker = setInterval(() => progress(`building ${name}: ${elapsed()}`), 5_000);
  try {
    await work();
  } finally {
    clearInterval(ticker);
  }
  progress(`built ${name} in ${elapsed()}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function folder(name: string): string {
  return join(import.meta.dirname, name);
}
