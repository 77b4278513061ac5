/**
 * The product: from a DittoServer and what is around it, everything that is to be done. A value, computed without I/O,
 * clock or randomness; the running operator, `render` and the tests all call this one function.
 */
import { checkRules } from './api/validate.ts';
import type { DittoServer, DittoServerSpec, DittoServerStatus } from './api/types.ts';
import { type ClaimGrowth, claimGrowth, effectiveClaimTemplates } from './desired/claims.ts';
import { configHash, missingSecrets } from './desired/config-hash.ts';
import { configMap } from './desired/config-map.ts';
import { differences } from './desired/difference.ts';
import { GO_OPERATOR_FINALIZER, names } from './desired/names.ts';
import { networkPolicy } from './desired/network-policy.ts';
import { type ObjectIntent, objectKey } from './desired/object.ts';
import { adminSecret, type GeneratedSecret, jwtSecret } from './desired/secrets.ts';
import { apiService, headlessService, metricsService } from './desired/services.ts';
import { statefulSet } from './desired/stateful-set.ts';
import type { ClusterFacts, Observed } from './observed.ts';
import { type Database, databaseInUse } from './postgres/database.ts';
import { type OwnershipChange, ownershipChange } from './postgres/ownership.ts';
import { deletedWithServer, perconaCluster } from './postgres/percona-cluster.ts';
import { type DatabaseState, databaseState, missingBackupSecret, wasInUse } from './postgres/readiness.ts';
import { type EventIntent, statusEvents } from './status/events.ts';
import { notices } from './status/notices.ts';
import { deletingStatus, serverStatus } from './status/status.ts';

/** An object to delete, with the reason for it. */
export interface Removal {
  kind: string;
  name: string;
  uid: string;
  reason: string;
}

/** A pod that will roll because of this plan. */
export interface Restart {
  pod: string;
  reason: string;
}

export interface Plan {
  /** Ours, kept as planned. */
  apply: ObjectIntent[];
  /** Created if absent, never written again. */
  createOnce: ObjectIntent[];
  /** Created if absent with random values, never written again. */
  generate: GeneratedSecret[];
  remove: Removal[];
  growClaims: ClaimGrowth[];
  ownership?: OwnershipChange;
  /** The DittoServer's finalizers without the Go operator's, when it has that. */
  finalizers?: string[];
  restarts: Restart[];
  /** Absent when there is nobody left to read it. */
  status?: DittoServerStatus;
  events: EventIntent[];
  lookAgain?: { afterSeconds: number; because: string };
}

/** How often an unfinished database is looked at without being told of a change: a safety net under the watches. */
const DATABASE_LOOK_SECONDS = 10;
/** How often an object that stands in our way, or a write that was refused, is tried again. */
const OBSTACLE_LOOK_SECONDS = 60;

/**
 * What to do for a DittoServer.
 *
 * @param given the resource; even its spec may be missing, since the definition of the Go operator allowed that.
 * @param observed what the watches showed.
 * @param facts what is true of the cluster and the operator; the clock and the digest function are passed in here.
 */
export function plan(given: DittoServer, observed: Observed, facts: ClusterFacts): Plan {
  const server = withStorage(given);
  if (server.metadata.deletionTimestamp !== undefined) return deletionPlan(server, observed, facts);
  const finalizers = remainingFinalizers(server);
  const problems = specProblems(given);
  const database = databaseInUse(server, observed);
  const state = databaseState(server, database, observed, facts);
  const hash = configHash(server, database, observed, facts.digest);
  const found = notices(server, observed);
  const status = serverStatus({
    server,
    database,
    databaseState: state,
    observed,
    missing: missingSecrets(server, database, observed),
    problems,
    notices: found,
    configHash: hash,
    now: facts.now,
  });
  // What is wrong in the spec is not carried out by halves: what runs goes on running as it is.
  const work =
    problems.length > 0 ? NOTHING : serverWork({ server, observed, facts, database, state, configHash: hash });
  return {
    ...work,
    ...(finalizers && { finalizers }),
    status,
    events: [...statusEvents(server, status, found), ...restartEvents(work.restarts)],
    ...lookAgain(observed, state),
  };
}

