/** The PerconaPGCluster that we order: one that Percona's operator really takes to `ready`, from 2.8.2 to 3.0.0. */
import { defaultBackupPath, defaults, orDefault } from '../api/defaults.ts';
import type { BackupSpec, DittoServer, PerconaSpec } from '../api/types.ts';
import { names, ownedMetadata, POSTGRES_USER, retainedMetadata } from '../desired/names.ts';
import { compact, type ObjectIntent } from '../desired/object.ts';
import type { ObservedSecret, OperatorDefaults } from '../observed.ts';

/** PostgreSQL's major version. DittoFS is tested on it. */
const POSTGRES_VERSION = 16;
/** The key of the backup credentials Secret that holds the certificate of a store's private CA. */
const CA_KEY = 'ca.crt';
/** Where Percona mounts every key of the Secrets in `backups.pgbackrest.configuration`. */
const PGBACKREST_CONFIG_DIRECTORY = '/etc/pgbackrest/conf.d';

/**
 * Whether the cluster goes when its DittoServer goes. Only an explicit `deleteWithServer: false` keeps it.
 */
export function deletedWithServer(server: DittoServer): boolean {
  return server.spec.percona?.deleteWithServer !== false;
}

/** Name of the database that the cluster is ordered with. */
export function databaseName(server: DittoServer): string {
  return orDefault(server.spec.percona?.databaseName, defaults.percona.databaseName);
}

/**
 * The cluster to create, once.
 *
 * @param server a DittoServer with `spec.percona.enabled`.
 * @param operator images and crVersion that hold unless the resource names its own.
 * @param backupSecret the Secret with the backup store's credentials, as observed; its `ca.crt` makes pgBackRest trust
 *   a store with a private CA.
 */
export function perconaCluster(
  server: DittoServer,
  operator: OperatorDefaults,
  backupSecret?: ObservedSecret,
): ObjectIntent {
  const percona = server.spec.percona ?? {};
  const images = percona.images ?? {};
  const name = names.perconaCluster(server.metadata.name);
  const metadata = deletedWithServer(server) ? ownedMetadata(server, name) : retainedMetadata(server, name);
  return {
    apiVersion: 'pgv2.percona.com/v2',
    kind: 'PerconaPGCluster',
    metadata,
    spec: {
      crVersion: percona.crVersion ?? operator.crVersion,
      postgresVersion: POSTGRES_VERSION,
      // Percona has no images of its own to fall back to: without one it stays in `initializing` for ever.
      image: images.postgres ?? operator.postgresImage,
      initContainer: { image: images.init ?? operator.perconaInitImage },
      instances: [instanceSet(percona)],
      users: [
        {
          name: POSTGRES_USER,
          databases: [databaseName(server)],
          password: { type: 'AlphaNumeric' },
        },
      ],
      // 2.8.x crashes for all its clusters on one without `proxy`. We connect to the primary, so no pgBouncer runs.
      proxy: { pgBouncer: { image: images.pgBouncer ?? operator.pgBouncerImage, replicas: 0 } },
      backups: backups(server, images.pgBackRest ?? operator.pgBackRestImage, backupSecret),
    },
  };
}

function instanceSet(percona: PerconaSpec) {
  return compact({
    name: 'instance1',
    replicas: percona.replicas ?? defaults.percona.replicas,
    resources: percona.resources,
    dataVolumeClaimSpec: compact({
      storageClassName: percona.storageClassName,
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: percona.storageSize ?? defaults.percona.storageSize } },
    }),
  });
}

function backups(server: DittoServer, image: string, secret?: ObservedSecret) {
  const backup = server.spec.percona?.backup;
  // 2.9.0 and 3.0.0 ask for the pgBackRest image even when there are no backups.
  if (backup?.enabled !== true) return { enabled: false, pgbackrest: { image } };
  return {
    enabled: true,
    // Only feeds a column of Percona's status, costs a pg_waldump per segment, and brings a finalizer that needs
    // Percona's operator to be alive when the cluster is deleted.
    trackLatestRestorableTime: false,
    pgbackrest: {
      image,
      configuration: [{ secret: { name: backup.credentialsSecretRef?.name ?? '' } }],
      global: pgBackRestOptions(server, backup, secret),
      repos: [
        {
          name: 'repo1',
          s3: {
            bucket: backup.bucket,
            endpoint: backup.endpoint,
            region: orDefault(backup.region, defaults.percona.backup.region),
          },
          schedules: {
            full: orDefault(backup.fullSchedule, defaults.percona.backup.fullSchedule),
            incremental: orDefault(backup.incrSchedule, defaults.percona.backup.incrSchedule),
          },
        },
      ],
    },
  };
}

/** pgBackRest's own options, all strings (its configuration reference, "Repository Options"). */
function pgBackRestOptions(server: DittoServer, backup: BackupSpec, secret?: ObservedSecret): Record<string, string> {
  return {
    'repo1-path': orDefault(backup.path, defaultBackupPath(server.metadata.name)),
    'repo1-s3-uri-style': 'path',
    'repo1-storage-verify-tls': 'y',
    ...(secret?.digests[CA_KEY] !== undefined && {
      'repo1-storage-ca-file': `${PGBACKREST_CONFIG_DIRECTORY}/${CA_KEY}`,
    }),
    'repo1-retention-full': String(backup.retentionDays ?? defaults.percona.backup.retentionDays),
    'repo1-retention-full-type': 'time',
    // Without it the first backup waits for a spread checkpoint: 110 s instead of 11 s.
    'start-fast': 'y',
  };
}
