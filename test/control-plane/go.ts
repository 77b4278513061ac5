import { execFile, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Runs a short `go` command in a directory and returns what it printed.
 *
 * @throws a sentence that says what to do when there is no Go, or the last lines that it printed when it fails.
 */
export async function go(args: readonly string[], directory: string): Promise<string> {
  try {
    const { stdout } = await run('go', args, { cwd: directory, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') throw new Error(GO_MISSING, { cause: error });
    throw new Error(`go ${args.slice(0, 2).join(' ')} failed:\n${lastLines(stderr ?? String(error))}`, {
      cause: error,
    });
  }
}

/**
 * Runs `go build` in a directory, at low priority: it takes minutes, and the machine is used for something else meanwhile.
 *
 * @param args after `go build`.
 * @throws like `go`.
 */
export async function goBuild(args: readonly string[], directory: string): Promise<void> {
  // Never with C: then no C compiler is needed, and the program is the same wherever it is built and runs in any container.
  const env = { ...process.env, CGO_ENABLED: '0' };
  const child = spawn('go', ['build', ...args], { cwd: directory, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const output: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('spawn', () => setPriority(child.pid!, constants.priority.PRIORITY_LOW));
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error(GO_MISSING, { cause: error }) : error),
    );
    child.once('close', resolve);
  });
  const said = output.join('');
  if (code !== 0) throw new Error(`go build failed in ${directory}:\n${lastLines(said)}`);
}

const GO_MISSING =
  'The tests build a real Kubernetes control plane from Go modules, and there is no `go` in PATH: install Go 1.26 or later ' +
  '(https://go.dev/dl), or run the unit tests alone with `npm run test:unit`.';

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-15).join('\n');
}
