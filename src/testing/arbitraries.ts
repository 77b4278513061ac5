/** Arbitrary DittoServers that break no rule, and arbitrary surroundings of them. */
import fc from 'fast-check';
import { checkRules } from '../api/validate.ts';
import type { DittoServer, DittoServerSpec } from '../api/types.ts';
import type { Observed, ObservedPerconaCluster, ObservedSecret } from '../observed.ts';
import { plan } from '../plan.ts';
import {
  carriedOut,
  claim,
  completeSecrets,
  dittoServer,
  facts,
  observed,
  omit,
  perconaClusterOf,
  running,
} from './builders.ts';

const size = fc.constantFrom('1Gi', '10Gi', '2048Mi', '1Ti');
const quantity = fc.constantFrom<number | string>(1, '500m', '1000m', '1Gi', '1024Mi', '0.5');
const resources = fc.record(
  { requests: fc.record({ cpu: quantity, memory: quantity }), limits: fc.record({ memory: quantity }) },
  { requiredKeys: [] },
);
const flag = fc.boolean();
const annotations = fc.dictionary(fc.constantFrom('team', 'example.com/a'), fc.constantFrom('x', 'y'));
const secretName = fc.constantFrom('creds', 'other');
const ref = fc.record({ name: secretName, key: fc.constantFrom('a', 'b', 'tls.key') });
const serviceType = fc.constantFrom('ClusterIP' as const, 'NodePort' as const, 'LoadBalancer' as const);

function some<T>(
  fields: { [K in keyof T]: fc.Arbitrary<T[K]> },
  ...requiredKeys: (keyof T)[]
): fc.Arbitrary<Partial<T>> {
  return fc.record(fields, { requiredKeys });
}

const backup = some({
  enabled: flag, credentialsSecretRef: fc.constant({ name: 'backup-s3' }), bucket: fc.constant('b'),
  endpoint: fc.constantFrom('s3.cubbit.eu', 'minio:9000'), region: fc.constantFrom('eu-west-1', 'us-east-1', ''),
  path: fc.constantFrom('/a', ''), fullSchedule: fc.constantFrom('0 2 * * *', ''), incrSchedule: fc.constant('@hourly'),
  retentionDays: fc.integer({ min: 1, max: 400 }),
}, 'credentialsSecretRef', 'bucket', 'endpoint'); // prettier-ignore

const percona = some({
  enabled: flag, deleteWithServer: flag, replicas: fc.integer({ min: 1, max: 5 }), storageSize: size,
  storageClassName: fc.constantFrom('fast', ''), databaseName: fc.constantFrom('dittofs', 'files', ''), backup,
  crVersion: fc.constantFrom('2.8.0', '2.9.0'), images: some({ postgres: fc.constant('pg:1'), init: fc.constant('init:1') }),
  resources,
}); // prettier-ignore

const kerberos = some({
  enabled: flag, servicePrincipal: fc.constant('nfs/nas@EXAMPLE'), realm: fc.constantFrom('EXAMPLE', ''),
  keytabSecretRef: ref, krb5ConfSecretRef: ref, krb5Conf: fc.constantFrom('/etc/krb5.conf', ''),
  machineAccount: some({
    enabled: flag, accountName: fc.constant('NAS$'), secretRef: ref, keytabSecretRef: ref, dcAddress: fc.constant(['dc1']),
  }, 'accountName', 'secretRef'),
}, 'servicePrincipal', 'keytabSecretRef'); // prettier-ignore

const identity = some({
  jwt: some({ secretRef: ref, accessTokenDuration: fc.constantFrom('15m', ''), issuer: fc.constantFrom('me', 'dittofs') }, 'secretRef'),
  admin: some({ username: fc.constantFrom('root', 'admin'), passwordSecretRef: ref }),
  ldap: some({
    enabled: flag, url: fc.constant('ldaps://dc'), baseDN: fc.constant('dc=x'), bindDN: fc.constant('cn=x'),
    bindPasswordSecretRef: ref, nestedGroups: flag, caCertFile: fc.constantFrom('', '/ca'), realm: fc.constantFrom('', 'X'),
  }, 'url', 'baseDN', 'bindDN', 'bindPasswordSecretRef'),
  kerberos,
}); // prettier-ignore

