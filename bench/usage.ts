import { readFile } from 'node:fs/promises';

/** What a process has used so far. */
export interface Usage {
  /** User and system time in milliseconds. */
  cpuMs: number;
  /** Resident memory in MiB. */
  rss: number;
  /** The part of it that is no page of a file, such as the program itself: what would be swapped, in MiB. */
  anonymous: number;
  /** The most resident memory that it ever had, in MiB. */
  rssPeak: number;
}

/** `USER_HZ`, the unit of `/proc/PID/stat`: 100 on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Reads /proc. @throws when there is no such process, or no /proc. */
export async function usageOf(pid: number): Promise<Usage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ]);
  // The second field is the program's name in parentheses and may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const mebibytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return {
    cpuMs: (ticks / TICKS_PER_SECOND) * 1000,
    ...{ rss: mebibytes('VmRSS'), anonymous: mebibytes('RssAnon'), rssPeak: mebibytes('VmHWM') },
  };
}
