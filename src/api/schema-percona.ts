import type { Static } from 'typebox';
import { defaults } from './defaults.ts';
import { flag, int32, localRef, LONG, object, optional, resources, text } from './schema-parts.ts';

const percona = defaults.percona;

export const backupSchema = object('Backups of the PostgreSQL cluster to an S3-compatible store with pgBackRest.', {
  enabled: optional(
    flag('Whether backups are configured. Without them the database has no backup at all.', {
      default: percona.backup.enabled,
    }),
  ),
  credentialsSecretRef: optional(
    localRef(
      "Secret with the store's credentials as a pgBackRest configuration file (key `s3.conf`). Separate from the " +
        'credentials of the file payload. Every key of it is read as pgBackRest configuration.',
    ),
  ),
  bucket: optional(text('Bucket that holds the backups.', { maxLength: LONG })),
  endpoint: optional(
    text("The store's host name, with a port if it needs one and without scheme or path: `s3.cubbit.eu`.", {
      maxLength: LONG,
    }),
  ),
  region: optional(text("The store's region.", { default: percona.backup.region, maxLength: LONG })),
  path: optional(
    text(
      'Path of the repository inside the bucket; `/pgbackrest/{name}/repo1` when not set. Two clusters must never ' +
        'share one path.',
      { maxLength: LONG },
    ),
  ),
  fullSchedule: optional(
    text('When full backups run, as a cron expression in UTC.', {
      default: percona.backup.fullSchedule,
      maxLength: 256,
    }),
  ),
  incrSchedule: optional(
    text('When incremental backups run, as a cron expression in UTC.', {
      default: percona.backup.incrSchedule,
      maxLength: 256,
    }),
  ),
  retentionDays: optional(
    int32('For how many days full backups and what depends on them are kept.', {
      default: percona.backup.retentionDays,
      minimum: 1,
    }),
  ),
});
export type BackupSpec = Static<typeof backupSchema>;

export const imagesSchema = object("Images of the PostgreSQL cluster's containers, each overriding the operator's.", {
  postgres: optional(text('PostgreSQL itself.', { maxLength: LONG })),
  pgBouncer: optional(text('Connection pooler.', { maxLength: LONG })),
  pgBackRest: optional(text('Backup tool.', { maxLength: LONG })),
  init: optional(text("Init container of the database pods, an image of Percona's operator.", { maxLength: LONG })),
});
export type PerconaImages = Static<typeof imagesSchema>;

export const perconaSchema = object(
  "PostgreSQL cluster for the control plane, created as a PerconaPGCluster named `{name}-postgres` for Percona's " +
    'operator. It is created once; later changes here do not reach an existing cluster.',
  {
    enabled: optional(flag('Whether the PostgreSQL cluster is created and used.', { default: percona.enabled })),
    deleteWithServer: optional(
      flag(
        'Whether the PostgreSQL cluster is deleted with the DittoServer. Not set and `true`: deleted; `false`: kept. ' +
          "Its volumes are kept in any case, unless Percona's finalizers on the cluster say otherwise.",
      ),
    ),
    replicas: optional(
      int32('How many PostgreSQL instances run.', { default: percona.replicas, minimum: 1, maximum: 5 }),
    ),
    storageSize: optional(text("Size of each instance's volume.", { default: percona.storageSize, maxLength: 64 })),
    storageClassName: optional(
      text("StorageClass of the instances' volumes; the cluster's default one when not set.", { maxLength: LONG }),
    ),
    databaseName: optional(
      text('Name of the database that is created for the server.', {
        default: percona.databaseName,
        maxLength: 256,
      }),
    ),
    backup: optional(backupSchema),
    crVersion: optional(
      text("Version of Percona's operator whose behaviour the cluster follows, such as `2.8.0`.", { maxLength: 64 }),
    ),
    images: optional(imagesSchema),
    resources: optional(resources('Compute resources of the database container.')),
  },
);
export type PerconaSpec = Static<typeof perconaSchema>;

export const perconaPGClusterRefSchema = object(
  'An existing PerconaPGCluster of the same namespace to use. It is never changed or deleted by this operator.',
  {
    name: text("The PerconaPGCluster's name.", { maxLength: LONG }),
    user: optional(
      text(
        'The PostgreSQL user whose Secret is used. Not set: `dittofs` if the cluster lists such a user, else its ' +
          'only user; a cluster that lists none has one that is named like it.',
        { maxLength: LONG },
      ),
    ),
  },
);
export type PerconaPGClusterRef = Static<typeof perconaPGClusterRefSchema>;
