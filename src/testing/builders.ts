/** What the tests of the core are made from: a DittoServer, what is around it, and the API server's own additions. */
import { createHash } from 'node:crypto';
import { quantityValue } from '../api/quantity.ts';
import type { DittoServer, DittoServerSpec, DittoServerStatus, ObjectMeta } from '../api/types.ts';
import type { ObjectIntent } from '../desired/object.ts';
import { objectKey } from '../desired/object.ts';
import { secretReferences } from '../desired/secret-references.ts';
import {
  type ClusterFacts,
  type Observed,
  type ObservedClaim,
  type ObservedObject,
  type ObservedPerconaCluster,
  type ObservedSecret,
  type ObservedStatefulSet,
  OPERATOR_DEFAULTS,
} from '../observed.ts';
import type { Plan } from '../plan.ts';
import { databaseOf } from '../postgres/database.ts';

export const NAMESPACE = 'files';
export const SERVER_UID = '6d1f4c3e-0000-4000-8000-000000000001';
export const NOW = '2026-01-02T03:04:05Z';
/** The least that a spec may say. */
export const LEAST: DittoServerSpec = { storage: { metadataSize: '10Gi' } };
export const BACKUP = {
  enabled: true,
  credentialsSecretRef: { name: 'backup-s3' },
  bucket: 'backups',
  endpoint: 's3.cubbit.eu',
} as const;

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A DittoServer called `nas`. */
export function dittoServer(spec: Partial<DittoServerSpec> = {}, metadata: Partial<ObjectMeta> = {}): DittoServer {
  return {
    apiVersion: 'dittofs.dittofs.com/v1alpha1',
    kind: 'DittoServer',
    metadata: { name: 'nas', namespace: NAMESPACE, uid: SERVER_UID, generation: 1, ...metadata },
    spec: { ...LEAST, ...spec },
  };
}

export function withStatus(server: DittoServer, status: DittoServerStatus | undefined): DittoServer {
  return status ? { ...server, status } : server;
}

/** `object` without some of its fields. */
export function omit<T extends object>(object: T, ...fields: (keyof T)[]): T {
  return Object.fromEntries(Object.entries(object).filter(([field]) => !fields.includes(field as keyof T))) as T;
}

export function facts(some: Partial<ClusterFacts> = {}): ClusterFacts {
  return { perconaApi: 'present', defaults: OPERATOR_DEFAULTS, digest, now: NOW, ...some };
}

/** A Secret with these values. */
export function secret(name: string, values: Record<string, string>): ObservedSecret {
  const filled = Object.entries(values).filter(([, value]) => value !== '');
  return {
    metadata: { name, namespace: NAMESPACE, uid: `uid-of-${name}` },
    digests: Object.fromEntries(filled.map(([key, value]) => [key, digest(value)])),
  };
}

export function secrets(...list: ObservedSecret[]): ReadonlyMap<string, ObservedSecret> {
  return new Map(list.map((one) => [one.metadata.name, one]));
}

/** Every Secret that `server` refers to, complete; the value of key `k` of Secret `s` is `s/k`. */
export function completeSecrets(server: DittoServer, cluster?: ObservedPerconaCluster): Map<string, ObservedSecret> {
  const values = new Map<string, Record<string, string>>();
  for (const { secret: name, keys, optionalKeys = [] } of secretReferences(server, databaseOf(server, cluster))) {
    const of = values.get(name) ?? {};
    for (const key of [...keys, ...optionalKeys]) of[key] = `${name}/${key}`;
    values.set(name, of);
  }
  const admin = `${server.metadata.name}-admin-bootstrap-credentials`;
  values.set(admin, { username: 'admin', password: `${admin}/password`, ...values.get(admin) });
  const backup = server.spec.percona?.backup?.credentialsSecretRef?.name;
  if (backup) values.set(backup, { 's3.conf': `${backup}/s3.conf`, ...values.get(backup) });
  return new Map([...values].map(([name, of]) => [name, secret(name, of)]));
}

