/** Fields whose names the type does not know. */
export type Fields = Record<string, unknown>;

/** The part of `metadata` that tests ask for. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  generateName?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: {
    apiVersion: string;
    kind: string;
    name: string;
    uid: string;
    controller?: boolean;
    blockOwnerDeletion?: boolean;
  }[];
  managedFields?: Fields[];
  [field: string]: unknown;
}

/** Any Kubernetes object, as the API sends it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: Fields;
  status?: Fields;
  data?: Record<string, string>;
  [field: string]: unknown;
}

/** A list, as the API sends it. */
export interface KubeList<T> {
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}

/**
 * `apiVersion` and `kind` in one word: `v1/Pod`, `apps/v1/StatefulSet`.
 */
export type Kind = `${string}/${string}`;
