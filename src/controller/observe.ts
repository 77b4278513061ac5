/** The view of the world that the plan for one DittoServer looks at. */
import type { DittoServer } from '../api/types.ts';
import { FIELD_MANAGER, INSTANCE_LABEL, MANAGED_BY_LABEL, names } from '../desired/names.ts';
import { objectKey } from '../desired/object.ts';
import { secretReferences } from '../desired/secret-references.ts';
import type {
  ForeignObject,
  Observed,
  ObservedClaim,
  ObservedMetadata,
  ObservedObject,
  ObservedSecret,
  ObservedStatefulSet,
  RefusedWrite,
} from '../observed.ts';
import { type Database, databaseInUse } from '../postgres/database.ts';
import { clusterOf } from './references.ts';
import type { World } from './world.ts';

/** What the API server told us about writes for one server, which no watch shows. */
export interface Obstacles {
  foreign: readonly ForeignObject[];
  refused: readonly RefusedWrite[];
}

/** Objects that a server may have, besides Secrets and claims. */
function objectNames(name: string): [kind: string, name: string][] {
  return [
    ['StatefulSet', names.statefulSet(name)],
    ['ConfigMap', names.configMap(name)],
    ['Service', names.headlessService(name)],
    ['Service', names.apiService(name)],
    ['Service', names.metricsService(name)],
    ['NetworkPolicy', names.networkPolicy(name)],
  ];
}

/** What decides which database `server` uses. */
export function observeDatabase(world: World, server: DittoServer): Pick<Observed, 'statefulSet' | 'perconaCluster'> {
  const { namespace, name } = server.metadata;
  const entry = world.stored('StatefulSet', namespace, names.statefulSet(name));
  const statefulSet = entry && (JSON.parse(entry.value.json) as ObservedStatefulSet);
  const cluster = world.perconaClusters.get(namespace, clusterOf(server))?.value;
  return {
    ...(statefulSet && isOurs(server, statefulSet.metadata) && { statefulSet }),
    ...(cluster && { perconaCluster: cluster }),
  };
}

/** What is around `server` now. */
export function observe(world: World, server: DittoServer, obstacles: Obstacles): Observed {
  const { namespace, name } = server.metadata;
  const objects = new Map<string, ObservedObject>();
  const foreign: ForeignObject[] = [...obstacles.foreign];
  for (const [kind, objectName] of objectNames(name)) {
    const entry = world.stored(kind, namespace, objectName);
    if (!entry) continue;
    const object = JSON.parse(entry.value.json) as ObservedObject;
    if (isOurs(server, object.metadata)) objects.set(objectKey(object), object);
    else foreign.push(foreignObject(kind, object.metadata));
  }
  const inUse = observeDatabase(world, server);
  const own = names.perconaCluster(name);
  const former = clusterOf(server) === own ? undefined : world.perconaClusters.get(namespace, own)?.value;
  return {
    ...inUse,
    ...(former && { formerCluster: former }),
    objects,
    secrets: observeSecrets(world, server, databaseInUse(server, inUse)),
    claims: observeClaims(world, server),
    foreign,
    refused: obstacles.refused,
  };
}

/**
 * Whether an object belongs to `server`: the server controls it, or nobody does and it carries our labels, as what
 * outlives a server does. A label alone never makes an object of another controller ours.
 */
export function isOurs(server: DittoServer, metadata: ObservedMetadata): boolean {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller === true);
  if (controller) return controller.uid === server.metadata.uid;
  const { labels = {} } = metadata;
  return labels[INSTANCE_LABEL] === server.metadata.name && labels[MANAGED_BY_LABEL] === FIELD_MANAGER;
}

export function foreignObject(kind: string, metadata: ObservedMetadata): ForeignObject {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller === true);
  return { kind, name: metadata.name, ...(controller && { controller: `${controller.kind} "${controller.name}"` }) };
}

function observeSecrets(world: World, server: DittoServer, database: Database) {
  const { namespace, name } = server.metadata;
  const wanted = [
    ...secretReferences(server, database).map(({ secret }) => secret),
    names.jwtSecret(name),
    names.adminSecret(name),
    server.spec.percona?.backup?.credentialsSecretRef?.name ?? '',
  ];
  const secrets = new Map<string, ObservedSecret>();
  for (const secretName of wanted) {
    const secret = world.secret(namespace, secretName);
    if (secret) secrets.set(secretName, secret);
  }
  return secrets;
}

function observeClaims(world: World, server: DittoServer) {
  const { namespace, name } = server.metadata;
  const claims = new Map<string, ObservedClaim>();
  for (const volume of ['metadata', 'content', 'controlplane']) {
    const entry = world.stored('PersistentVolumeClaim', namespace, names.claim(name, volume));
    if (entry) claims.set(entry.name, JSON.parse(entry.value.json) as ObservedClaim);
  }
  return claims;
}