const spec = some({
  image: fc.constantFrom('dittofs:1', 'reg:5000/dittofs:2'), replicas: fc.constantFrom(0, 1),
  storage: some({ metadataSize: size, contentSize: size, controlPlaneSize: size, storageClassName: fc.constantFrom('fast', '') }, 'metadataSize'),
  percona,
  perconaPGClusterRef: some({ name: fc.constantFrom('shared', 'nas-postgres'), user: fc.constantFrom('app', 'dittofs') }, 'name'),
  database: some({
    type: fc.constantFrom('sqlite' as const, 'postgres' as const), sqlite: some({ path: fc.constantFrom('/x.db', '') }),
    postgresSecretRef: fc.record({ name: secretName, key: fc.constant('unused') }),
  }),
  controlPlane: some({ port: fc.integer({ min: 1, max: 65535 }), tls: flag, certSecretName: fc.constantFrom('tls', 'creds'), clientCASecretName: fc.constantFrom('ca', '') }),
  identity,
  s3: some({ credentialsSecretRef: some({ secretName, endpointKey: fc.constant('url') }, 'secretName'), region: fc.constantFrom('x', ''), bucket: fc.constant('b') }),
  service: some({ type: serviceType, annotations }), adapterServices: some({ type: serviceType, annotations }),
  adapterDiscovery: some({ pollingInterval: fc.constantFrom('30s', '1m') }),
  snapshotPolicies: fc.constant([{ share: '/a', interval: '1h' }]),
  metrics: some({ enabled: flag, port: fc.integer({ min: 1, max: 65535 }), path: fc.constantFrom('/metrics', '/m'), bearerTokenSecret: ref }),
  logging: some({ level: fc.constantFrom('DEBUG' as const, 'INFO' as const), format: fc.constant('text' as const), output: fc.constantFrom('stderr', '') }),
  imagePullPolicy: fc.constant('Always' as const), imagePullSecrets: fc.constant([{ name: 'reg' }]), resources,
  securityContext: fc.constantFrom({}, { runAsUser: 1000 }, { capabilities: { add: ['NET_BIND_SERVICE'] } }),
  podSecurityContext: fc.constantFrom({}, { fsGroup: 5 }), terminationGracePeriodSeconds: fc.integer({ min: 36, max: 600 }),
  nodeSelector: annotations, tolerations: fc.constantFrom([], [{ operator: 'Exists' }]), affinity: fc.constant({}),
  priorityClassName: fc.constantFrom('', 'high'), serviceAccountName: fc.constantFrom('', 'sa'),
  podLabels: fc.dictionary(fc.constantFrom('app', 'instance', 'team'), fc.constant('mine')),
  podAnnotations: fc.dictionary(fc.constantFrom('dittofs.io/config-hash', 'a'), fc.constant('mine')),
  networkPolicy: some({ enabled: flag, from: fc.constantFrom([], [{ podSelector: {} }]) }),
  nfsPort: fc.constant(2049), cache: fc.constant({}),
}, 'storage'); // prettier-ignore

const metadata = fc.record(
  {
    generation: fc.integer({ min: 1, max: 5 }),
    finalizers: fc.constantFrom<string[]>(
      ['dittofs.dittofs.com/finalizer'],
      ['example.com/other', 'dittofs.dittofs.com/finalizer'],
    ),
  },
  { requiredKeys: ['generation'] },
);

/** Leaves off what excludes each other, and then whatever else a rule does not take. */
function withoutConflicts(candidate: Partial<DittoServerSpec>): DittoServer {
  let kept = candidate.percona?.enabled === true ? omit(candidate, 'perconaPGClusterRef') : candidate;
  let server = dittoServer(kept);
  for (const { path } of checkRules(server)) {
    kept = omit(kept, (path.split('.')[1] ?? '') as keyof DittoServerSpec);
    server = dittoServer(kept);
  }
  return server;
}

/** DittoServers that break no rule. */
export const validServers: fc.Arbitrary<DittoServer> = fc
  .tuple(spec as unknown as fc.Arbitrary<Partial<DittoServerSpec>>, metadata)
  .map(([fields, meta]) => {
    const server = withoutConflicts(fields);
    return { ...server, metadata: { ...server.metadata, ...meta } };
  });

