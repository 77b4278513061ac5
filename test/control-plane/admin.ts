import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { parseAllDocuments } from 'yaml';
import { eventually } from './eventually.ts';
import type { KubeList, KubeObject, Kind } from './objects.ts';

/** Where and as whom to connect. */
export interface AdminOptions {
  /** `https://127.0.0.1:…`, without a path. */
  url: string;
  /** PEM certificates to trust. */
  ca: string;
  /** Bearer token. */
  token: string;
  /** Shown in the audit log. Default: `test-admin`. */
  userAgent?: string;
}

/** An answer, whatever its status. */
export interface RawResponse {
  status: number;
  headers: IncomingMessage['headers'];
  /** Parsed when it is JSON, otherwise text. */
  body: unknown;
}

/** What an API server answered instead of doing what was asked. */
export class ApiError extends Error {
  /** HTTP status. */
  readonly code: number;
  /** `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Expired` …; empty when the answer was no Status object. */
  readonly reason: string;
  readonly body: unknown;

  constructor(what: string, { status, body }: RawResponse) {
    const said = body as { message?: string; reason?: string } | undefined;
    super(`${what}: ${status} ${said?.message ?? JSON.stringify(body)}`);
    this.name = 'ApiError';
    this.code = status;
    this.reason = said?.reason ?? '';
    this.body = body;
  }
}

/** Which objects of a kind. */
export interface ListOptions {
  /** Default: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Other query parameters, e.g. `{resourceVersion: '7', resourceVersionMatch: 'Exact'}`. */
  query?: Record<string, string>;
}

/** How to write with server-side apply. */
export interface ApplyOptions {
  /** Default: `test-admin`. */
  fieldManager?: string;
  /** Take over fields of other managers. Default: true. */
  force?: boolean;
  /** Default: the object itself. */
  subresource?: 'status' | 'scale';
}

/** How to patch. */
export interface PatchOptions {
  /** `merge` (default) is RFC 7386, `json` RFC 6902, `strategic` Kubernetes' own for built-in kinds. */
  type?: 'merge' | 'json' | 'strategic';
  /** Default: the object itself. */
  subresource?: string;
  /** Default: `test-admin`. */
  fieldManager?: string;
}

/** How to delete. */
export interface DeleteOptions {
  /** Default: `Background`. */
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Default: what the kind says (30 for Pods). */
  gracePeriodSeconds?: number;
  /** Delete only this incarnation. */
  uid?: string;
}

/** An event of a watch; of a bookmark only `metadata.resourceVersion` is there, an ERROR carries a Status. */
export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject;
}

/** A running watch. */
export interface Watch {
  /** Ends it. */
  stop: () => void;
  /** Resolves when it has ended, by `stop`, by the server or by a lost connection. Never rejects. */
  ended: Promise<void>;
}

interface Resource {
  plural: string;
  namespaced: boolean;
}

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};
const APPLY = 'application/apply-patch+yaml';

/**
 * A small client of the Kubernetes API for tests. On purpose it shares nothing with the operator's own client, which is code
 * under test. All methods but `raw` throw an `ApiError` for a status of 400 and above, and whatever `node:https` throws when
 * there is no connection; nothing is retried.
 */
export class AdminClient {
  readonly #options: Required<AdminOptions>;
  readonly #agent: Agent;
  /** Per apiVersion: kind → resource. Asked again when a kind is not in it, since CRDs come and go. */
  readonly #resources = new Map<string, Map<string, Resource>>();

  constructor(options: AdminOptions) {
    this.#options = { userAgent: 'test-admin', ...options };
    this.#agent = new Agent({ keepAlive: true, ca: options.ca });
  }

  /** One object. Throws an `ApiError` with code 404 when it is not there; see `find`. */
  async get<T = KubeObject>(kind: Kind, name: string, namespace?: string): Promise<T> {
    return this.#call<T>('GET', await this.path(kind, namespace, name));
  }

