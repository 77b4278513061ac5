/** Whose a PerconaPGCluster is, and the owner references that follow from `deleteWithServer`. */
import type { DittoServer } from '../api/types.ts';
import { APP, APP_LABEL, INSTANCE_LABEL, ownerReference } from '../desired/names.ts';
import type { ObservedMetadata, ObservedPerconaCluster } from '../observed.ts';
import { deletedWithServer } from './percona-cluster.ts';

/** The change of owner references that a cluster needs. */
export interface OwnershipChange {
  cluster: { name: string; uid: string };
  ownerReferences: NonNullable<ObservedMetadata['ownerReferences']>;
  reason: string;
}

/** Whether we made this cluster, for a DittoServer of this name. */
function madeByUs(cluster: ObservedPerconaCluster): boolean {
  return cluster.metadata.labels?.[APP_LABEL] === APP && cluster.metadata.labels[INSTANCE_LABEL] !== undefined;
}

/** Whether nobody controls the cluster and we did not make it: it is used, but it is not ours to delete. */
export function isUncontrolled(cluster: ObservedPerconaCluster): boolean {
  return !cluster.metadata.ownerReferences?.some(({ controller }) => controller === true) && !madeByUs(cluster);
}

/**
 * What to change so that the cluster goes with its server exactly when `deleteWithServer` says so. Its spec is never
 * touched. The owner reference is the whole mechanism: it needs no finalizer, and it holds while the operator is away.
 *
 * @returns undefined when nothing is to be changed.
 */
export function ownershipChange(server: DittoServer, cluster?: ObservedPerconaCluster): OwnershipChange | undefined {
  if (!cluster || cluster.metadata.deletionTimestamp !== undefined) return undefined;
  const { name, uid, ownerReferences = [] } = cluster.metadata;
  const ours = ownerReferences.some((owner) => owner.uid === server.metadata.uid && owner.controller === true);
  if (ours && !deletedWithServer(server)) {
    return {
      cluster: { name, uid },
      ownerReferences: ownerReferences.filter((owner) => owner.uid !== server.metadata.uid),
      reason: 'spec.percona.deleteWithServer is false',
    };
  }
  const controlled = ownerReferences.some(({ controller }) => controller === true);
  const sameInstance = cluster.metadata.labels?.[INSTANCE_LABEL] === server.metadata.name;
  if (!controlled && madeByUs(cluster) && sameInstance && deletedWithServer(server)) {
    // References of an earlier DittoServer of this name would have the garbage collector take the cluster away.
    const others = ownerReferences.filter((owner) => owner.kind !== server.kind);
    return {
      cluster: { name, uid },
      ownerReferences: [...others, ownerReference(server)],
      reason: 'the cluster of this DittoServer has no owner',
    };
  }
  return undefined;
}
