/** The status of a DittoServer, from what was observed and what is planned. */
import { defaults } from '../api/defaults.ts';
import type { DittoServer, DittoServerStatus } from '../api/types.ts';
import type { MissingSecret } from '../desired/config-hash.ts';
import { compact } from '../desired/object.ts';
import { EXTERNAL_FIELD } from '../desired/secret-references.ts';
import type { ForeignObject, Observed, ObservedStatefulSet } from '../observed.ts';
import { backupState } from '../postgres/backup.ts';
import { type Database, perconaOverridesExternal } from '../postgres/database.ts';
import { databaseName } from '../postgres/percona-cluster.ts';
import type { DatabaseState } from '../postgres/readiness.ts';
import { conditions, finding, type Finding, summary } from './conditions.ts';
import { type Notice, PRECEDENCE_NOTICE, specApplied } from './notices.ts';

export interface StatusInputs {
  server: DittoServer;
  database: Database;
  databaseState: DatabaseState;
  observed: Observed;
  missing: readonly MissingSecret[];
  /** What is wrong with the spec, each in one sentence. */
  problems: readonly string[];
  notices: readonly Notice[];
  configHash: string | undefined;
  now: string;
}

/** The status to be written; equal inputs give equal statuses, and only a condition that flips gets a new time. */
export function serverStatus(inputs: StatusInputs): DittoServerStatus {
  const { server, database, observed } = inputs;
  const findings = serverFindings(inputs);
  const { readyReplicas = 0, availableReplicas = 0 } = observed.statefulSet?.status ?? {};
  return compact({
    observedGeneration: server.metadata.generation,
    phase: phase(server, findings, readyReplicas),
    replicas: wantedReplicas(server),
    readyReplicas,
    availableReplicas,
    configHash: inputs.configHash,
    perconaClusterName: 'cluster' in database ? database.cluster : undefined,
    databaseMode: database.mode,
    database: databaseStatus(server, database, observed),
    conditions: conditions(server, findings, inputs.now),
  });
}

/** The status of a server that is going: nothing is ready any more, and nothing is said that is not known. */
export function deletingStatus(server: DittoServer, now: string): DittoServerStatus {
  const message = 'The DittoServer is being deleted.';
  const going: Finding[] = [
    finding('Ready', false, 'Deleting', message),
    { type: 'Reconciling', status: 'True', reason: 'Deleting', message },
  ];
  return {
    ...server.status,
    observedGeneration: server.metadata.generation,
    phase: 'Deleting',
    conditions: conditions(server, going, now),
  };
}

function serverFindings(inputs: StatusInputs): Finding[] {
  const { server, observed } = inputs;
  const backup = backupState(server, observed);
  const config = configFinding(inputs);
  const database = databaseFinding(inputs);
  const available = availableFinding(server, observed.statefulSet, database);
  const progressing = progressingFinding(server, observed.statefulSet, database);
  // Progressing is bad news when True; the summary looks for what does not hold.
  const settled: Finding = { ...progressing, status: progressing.status === 'False' ? 'True' : 'False' };
  const [ready, ...trend] = summary([config, database, available, settled], readyFinding(server));
  return [
    ...(ready ? [ready] : []),
    database,
    ...(backup ? [{ type: 'BackupReady' as const, ...backup }] : []),
    config,
    specApplied(inputs.notices),
    available,
    progressing,
    ...trend,
  ];
}

function readyFinding(server: DittoServer): Finding {
  return wantedReplicas(server) === 0
    ? finding('Ready', true, 'Stopped', 'The server is stopped, as spec.replicas asks.')
    : finding('Ready', true, 'AllConditionsMet', 'The server is ready.');
}

function databaseFinding({ server, databaseState }: StatusInputs): Finding {
  const { ready, reason, message } = databaseState;
  const note = perconaOverridesExternal(server) ? ` ${PRECEDENCE_NOTICE}` : '';
  const status = reason === 'PerconaUnknown' ? 'Unknown' : ready ? 'True' : 'False';
  return { type: 'DatabaseReady', status, reason, message: message + note };
}