export function observed(some: Partial<Observed> = {}): Observed {
  return { objects: new Map(), secrets: new Map(), claims: new Map(), foreign: [], refused: [], ...some };
}

interface ClusterOptions {
  /** Instead of the whole spec that we order. */
  spec?: ObservedPerconaCluster['spec'];
  /** Given as undefined: Percona's operator has not reported yet. */
  status?: ObservedPerconaCluster['status'] | undefined;
  metadata?: Partial<ObservedPerconaCluster['metadata']>;
}

/** The PerconaPGCluster that `nas` orders, as it is once it is ready. */
export function perconaClusterOf(server: DittoServer, some: ClusterOptions = {}): ObservedPerconaCluster {
  const { name, uid } = server.metadata;
  return {
    metadata: {
      name: `${name}-postgres`,
      namespace: NAMESPACE,
      uid: 'uid-of-cluster',
      generation: 1,
      labels: { app: 'dittofs-server', instance: name, 'app.kubernetes.io/managed-by': 'dittofs-operator' },
      ownerReferences: [{ kind: 'DittoServer', name, uid, controller: true }],
      ...some.metadata,
    },
    spec: some.spec ?? {
      crVersion: '2.8.0',
      image: 'postgres:16',
      instances: [{ name: 'instance1', replicas: 1 }],
      users: [{ name: 'dittofs', databases: ['dittofs'] }],
      proxy: { pgBouncer: { image: 'pgbouncer:1' } },
      backups: { enabled: false, pgbackrest: { image: 'pgbackrest:2' } },
    },
    ...('status' in some
      ? some.status && { status: some.status }
      : { status: { state: 'ready', observedGeneration: 1, postgres: { ready: 1, size: 1 } } }),
  };
}

export function claim(name: string, storage: string, phase = 'Bound'): ObservedClaim {
  return {
    metadata: { name, namespace: NAMESPACE, uid: `uid-of-${name}` },
    spec: { resources: { requests: { storage } } },
    status: { phase },
  };
}

/** What `plan` makes of the cluster: `before`, with everything applied and created as the API server stores it. */
export function carriedOut(server: DittoServer, before: Observed, planned: Plan): Observed {
  const objects = new Map(before.objects);
  for (const intent of planned.apply) objects.set(objectKey(intent), asStored(intent));
  for (const { kind, name } of planned.remove) objects.delete(objectKey({ kind, metadata: { name } }));
  const made = planned.generate.map(({ object, generate }) =>
    secret(object.metadata.name, Object.fromEntries(Object.keys(generate).map((key) => [key, `drawn/${key}`]))),
  );
  const statefulSet = objects.get(`StatefulSet/${server.metadata.name}`) as ObservedStatefulSet | undefined;
  return {
    ...before,
    objects,
    ...(statefulSet && { statefulSet }),
    secrets: new Map([...before.secrets, ...secrets(...made)]),
  };
}

/** The StatefulSet of `server` as it is once its pod is ready. */
export function running(set: ObservedObject): ObservedStatefulSet {
  return {
    ...(set as ObservedStatefulSet),
    status: {
      observedGeneration: set.metadata.generation ?? 0,
      replicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      updatedReplicas: 1,
      currentRevision: 'nas-1',
      updateRevision: 'nas-1',
    },
  };
}

type Json = Record<string, unknown>;

/** An object as the API server returns it: with the defaults that it writes and quantities in its own form. */
export function asStored(intent: ObjectIntent): ObservedObject {
  const stored = normalised(structuredClone(intent), '') as ObservedObject;
  stored.metadata = { ...stored.metadata, uid: `uid-of-${intent.kind}-${intent.metadata.name}`, generation: 1 };
  const spec = stored['spec'] as Json | undefined;
  if (intent.kind === 'Service') {
    stored['spec'] = {
      clusterIP: '10.0.0.1',
      clusterIPs: ['10.0.0.1'],
      type: 'ClusterIP',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ...spec,
    };
    stored['status'] = { loadBalancer: {} };
  }
  if (intent.kind === 'StatefulSet') defaultStatefulSet(spec as never);
  return stored;
}

