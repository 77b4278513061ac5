/** What is kept in memory of each object. The less, the more servers fit; of Secrets, never a value. */
import { createHash } from 'node:crypto';
import type { DittoServer } from '../api/types.ts';
import { INSTANCE_LABEL } from '../desired/names.ts';
import type { KubeObject, ObjectMeta } from '../kube/objects.ts';
import type { ObservedPerconaCluster, ObservedSecret } from '../observed.ts';
import { hasForeignUpdates } from './takeover.ts';

/** An object of ours, as text: two thirds of the memory that the parsed object takes, and parsed in microseconds. */
export interface StoredObject {
  json: string;
  /** Name of the DittoServer that it belongs to, by its label. */
  instance: string | undefined;
  /** Whether another writer's fields have to be taken over before ours can be removed again. */
  takeOver: boolean;
}

/** SHA-256 in hex. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function projectObject(object: KubeObject): StoredObject {
  return {
    json: JSON.stringify({ ...object, metadata: slimMetadata(object.metadata) }),
    instance: object.metadata.labels?.[INSTANCE_LABEL],
    takeOver: hasForeignUpdates(object.metadata.managedFields),
  };
}

/**
 * A DittoServer.
 *
 * @param held what is held of it already. While the spec's generation stays, its very object does, so that what is
 *   found out about a spec is found out once and not at each change of the status.
 */
export function projectServer(object: KubeObject, held?: DittoServer): DittoServer {
  const { uid, generation } = object.metadata;
  const same = held !== undefined && held.metadata.uid === uid && held.metadata.generation === generation;
  const spec = same ? held.spec : (object['spec'] ?? {});
  return { ...object, spec, metadata: slimMetadata(object.metadata) } as unknown as DittoServer;
}

/** Names of keys and digests of values. A key with an empty value counts as absent. */
export function projectSecret(object: KubeObject): ObservedSecret {
  const data = (object['data'] ?? {}) as Record<string, string>;
  const digests = Object.entries(data)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => [key, digest(value)] as const);
  const { name, namespace, uid, labels, ownerReferences, resourceVersion } = object.metadata;
  return {
    // No annotations: tools copy what a Secret says into them.
    metadata: defined({ name, namespace, uid, labels, ownerReferences, resourceVersion }),
    digests: Object.fromEntries(digests),
  };
}

export function projectPerconaCluster(object: KubeObject): ObservedPerconaCluster {
  const { spec = {}, status } = object as unknown as Partial<ObservedPerconaCluster>;
  const { crVersion, image, pause, instances, users, backups, proxy, secrets } = spec;
  const pgbackrest = backups?.pgbackrest;
  return {
    metadata: slimMetadata(object.metadata) as ObservedPerconaCluster['metadata'],
    spec: defined({
      crVersion,
      image,
      pause,
      instances: instances?.map(({ name, replicas }) => defined({ name, replicas })),
      users: users?.map(({ name, databases, secretName }) => defined({ name, databases, secretName })),
      backups:
        backups &&
        defined({
          enabled: backups.enabled,
          pgbackrest:
            pgbackrest && defined({ image: pgbackrest.image, repos: pgbackrest.repos?.map(({ name }) => ({ name })) }),
        }),
      proxy: proxy && defined({ pgBouncer: proxy.pgBouncer && defined({ image: proxy.pgBouncer.image }) }),
      secrets: secrets && defined({ customTLSSecret: secrets.customTLSSecret }),
    }),
    ...(status && { status: projectPerconaStatus(status) }),
  };
}

function projectPerconaStatus(status: NonNullable<ObservedPerconaCluster['status']>) {
  const { state, observedGeneration, postgres, pgbouncer, pgbackrest, host, conditions } = status;
  return defined({
    state,
    observedGeneration,
    host,
    postgres: postgres && defined({ ready: postgres.ready, size: postgres.size }),
    pgbouncer: pgbouncer && defined({ ready: pgbouncer.ready, size: pgbouncer.size }),
    pgbackrest: pgbackrest && defined({ repos: pgbackrest.repos?.map(projectRepository) }),
    conditions: conditions?.map(({ type, status: holds, reason, message }) =>
      defined({ type, status: holds, reason, message }),
    ),
  });
}

function projectRepository({ name, stanzaCreated }: { name: string; stanzaCreated?: boolean }) {
  return defined({ name, stanzaCreated });
}

/** Annotations that repeat the object itself. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

function slimMetadata(metadata: ObjectMeta): ObjectMeta {
  const slim = { ...metadata };
  delete slim.managedFields;
  if (slim.annotations && LAST_APPLIED in slim.annotations) {
    slim.annotations = { ...slim.annotations };
    Reflect.deleteProperty(slim.annotations, LAST_APPLIED);
  }
  return slim;
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
