import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 5_000;
const STALE_MS = 60_000;

/**
 * Runs `work` while no other process does so for the same lock file. The lock of a process that has died, or has not been
 * heard of for a minute, is taken over. Two processes that take over in the same instant may both work: what is done under
 * this lock must be right without it too, only wasteful.
 *
 * @param onWait called once with the id of the process that is waited for.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, onWait: (pid: number) => void): Promise<T> {
  let waited = false;
  while (!(await take(file))) {
    const pid = Number(await readFile(file, 'utf8').catch(() => ''));
    if (await isStale(file, pid)) {
      await rm(file, { force: true });
      continue;
    }
    if (!waited) onWait(pid);
    waited = true;
    await sleep(500);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(file: string, pid: number): Promise<boolean> {
  const age = await stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0, // just released
  );
  // Not written yet, or from a process of another container with the same cache: only time can tell.
  return age > STALE_MS || (pid > 0 && !isRunning(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
