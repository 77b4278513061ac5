import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry, AuditLog, AuditMark } from '../test/control-plane/audit.ts';

/** The operator's requests of one phase. */
export interface Calls {
  /** Requests by verb and resource, such as `patch services`; without watches and the lease. */
  byKind: Record<string, number>;
  reads: number;
  writes: number;
  /** Writes that the API server answered with an error, such as a conflict. */
  refused: number;
  /** Watches that were opened. */
  watches: number;
  /** Requests about the leader's lease: they cost by time, not by server. */
  lease: number;
}

const READS: ReadonlySet<string> = new Set(['get', 'list']);
const USER_AGENT = 'dittofs-operator/';

/**
 * Waits until the operator has asked for nothing for two seconds, the lease and open watches apart.
 * @throws after `timeoutMs`: then it does not settle.
 */
export async function quiet(audit: AuditLog, timeoutMs = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let silent = 0; silent < 4;) {
    if (performance.now() > deadline) throw new Error('the operator does not settle: it keeps asking the API server');
    const mark = await audit.mark();
    await sleep(500);
    silent = (await operatorsEntries(audit, mark)).some(isWork) ? 0 : silent + 1;
  }
}

/** What the operator has asked for since `mark`. */
export async function callsSince(audit: AuditLog, mark: AuditMark): Promise<Calls> {
  const entries = await operatorsEntries(audit, mark);
  const work = entries.filter(isWork);
  const byKind = Map.groupBy(work, ({ verb, resource, subresource }) =>
    [verb, subresource === '' ? resource : `${resource}/${subresource}`].join(' ').trim(),
  );
  const writes = work.filter(({ verb }) => !READS.has(verb));
  return {
    byKind: Object.fromEntries([...byKind].map(([kind, some]) => [kind, some.length] as const).sort()),
    reads: work.length - writes.length,
    writes: writes.length,
    refused: writes.filter(({ code }) => code >= 400).length,
    watches: entries.filter(({ verb, stage }) => verb === 'watch' && stage === 'ResponseStarted').length,
    lease: entries.filter(({ resource }) => resource === 'leases').length,
  };
}

async function operatorsEntries(audit: AuditLog, mark: AuditMark): Promise<AuditEntry[]> {
  return (await audit.since(mark)).filter(({ userAgent }) => userAgent.startsWith(USER_AGENT));
}

function isWork({ verb, resource }: AuditEntry): boolean {
  return verb !== 'watch' && resource !== 'leases';
}
