/** A reference to an owner, in `metadata.ownerReferences`. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** `metadata` of any object. What the API server fills in is optional: an object to be created lacks it. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  /** Opaque, but comparable between objects of one resource: see `resource-version.ts`. */
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
}

/** Any Kubernetes object as raw JSON: fields that this program does not know are kept as they are. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** What names one object within its resource. `namespace` is absent for cluster-scoped resources. */
export interface ObjectKey {
  namespace?: string;
  name: string;
}

/** The answer to a list request. */
export interface KubeList<T extends KubeObject = KubeObject> {
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  items: T[];
}

/** The owner that controls the object (there is at most one), or undefined. */
export function controllerOf(object: { metadata: ObjectMeta }): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}
