/** Whether the backup repository can be written: a cluster is `ready` with one that cannot. */
import type { DittoServer } from '../api/types.ts';
import type { Observed, ObservedPerconaCluster } from '../observed.ts';
import type { Reason } from '../status/reasons.ts';
import { missingBackupSecret } from './readiness.ts';

export interface BackupState {
  status: 'True' | 'False' | 'Unknown';
  reason: Reason;
  message: string;
}

/**
 * The state of the backups that `server` asks for.
 *
 * @returns undefined when none are asked for.
 */
export function backupState(server: DittoServer, observed: Observed): BackupState | undefined {
  const { percona } = server.spec;
  if (percona?.enabled !== true || percona.backup?.enabled !== true) return undefined;
  const cluster = observed.perconaCluster;
  if (!cluster) return waiting('the PerconaPGCluster does not exist yet.');
  if (cluster.spec.backups?.enabled === false || (cluster.spec.backups?.pgbackrest?.repos ?? []).length === 0) {
    return {
      status: 'False',
      reason: 'BackupsNotConfigured',
      message: `PerconaPGCluster "${cluster.metadata.name}" has no backups: it was made before they were asked for.`,
    };
  }
  const missing = missingBackupSecret(server, observed);
  if (missing !== undefined) {
    return {
      status: 'False',
      reason: 'BackupSecretNotFound',
      message: `Secret "${missing}" of spec.percona.backup.credentialsSecretRef not found: PostgreSQL cannot start again without it.`,
    };
  }
  return repositoryState(cluster);
}

function repositoryState(cluster: ObservedPerconaCluster): BackupState {
  // Of Percona's conditions only ReadyForBackup is kept up to date in 2.8.x; `pgbackrest` is copied each time.
  const readyForBackup = cluster.status?.conditions?.find(({ type }) => type === 'ReadyForBackup');
  const stanza = cluster.status?.pgbackrest?.repos?.[0]?.stanzaCreated === true;
  if (stanza && readyForBackup?.status === 'True') {
    return {
      status: 'True',
      reason: 'RepositoryReady',
      message: 'The backup repository is ready and holds a full backup.',
    };
  }
  if (stanza) {
    return {
      status: 'False',
      reason: 'FirstBackupRunning',
      message: 'The backup repository is ready; the first full backup has not ended yet.',
    };
  }
  if (cluster.status?.state === 'ready') {
    return {
      status: 'False',
      reason: 'RepositoryNotWritable',
      message: 'PostgreSQL is ready, but pgBackRest could not set up the backup repository: there are no backups.',
    };
  }
  return waiting('PostgreSQL is not up yet.');
}

function waiting(why: string): BackupState {
  return { status: 'Unknown', reason: 'WaitingForRepository', message: `Waiting for the backup repository: ${why}` };
}
