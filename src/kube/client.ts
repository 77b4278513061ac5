import { apiVersionOf, resourcePath } from './resource.ts';
import type { Resource } from './resource.ts';
import type { KubeList, KubeObject, ObjectKey, ObjectMeta } from './objects.ts';
import { acceptOf, callOf, pathOf } from './call-options.ts';
import type {
  CallOptions,
  DeleteOptions,
  DeleteResult,
  JsonPatchOperation,
  ListOptions,
  PageOptions,
  WriteOptions,
} from './call-options.ts';
import type { Query } from './http-exchange.ts';
import type { Transport, TransportRequest } from './transport.ts';

/** An object to apply: the fields it has are the fields that are meant. */
export type Applied = { metadata: ObjectMeta; readonly [field: string]: unknown } | { metadata: ObjectMeta };

/** A version that no object has: the empty etcd is at revision 1, and its first write makes 2. */
const neverVersion = '1';
/** Objects per page of a list; client-go's default. */
const pageSize = 500;

/**
 * Reads and writes Kubernetes objects as raw JSON: nothing is dropped or added. Every method throws what
 * `Transport.json` throws: ApiError, ConnectionError, or the signal's reason. `T` is the caller's claim about the shape;
 * nothing is checked here.
 */
export class Client {
  readonly #transport: Transport;
  readonly #fieldManager: string;

  /** @param fieldManager default owner of the fields written */
  constructor(transport: Transport, fieldManager: string) {
    this.#transport = transport;
    this.#fieldManager = fieldManager;
  }

  /** One object, read from the API server with quorum. */
  async get<T extends KubeObject = KubeObject>(
    resource: Resource,
    key: ObjectKey,
    options: CallOptions & { metadataOnly?: boolean } = {},
  ): Promise<T> {
    const { metadataOnly, ...call } = options;
    const path = resourcePath(resource, key);
    return this.#json<T>({ method: 'GET', path, accept: acceptOf(metadataOnly, 'object') }, call);
  }

  /** One page of a list; `continue` of its metadata is set when there are more. */
  async listPage<T extends KubeObject = KubeObject>(
    resource: Resource,
    options: PageOptions = {},
  ): Promise<KubeList<T>> {
    const { namespace, labelSelector, fieldSelector, limit, metadataOnly } = options;
    const path = resourcePath(resource, namespace === undefined ? {} : { namespace });
    const query = { labelSelector, fieldSelector, limit, continue: options.continue };
    return this.#json<KubeList<T>>({ method: 'GET', path, query, accept: acceptOf(metadataOnly, 'list') }, options);
  }

  /**
   * The pages of a list, 500 objects each, all of the same resource version.
   * @throws ApiError with `isExpired` when the list took longer than the server keeps its version (5 to 10 minutes).
   */
  async *pages<T extends KubeObject = KubeObject>(
    resource: Resource,
    options: ListOptions = {},
  ): AsyncGenerator<KubeList<T>, void, undefined> {
    let token: string | undefined;
    do {
      const page = await this.listPage<T>(resource, {
        ...options,
        limit: pageSize,
        ...(token !== undefined && { continue: token }),
      });
      yield page;
      token = page.metadata.continue;
    } while (token !== undefined && token !== '');
  }

  /** The whole list, read page by page. */
  async list<T extends KubeObject = KubeObject>(resource: Resource, options: ListOptions = {}): Promise<KubeList<T>> {
    const items: T[] = [];
    let metadata: KubeList['metadata'] = {};
    for await (const page of this.pages<T>(resource, options)) {
      items.push(...page.items);
      metadata = page.metadata;
    }
    return { metadata, items };
  }