function configFinding({ problems, missing, observed }: StatusInputs): Finding {
  if (problems.length > 0) return finding('ConfigReady', false, 'InvalidSpec', problems.map(sentence).join(' '));
  const foreign = observed.foreign.filter(({ kind }) => kind !== 'PerconaPGCluster');
  if (foreign.length > 0) return finding('ConfigReady', false, 'ObjectNotOurs', foreign.map(foreignSentence).join(' '));
  const refused = observed.refused.filter(({ kind }) => !isSaidElsewhere(kind, observed));
  if (refused.length > 0) {
    const list = refused.map(({ kind, name, message }) => `${kind} "${name}" was refused: ${message}`);
    return finding('ConfigReady', false, 'WriteRefused', list.join(' '));
  }
  // What the database lacks is for DatabaseReady to say; a Secret that we make ourselves is on its way.
  const theirs = missing.filter(
    ({ reference }) => reference.field.startsWith('spec.') && reference.field !== EXTERNAL_FIELD,
  );
  const [first] = theirs;
  if (!first) return finding('ConfigReady', true, 'ConfigValid', 'Everything that the spec names is there.');
  const reason = first.key === undefined ? 'SecretNotFound' : 'SecretIncomplete';
  return finding('ConfigReady', false, reason, theirs.map(missingSentence).join(' '));
}

/** A database that cannot be made is for DatabaseReady to say, a claim that cannot grow for SpecApplied. */
function isSaidElsewhere(kind: string, observed: Observed): boolean {
  return kind === 'PersistentVolumeClaim' || (kind === 'PerconaPGCluster' && observed.perconaCluster === undefined);
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}

function foreignSentence({ kind, name, controller }: ForeignObject): string {
  const whose = controller === undefined ? 'was not made by this operator' : `belongs to ${controller}`;
  return `${kind} "${name}" exists and ${whose}; it is left alone.`;
}

function missingSentence({ reference: { field, secret }, key }: MissingSecret): string {
  return key === undefined
    ? `Secret "${secret}" of ${field} not found.`
    : `Secret "${secret}" of ${field} has no key "${key}", or its value is empty.`;
}

function availableFinding(server: DittoServer, set: ObservedStatefulSet | undefined, database: Finding): Finding {
  if (wantedReplicas(server) === 0) {
    return finding('Available', true, 'Stopped', 'No server is wanted (spec.replicas is 0).');
  }
  if (!set) return finding('Available', false, 'WaitingForStart', waitingMessage(database));
  return (set.status?.readyReplicas ?? 0) > 0
    ? finding('Available', true, 'MinimumReplicasAvailable', "The server's pod is ready.")
    : finding('Available', false, 'NoReplicasAvailable', "The server's pod is not ready.");
}

function progressingFinding(server: DittoServer, set: ObservedStatefulSet | undefined, database: Finding): Finding {
  if (!set) return finding('Progressing', true, 'WaitingForStart', waitingMessage(database));
  const wanted = wantedReplicas(server);
  const { readyReplicas = 0, observedGeneration = 0, currentRevision, updateRevision } = set.status ?? {};
  if (readyReplicas !== wanted) {
    const message = wanted === 0 ? "The server's pod is being stopped." : "The server's pod is not ready yet.";
    return finding('Progressing', true, 'ScalingReplicas', message);
  }
  if (observedGeneration < (set.metadata.generation ?? 0) || currentRevision !== updateRevision) {
    return finding('Progressing', true, 'StatefulSetUpdating', "The server's pod is being replaced.");
  }
  return finding('Progressing', false, 'ReconcileComplete', 'Nothing is under way.');
}

function waitingMessage(database: Finding): string {
  return database.status === 'True' ? 'The server is being created.' : 'The server starts once its database is ready.';
}

function phase(server: DittoServer, findings: readonly Finding[], ready: number): DittoServerStatus['phase'] {
  const wanted = wantedReplicas(server);
  if (findings.some(({ type }) => type === 'Stalled') && ready === 0) return 'Failed';
  if (wanted === 0) return 'Stopped';
  return ready >= wanted ? 'Running' : 'Pending';
}

function databaseStatus(server: DittoServer, database: Database, observed: Observed): DittoServerStatus['database'] {
  if (database.mode === 'SQLite') return undefined;
  if (database.mode === 'External') return { secretName: database.userSecret };
  const user = observed.perconaCluster?.spec.users?.find(({ name }) => name === database.user);
  return compact({
    host: `${database.cluster}-primary.${server.metadata.namespace}.svc`,
    name: database.mode === 'Percona' ? (user?.databases?.[0] ?? databaseName(server)) : user?.databases?.[0],
    secretName: database.userSecret,
  });
}

/** How many servers the spec asks for: one, or none. */
export function wantedReplicas(server: DittoServer): number {
  return server.spec.replicas ?? defaults.replicas;
}
