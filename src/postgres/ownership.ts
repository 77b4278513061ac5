/** Whose a PerconaPGCluster is, and the owner references that follow from `deleteWithServer`. */
import type { DittoServer } from '../api/types.ts';
import { APP, APP_LABEL, INSTANCE_LABEL, ownerReference } from '../desired/names.ts';
import type { ObservedMetadata, ObservedPerconaCluster } from '../observed.ts';
import { deletedWithServer } from './percona-cluster.ts';

/** The change of owner references that a cluster needs. */
export interface OwnershipChange {
  /** The cluster, in the version that was looked at: a change of the list by somebody else must not be lost. */
  cluster: Pick<ObservedMetadata, 'name' | 'uid' | 'resourceVersion'>;
  ownerReferences: NonNullable<ObservedMetadata['ownerReferences']>;
  reason: string;
}

/** Whether we made this cluster, for this or another DittoServer. */
function madeByUs(cluster: ObservedPerconaCluster): boolean {
  return cluster.metadata.labels?.[APP_LABEL] === APP && cluster.metadata.labels[INSTANCE_LABEL] !== undefined;
}

/** Whether nobody controls the cluster and nothing shows that we made it: it is used, but it is not ours to delete. */
export function isUncontrolled(cluster: ObservedPerconaCluster): boolean {
  return !cluster.metadata.ownerReferences?.some(({ controller }) => controller === true) && !madeByUs(cluster);
}

/** Why the cluster must not go with its server, if it must not. */
function keptBecause(server: DittoServer, cluster: string): string | undefined {
  if (!deletedWithServer(server)) return 'spec.percona.deleteWithServer is false';
  if (server.spec.perconaPGClusterRef?.name !== cluster) return undefined;
  return 'spec.perconaPGClusterRef refers to it, which owns nothing';
}

/**
 * What to change so that the cluster goes with its server exactly when `deleteWithServer` says so. Its spec is never
 * touched. The owner reference is the whole mechanism: it needs no finalizer, and it holds while the operator is away.
 *
 * @param cluster the one that `server` uses, or else the one that it ordered under an earlier spec.
 * @returns undefined when nothing is to be changed.
 */
export function ownershipChange(server: DittoServer, cluster?: ObservedPerconaCluster): OwnershipChange | undefined {
  if (!cluster || cluster.metadata.deletionTimestamp !== undefined) return undefined;
  const { name, uid, resourceVersion, ownerReferences = [] } = cluster.metadata;
  const version = { name, uid, ...(resourceVersion !== undefined && { resourceVersion }) };
  const ours = ownerReferences.some((owner) => owner.uid === server.metadata.uid && owner.controller === true);
  const kept = keptBecause(server, name);
  if (ours && kept !== undefined) {
    return {
      cluster: version,
      ownerReferences: ownerReferences.filter((owner) => owner.uid !== server.metadata.uid),
      reason: kept,
    };
  }
  // Only a spec that asks for the cluster takes it: one that was let go and is not used any more stays let go.
  const wanted = server.spec.percona?.enabled === true && server.metadata.deletionTimestamp === undefined;
  const controlled = ownerReferences.some(({ controller }) => controller === true);
  const sameInstance = cluster.metadata.labels?.[INSTANCE_LABEL] === server.metadata.name;
  if (wanted && kept === undefined && !controlled && madeByUs(cluster) && sameInstance) {
    // References of an earlier DittoServer of this name would have the garbage collector take the cluster away.
    const others = ownerReferences.filter((owner) => owner.kind !== server.kind);
    return {
      cluster: version,
      ownerReferences: [...others, ownerReference(server)],
      reason: 'the cluster of this DittoServer has no owner',
    };
  }
  return undefined;
}
