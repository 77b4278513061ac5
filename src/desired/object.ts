/**
 * The little that every builder needs to know of a Kubernetes object. The core has its own words for it, because it may
 * import nothing of the client.
 */
export interface ObjectIntent {
  apiVersion: string;
  kind: string;
  metadata: IntentMetadata;
  [field: string]: unknown;
}

export interface IntentMetadata {
  name: string;
  namespace: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReferenceIntent[];
}

export interface OwnerReferenceIntent {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller: true;
  blockOwnerDeletion: true;
}

type Undefinable<T> = { [K in keyof T]: T[K] | undefined };

/**
 * Drops the fields that are undefined, so that an absent field of the spec is an absent field of the object: server-side
 * apply would otherwise claim it.
 *
 * @param fields an object whose fields may be undefined.
 * @returns the same object without them; fields inside are left as they are.
 */
export function compact<T extends object>(fields: Undefinable<T>): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** `Kind/name`, by which the plan and the shell name an object of the server's namespace. */
export function objectKey(object: { kind: string; metadata: { name: string } }): string {
  return `${object.kind}/${object.metadata.name}`;
}
