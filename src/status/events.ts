/** Events: what changed since the status that was last written. Looking again at the same thing gives none. */
import type { Condition, DittoServer, DittoServerStatus } from '../api/types.ts';
import type { Notice } from './notices.ts';

export interface EventIntent {
  type: 'Normal' | 'Warning';
  reason: string;
  /** What the operator was doing, as events.k8s.io/v1 wants to know. */
  action: string;
  note: string;
}

/** Reasons of DatabaseReady that are no news: nothing was tried yet, or nothing of ours is waited for. */
const SILENT_DATABASE_REASONS: ReadonlySet<string> = new Set(['PerconaUnknown', 'SQLite', 'ExternalPostgreSQL']);

/** The events between the status that `server` has and the one that it gets. */
export function statusEvents(server: DittoServer, next: DittoServerStatus, notices: readonly Notice[]): EventIntent[] {
  const before = (type: string) => server.status?.conditions?.find((condition) => condition.type === type);
  const after = (type: string) => next.conditions?.find((condition) => condition.type === type);
  return [
    ...databaseEvents(before('DatabaseReady'), after('DatabaseReady')),
    ...warningEvents('Reconcile', before('ConfigReady'), after('ConfigReady')),
    ...warningEvents('CheckBackup', before('BackupReady'), after('BackupReady'), ['RepositoryNotWritable']),
    ...noticeEvents(before('SpecApplied'), notices),
  ];
}

function databaseEvents(before: Condition | undefined, after: Condition | undefined): EventIntent[] {
  if (!after || after.reason === before?.reason || SILENT_DATABASE_REASONS.has(after.reason)) return [];
  const event = { action: 'WaitForDatabase', note: after.message };
  if (after.status === 'True') return [{ type: 'Normal', reason: 'PostgreSQLReady', ...event }];
  if (after.reason === 'WaitingForDatabase') return [{ type: 'Normal', reason: 'WaitingForDatabase', ...event }];
  return [{ type: 'Warning', reason: 'PostgreSQLFailed', ...event }];
}

function warningEvents(
  action: string,
  before: Condition | undefined,
  after: Condition | undefined,
  only?: readonly string[],
): EventIntent[] {
  if (after?.status !== 'False' || after.reason === before?.reason) return [];
  if (only && !only.includes(after.reason)) return [];
  return [{ type: 'Warning', reason: after.reason, action, note: after.message }];
}

/** A notice is news when the condition that held the notices did not hold it. */
function noticeEvents(before: Condition | undefined, notices: readonly Notice[]): EventIntent[] {
  return notices
    .filter(({ message }) => before?.message.includes(message) !== true)
    .map(({ reason, message }) => ({ type: 'Warning', reason, action: 'Reconcile', note: message }));
}
