/**
 * For every rule, objects that it accepts and objects that it refuses. The unit tests ask our own evaluation, the
 * control-plane tests ask kube-apiserver the same questions.
 */

export interface TestServer {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string; [field: string]: unknown };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

export interface ValidCase {
  rule: string;
  accepted: TestServer[];
  refused: TestServer[];
}

export interface TransitionCase {
  rule: string;
  accepted: [old: TestServer, now: TestServer][];
  refused: [old: TestServer, now: TestServer][];
}

/** A DittoServer with the least that it needs, and `spec` on top. */
export function server(spec: Record<string, unknown> = {}, name = 'files'): TestServer {
  return {
    apiVersion: 'dittofs.dittofs.com/v1alpha1',
    kind: 'DittoServer',
    metadata: { name, namespace: 'default' },
    spec: { storage: { metadataSize: '10Gi' }, ...spec },
  };
}

function storage(fields: Record<string, unknown>): TestServer {
  return server({ storage: { metadataSize: '10Gi', ...fields } });
}

function percona(fields: Record<string, unknown>, name?: string): TestServer {
  return server({ percona: { enabled: true, ...fields } }, name);
}

const BACKUP = {
  enabled: true,
  bucket: 'pg',
  endpoint: 's3.cubbit.eu',
  credentialsSecretRef: { name: 'pg-s3' },
};

function backup(fields: Record<string, unknown>): TestServer {
  return percona({ backup: { ...BACKUP, ...fields } });
}

function identity(fields: Record<string, unknown>): TestServer {
  return server({ identity: fields });
}

const JWT = { secretRef: { name: 'jwt', key: 'secret' } };

function jwt(fields: Record<string, unknown>): TestServer {
  return identity({ jwt: { ...JWT, ...fields } });
}

const LDAP = {
  enabled: true,
  url: 'ldaps://dc.example.com',
  baseDN: 'dc=example,dc=com',
  bindDN: 'cn=reader',
  bindPasswordSecretRef: { name: 'ldap', key: 'password' },
};

function ldap(fields: Record<string, unknown>): TestServer {
  return identity({ ldap: { ...LDAP, ...fields } });
}

const KERBEROS = {
  enabled: true,
  servicePrincipal: 'nfs/files.example.com@EXAMPLE.COM',
  keytabSecretRef: { name: 'keytab', key: 'keytab' },
};

function kerberos(fields: Record<string, unknown>): TestServer {
  return identity({ kerberos: { ...KERBEROS, ...fields } });
}

const MACHINE = { enabled: true, accountName: 'FILES$', secretRef: { name: 'machine', key: 'password' } };

function machine(fields: Record<string, unknown>): TestServer {
  return kerberos({ machineAccount: { ...MACHINE, ...fields } });
}

function policies(...list: Record<string, unknown>[]): TestServer {
  return server({ snapshotPolicies: list.map((policy) => ({ share: '/a', interval: '6h', ...policy })) });
}

function without(object: TestServer, ...fields: string[]): TestServer {
  const copy = structuredClone(object);
  for (const field of fields) {
    const steps = field.split('.');
    const last = steps.pop()!;
    const parent = steps.reduce<Record<string, unknown>>(
      (at, step) => at[step] as Record<string, unknown>,
      copy as never,
    );
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
    delete parent[last];
  }
  return copy;
}

const SECRET_REFS: [rule: string, at: (ref: Record<string, unknown>) => TestServer][] = [
  ['jwt-secretRef', (secretRef) => jwt({ secretRef })],
  ['admin-passwordSecretRef', (passwordSecretRef) => identity({ admin: { passwordSecretRef } })],
  ['ldap-bindPasswordSecretRef', (bindPasswordSecretRef) => ldap({ enabled: false, bindPasswordSecretRef })],
  ['kerberos-keytabSecretRef', (keytabSecretRef) => kerberos({ enabled: false, keytabSecretRef })],
  ['kerberos-krb5ConfSecretRef', (krb5ConfSecretRef) => kerberos({ krb5ConfSecretRef })],
  ['kerberos-machineAccount-secretRef', (secretRef) => machine({ enabled: false, secretRef })],
  ['kerberos-machineAccount-keytabSecretRef', (keytabSecretRef) => machine({ keytabSecretRef })],
  ['metrics-bearerTokenSecret', (bearerTokenSecret) => server({ metrics: { bearerTokenSecret } })],
];