  /** Creates the object (POST). @throws ApiError with `isAlreadyExists`. */
  async create<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace } = object.metadata;
    const path = resourcePath(resource, namespace === undefined ? {} : { namespace });
    return this.#json<T>({ method: 'POST', path, query: this.#query(options), body: object }, options);
  }

  /**
   * Replaces the object (PUT). With `metadata.resourceVersion` set only that version; without, whatever is there.
   * Drops every field that `object` lacks, so use it only for objects that are wholly ours (a Lease).
   */
  async update<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const path = pathOf(resource, object, options);
    return this.#json<T>({ method: 'PUT', path, query: this.#query(options), body: object }, options);
  }

  /**
   * Server-side apply: makes the fields in `object` as given, removes those that this manager applied before and that
   * are absent now, and leaves other managers' fields alone. Creates the object when it is absent.
   * `apiVersion` and `kind` are filled in from the resource. `metadata.managedFields` must be absent.
   *
   * Preconditions, measured on a real API server (1.36) for built-in and custom resources:
   * - `metadata.uid` set: only this incarnation. 409 when the object is absent, so nothing is created; 422 with the
   *   cause `metadata.uid` when another has taken its place.
   * - `metadata.resourceVersion` set: only this version; 409 when the object has another. Absent objects are created all
   *   the same, which is what `createByApply` stands on.
   * @param options.force take fields over from other managers instead of answering 409; default true
   */
  async apply<T extends KubeObject = KubeObject>(
    resource: Resource,
    object: Applied,
    options: WriteOptions & { force?: boolean } = {},
  ): Promise<T> {
    const path = pathOf(resource, object, options);
    const query = { ...this.#query(options), force: options.force ?? true };
    const body = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
    // JSON is YAML, and the server knows apply only under this name.
    const contentType = 'application/apply-patch+yaml';
    return this.#json<T>({ method: 'PATCH', path, query, body, contentType }, options);
  }

  /**
   * Creates by server-side apply, and only creates: the fields are owned as by `apply` (those of a POST would be owned
   * as by an update, and a later apply could not remove them).
   * @throws ApiError with `isConflict` (not `isAlreadyExists`) when the object exists, be it equal or not.
   */
  async createByApply<T extends KubeObject = KubeObject>(
    resource: Resource,
    object: Applied,
    options: WriteOptions = {},
  ): Promise<T> {
    const metadata = { ...object.metadata, resourceVersion: neverVersion };
    return this.apply<T>(resource, { ...object, metadata }, options);
  }

  /** JSON merge patch (RFC 7386): null removes, arrays are replaced whole. Does not create. */
  async mergePatch<T extends KubeObject = KubeObject>(
    resource: Resource,
    key: ObjectKey,
    patch: Readonly<Record<string, unknown>>,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#patch<T>(resource, key, patch, 'application/merge-patch+json', options);
  }

  /** JSON patch (RFC 6902). Does not create. @throws ApiError with status 422 when a `test` fails. */
  async jsonPatch<T extends KubeObject = KubeObject>(
    resource: Resource,
    key: ObjectKey,
    operations: readonly JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#patch<T>(resource, key, operations, 'application/json-patch+json', options);
  }

  /**
   * Deletes the object.
   * @throws ApiError with `isNotFound` when it is absent, `isConflict` when a precondition does not hold.
   */
  async delete(resource: Resource, key: ObjectKey, options: DeleteOptions = {}): Promise<DeleteResult> {
    const { uid, resourceVersion, propagationPolicy, gracePeriodSeconds } = options;
    const preconditions = {
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy, gracePeriodSeconds };
    const path = resourcePath(resource, key);
    const answer = await this.#json<KubeObject>({ method: 'DELETE', path, body }, options);
    if (answer.kind === 'Status') return { kind: 'gone' };
    // Some kinds answer with the object in either case; it stays as long as something holds it.
    const { finalizers, deletionGracePeriodSeconds } = answer.metadata;
    const held = (finalizers?.length ?? 0) > 0 || (deletionGracePeriodSeconds ?? 0) > 0;
    return held ? { kind: 'pending', object: answer } : { kind: 'gone' };
  }

  /** The body of any path, for example `/version` or `/readyz`. */
  async rawGet(path: string, options: CallOptions & { query?: Query } = {}): Promise<string> {
    const { query, ...call } = options;
    return this.#transport.text({ method: 'GET', path, accept: '*/*', ...(query && { query }), ...callOf(call) });
  }

  async #patch<T>(
    resource: Resource,
    key: ObjectKey,
    body: unknown,
    contentType: string,
    options: WriteOptions,
  ): Promise<T> {
    const path = pathOf(resource, { metadata: key }, options);
    return this.#json<T>({ method: 'PATCH', path, query: this.#query(options), body, contentType }, options);
  }

  #query(options: WriteOptions): Query {
    return {
      fieldManager: options.fieldManager ?? this.#fieldManager,
      dryRun: options.dryRun === true ? 'All' : undefined,
    };
  }

  async #json<T>(request: TransportRequest, options: CallOptions): Promise<T> {
    return (await this.#transport.json({ ...request, ...callOf(options) })) as T;
  }
}
