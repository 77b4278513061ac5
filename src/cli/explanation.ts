/** From what was seen to the causal chain, from "not Ready" down to the root. Pure. */
import type { Condition } from '../api/types.ts';
import { type Cause, diagnose, type Finding } from '../postgres/diagnosis.ts';
import { type Reason, REASONS } from '../status/reasons.ts';
import type { Look } from './look.ts';

export interface Explanation {
  namespace: string;
  name: string;
  ready: boolean;
  /** From the outermost to the root, sentences. Empty when it is ready. */
  chain: string[];
  /** The root, for programs: a cause of the diagnosis, or a reason of a condition. */
  cause?: Cause | Reason | 'OperatorAbsent';
  /** The words of whoever reported the root. */
  evidence?: string;
  nextStep?: string;
  /** What else is wrong, and does not keep it from being ready or comes after the root. */
  alsoFound: { message: string; nextStep?: string }[];
  /** What could not be looked at. */
  unseen: string[];
}

/** Conditions that make Ready, the weightiest first, and those that do not. */
const CAUSES_OF_READY = ['ConfigReady', 'DatabaseReady', 'Available', 'Progressing'];
const ASIDE = ['BackupReady', 'SpecApplied'];

type Root = Pick<Explanation, 'chain' | 'cause' | 'evidence' | 'nextStep'> & { explained: readonly Finding[] };

/** What `look` comes to. */
export function explanation(look: Look): Explanation {
  const { server, unseen } = look;
  const { conditions = [], observedGeneration = 0 } = server.status ?? {};
  const { namespace, name, generation } = server.metadata;
  const findings = { database: diagnose(look.database), server: diagnose(look.serverPods) };
  const condition = conditions.find(({ type }) => type === 'Ready');
  const ready = condition?.status === 'True' && observedGeneration >= generation;
  const root: Root = ready
    ? { chain: [], explained: [] }
    : condition === undefined || observedGeneration < generation
      ? operatorAbsent(condition)
      : rootOf(condition, conditions, look, findings);
  const { explained, ...told } = root;
  const others = [...findings.database, ...findings.server].filter(
    (finding) => !finding.passes && !explained.includes(finding),
  );
  return {
    namespace,
    name,
    ready,
    ...told,
    alsoFound: [
      ...conditions.filter(isAside).map(asideOf),
      ...others.map(({ message, nextStep }) => ({ message, nextStep })),
    ],
    unseen,
  };
}

function operatorAbsent(condition: Condition | undefined): Root {
  const what =
    condition === undefined
      ? 'The operator has not looked at this DittoServer yet: it has no status.'
      : 'The operator has not taken up the last change of this DittoServer yet.';
  return {
    chain: [what],
    cause: 'OperatorAbsent',
    nextStep:
      'Check that dittofs-operator runs, leads (its lease) and watches this namespace (--namespaces), and read its log.',
    explained: [],
  };
}

function rootOf(ready: Condition, conditions: readonly Condition[], look: Look, findings: Findings): Root {
  // Ready takes its reason from the condition that is its cause. Progressing is bad news when True.
  const culprit = conditions.find(({ type, reason }) => CAUSES_OF_READY.includes(type) && reason === ready.reason);
  const chain = culprit ? [`Ready=${ready.status} (${ready.reason})`, conditionText(culprit)] : [conditionText(ready)];
  const relevant = relevantTo(culprit?.type, findings);
  const [first] = relevant;
  if (!first || (first.passes && isForUser(ready.reason))) {
    const nextStep = nextStepOf(ready.reason);
    return { chain, cause: ready.reason as Reason, ...(nextStep !== undefined && { nextStep }), explained: [] };
  }
  const state = culprit?.type === 'DatabaseReady' ? clusterState(look) : [];
  return {
    chain: [...chain, ...state, ...first.chain, first.message],
    cause: first.cause,
    ...(first.evidence !== undefined && { evidence: first.evidence }),
    nextStep: first.nextStep,
    // The same cause at several pods or claims is told once.
    explained: relevant.filter(({ cause }) => cause === first.cause),
  };
}

interface Findings {
  database: Finding[];
  server: Finding[];
}

/** What is wrong with pods explains no error in the spec. */
function relevantTo(type: string | undefined, { database, server }: Findings): Finding[] {
  if (type === 'DatabaseReady') return database;
  return type === 'ConfigReady' ? [] : server;
}

function clusterState({ database: { cluster } }: Look): string[] {
  if (!cluster) return [];
  const { name } = cluster.metadata;
  const { state } = cluster.status ?? {};
  return [
    state === undefined ? `PerconaPGCluster "${name}" has no status.` : `PerconaPGCluster "${name}" is ${state}.`,
  ];
}

function conditionText({ type, status, reason, message }: Condition): string {
  return `${type}=${status} (${reason}): ${message}`;
}

function isAside({ type, status }: Condition): boolean {
  return ASIDE.includes(type) && status === 'False';
}

function asideOf(condition: Condition): Explanation['alsoFound'][number] {
  const nextStep = nextStepOf(condition.reason);
  return { message: conditionText(condition), ...(nextStep !== undefined && { nextStep }) };
}

function entryOf(reason: string) {
  return Object.hasOwn(REASONS, reason) ? REASONS[reason as Reason] : undefined;
}

function nextStepOf(reason: string): string | undefined {
  return entryOf(reason)?.nextStep;
}

function isForUser(reason: string): boolean {
  return entryOf(reason)?.outlook === 'user';
}