const secretRefs: ValidCase[] = SECRET_REFS.flatMap(([rule, at]) => [
  {
    rule: `${rule}-name`,
    accepted: [at({ name: 'a.b-c', key: 'k' }), at({ key: 'k' }), at({ name: '', key: '' })],
    refused: [at({ name: 'Upper', key: 'k' }), at({ name: 'a b', key: 'k' }), at({ name: 'a..b', key: 'k' })],
  },
  {
    rule: `${rule}-key`,
    accepted: [at({ name: 'a', key: 'ca.crt' }), at({ name: '', key: 'not a key' })],
    refused: [at({ name: 'a', key: '' }), at({ name: 'a', key: 'not a key' })],
  },
]);

const IMAGES = ['postgres', 'pgBouncer', 'pgBackRest', 'init'];
const S3_KEYS = ['accessKeyIdKey', 'secretAccessKeyKey', 'endpointKey'];

function s3(fields: Record<string, unknown>): TestServer {
  return server({ s3: { credentialsSecretRef: { secretName: 's3', ...fields } } });
}

const DURATIONS = {
  accepted: ['', '30s', '1h30m', '1.5h', '+15m', '100ms', '250µs', '0h1m', '168h'],
  refused: ['0s', '0', '-5m', '5', '1d', 'h', ' 5m', '5m ', '99999999h', 'fast', '+'],
};

function durations(rule: string, at: (value: string) => TestServer): ValidCase {
  return { rule, accepted: DURATIONS.accepted.map(at), refused: DURATIONS.refused.map(at) };
}

const CRON = {
  accepted: [
    '',
    '0 2 * * *',
    '*/5 * * * *',
    '0,30 8-18/2 1,15 JAN-mar Mon-FRI',
    '5/10 * ? * 0',
    '@daily',
    '@hourly',
    '@every 12h',
    '@every 1h30m',
    'CRON_TZ=Europe/Rome 0 2 * * *',
    'TZ=UTC @weekly',
    ' 0  2 * * * ',
    '00 02 01 01 *',
  ],
  refused: [
    '0 2 * *',
    '0 2 * * * *',
    '60 2 * * *',
    '0 24 * * *',
    '0 2 0 * *',
    '0 2 32 * *',
    '0 2 * 13 *',
    '0 2 * * 7',
    '*/0 * * * *',
    '@never',
    '@every day',
    'daily',
    '0 2 * * mondays',
    '0 2 * * *,',
    '0 -2 * * *',
  ],
};

