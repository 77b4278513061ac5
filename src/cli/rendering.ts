/** Everything that a DittoServer becomes, without a cluster: the operator's own plan for a world in which all is settled. */
import { applyDefaults } from '../api/apply-defaults.ts';
import { API_VERSION, KIND } from '../api/names.ts';
import type { DittoServer } from '../api/types.ts';
import { names, ownerReference } from '../desired/names.ts';
import { objectKey, type ObjectIntent } from '../desired/object.ts';
import { secretReferences } from '../desired/secret-references.ts';
import type {
  ClusterFacts,
  Observed,
  ObservedMetadata,
  ObservedPerconaCluster,
  ObservedSecret,
  OperatorDefaults,
} from '../observed.ts';
import { plan } from '../plan.ts';
import { databaseOf } from '../postgres/database.ts';

/** What stands in the config-hash annotation: the hash covers values of Secrets, which nobody knows offline. */
export const HASH_PLACEHOLDER = 'computed-by-the-operator';
const UNKNOWN_UID = '00000000-0000-0000-0000-000000000000';

/** An object as the operator would make it. */
export interface RenderedObject {
  object: Record<string, unknown>;
  /** Keys of a Secret whose values the operator draws at random. */
  generatedKeys: readonly string[];
}

/**
 * Every object that the operator would make for `server`, in an order in which they could be applied. Without owner
 * references: they hold the uid of the DittoServer, which it gets from the API server.
 *
 * @param server a valid DittoServer as a user wrote it; defaults are filled in here.
 * @param namespace for a DittoServer that names none.
 */
export function renderServer(server: object, namespace: string, defaults: OperatorDefaults): RenderedObject[] {
  const whole = asStored(server, namespace);
  const facts: ClusterFacts = {
    perconaApi: 'present',
    defaults,
    digest: () => HASH_PLACEHOLDER,
    now: '1970-01-01T00:00:00Z',
  };
  const cluster = settledCluster(whole);
  // The first look finds nothing but what the user brings, the last one finds the database ready.
  const first = plan(whole, observedWith(whole, cluster, 'named'), facts);
  const last = plan(
    whole,
    { ...observedWith(whole, cluster, 'all'), ...(cluster && { perconaCluster: cluster }) },
    facts,
  );
  const objects = [
    ...first.generate.map(({ object, generate }) => rendered(object, Object.keys(generate))),
    ...first.createOnce.map((object) => rendered(object)),
    ...last.apply.map((object) => rendered(object)),
    ...last.createOnce.map((object) => rendered(object)),
  ];
  return [...new Map(objects.map((one) => [keyOf(one.object), one])).values()];
}

function keyOf(object: Record<string, unknown>): string {
  return objectKey(object as unknown as ObjectIntent);
}

/** The server as it would come back from the API server. */
function asStored(server: object, namespace: string): DittoServer {
  const { metadata, ...rest } = applyDefaults(server) as DittoServer;
  return {
    ...rest,
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { ...metadata, namespace: metadata.namespace || namespace, uid: UNKNOWN_UID, generation: 1 },
  };
}

function metadataOf(server: DittoServer, name: string): ObservedMetadata {
  return { name, namespace: server.metadata.namespace, uid: UNKNOWN_UID, generation: 1 };
}

/** The PerconaPGCluster when it is ready, if the server uses one. */
function settledCluster(server: DittoServer): ObservedPerconaCluster | undefined {
  const database = databaseOf(server);
  if (!('cluster' in database)) return undefined;
  const replicas = server.spec.percona?.replicas ?? 1;
  const metadata = metadataOf(server, database.cluster);
  return {
    metadata: database.mode === 'Percona' ? { ...metadata, ownerReferences: [ownerReference(server)] } : metadata,
    spec: { instances: [{ replicas }], users: [{ name: database.user, databases: [database.user] }] },
    status: { state: 'ready', observedGeneration: 1, postgres: { ready: replicas, size: replicas } },
  };
}

/** A world with the Secrets that the user names, or with all that the server reads. */
function observedWith(
  server: DittoServer,
  cluster: ObservedPerconaCluster | undefined,
  which: 'named' | 'all',
): Observed {
  const ours = new Set([names.jwtSecret(server.metadata.name), names.adminSecret(server.metadata.name)]);
  const secrets = new Map<string, ObservedSecret>();
  for (const { secret, keys } of secretReferences(server, databaseOf(server, cluster))) {
    if (which === 'all' || !ours.has(secret)) addKeys(server, secrets, secret, keys);
  }
  const backup = server.spec.percona?.backup?.credentialsSecretRef?.name;
  if (backup !== undefined) addKeys(server, secrets, backup, ['s3.conf']);
  return { objects: new Map(), secrets, claims: new Map(), foreign: [], refused: [] };
}

function addKeys(server: DittoServer, secrets: Map<string, ObservedSecret>, name: string, keys: readonly string[]) {
  const digests = Object.fromEntries(keys.map((key) => [key, HASH_PLACEHOLDER]));
  secrets.set(name, {
    metadata: metadataOf(server, name),
    digests: { ...secrets.get(name)?.digests, ...digests },
  });
}

function rendered({ metadata, ...rest }: ObjectIntent, generatedKeys: readonly string[] = []): RenderedObject {
  const { apiVersion, kind, ...body } = rest;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([field]) => field !== 'ownerReferences'));
  return { object: { apiVersion, kind, metadata: kept, ...body }, generatedKeys };
}
