/**
 * Every default value of a DittoServer, in the shape of its spec.
 *
 * The API server writes most of these into an object when it stores it, but only below a block that the user
 * wrote: `spec: {storage: ...}` comes back without `controlPlane`. So whoever reads a spec reads it as
 * `spec.controlPlane?.port ?? defaults.controlPlane.port`, and the schema takes its `default:` from here, so the
 * two cannot differ.
 */
export const defaults = {
  image: 'marmos91c/dittofs:latest',
  replicas: 1,
  storage: {
    controlPlaneSize: '1Gi',
  },
  database: {
    type: 'sqlite',
    sqlite: { path: '/data/controlplane/controlplane.db' },
  },
  controlPlane: {
    port: 8080,
    tls: false,
  },
  identity: {
    type: 'memory',
    jwt: { accessTokenDuration: '15m', refreshTokenDuration: '168h' },
    admin: { username: 'admin' },
  },
  adapterDiscovery: { pollingInterval: '30s' },
  adapterServices: { type: 'LoadBalancer' },
  service: { type: 'ClusterIP' },
  metrics: {
    enabled: false,
    port: 9090,
    path: '/metrics',
    serviceMonitor: { enabled: false },
  },
  /** Not written into objects: the server's own defaults, rendered where the user says nothing. */
  logging: { level: 'INFO', format: 'json', output: 'stdout' },
  networkPolicy: { enabled: true },
  percona: {
    enabled: false,
    replicas: 1,
    storageSize: '10Gi',
    databaseName: 'dittofs',
    /**
     * Not written into objects, so that "said nothing" and "said false" stay two things: nothing means that the
     * PerconaPGCluster goes with its DittoServer, an explicit `false` keeps it.
     */
    deleteWithServer: true,
    backup: {
      enabled: false,
      region: 'eu-west-1',
      fullSchedule: '0 2 * * *',
      incrSchedule: '0 * * * *',
      retentionDays: 7,
    },
  },
  s3: {
    region: 'eu-west-1',
    credentialsSecretRef: {
      accessKeyIdKey: 'accessKeyId',
      secretAccessKeyKey: 'secretAccessKey',
      endpointKey: 'endpoint',
    },
  },
  /**
   * Not written into objects. The server's shutdown has three stages of at most 30 s each and 5 s to exit; 5 s for
   * the hook that lets endpoints settle before it and 5 s to spare.
   */
  terminationGracePeriodSeconds: 105,
} as const;

/**
 * The pgBackRest repository's path when the user names none. It carries the server's name because pgBackRest's own
 * default is the same for every cluster, and two clusters on one path take each other's backups over.
 */
export function defaultBackupPath(serverName: string): string {
  return `/pgbackrest/${serverName}/repo1`;
}

/** The value, or the default where the user wrote nothing or an empty text: the two have always meant the same. */
export function orDefault(value: string | undefined, fallback: string): string {
  return value === undefined || value === '' ? fallback : value;
}