  /** One object, or undefined when it, its namespace or its kind is not there. */
  async find<T = KubeObject>(kind: Kind, name: string, namespace?: string): Promise<T | undefined> {
    try {
      return await this.get<T>(kind, name, namespace);
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  /** All objects of a kind, or those that the options select. */
  async list<T = KubeObject>(kind: Kind, options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, labelSelector, fieldSelector, query } = options;
    const selected = new URLSearchParams(query);
    if (labelSelector !== undefined) selected.set('labelSelector', labelSelector);
    if (fieldSelector !== undefined) selected.set('fieldSelector', fieldSelector);
    return this.#call<KubeList<T>>('GET', `${await this.path(kind, namespace)}?${selected.toString()}`);
  }

  /** Creates an object; 409 when it exists. `metadata.namespace` says where. */
  async create<T = KubeObject>(object: object): Promise<T> {
    const { kind, namespace } = identity(object);
    return this.#call<T>('POST', `${await this.path(kind, namespace)}?fieldManager=test-admin`, object);
  }

  /** Server-side apply: creates the object, or takes the given fields over into the one that is there. */
  async apply<T = KubeObject>(object: object, options: ApplyOptions = {}): Promise<T> {
    const { kind, namespace, name } = identity(object);
    return this.#call<T>('PATCH', await this.#applyPath(kind, namespace, name, options), object, APPLY);
  }

  /**
   * Server-side apply of all documents of a YAML text, in their order.
   *
   * @param source the text, or the URL of a file that has it.
   * @param namespace for objects that name none; without it those must not be namespaced.
   */
  async applyYaml(source: string | URL, namespace?: string): Promise<KubeObject[]> {
    const text = source instanceof URL ? await readFile(source, 'utf8') : source;
    const applied: KubeObject[] = [];
    for (const document of parseAllDocuments(text)) {
      if (document.errors[0]) throw document.errors[0];
      const object = document.toJS() as KubeObject | null;
      if (object === null) continue;
      const { namespaced } = await this.#resource(identity(object).kind);
      if (namespaced && namespace !== undefined) object.metadata.namespace ??= namespace;
      applied.push(await this.apply(object));
    }
    return applied;
  }

  /** Changes an object. @param patch as `options.type` says: an object to merge by default. */
  async patch<T = KubeObject>(
    kind: Kind,
    name: string,
    namespace: string | undefined,
    patch: object,
    options: PatchOptions = {},
  ): Promise<T> {
    const path = await this.path(kind, namespace, name, options.subresource);
    const manager = encodeURIComponent(options.fieldManager ?? 'test-admin');
    return this.#call<T>('PATCH', `${path}?fieldManager=${manager}`, patch, PATCH_TYPES[options.type ?? 'merge']);
  }

  /** Deletes an object; one that is not there is fine. Finalizers may keep it after this has returned. */
  async delete(kind: Kind, name: string, namespace?: string, options: DeleteOptions = {}): Promise<void> {
    const { propagationPolicy = 'Background', gracePeriodSeconds, uid } = options;
    const preconditions = uid === undefined ? undefined : { uid };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, gracePeriodSeconds, preconditions };
    const path = await this.path(kind, namespace, name);
    const response = await this.raw('DELETE', path, body);
    if (response.status >= 400 && response.status !== 404) throw new ApiError(`DELETE ${path}`, response);
  }