/** The server with a spec that can be read without asking at each step whether it is there. */
function withStorage(server: DittoServer): DittoServer {
  const spec = server.spec as Partial<DittoServerSpec> | null | undefined;
  if (spec?.storage) return server;
  return { ...server, spec: { ...spec, storage: spec?.storage ?? { metadataSize: '' } } };
}

/** What is wrong with the spec, each in one sentence. */
function specProblems(server: DittoServer): string[] {
  const spec = server.spec as Partial<DittoServerSpec> | null | undefined;
  // What follows would only repeat it: rules on single fields hold where there are none.
  if (!spec?.storage?.metadataSize) {
    return ['spec.storage.metadataSize is required: the size of the volume for metadata stores, such as 10Gi'];
  }
  const known = PROBLEMS.get(server.spec);
  if (known?.name === server.metadata.name) return known.problems;
  const problems = checkRules(server).map(({ message }) => message);
  PROBLEMS.set(server.spec, { name: server.metadata.name, problems });
  return problems;
}

/** A spec is looked at some four times until its server is ready; the rules took a fifth of the time of a plan. */
const PROBLEMS = new WeakMap<DittoServerSpec, { name: string; problems: string[] }>();

/** At most one of the two clusters needs a change; if both did, the other would have its turn in the next plan. */
function clusterOwnership(server: DittoServer, observed: Observed): OwnershipChange | undefined {
  return ownershipChange(server, observed.perconaCluster) ?? ownershipChange(server, observed.formerCluster);
}

type Work = Pick<Plan, 'apply' | 'createOnce' | 'generate' | 'remove' | 'growClaims' | 'ownership' | 'restarts'>;

const NOTHING: Work = { apply: [], createOnce: [], generate: [], remove: [], growClaims: [], restarts: [] };

interface WorkInputs {
  server: DittoServer;
  observed: Observed;
  facts: ClusterFacts;
  database: Database;
  state: DatabaseState;
  configHash: string | undefined;
}

function serverWork(inputs: WorkInputs): Work {
  const { server, observed } = inputs;
  const metrics = metricsService(server);
  const policy = networkPolicy(server);
  const set = plannedStatefulSet(inputs);
  const ownership = clusterOwnership(server, observed);
  return {
    generate: generatedSecrets(server, observed),
    createOnce: plannedCluster(inputs),
    apply: [
      configMap(server, inputs.database),
      headlessService(server),
      apiService(server),
      ...(metrics ? [metrics] : []),
      ...(policy ? [policy] : []),
      ...(set ? [set] : []),
    ],
    remove: [
      ...(metrics ? [] : removal(observed, 'Service', names.metricsService(server.metadata.name), 'metrics are off')),
      ...(policy ? [] : removal(observed, 'NetworkPolicy', names.networkPolicy(server.metadata.name), 'it is off')),
    ],
    growClaims: claimGrowth(server, observed),
    ...(ownership && { ownership }),
    restarts: set ? restarts(server, observed, set) : [],
  };
}

function generatedSecrets(server: DittoServer, observed: Observed): GeneratedSecret[] {
  const admin = observed.statefulSet ? undefined : adminSecret(server);
  return [jwtSecret(server), admin].filter(
    (secret): secret is GeneratedSecret => secret !== undefined && !observed.secrets.has(secret.object.metadata.name),
  );
}

function plannedCluster({ server, observed, facts }: WorkInputs): ObjectIntent[] {
  if (server.spec.percona?.enabled !== true || facts.perconaApi !== 'present' || observed.perconaCluster) return [];
  // Percona mounts it into the database's pod, which would wait for it for ever.
  if (missingBackupSecret(server, observed) !== undefined) return [];
  const secret = observed.secrets.get(server.spec.percona.backup?.credentialsSecretRef?.name ?? '');
  return [perconaCluster(server, facts.defaults, secret)];
}

