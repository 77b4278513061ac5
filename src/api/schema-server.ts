/** The server's own settings: storage, database, API, adapters, metrics, logging. */
import { Type, type Static } from 'typebox';
import { defaults } from './defaults.ts';
import {
  flag,
  int32,
  list,
  LONG,
  object,
  oneOf,
  optional,
  passedThrough,
  secretKeyRef,
  text,
  textMap,
} from './schema-parts.ts';

const SIZE_PATTERN = '^[0-9]+(Gi|Mi|Ti)$';
const SERVICE_TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer'] as const;

function size(description: string, options?: Record<string, unknown>) {
  return text(description, { pattern: SIZE_PATTERN, maxLength: 64, ...options });
}

function port(description: string, value: number) {
  return int32(description, { default: value, minimum: 1, maximum: 65535 });
}

export const storageSchema = object("The server's volumes.", {
  metadataSize: size('Size of the volume at `/data/store/metadata`, for metadata stores.'),
  contentSize: optional(size('Size of the volume at `/data/store/block`, for local blocks. Not set: no such volume.')),
  controlPlaneSize: optional(
    size("Size of the volume at `/data/controlplane`, for the server's own state.", {
      default: defaults.storage.controlPlaneSize,
    }),
  ),
  storageClassName: optional(
    text("StorageClass of all volumes; the cluster's default one when not set.", { maxLength: LONG }),
  ),
  cacheSize: optional(text('Size of a cache volume that earlier servers used.')),
});
export type StorageSpec = Static<typeof storageSchema>;

export const databaseSchema = object("The control plane's database when Percona is not used.", {
  type: optional(
    oneOf(['sqlite', 'postgres'], 'Kind of database. PostgreSQL also needs `postgresSecretRef`.', {
      default: defaults.database.type,
    }),
  ),
  sqlite: optional(
    object('SQLite.', {
      path: optional(
        text('The database file inside the container. Outside of a volume it is lost with the pod.', {
          default: defaults.database.sqlite.path,
          maxLength: LONG,
        }),
      ),
    }),
  ),
  postgresSecretRef: optional(
    secretKeyRef(
      'Secret of an external PostgreSQL with the keys `host`, `database`, `user`, `password` and, if needed, `port` ' +
        'and `sslmode`. Its presence selects PostgreSQL. The field `key` is required but not used.',
    ),
  ),
});
export type DatabaseSpec = Static<typeof databaseSchema>;

export const controlPlaneSchema = object("The server's REST API.", {
  port: optional(port('Port of the REST API.', defaults.controlPlane.port)),
  tls: optional(
    flag('Whether the API is reached by https, also when something in front of the server ends TLS.', {
      default: defaults.controlPlane.tls,
    }),
  ),
  certSecretName: optional(
    text('Secret with `tls.crt` and `tls.key` (and `ca.crt`, if private) with which the server itself serves https.', {
      maxLength: LONG,
    }),
  ),
  clientCASecretName: optional(
    text('Secret with `ca.crt`: clients of the API must then show a certificate of this CA.', { maxLength: LONG }),
  ),
});
export type ControlPlaneSpec = Static<typeof controlPlaneSchema>;

export const serviceSchema = object('The Service of the REST API.', {
  type: optional(oneOf(SERVICE_TYPES, 'Type of the Service.', { default: defaults.service.type })),
  annotations: optional(textMap('Annotations of the Service.')),
});
export type ServiceSpec = Static<typeof serviceSchema>;

export const adapterServicesSchema = object('The Services of the file protocols.', {
  type: optional(oneOf(SERVICE_TYPES, 'Type of the Services.', { default: defaults.adapterServices.type })),
  annotations: optional(textMap('Annotations of the Services.')),
});
export type AdapterServicesSpec = Static<typeof adapterServicesSchema>;

export const adapterDiscoverySchema = object('How the running file protocols are found.', {
  pollingInterval: optional(
    text('How often the server is asked, as a duration like `30s`.', {
      default: defaults.adapterDiscovery.pollingInterval,
      maxLength: 64,
    }),
  ),
});
export type AdapterDiscoverySpec = Static<typeof adapterDiscoverySchema>;

