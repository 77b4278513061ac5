/** One reason of a refusal, from `Status.details.causes`. */
export interface StatusCause {
  reason?: string;
  field?: string;
  /** Absent for Secrets: validation messages quote the value they refuse. */
  message?: string;
}

/** What an `ApiError` is made of. `body` is read for its known fields and not kept. */
export interface ApiErrorInit {
  method: string;
  /** Path without the query. */
  path: string;
  status: number;
  /** The parsed response body, a Status object if the API server wrote it; anything is accepted. */
  body?: unknown;
  retryAfterSeconds?: number;
}

/** Longest part of the server's message that is taken over. Enough for several fields of a validation error. */
const longestMessage = 1024;

/**
 * The API server answered and refused. The message holds method, path, status, reason and the server's own sentence,
 * that one not for Secrets; it never holds a response body.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly method: string;
  readonly path: string;
  /** HTTP status, or the code of the Status object for an error inside a watch. */
  readonly status: number;
  /** The Status object's machine-readable reason, for example `AlreadyExists`; the empty string when there is none. */
  readonly reason: string;
  readonly causes: readonly StatusCause[];
  /** How long the server asked to wait, in seconds, if it did. */
  readonly retryAfterSeconds: number | undefined;

  constructor(init: ApiErrorInit) {
    const body = record(init.body);
    // Only what a Status object holds is read: a proxy's error page or an object under an error code is left alone.
    const status = body['kind'] === 'Status' ? body : {};
    const secret = isSecretPath(init.path);
    const reason = text(status['reason']) ?? '';
    const sentence = secret ? undefined : text(status['message']);
    super(
      `${init.method} ${init.path}: ${init.status}${reason === '' ? '' : ` ${reason}`}` +
        (sentence === undefined ? '' : `: ${sentence.slice(0, longestMessage)}`),
    );
    const details = record(status['details']);
    this.method = init.method;
    this.path = init.path;
    this.status = init.status;
    this.reason = reason;
    this.causes = causesOf(details['causes'], secret);
    const seconds = details['retryAfterSeconds'];
    this.retryAfterSeconds =
      init.retryAfterSeconds ?? (typeof seconds === 'number' && seconds > 0 ? seconds : undefined);
  }

  /** The object, its kind or its namespace does not exist. */
  get isNotFound(): boolean {
    return this.status === 404;
  }

  /** The object has changed since it was read, or a field belongs to another manager: read again and decide anew. */
  get isConflict(): boolean {
    return this.status === 409 && this.reason !== 'AlreadyExists';
  }

  /** An object of this name exists. */
  get isAlreadyExists(): boolean {
    return this.status === 409 && this.reason === 'AlreadyExists';
  }

  /** The resource version or continue token is too old: list again. (Servers use both `Gone` and `Expired`.) */
  get isExpired(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone';
  }

  /** The server does not know the resource version yet, or, after a restore of etcd, any more. */
  get isTooLargeResourceVersion(): boolean {
    return this.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge');
  }

  /** The object breaks a rule: sending it again unchanged cannot help. */
  get isInvalid(): boolean {
    return this.status === 422 || this.status === 400;
  }

  /** Not allowed, by RBAC, by a quota or by an admission plug-in. */
  get isForbidden(): boolean {
    return this.status === 403 && !this.isNamespaceTerminating;
  }

  /** The namespace is being deleted: nothing new can be created in it. */
  get isNamespaceTerminating(): boolean {
    return this.status === 403 && this.causes.some((cause) => cause.reason === 'NamespaceTerminating');
  }

  /** The same request may succeed later without any change. */
  get isRetriable(): boolean {
    return this.status === 429 || this.status === 408 || this.status >= 500;
  }
}

/**
 * No answer, or one that broke off: the network, TLS, a time-out, or an answer that is not JSON. Of a write it is
 * unknown whether it happened, so it is never repeated here: the caller looks and decides.
 */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** Node's error code, for example `ECONNREFUSED`, or `TIMEOUT`, `SILENT`, `UNREADABLE`, `CREDENTIALS` from this folder. */
  readonly code: string;
  readonly isRetriable = true;

  constructor(method: string, path: string, code: string, detail: string, options?: ErrorOptions) {
    super(`${method} ${path}: ${detail}`, options);
    this.code = code;
  }
}

/** Whether `error` may go away by itself: a connection failure, an overloaded or failing server. */
export function isRetriable(error: unknown): boolean {
  return (error instanceof ApiError || error instanceof ConnectionError) && error.isRetriable;
}

function isSecretPath(path: string): boolean {
  return /^\/api\/v1\/(namespaces\/[^/]+\/|watch\/)?secrets(\/|$)/.test(path);
}

function causesOf(causes: unknown, secret: boolean): StatusCause[] {
  if (!Array.isArray(causes)) return [];
  return causes.map((entry: unknown) => {
    const { reason, field, message } = record(entry);
    return {
      ...(typeof reason === 'string' && { reason }),
      ...(typeof field === 'string' && { field }),
      ...(typeof message === 'string' && !secret && { message: message.slice(0, longestMessage) }),
    };
  });
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
