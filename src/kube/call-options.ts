import type { KubeObject, ObjectKey } from './objects.ts';
import { resourcePath } from './resource.ts';
import type { Resource } from './resource.ts';

/** What every call takes. */
export interface CallOptions {
  signal?: AbortSignal;
  /** Whole time allowed in milliseconds; default: the transport's (30 s). */
  timeoutMs?: number;
}

/** What every write takes. */
export interface WriteOptions extends CallOptions {
  /** Owner of the fields written; default: the client's. */
  fieldManager?: string;
  /** Let the API server do everything but store it. */
  dryRun?: boolean;
  /** Write to a subresource, for example `status`. */
  subresource?: string;
}

/** Which objects to list. */
export interface ListOptions extends CallOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Only `metadata`: the API server then sends PartialObjectMetadata. */
  metadataOnly?: boolean;
}

/** One page of a list. */
export interface PageOptions extends ListOptions {
  limit?: number;
  continue?: string;
}

/** Conditions and manner of a deletion. */
export interface DeleteOptions extends CallOptions {
  /** Delete only this incarnation; else the API server answers 409. */
  uid?: string;
  /** Delete only this version; else the API server answers 409. */
  resourceVersion?: string;
  /** What becomes of dependents. Default: the kind's own (background for all but a few). */
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  gracePeriodSeconds?: number;
}

/** What a deletion did: the object is gone, or it is marked and waits for its finalizers or its grace period. */
export type DeleteResult = { kind: 'gone' } | { kind: 'pending'; object: KubeObject };

/** One operation of a JSON patch (RFC 6902). A failed `test` is answered with 422. */
export type JsonPatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'remove'; path: string }
  | { op: 'move' | 'copy'; from: string; path: string };

/** The Accept header that asks for metadata alone, of one object or of a list. */
export function acceptOf(metadataOnly: boolean | undefined, shape: 'object' | 'list'): string {
  if (metadataOnly !== true) return 'application/json';
  const kind = shape === 'list' ? 'PartialObjectMetadataList' : 'PartialObjectMetadata';
  return `application/json;as=${kind};g=meta.k8s.io;v=v1`;
}

/** Only the options that every call takes. */
export function callOf(options: CallOptions): CallOptions {
  const { signal, timeoutMs } = options;
  return { ...(signal !== undefined && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
}

/** The path of an object, or of its subresource. */
export function pathOf(resource: Resource, object: { metadata: ObjectKey }, options: WriteOptions): string {
  const { namespace, name } = object.metadata;
  const { subresource } = options;
  return resourcePath(resource, {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(subresource !== undefined && { subresource }),
  });
}
