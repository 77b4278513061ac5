/** Whether the database answers, from what the watches showed, and if not, why in one sentence. */
import type { DittoServer } from '../api/types.ts';
import type { ClusterFacts, Observed, ObservedPerconaCluster, ObservedSecret } from '../observed.ts';
import type { Reason } from '../status/reasons.ts';
import { type Database, databaseIdentity, type PerconaDatabase } from './database.ts';
import { DATABASE_ANNOTATION } from '../desired/names.ts';

export interface DatabaseState {
  /** True: the server can use it now. */
  ready: boolean;
  reason: Reason;
  /** One sentence. */
  message: string;
}

/** The keys of a Percona user Secret that the server and its init container read. */
export const PERCONA_KEYS = ['host', 'port', 'user', 'password', 'dbname', 'uri'] as const;
/** The keys of an external PostgreSQL's Secret that must be there; `port` and `sslmode` may be. */
export const EXTERNAL_KEYS = ['host', 'database', 'user', 'password'] as const;

const state = (ready: boolean, reason: Reason, message: string): DatabaseState => ({ ready, reason, message });

/**
 * The state of `server`'s database.
 *
 * @param server the resource.
 * @param database what it asks for, from `databaseOf`.
 */
export function databaseState(
  server: DittoServer,
  database: Database,
  observed: Observed,
  facts: Pick<ClusterFacts, 'perconaApi'>,
): DatabaseState {
  switch (database.mode) {
    case 'SQLite':
      return state(true, 'SQLite', `The control plane uses SQLite at ${database.path} in the server's own volume.`);
    case 'External':
      return externalState(database.userSecret, observed.secrets.get(database.userSecret));
    case 'Percona':
    case 'PerconaRef':
      return perconaState(server, database, observed, facts);
  }
}

function externalState(name: string, secret: ObservedSecret | undefined): DatabaseState {
  if (!secret) return state(false, 'SecretNotFound', `Secret "${name}" with the PostgreSQL credentials not found.`);
  const missing = missingKeys(secret, EXTERNAL_KEYS);
  if (missing.length > 0) {
    return state(false, 'SecretIncomplete', `Secret "${name}" has no key ${quoted(missing)} for PostgreSQL.`);
  }
  return state(true, 'ExternalPostgreSQL', `The control plane uses the PostgreSQL that Secret "${name}" names.`);
}

function perconaState(
  server: DittoServer,
  database: PerconaDatabase,
  observed: Observed,
  facts: Pick<ClusterFacts, 'perconaApi'>,
): DatabaseState {
  if (facts.perconaApi === 'unknown') {
    return state(false, 'PerconaUnknown', "Asking the API server whether Percona's operator is installed.");
  }
  if (facts.perconaApi === 'absent') {
    return state(
      false,
      'PerconaNotInstalled',
      "Percona's operator for PostgreSQL is not installed: the API server does not know perconapgclusters.pgv2.percona.com.",
    );
  }
  const cluster = observed.perconaCluster;
  if (!cluster) return absentState(server, database, observed);
  return clusterObstacle(server, database, cluster) ?? clusterState(database, cluster, observed);
}

function absentState(server: DittoServer, database: PerconaDatabase, observed: Observed): DatabaseState {
  if (database.mode === 'PerconaRef') {
    return state(
      false,
      'ClusterNotFound',
      `PerconaPGCluster "${database.cluster}" of spec.perconaPGClusterRef not found in the namespace.`,
    );
  }
  const refused = observed.refused.find(({ kind }) => kind === 'PerconaPGCluster');
  if (refused) {
    return state(false, 'WriteRefused', `PostgreSQL provisioning failed: ${refused.message}`);
  }
  const missing = missingBackupSecret(server, observed);
  if (missing !== undefined) {
    return state(
      false,
      'BackupSecretNotFound',
      `Secret "${missing}" of spec.percona.backup.credentialsSecretRef not found; without it PostgreSQL could not start.`,
    );
  }
  return state(false, 'WaitingForDatabase', `PerconaPGCluster "${database.cluster}" is being created.`);
}

/** The name of the backup credentials Secret if backups want one that is not there. */
export function missingBackupSecret(server: DittoServer, observed: Observed): string | undefined {
  const backup = server.spec.percona?.backup;
  if (server.spec.percona?.enabled !== true || backup?.enabled !== true) return undefined;
  const name = backup.credentialsSecretRef?.name ?? '';
  return observed.secrets.has(name) ? undefined : name;
}