export const validCases: ValidCase[] = [
  { rule: 'spec-present', accepted: [server()], refused: [without(server(), 'spec')] },
  {
    rule: 'name-length',
    accepted: [server({}, 'a'.repeat(52))],
    refused: [server({}, 'a'.repeat(53)), server({}, 'a'.repeat(63))],
  },
  {
    rule: 'name-form',
    accepted: [server({}, 'a'), server({}, 'files-2')],
    refused: [server({}, '2files'), server({}, 'files.example')],
  },
  {
    rule: 'image-form',
    accepted: [server({ image: 'reg.example:5000/a/b@sha256:' + 'a'.repeat(64) })],
    refused: [server({ image: '' }), server({ image: 'a b' }), server({ image: 'a\n' })],
  },
  {
    rule: 'service-account-name',
    accepted: [server({ serviceAccountName: '' }), server({ serviceAccountName: 'files' })],
    refused: [server({ serviceAccountName: 'Files' })],
  },
  {
    rule: 'priority-class-name',
    accepted: [server({ priorityClassName: '' }), server({ priorityClassName: 'high' })],
    refused: [server({ priorityClassName: 'high!' })],
  },
  {
    rule: 'storage-class-name',
    accepted: [storage({ storageClassName: '' }), storage({ storageClassName: 'fast.ssd' })],
    refused: [storage({ storageClassName: 'Fast' })],
  },
  {
    rule: 'sqlite-path',
    accepted: [
      server({ database: { sqlite: { path: '/data/controlplane/a.db' } } }),
      server({ database: { sqlite: { path: '' } } }),
    ],
    refused: [server({ database: { sqlite: { path: 'a.db' } } })],
  },
  ...['metadataSize', 'contentSize', 'controlPlaneSize'].map((field) => ({
    rule: `storage-${field}-positive`,
    accepted: [storage({ [field]: '1Mi' }), storage({ [field]: '99999999999999999Ti' })],
    refused: [storage({ [field]: '0Gi' }), storage({ [field]: '000Mi' })],
  })),
  {
    rule: 'port-api-metrics',
    accepted: [
      server({ metrics: { enabled: true } }),
      server({ metrics: { port: 8080 } }),
      server({ metrics: { enabled: true, port: 8080 }, controlPlane: { port: 9090 } }),
    ],
    refused: [
      server({ metrics: { enabled: true, port: 8080 } }),
      server({ metrics: { enabled: true }, controlPlane: { port: 9090 } }),
    ],
  },
  {
    rule: 'port-api-files',
    accepted: [server({ controlPlane: { port: 443 } }), server({ controlPlane: {} })],
    refused: [server({ controlPlane: { port: 12049 } }), server({ controlPlane: { port: 1445 } })],
  },
  {
    rule: 'port-metrics-files',
    accepted: [server({ metrics: { port: 12049 } })],
    refused: [server({ metrics: { enabled: true, port: 12049 } }), server({ metrics: { enabled: true, port: 1445 } })],
  },
  {
    rule: 'tls-cert-name',
    accepted: [server({ controlPlane: { certSecretName: 'tls' } }), server({ controlPlane: { certSecretName: '' } })],
    refused: [server({ controlPlane: { certSecretName: 'TLS' } })],
  },
  {
    rule: 'tls-client-ca-name',
    accepted: [server({ controlPlane: { certSecretName: 'tls', clientCASecretName: 'ca' } })],
    refused: [server({ controlPlane: { certSecretName: 'tls', clientCASecretName: 'a_b' } })],
  },
  {
    rule: 'tls-client-ca-needs-cert',
    accepted: [server({ controlPlane: { clientCASecretName: '' } })],
    refused: [
      server({ controlPlane: { clientCASecretName: 'ca' } }),
      server({ controlPlane: { clientCASecretName: 'ca', certSecretName: '' } }),
    ],
  },
  {
    rule: 'metrics-path',
    accepted: [server({ metrics: { path: '/m' } })],
    refused: [server({ metrics: { path: '/m m' } })],
  },
  durations('polling-interval', (pollingInterval) => server({ adapterDiscovery: { pollingInterval } })),
  {
    rule: 'service-monitor-interval',
    accepted: ['', '30s', '1m30s', '1d', '500ms'].map((interval) =>
      server({ metrics: { serviceMonitor: { interval } } }),
    ),
    refused: ['30', '1.5m', '30 s'].map((interval) => server({ metrics: { serviceMonitor: { interval } } })),
  },
  {
    rule: 's3-secret-name',
    accepted: [s3({})],
    refused: [s3({ secretName: '' }), s3({ secretName: 'S3' })],
  },
  ...S3_KEYS.map((key) => ({
    rule: `s3-${key}`,
    accepted: [s3({ [key]: 'AWS_ACCESS_KEY_ID' })],
    refused: [s3({ [key]: '' }), s3({ [key]: 'a/b' })],
  })),
  {
    rule: 'snapshot-share',
    accepted: [policies(), policies({ share: 'a' }, { share: '/b/c' })],
    refused: [policies({ share: '' }), policies({ share: '/' })],
  },
  {
    rule: 'snapshot-interval',
    accepted: ['6h', '@hourly', '@daily', '@weekly'].map((interval) => policies({ interval })),
    refused: ['', '0h', '-6h', '@monthly', 'daily', '1d'].map((interval) => policies({ interval })),
  },
  {
    rule: 'snapshot-ttl',
    accepted: ['', '0', '0s', '168h'].map((ttl) => policies({ ttl })),
    refused: ['7d', '-1h', 'forever'].map((ttl) => policies({ ttl })),
  },
  {
    rule: 'snapshot-name-prefix',
    accepted: ['', 'nightly_1-a', 'a'.repeat(64)].map((namePrefix) => policies({ namePrefix })),
    refused: ['a b', 'a/b', 'é', 'a'.repeat(65)].map((namePrefix) => policies({ namePrefix })),
  },
  {
    rule: 'snapshot-share-once',
    accepted: [policies({ share: '/a' }, { share: '/b' }), server({ snapshotPolicies: [] })],
    refused: [policies({ share: '/a' }, { share: '/a' }), policies({ share: '/a' }, { share: 'a' })],
  },
  {
    rule: 'percona-name-length',
    accepted: [percona({}, 'a'.repeat(28)), percona({ enabled: false }, 'a'.repeat(29))],
    refused: [percona({}, 'a'.repeat(29))],
  },
  {
    rule: 'percona-or-ref',
    accepted: [
      server({ perconaPGClusterRef: { name: 'pg' } }),
      server({ percona: { enabled: false }, perconaPGClusterRef: { name: 'pg' } }),
    ],
    refused: [server({ percona: { enabled: true }, perconaPGClusterRef: { name: 'pg' } })],
  },
  {
    rule: 'percona-storage-size',
    accepted: ['10Gi', '0.5Ti', '10G', '10737418240', '1e10', '1500m'].map((storageSize) => percona({ storageSize })),
    refused: ['', '0', '0Gi', '-1Gi', '10GB', 'big', '10 Gi'].map((storageSize) => percona({ storageSize })),
  },
  {
    rule: 'percona-storage-class-name',
    accepted: [percona({ storageClassName: '' }), percona({ storageClassName: 'fast' })],
    refused: [percona({ storageClassName: 'fast_ssd' })],
  },
  {
    rule: 'percona-database-name',
    accepted: ['', 'dittofs', 'Ditto_FS-2', '_a', 'a'.repeat(63)].map((databaseName) => percona({ databaseName })),
    refused: ['-a', 'a b', 'a"b', 'é', 'a'.repeat(64)].map((databaseName) => percona({ databaseName })),
  },
  {
    rule: 'percona-database-reserved',
    accepted: [percona({ databaseName: 'postgres2' })],
    refused: ['postgres', 'template0', 'template1'].map((databaseName) => percona({ databaseName })),
  },
  {
    rule: 'percona-cr-version',
    accepted: [percona({ crVersion: '2.8.0' }), percona({ crVersion: '3.0.12' })],
    refused: ['', '2.8', 'v2.8.0', '2.8.0-rc1', 'latest'].map((crVersion) => percona({ crVersion })),
  },
  ...IMAGES.map((image) => ({
    rule: `percona-image-${image}`,
    accepted: [percona({ images: { [image]: 'percona/a:1' } })],
    refused: [percona({ images: { [image]: '' } }), percona({ images: { [image]: ' percona/a:1' } })],
  })),
  {
    rule: 'backup-bucket',
    accepted: [backup({}), percona({ backup: {} }), server({ percona: { enabled: false, backup: { enabled: true } } })],
    refused: [backup({ bucket: '' }), without(backup({}), 'spec.percona.backup.bucket')],
  },
  {
    rule: 'backup-bucket-form',
    accepted: [backup({ bucket: 'My_bucket.2' }), percona({ backup: { bucket: 's3://x' } })],
    refused: [backup({ bucket: 's3://x' }), backup({ bucket: 'a/b' }), backup({ bucket: '-a' })],
  },
  {
    rule: 'backup-endpoint',
    accepted: [backup({})],
    refused: [backup({ endpoint: '' }), without(backup({}), 'spec.percona.backup.endpoint')],
  },
  {
    rule: 'backup-endpoint-form',
    accepted: ['s3.cubbit.eu', 'minio', 'minio:9000', '10.0.0.1:9000', '[fd00::1]:9000'].map((endpoint) =>
      backup({ endpoint }),
    ),
    refused: ['https://s3.cubbit.eu', 's3.cubbit.eu/', 's3.cubbit.eu/a', 's3 .eu', 'a:b', 'a:'].map((endpoint) =>
      backup({ endpoint }),
    ),
  },
  {
    rule: 'backup-credentials',
    accepted: [backup({})],
    refused: [
      backup({ credentialsSecretRef: {} }),
      backup({ credentialsSecretRef: { name: '' } }),
      without(backup({}), 'spec.percona.backup.credentialsSecretRef'),
    ],
  },
  {
    rule: 'backup-credentials-form',
    accepted: [backup({ credentialsSecretRef: { name: 'a.b' } })],
    refused: [backup({ credentialsSecretRef: { name: 'a_b' } })],
  },
  {
    rule: 'backup-region-form',
    accepted: [backup({ region: '' }), backup({ region: 'eu-west-1' })],
    refused: [backup({ region: 'eu west' })],
  },
  {
    rule: 'backup-path-form',
    accepted: ['', '/a', '/pgbackrest/files/repo1'].map((path) => backup({ path })),
    refused: ['/', 'a', '/a/', '/a//b', '/a b'].map((path) => backup({ path })),
  },
  {
    rule: 'backup-full-schedule',
    accepted: CRON.accepted.map((fullSchedule) => backup({ fullSchedule })),
    refused: CRON.refused.map((fullSchedule) => backup({ fullSchedule })),
  },
  {
    rule: 'backup-incr-schedule',
    accepted: [backup({ incrSchedule: '*/15 * * * *' }), percona({ backup: { incrSchedule: 'whenever' } })],
    refused: [backup({ incrSchedule: 'whenever' })],
  },
  {
    rule: 'ref-name',
    accepted: [server({ perconaPGClusterRef: { name: 'files-postgres' } })],
    refused: [server({ perconaPGClusterRef: { name: '' } }), server({ perconaPGClusterRef: { name: 'ns/pg' } })],
  },
  {
    rule: 'ref-user',
    accepted: [server({ perconaPGClusterRef: { name: 'pg', user: 'app-1' } })],
    refused: ['', 'my_user', 'a'.repeat(64)].map((user) => server({ perconaPGClusterRef: { name: 'pg', user } })),
  },
  {
    rule: 'ref-user-reserved',
    accepted: [server({ perconaPGClusterRef: { name: 'pg', user: 'postgres1' } })],
    refused: ['postgres', 'monitor', 'pgbouncer'].map((user) => server({ perconaPGClusterRef: { name: 'pg', user } })),
  },
  {
    rule: 'external-secret-name',
    accepted: [
      server({ database: { type: 'sqlite', postgresSecretRef: { name: 'pg', key: '' } } }),
      server({ database: { type: 'postgres' } }),
    ],
    refused: [
      server({ database: { postgresSecretRef: { key: 'x' } } }),
      server({ database: { postgresSecretRef: { name: 'P', key: 'x' } } }),
    ],
  },
  ...secretRefs,
  durations('jwt-access-duration', (accessTokenDuration) => jwt({ accessTokenDuration })),
  durations('jwt-refresh-duration', (refreshTokenDuration) => jwt({ refreshTokenDuration })),
  {
    rule: 'kerberos-principal',
    accepted: [kerberos({}), identity({ kerberos: {} })],
    refused: [kerberos({ servicePrincipal: '' }), without(kerberos({}), 'spec.identity.kerberos.servicePrincipal')],
  },
  {
    rule: 'kerberos-keytab',
    accepted: [kerberos({})],
    refused: [
      kerberos({ keytabSecretRef: { name: '', key: 'k' } }),
      without(kerberos({}), 'spec.identity.kerberos.keytabSecretRef'),
    ],
  },
  {
    rule: 'machine-account-name',
    accepted: [machine({}), machine({ enabled: false, accountName: '' })],
    refused: [machine({ accountName: '' }), without(machine({}), 'spec.identity.kerberos.machineAccount.accountName')],
  },
  {
    rule: 'machine-account-secret',
    accepted: [
      machine({}),
      without(machine({ keytabSecretRef: { name: 'k', key: 'k' } }), 'spec.identity.kerberos.machineAccount.secretRef'),
    ],
    refused: [
      without(machine({}), 'spec.identity.kerberos.machineAccount.secretRef'),
      machine({ secretRef: { name: '', key: 'k' } }),
    ],
  },
  {
    rule: 'ldap-url',
    accepted: [ldap({}), ldap({ url: 'LDAPS://dc' }), ldap({ enabled: false, url: 'dc' })],
    refused: [ldap({ url: 'dc.example.com' }), ldap({ url: 'https://dc' }), ldap({ url: '' })],
  },
  { rule: 'ldap-base-dn', accepted: [ldap({})], refused: [ldap({ baseDN: '' })] },
  { rule: 'ldap-bind-dn', accepted: [ldap({})], refused: [ldap({ bindDN: '' })] },
  {
    rule: 'ldap-bind-password',
    accepted: [ldap({}), without(ldap({ enabled: false }), 'spec.identity.ldap.bindPasswordSecretRef')],
    refused: [without(ldap({}), 'spec.identity.ldap.bindPasswordSecretRef')],
  },
  {
    rule: 'ldap-plaintext',
    accepted: [ldap({ url: 'ldap://dc', startTLS: true }), ldap({ url: 'ldap://dc', allowPlaintext: true })],
    refused: [ldap({ url: 'ldap://dc' }), ldap({ url: 'LDAP://dc', startTLS: false })],
  },
];