const clusterStatus: fc.Arbitrary<ObservedPerconaCluster['status']> = fc.option(
  fc.record({
    state: fc.constantFrom('initializing', 'ready', 'paused', 'stopping', 'surprise'),
    observedGeneration: fc.integer({ min: 0, max: 3 }),
    postgres: fc.record({ ready: fc.integer({ min: 0, max: 5 }), size: fc.integer({ min: 0, max: 5 }) }),
    pgbackrest: fc.constantFrom<{ repos?: { name: string; stanzaCreated?: boolean }[] }>(
      {},
      { repos: [{ name: 'repo1', stanzaCreated: true }] },
      { repos: [] },
    ),
  }),
  { nil: undefined },
);

/** A PerconaPGCluster in any state, somebody's or nobody's. */
export function clusters(server: DittoServer): fc.Arbitrary<ObservedPerconaCluster> {
  return fc
    .record({
      status: clusterStatus,
      paused: flag,
      owner: fc.constantFrom('ours', 'theirs', 'nobody'),
      deleting: flag,
      generation: fc.integer({ min: 1, max: 3 }),
      bare: flag,
    })
    .map(({ status, paused, owner, deleting, generation, bare }) => {
      const cluster = perconaClusterOf(server, { status });
      cluster.metadata.generation = generation;
      if (server.spec.perconaPGClusterRef) cluster.metadata.name = server.spec.perconaPGClusterRef.name;
      if (owner === 'nobody') delete cluster.metadata.ownerReferences;
      if (owner === 'theirs')
        cluster.metadata.ownerReferences = [{ kind: 'App', name: 'x', uid: 'x', controller: true }];
      if (deleting) cluster.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
      if (paused) cluster.spec.pause = true;
      if (bare) cluster.spec = {};
      return cluster;
    });
}

/** Surroundings of `server`, from nothing at all to everything in place. */
export function surroundings(server: DittoServer): fc.Arbitrary<Observed> {
  return fc
    .record({
      cluster: fc.option(clusters(server), { nil: undefined }),
      dropped: fc.array(fc.nat({ max: 20 }), { maxLength: 3 }),
      set: fc.constantFrom('absent', 'there', 'running', 'older'),
      foreign: fc.boolean(),
      refused: fc.constantFrom('', '', '', 'StatefulSet', 'PerconaPGCluster', 'PersistentVolumeClaim'),
      claims: fc.constantFrom('none', 'smaller', 'larger'),
    })
    .map(({ cluster, dropped, set, foreign, refused, claims }) => {
      const base = observed({
        secrets: withoutSome(completeSecrets(server, cluster), dropped),
        ...(cluster && { perconaCluster: cluster }),
        ...(foreign && { foreign: [{ kind: 'ConfigMap', name: 'nas-config' }] }),
        ...(refused && { refused: [{ kind: refused, name: 'nas', message: 'it is too blue.' }] }),
        ...(claims !== 'none' && { claims: new Map([['metadata-nas-0', claim('metadata-nas-0', claims === 'smaller' ? '1Mi' : '9Ti')]]) }),
      }); // prettier-ignore
      if (set === 'absent') return base;
      return withStatefulSet(server, base, set);
    });
}

/** `base` after a plan was carried out for `server`, or for an older version of it. */
function withStatefulSet(server: DittoServer, base: Observed, set: string): Observed {
  const rest = omit(server.spec, 'percona', 'perconaPGClusterRef', 'metrics');
  const older = set === 'older' ? { ...server, spec: rest } : server;
  const complete = { ...base, secrets: completeSecrets(older, base.perconaCluster), foreign: [], refused: [] };
  const { objects, statefulSet } = carriedOut(older, complete, plan(older, complete, facts()));
  if (!statefulSet) return base;
  const there = set === 'running' ? running(statefulSet) : statefulSet;
  return {
    ...base,
    objects: new Map([...objects, [`StatefulSet/${server.metadata.name}`, there]]),
    statefulSet: there,
  };
}

function withoutSome(all: Map<string, ObservedSecret>, dropped: readonly number[]): Map<string, ObservedSecret> {
  return new Map([...all].filter((_, index) => !dropped.includes(index)));
}

/** A server and its surroundings. */
export const situations: fc.Arbitrary<{ server: DittoServer; around: Observed }> = validServers.chain((server) =>
  surroundings(server).map((around) => ({ server, around })),
);

export const perconaApis = fc.constantFrom('present' as const, 'absent' as const, 'unknown' as const);