/** The controller of a cluster, if it has one. */
export function controllerOf(cluster: ObservedPerconaCluster) {
  return cluster.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

function clusterObstacle(
  server: DittoServer,
  database: PerconaDatabase,
  cluster: ObservedPerconaCluster,
): DatabaseState | undefined {
  const { name } = cluster.metadata;
  const controller = controllerOf(cluster);
  if (database.mode === 'Percona' && controller !== undefined && controller.uid !== server.metadata.uid) {
    return state(
      false,
      'ClusterNotOurs',
      `PerconaPGCluster "${name}" exists and belongs to ${controller.kind} "${controller.name}"; it is left alone.`,
    );
  }
  if (cluster.metadata.deletionTimestamp !== undefined) {
    return state(false, 'PostgreSQLBeingDeleted', `PerconaPGCluster "${name}" is being deleted.`);
  }
  if (cluster.spec.pause === true) {
    return state(false, 'PostgreSQLPaused', `PerconaPGCluster "${name}" is paused (spec.pause).`);
  }
  return undefined;
}

function clusterState(database: PerconaDatabase, cluster: ObservedPerconaCluster, observed: Observed): DatabaseState {
  const progress = clusterProgress(cluster);
  const images = progress === undefined ? [] : missingImages(cluster);
  if (images.length > 0) {
    return state(
      false,
      'ImagesMissing',
      `PerconaPGCluster "${cluster.metadata.name}" names no image in ${images.join(', ')}: Percona's operator does not start it.`,
    );
  }
  if (progress !== undefined) {
    return wasInUse(database, observed)
      ? state(false, 'PostgreSQLFailed', `PostgreSQL was ready and is not: ${progress}`)
      : state(false, 'WaitingForDatabase', `Waiting for PostgreSQL: ${progress}`);
  }
  const secret = observed.secrets.get(database.userSecret);
  if (!secret) {
    return state(
      false,
      'WaitingForDatabase',
      `Waiting for PostgreSQL: Secret "${database.userSecret}" with the credentials of user "${database.user}" not found.`,
    );
  }
  const missing = missingKeys(secret, PERCONA_KEYS);
  if (missing.length > 0) {
    const lack = `Secret "${database.userSecret}" has no key ${quoted(missing)}`;
    // Percona leaves these two out for a user without a database; others are empty for a moment in a rotation.
    return missing.every((key) => key === 'dbname' || key === 'uri')
      ? state(false, 'CredentialsIncomplete', `${lack}: PostgreSQL user "${database.user}" has no database.`)
      : state(false, 'WaitingForDatabase', `Waiting for PostgreSQL: ${lack}.`);
  }
  if (observed.secrets.get(database.caSecret)?.digests['ca.crt'] === undefined) {
    return state(
      false,
      'WaitingForDatabase',
      `Waiting for PostgreSQL: Secret "${database.caSecret}" with the database's CA (key ca.crt) not found.`,
    );
  }
  return state(true, 'PostgreSQLReady', `PerconaPGCluster "${cluster.metadata.name}" is ready.`);
}

/**
 * What the cluster still lacks, or undefined when it lacks nothing. `status.state` alone does not tell: it counts the
 * pods that exist, not those that are wanted, and may belong to an older generation.
 */
function clusterProgress(cluster: ObservedPerconaCluster): string | undefined {
  const { name } = cluster.metadata;
  const { status } = cluster;
  if (status?.state === undefined) {
    return `Percona's operator has not reported on PerconaPGCluster "${name}" yet.`;
  }
  const wanted = (cluster.spec.instances ?? []).reduce((sum, { replicas }) => sum + (replicas ?? 1), 0);
  const ready = status.postgres?.ready ?? 0;
  const instances = `${ready} of ${wanted} instances are ready`;
  if (status.state !== 'ready') return `PerconaPGCluster "${name}" is ${status.state}, ${instances}.`;
  if ((status.observedGeneration ?? 0) < (cluster.metadata.generation ?? 0)) {
    return `Percona's operator has not taken up the last change of PerconaPGCluster "${name}".`;
  }
  return ready < wanted ? `PerconaPGCluster "${name}": ${instances}.` : undefined;
}

/** Percona has no images of its own to fall back to, and says so only in an event on another object. */
function missingImages({ spec, status }: ObservedPerconaCluster): string[] {
  // Its operator may bring images as environment variables; then the cluster has instances.
  if ((status?.postgres?.size ?? 0) > 0) return [];
  return [
    ...(spec.image ? [] : ['spec.image']),
    ...(spec.proxy?.pgBouncer?.image || mayLackProxy(spec) ? [] : ['spec.proxy.pgBouncer.image']),
    ...(spec.backups?.pgbackrest?.image ? [] : ['spec.backups.pgbackrest.image']),
  ];
}

/** From crVersion 2.9.0 on, a cluster without `proxy` has no pgBouncer. */
function mayLackProxy({ proxy, crVersion = '' }: ObservedPerconaCluster['spec']): boolean {
  const [major = 0, minor = 0] = crVersion.split('.').map(Number);
  return proxy === undefined && (major > 2 || (major === 2 && minor >= 9));
}

/** Whether the server's pods were already told to use this very database. */
export function wasInUse(database: Database, observed: Observed): boolean {
  return observed.statefulSet?.metadata.annotations?.[DATABASE_ANNOTATION] === databaseIdentity(database);
}

function missingKeys(secret: ObservedSecret, keys: readonly string[]): string[] {
  return keys.filter((key) => secret.digests[key] === undefined);
}

function quoted(keys: readonly string[]): string {
  return keys.map((key) => `"${key}"`).join(', ');
}