const sizes = ['metadataSize', 'contentSize', 'controlPlaneSize'];

export const transitionCases: TransitionCase[] = [
  ...sizes.map((field): TransitionCase => ({
    rule: `storage-${field}-no-shrink`,
    accepted: [
      [storage({ [field]: '10Gi' }), storage({ [field]: '10Gi' })],
      [storage({ [field]: '10Gi' }), storage({ [field]: '10240Mi' })],
      [storage({ [field]: '1000Gi' }), storage({ [field]: '1Ti' })],
    ],
    refused: [
      [storage({ [field]: '10Gi' }), storage({ [field]: '9Gi' })],
      [storage({ [field]: '1Ti' }), storage({ [field]: '1023Gi' })],
    ],
  })),
  {
    rule: 'storage-class-immutable',
    accepted: [[storage({ storageClassName: 'a' }), storage({ storageClassName: 'a' })]],
    refused: [
      [storage({ storageClassName: 'a' }), storage({ storageClassName: 'b' })],
      [storage({}), storage({ storageClassName: 'b' })],
      [storage({ storageClassName: 'a' }), storage({})],
    ],
  },
  {
    rule: 'storage-content-immutable',
    accepted: [[storage({ contentSize: '1Gi' }), storage({ contentSize: '2Gi' })]],
    refused: [
      [storage({ contentSize: '1Gi' }), storage({})],
      [storage({}), storage({ contentSize: '1Gi' })],
    ],
  },
  {
    rule: 'percona-storage-size-no-shrink',
    accepted: [
      [percona({}), percona({ storageSize: '11Gi' })],
      [percona({ storageSize: '20Gi' }), percona({ storageSize: '20Gi' })],
      [percona({ enabled: false, storageSize: '20Gi' }), percona({ storageSize: '10Gi' })],
      [percona({ storageSize: '20Gi' }), percona({ enabled: false, storageSize: '10Gi' })],
    ],
    refused: [
      [percona({ storageSize: '20Gi' }), percona({ storageSize: '20G' })],
      [percona({ storageSize: '20Gi' }), percona({})],
    ],
  },
  {
    rule: 'percona-storage-class-immutable',
    accepted: [
      [percona({ storageClassName: 'a' }), percona({ storageClassName: 'a' })],
      [server(), percona({ storageClassName: 'a' })],
    ],
    refused: [
      [percona({}), percona({ storageClassName: 'a' })],
      [percona({ storageClassName: 'a' }), percona({})],
      [percona({ storageClassName: 'a' }), percona({ storageClassName: 'b' })],
    ],
  },
  {
    rule: 'percona-database-immutable',
    accepted: [
      [percona({}), percona({ databaseName: 'dittofs' })],
      [percona({ enabled: false, databaseName: 'a' }), percona({ databaseName: 'b' })],
    ],
    refused: [
      [percona({}), percona({ databaseName: 'other' })],
      [percona({ databaseName: 'other' }), percona({})],
    ],
  },
];