/**
 * The StatefulSet, once it may exist: at first only when the database is ready, and ever after whatever state the
 * database is in. Pods are moved to another database only when that one is ready.
 */
function plannedStatefulSet(inputs: WorkInputs): ObjectIntent | undefined {
  const { server, observed, facts, database, state } = inputs;
  const started = observed.statefulSet !== undefined && wasInUse(database, observed);
  if (inputs.configHash === undefined || (!state.ready && !started)) return undefined;
  return statefulSet({
    server,
    database,
    claimTemplates: effectiveClaimTemplates(server, observed),
    podManagementPolicy: observed.statefulSet?.spec.podManagementPolicy,
    configHash: inputs.configHash,
    operator: facts.defaults,
  });
}

function removal(observed: Observed, kind: string, name: string, reason: string): Removal[] {
  const object = observed.objects.get(objectKey({ kind, metadata: { name } }));
  return object ? [{ kind, name, uid: object.metadata.uid, reason }] : [];
}

function restarts(server: DittoServer, observed: Observed, set: ObjectIntent): Restart[] {
  const there = observed.statefulSet;
  if (!there || (there.spec.replicas ?? 1) === 0) return [];
  // A write that was refused restarts nothing.
  if (observed.refused.some(({ kind }) => kind === 'StatefulSet')) return [];
  const changed = differences((set as { spec?: { template?: unknown } }).spec?.template, there.spec.template);
  if (changed.length === 0) return [];
  const reason = changed.every((path) => path.startsWith('metadata.annotations'))
    ? 'what the server reads when it starts has changed'
    : `the pod template has changed: ${changed.slice(0, 3).join(', ')}`;
  return [{ pod: names.pod(server.metadata.name), reason }];
}

function restartEvents(planned: readonly Restart[]): EventIntent[] {
  return planned.map(({ pod, reason }) => ({
    type: 'Normal',
    reason: 'RestartingServer',
    action: 'UpdateStatefulSet',
    note: `Pod "${pod}" is replaced: ${reason}.`,
  }));
}

function lookAgain(observed: Observed, state: DatabaseState): Pick<Plan, 'lookAgain'> {
  if (!state.ready) {
    return { lookAgain: { afterSeconds: DATABASE_LOOK_SECONDS, because: 'the database is not ready' } };
  }
  if (observed.foreign.length > 0 || observed.refused.length > 0) {
    return { lookAgain: { afterSeconds: OBSTACLE_LOOK_SECONDS, because: 'an object is in the way or was refused' } };
  }
  return {};
}

function remainingFinalizers(server: DittoServer): string[] | undefined {
  const { finalizers = [] } = server.metadata;
  if (!finalizers.includes(GO_OPERATOR_FINALIZER)) return undefined;
  return finalizers.filter((finalizer) => finalizer !== GO_OPERATOR_FINALIZER);
}

/**
 * Everything goes by owner references. What is left to do is to let go of a database that is to stay, before the
 * finalizer that holds the garbage collector back is taken off.
 */
function deletionPlan(server: DittoServer, observed: Observed, facts: ClusterFacts): Plan {
  const finalizers = remainingFinalizers(server);
  const ownership = clusterOwnership(server, observed);
  const unseen = facts.perconaApi === 'unknown' && server.spec.percona !== undefined && !deletedWithServer(server);
  const hold = ownership !== undefined || unseen;
  const left = (hold ? undefined : finalizers) ?? server.metadata.finalizers ?? [];
  return {
    ...NOTHING,
    ...(ownership && { ownership }),
    ...(finalizers && !hold && { finalizers }),
    ...(left.length > 0 && { status: deletingStatus(server, facts.now) }),
    events: [],
    ...(unseen && {
      lookAgain: {
        afterSeconds: DATABASE_LOOK_SECONDS,
        because: 'it is not known yet whether a database is to be kept',
      },
    }),
  };
}