  /**
   * Sends a request and returns the answer whatever its status is; throws only without an answer.
   *
   * @param path with its query, e.g. `/readyz?verbose`.
   * @param body a string is sent as it is, anything else as JSON.
   * @param contentType default: `application/json`.
   */
  async raw(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<RawResponse> {
    const response = await this.#send(method, path, body, contentType);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const isJson = response.headers['content-type']?.startsWith('application/json') ?? false;
    return { status: response.statusCode!, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** A new namespace with a generated name, `<prefix>-…`; its default ServiceAccount may follow a moment later. */
  async createNamespace(prefix = 'test'): Promise<string> {
    const { metadata } = await this.create({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { generateName: `${prefix}-` },
    });
    return metadata.name;
  }

  /**
   * A real token of a ServiceAccount, by TokenRequest, valid for an hour. The ServiceAccount must exist.
   */
  async serviceAccountToken(namespace: string, name: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const spec = { expirationSeconds: 3600 };
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    const { status } = await this.#call<{ status: { token: string } }>('POST', path, request);
    return status.token;
  }

  /**
   * Watches until it is stopped or ends; it does not reconnect.
   *
   * @param path of a list with its query, e.g. `${await admin.path('v1/Pod', ns)}?resourceVersion=7`.
   * @returns when the server has accepted the watch.
   */
  async watch(path: string, onEvent: (event: WatchEvent) => void): Promise<Watch> {
    const response = await this.#send('GET', `${path}${path.includes('?') ? '&' : '?'}watch=1`);
    if (response.statusCode !== 200) {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      throw new ApiError(`WATCH ${path}`, { status: response.statusCode!, headers: response.headers, body });
    }
    const ended = new Promise<void>((resolve) => response.once('close', () => resolve()));
    response.on('error', () => undefined); // "aborted", when the server or stop() closes it; `ended` says so
    let rest = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onEvent(JSON.parse(line) as WatchEvent);
    });
    return { ended, stop: () => void response.destroy() };
  }

  /** Waits for the object to be gone. Throws after `timeoutMs`, default 20000. */
  async gone(kind: Kind, name: string, namespace?: string, timeoutMs?: number): Promise<void> {
    const where = namespace === undefined ? '' : ` in ${namespace}`;
    const options = timeoutMs === undefined ? {} : { timeoutMs };
    await eventually(
      `${kind} ${name}${where} is gone`,
      async () => (await this.find(kind, name, namespace)) === undefined,
      options,
    );
  }

  /** The API path of a kind, or of one object of it; asks discovery when the kind is not known yet. */
  async path(kind: Kind, namespace?: string, name?: string, subresource?: string): Promise<string> {
    const { plural, namespaced } = await this.#resource(kind);
    if (namespaced && namespace === undefined && name !== undefined)
      throw new Error(`${kind} ${name} needs a namespace`);
    const within = namespaced && namespace !== undefined ? `/namespaces/${namespace}` : '';
    const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
    return `${groupPath(apiVersionOf(kind))}${within}/${plural}${object}${subresource ? `/${subresource}` : ''}`;
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #applyPath(kind: Kind, namespace: string | undefined, name: string, options: ApplyOptions): Promise<string> {
    const { fieldManager = 'test-admin', force = true, subresource } = options;
    const query = new URLSearchParams({ fieldManager, force: String(force) });
    return `${await this.path(kind, namespace, name, subresource)}?${query.toString()}`;
  }

  async #resource(kind: Kind): Promise<Resource> {
    const apiVersion = apiVersionOf(kind);
    const shortKind = kind.slice(apiVersion.length + 1);
    const known = this.#resources.get(apiVersion)?.get(shortKind);
    if (known) return known;
    const { resources } = await this.#call<{ resources: { name: string; kind: string; namespaced: boolean }[] }>(
      'GET',
      groupPath(apiVersion),
    );
    const primary = resources.filter((one) => !one.name.includes('/'));
    const byKind = new Map(primary.map((one) => [one.kind, { plural: one.name, namespaced: one.namespaced }]));
    this.#resources.set(apiVersion, byKind);
    const found = byKind.get(shortKind);
    if (found) return found;
    const body = { reason: 'NotFound', message: `the API server knows no ${kind}` };
    throw new ApiError('discovery', { status: 404, headers: {}, body });
  }

  async #call<T>(method: string, path: string, body?: unknown, contentType?: string): Promise<T> {
    const response = await this.raw(method, path, body, contentType);
    if (response.status >= 400) throw new ApiError(`${method} ${path}`, response);
    return response.body as T;
  }

  #send(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<IncomingMessage> {
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const { url, token, userAgent } = this.#options;
      const headers: Record<string, string> = {
        authorization: `Bearer ${token}`,
        'user-agent': userAgent,
        accept: 'application/json',
      };
      if (payload !== undefined) {
        headers['content-type'] = contentType;
        // For DELETE Node sends the body without saying how long it is, and the server takes it for the next request.
        headers['content-length'] = String(Buffer.byteLength(payload));
      }
      const sent = request(new URL(path, url), { method, headers, agent: this.#agent }, resolve);
      sent.on('error', reject);
      sent.end(payload);
    });
  }
}

function identity(object: object): { kind: Kind; namespace: string | undefined; name: string } {
  const { apiVersion, kind, metadata } = object as KubeObject;
  return { kind: `${apiVersion}/${kind}`, namespace: metadata.namespace, name: metadata.name };
}

function apiVersionOf(kind: Kind): string {
  return kind.slice(0, kind.lastIndexOf('/'));
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