export const metricsSchema = object('Prometheus metrics of the server.', {
  enabled: optional(flag('Whether the server offers metrics.', { default: defaults.metrics.enabled })),
  port: optional(port('Port of the metrics.', defaults.metrics.port)),
  path: optional(text('Path of the metrics.', { default: defaults.metrics.path, pattern: '^/.*', maxLength: LONG })),
  bearerTokenSecret: optional(secretKeyRef('Token that a scraper must send.')),
  serviceMonitor: optional(
    object('ServiceMonitor for the Prometheus operator.', {
      enabled: optional(
        flag('Whether a ServiceMonitor is created.', { default: defaults.metrics.serviceMonitor.enabled }),
      ),
      interval: optional(text('How often metrics are scraped.', { maxLength: 64 })),
      labels: optional(textMap('Labels of the ServiceMonitor.')),
    }),
  ),
});
export type MetricsSpec = Static<typeof metricsSchema>;

export const loggingSchema = object("The server's log.", {
  level: optional(oneOf(['DEBUG', 'INFO', 'WARN', 'ERROR'], 'Least severe level that is logged; INFO when not set.')),
  format: optional(oneOf(['text', 'json'], 'Form of log lines; json when not set.')),
  output: optional(text('Where the log goes: `stdout`, `stderr` or a file; stdout when not set.', { maxLength: LONG })),
});
export type LoggingSpec = Static<typeof loggingSchema>;

export const snapshotPolicySchema = object('Scheduled snapshots of one share.', {
  share: text("The share's name.", { maxLength: 256 }),
  interval: text('How often a snapshot is taken: a duration like `6h`, `@hourly`, `@daily` or `@weekly`.', {
    maxLength: 64,
  }),
  keepLast: optional(int32('How many scheduled snapshots are kept; 0 for no limit.', { minimum: 0 })),
  ttl: optional(
    text('Age after which scheduled snapshots are removed, as a duration; empty for no limit.', { maxLength: 64 }),
  ),
  namePrefix: optional(text("Start of the snapshots' names.", { maxLength: LONG })),
  enabled: optional(flag('Whether the policy runs; it does when not set.')),
});
export type SnapshotPolicySpec = Static<typeof snapshotPolicySchema>;

export const snapshotPoliciesSchema = list(snapshotPolicySchema, 'Scheduled snapshots, one entry per share.', {
  maxItems: 100,
});

export const s3Schema = object(
  "Credentials of an S3-compatible store in the server's environment, for stores that name no keys of their own.",
  {
    credentialsSecretRef: optional(
      object('Secret with the credentials.', {
        secretName: text("The Secret's name.", { maxLength: LONG }),
        accessKeyIdKey: optional(
          text('Key of the access key id.', {
            default: defaults.s3.credentialsSecretRef.accessKeyIdKey,
            maxLength: LONG,
          }),
        ),
        secretAccessKeyKey: optional(
          text('Key of the secret access key.', {
            default: defaults.s3.credentialsSecretRef.secretAccessKeyKey,
            maxLength: LONG,
          }),
        ),
        endpointKey: optional(
          text("Key of the store's URL; the Secret may lack it.", {
            default: defaults.s3.credentialsSecretRef.endpointKey,
            maxLength: LONG,
          }),
        ),
      }),
    ),
    region: optional(text("The store's region.", { default: defaults.s3.region })),
    bucket: optional(text('The bucket, for the reader: stores name their own.')),
  },
);
export type S3Spec = Static<typeof s3Schema>;

/** Blocks of earlier versions of the resource, which describe what the server no longer reads. */
export const formerSchemas = {
  nfsPort: optional(Type.Integer({ format: 'int32', minimum: 1, maximum: 65535, description: 'Port of NFS.' })),
  smb: optional(passedThrough<Record<string, unknown>>('SMB settings.')),
  cache: optional(
    object('Cache of the server.', {
      path: optional(text('Path of the cache.')),
      size: optional(text('Size of the cache.')),
    }),
  ),
};
