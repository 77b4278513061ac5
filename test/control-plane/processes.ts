import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What to run. */
export interface ProcessSpec {
  /** Shown in errors and the name of the log file. */
  name: string;
  command: string;
  args: readonly string[];
  /** Added to this process's environment; `undefined` removes a variable. */
  env?: Record<string, string | undefined>;
}

/** A process that was started, known by its id alone. */
export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process has ended, with a sentence such as `exit code 1`. Never rejects. */
  readonly ended: Promise<string>;
  /** True until the process has ended. */
  readonly alive: boolean;
  /** Everything that it wrote to stdout and stderr so far. */
  log: () => Promise<string>;
  /** The last lines of its log, for error messages. Default: 15 lines. */
  lastLines: (count?: number) => Promise<string>;
  /**
   * SIGTERM, then SIGKILL after `graceMs` (default 3000; 0: SIGKILL at once). Resolves when it has ended; calling it again is
   * harmless.
   */
  stop: (graceMs?: number) => Promise<void>;
}

/** Processes that live and die together with the directory that holds their data. */
export interface ProcessGroup {
  /**
   * Starts a process; stdout and stderr go to `<directory>/<name>.log` (appended, so a restart keeps the history).
   * Throws when the command cannot be run.
   */
  start: (spec: ProcessSpec) => Promise<ManagedProcess>;
  /** Ids of all processes of the group that have not ended. */
  pids: () => number[];
  /**
   * Kills all processes at once, without grace since their data goes too, and removes the directory. Calling it again is
   * harmless.
   */
  stop: () => Promise<void>;
}

/**
 * The shell script that survives us: it remembers the last line that it was told (process ids), and when its input ends,
 * which the kernel sees to however we end, it kills those processes and removes the directory.
 */
const WATCHDOG =
  'while read -r line; do pids=$line; done; [ -n "$pids" ] && kill -KILL $pids 2>/dev/null; rm -rf "$1" || { sleep 1; rm -rf "$1"; }';

/**
 * Makes a group of processes around a directory.
 *
 * Nothing of it outlives this process, not even after a SIGKILL: see `WATCHDOG`. That is a shell and a pipe, hence the same
 * on Linux and macOS, needs no signal handlers (which would change what Ctrl-C means to the program that uses this) and
 * removes the directory too, which Linux's parent-death signal would not.
 *
 * @param directory an existing directory; it is removed at the end.
 */
export function createProcessGroup(directory: string): ProcessGroup {
  const processes: ManagedProcess[] = [];
  // In a session of its own: Ctrl-C and a test runner that kills its process group must not reach it.
  const watchdog = spawn('sh', ['-c', WATCHDOG, 'watchdog', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.unref();
  (watchdog.stdin as unknown as { unref: () => void }).unref();
  watchdog.stdin.on('error', () => undefined);
  watchdog.on('error', () => undefined);
  const watchdogEnded = new Promise<void>((resolve) => watchdog.once('close', () => resolve()));

  const pids = () => processes.filter((one) => one.alive).map((one) => one.pid);
  const tellWatchdog = () => void watchdog.stdin.write(`${pids().join(' ')}\n`);

  let stopping: Promise<void> | undefined;
  const stop = async () => {
    await Promise.all(processes.map((one) => one.stop(0)));
    watchdog.ref();
    watchdog.stdin.end();
    await watchdogEnded;
  };

  return {
    pids,
    start: async (spec) => {
      if (stopping) throw new Error(`${spec.name} cannot be started: its group has been stopped`);
      const managed = await startProcess(spec, join(directory, `${spec.name}.log`));
      processes.push(managed);
      tellWatchdog();
      void managed.ended.then(tellWatchdog);
      return managed;
    },
    stop: () => (stopping ??= stop()),
  };
}

async function startProcess(spec: ProcessSpec, logFile: string): Promise<ManagedProcess> {
  const output = openSync(logFile, 'a');
  let child: ChildProcess;
  try {
    const env = { ...process.env, ...spec.env };
    // The API servers and operators here are on the loopback interface; a proxy for the world must not get in between.
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
      for (const key of [name, name.toLowerCase()]) Reflect.deleteProperty(env, key);
    }
    child = spawn(spec.command, spec.args, { stdio: ['ignore', output, output], env });
  } finally {
    closeSync(output);
  }
  let alive = true;
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      alive = false;
      resolve(signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`);
    });
    child.once('error', (error) => {
      alive = child.pid !== undefined && alive;
      if (!alive) resolve(error.message);
    });
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${spec.name} cannot be started: ${await ended}`);
  // A forgotten stop() must not keep the program from ending; the watchdog does the rest.
  child.unref();

  const log = () => readFile(logFile, 'utf8');
  return {
    name: spec.name,
    pid,
    ended,
    get alive() {
      return alive;
    },
    log,
    lastLines: async (count = 15) => (await log()).trimEnd().split('\n').slice(-count).join('\n'),
    stop: async (graceMs = 3000) => {
      if (!alive) return;
      child.ref();
      child.kill(graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(kill);
    },
  };
}
