/** Conditions: one aspect of a DittoServer each, all of them set at every look. */
import type { Condition, DittoServer } from '../api/types.ts';
import { needsUser, type ConditionType, type Reason } from './reasons.ts';

export interface Finding {
  type: ConditionType;
  status: 'True' | 'False' | 'Unknown';
  reason: Reason;
  message: string;
}

/** A finding of `type`, True when it `holds`. */
export function finding(type: ConditionType, holds: boolean, reason: Reason, message: string): Finding {
  return { type, status: holds ? 'True' : 'False', reason, message };
}

/**
 * The summary of `findings`: Ready, and for tools that follow kstatus Reconciling (it comes right by itself) or Stalled
 * (somebody has to act). The two stand only while they are true, as kstatus wants it.
 *
 * @param findings in the order of their weight: the first that does not hold is the cause.
 */
export function summary(findings: readonly Finding[], ready: Finding): Finding[] {
  const cause = findings.find(({ status }) => status !== 'True');
  if (!cause) return [ready];
  const { reason, message } = cause;
  return [
    { type: 'Ready', status: 'False', reason, message },
    { type: needsUser(reason) ? 'Stalled' : 'Reconciling', status: 'True', reason, message },
  ];
}

/**
 * Turns findings into conditions of the API: a condition that did not flip keeps its transition time.
 *
 * @param now RFC 3339, for those that did.
 */
export function conditions(server: DittoServer, findings: readonly Finding[], now: string): Condition[] {
  const before = new Map((server.status?.conditions ?? []).map((condition) => [condition.type, condition]));
  return findings.map((found) => {
    const previous = before.get(found.type);
    return {
      ...found,
      observedGeneration: server.metadata.generation,
      lastTransitionTime: previous?.status === found.status ? previous.lastTransitionTime : now,
    };
  });
}