interface PodSpec extends Json {
  containers: Json[];
  initContainers?: Json[];
  volumes?: Record<string, Json>[];
}

function defaultStatefulSet(
  spec: Json & { template: { metadata: Json; spec: PodSpec }; volumeClaimTemplates: Json[] },
): void {
  Object.assign(spec, {
    revisionHistoryLimit: 10,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
  });
  spec.template.metadata['creationTimestamp'] = null;
  const pod = spec.template.spec;
  spec.template.spec = {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    ...pod,
  };
  if ('serviceAccountName' in pod) spec.template.spec['serviceAccount'] = pod['serviceAccountName'];
  for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
    container['imagePullPolicy'] ??= 'IfNotPresent';
    container['resources'] ??= {};
    container['terminationMessagePath'] = '/dev/termination-log';
    container['terminationMessagePolicy'] = 'File';
  }
  for (const volume of pod.volumes ?? []) {
    for (const source of [volume['secret'], volume['configMap']]) if (source) source['defaultMode'] ??= 0o644;
  }
  for (const template of spec.volumeClaimTemplates) template['status'] = { phase: 'Pending' };
}

/** What Kubernetes leaves out or writes differently when it prints an object. */
function normalised(value: unknown, field: string): unknown {
  if (Array.isArray(value)) return value.map((entry) => normalised(entry, ''));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    if (OMITTED_WHEN_EMPTY.has(key) && (inner === '' || inner === false || (Array.isArray(inner) && !inner.length))) {
      return [];
    }
    const isQuantity = field === 'requests' || field === 'limits';
    return [[key, isQuantity ? canonicalQuantity(inner as string | number) : normalised(inner, key)]];
  });
  return Object.fromEntries(entries);
}

const OMITTED_WHEN_EMPTY = new Set([
  'serviceAccountName', 'priorityClassName', 'tolerations', 'imagePullSecrets', 'topologySpreadConstraints', 'privileged',
]); // prettier-ignore

/** As `resource.Quantity` prints itself, for the forms that tests use. */
function canonicalQuantity(value: string | number): string {
  const nano = quantityValue(value);
  if (nano === undefined) return String(value);
  if (/[KMGTPE]i$/.test(String(value))) {
    const [unit, size] = [['Ti', 40n], ['Gi', 30n], ['Mi', 20n], ['Ki', 10n]]
      .map(([name, bits]) => [name, 2n ** (bits as bigint)] as [string, bigint])
      .find(([, factor]) => (nano / 10n ** 9n) % factor === 0n && nano > 0n) ?? (['', 1n] as [string, bigint]); // prettier-ignore
    return `${nano / 10n ** 9n / size}${unit}`;
  }
  return nano % 10n ** 9n === 0n ? String(nano / 10n ** 9n) : `${nano / 10n ** 6n}m`;
}

export type KstatusVerdict = 'InProgress' | 'Failed' | 'Current' | 'Terminating';

/** kstatus' generic rules (sigs.k8s.io/cli-utils, pkg/kstatus/status: `Compute` for a kind that it does not know). */
export function kstatus(server: DittoServer): KstatusVerdict {
  if (server.metadata.deletionTimestamp !== undefined) return 'Terminating';
  const { observedGeneration, conditions = [] } = server.status ?? {};
  if (observedGeneration !== undefined && observedGeneration !== server.metadata.generation) return 'InProgress';
  const holds = (type: string) => conditions.find((condition) => condition.type === type)?.status;
  if (holds('Reconciling') === 'True') return 'InProgress';
  if (holds('Stalled') === 'True') return 'Failed';
  const ready = holds('Ready');
  return ready === undefined || ready === 'True' ? 'Current' : 'InProgress';
}
