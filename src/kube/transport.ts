import type * as http from 'node:http';
import type * as https from 'node:https';
import type { Clock, Deadline } from './clock.ts';
import { sleep, startDeadline, systemClock } from './clock.ts';
import type { ClientConfig } from './config.ts';
import { ApiError, ConnectionError } from './errors.ts';
import { codeOf, newAgent, parsed, queryString, send } from './http-exchange.ts';
import type { Query } from './http-exchange.ts';
import { readLines } from './lines.ts';
import { messageOf } from './log.ts';
import type { RequestMetrics } from './metrics.ts';

/** One request. */
export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path from the API server's root, already percent-encoded, without the query. */
  path: string;
  query?: Query;
  /** Sent as JSON. */
  body?: unknown;
  /** Default `application/json`. */
  contentType?: string;
  /** Default `application/json`. */
  accept?: string;
  signal?: AbortSignal;
  /** Whole time allowed, waiting for a connection and retries included, in milliseconds. Default 30,000. */
  timeoutMs?: number;
}

/** A request whose answer is a stream of lines. */
export interface StreamRequest extends Omit<TransportRequest, 'method' | 'body' | 'contentType'> {
  /** Ends the stream with a ConnectionError when no byte has come for this long, in milliseconds. */
  silenceMs: number;
  /** Called when the server has accepted the request. */
  onOpen?: () => void;
}

/** What a transport is made of. */
export interface TransportOptions {
  config: ClientConfig;
  /** `program/version`: shown in the API server's audit log. */
  userAgent: string;
  metrics?: RequestMetrics;
  clock?: Clock;
  /** Default of `TransportRequest.timeoutMs`. */
  timeoutMs?: number;
  /** Repeats of one request after 429 and 503; default 10, as in client-go. The deadline usually comes first. */
  maxRetries?: number;
  /** Connections for requests; streams have connections of their own and cannot use them up. Default 32. */
  maxSockets?: number;
}

/** First TCP keep-alive probe of a stream: a host that vanished is noticed although nobody sends anything. */
const keepAliveProbeMs = 30_000;
/** Wait after a 429 that does not say how long, in seconds; client-go's default too. */
const defaultRetryAfterSeconds = 1;

/**
 * HTTP/1.1 to one API server over kept connections. Knows methods, paths, deadlines and retries, not objects.
 *
 * Retries: 429 always, 503 and other 5xx only for GET and only when the server says `Retry-After`. A GET that met a
 * kept connection closed by the server is repeated at once. A write is never repeated when it is unknown whether it
 * happened.
 */
export class Transport {
  readonly #config: ClientConfig;
  readonly #base: URL;
  readonly #userAgent: string;
  readonly #metrics: RequestMetrics | undefined;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #maxRetries: number;
  readonly #agent: http.Agent;
  readonly #streamAgent: http.Agent;

  /** @throws TypeError when `config.server` is not a URL. */
  constructor(options: TransportOptions) {
    this.#config = options.config;
    this.#base = new URL(options.config.server);
    this.#userAgent = options.userAgent;
    this.#metrics = options.metrics;
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#maxRetries = options.maxRetries ?? 10;
    this.#agent = newAgent(options.config, 'requests', options.maxSockets ?? 32);
    this.#streamAgent = newAgent(options.config, 'streams', Infinity);
  }

  /**
   * The parsed JSON of the answer.
   * @throws ApiError when the server refuses; ConnectionError when there is no answer within the deadline or it is not
   * JSON; the signal's reason when it aborts.
   */
  async json(request: TransportRequest): Promise<unknown> {
    const text = await this.text(request);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      // The cause is left out: the parser's message quotes the text.
      throw new ConnectionError(request.method, request.path, 'UNREADABLE', 'the answer is not JSON');
    }
  }

  /** The answer's body as text; see `json` for the errors. */
  async text(request: TransportRequest): Promise<string> {
    const deadline = startDeadline(this.#clock, request.timeoutMs ?? this.#timeoutMs, request.signal);
    try {
      for (let attempt = 0; ; attempt += 1) {
        const result = await this.#attempt(request, deadline);
        if (typeof result === 'string') return result;
        const waitMs = retryDelayMs(request.method, result);
        // A wait past the deadline could only end in a time-out, which says less than the server's own answer.
        if (waitMs === undefined || attempt >= this.#maxRetries || waitMs >= deadline.remainingMs()) throw result;
        await sleep(this.#clock, waitMs, deadline.signal);
      }
    } finally {
      deadline.dispose();
    }
  }

  /**
   * The lines of a streamed answer, as they come. Leaving the loop closes the connection.
   * @throws ApiError, ConnectionError (also when the stream breaks off or falls silent), or the signal's reason.
   */
  async *lines(request: StreamRequest): AsyncGenerator<string, void, undefined> {
    const get: TransportRequest = { ...request, method: 'GET' };
    const deadline = startDeadline(this.#clock, request.timeoutMs ?? this.#timeoutMs, request.signal);
    let response: http.IncomingMessage;
    try {
      response = await this.#exchange(get, this.#streamAgent, deadline);
      response.socket.setKeepAlive(true, keepAliveProbeMs);
      const refusal = await this.#refusal(get, response, deadline);
      if (refusal !== undefined) throw refusal;
    } finally {
      deadline.dispose();
    }
    request.onOpen?.();
    yield* readLines(response, { ...request, clock: this.#clock });
  }

  /** Closes all connections; requests in flight fail. The transport must not be used any more. */
  close(): void {
    this.#agent.destroy();
    this.#streamAgent.destroy();
  }

  /** One try: the body, or the refusal that the caller may decide to retry. */
  async #attempt(request: TransportRequest, deadline: Deadline): Promise<string | ApiError> {
    for (let first = true; ; first = false) {
      try {
        const response = await this.#exchange(request, this.#agent, deadline);
        return (await this.#refusal(request, response, deadline)) ?? (await this.#body(request, response, deadline));
      } catch (error) {
        const stale = error instanceof ConnectionError && error.code === 'ECONNRESET' && request.method === 'GET';
        if (!stale || !first) throw error;
      }
    }
  }

  /** Sends and waits for the answer's head. */
  async #exchange(request: TransportRequest, agent: http.Agent, deadline: Deadline): Promise<http.IncomingMessage> {
    const { method } = request;
    const host = this.#base.host;
    try {
      const authorization = await this.#authorization(request);
      deadline.signal.throwIfAborted();
      const body = request.body === undefined ? undefined : JSON.stringify(request.body);
      const options = this.#requestOptions(request, agent, authorization, body);
      const response = await send(this.#base.protocol, options, body, deadline.signal);
      this.#metrics?.requestEnded({ code: String(response.statusCode), method, host });
      return response;
    } catch (error) {
      this.#metrics?.requestEnded({ code: '<error>', method, host });
      throw this.#failure(request, deadline, error);
    }
  }

  async #body(request: TransportRequest, response: http.IncomingMessage, deadline: Deadline): Promise<string> {
    const onAbort = (): void => {
      response.destroy();
    };
    deadline.signal.addEventListener('abort', onAbort, { once: true });
    try {
      deadline.signal.throwIfAborted();
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      return Buffer.concat(chunks).toString('utf8');
    } catch (error) {
      throw this.#failure(request, deadline, error);
    } finally {
      deadline.signal.removeEventListener('abort', onAbort);
    }
  }

  /** The error of an answer that is not 2xx. */
  async #refusal(
    request: TransportRequest,
    response: http.IncomingMessage,
    deadline: Deadline,
  ): Promise<ApiError | undefined> {
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return undefined;
    const text = await this.#body(request, response, deadline);
    const seconds = Number(response.headers['retry-after']);
    return new ApiError({
      method: request.method,
      path: request.path,
      status,
      body: parsed(text),
      ...(Number.isFinite(seconds) && seconds >= 0 && { retryAfterSeconds: seconds }),
    });
  }

  async #authorization(request: TransportRequest): Promise<string | undefined> {
    try {
      return await this.#config.authorization();
    } catch (error) {
      // Worded by a credential plug-in of the user's own kubeconfig, or by a file that cannot be read.
      const detail = `no credentials: ${messageOf(error)}`;
      throw new ConnectionError(request.method, request.path, 'CREDENTIALS', detail, { cause: error });
    }
  }

  #failure(request: TransportRequest, deadline: Deadline, error: unknown): unknown {
    const { method, path, signal } = request;
    if (deadline.expired) return new ConnectionError(method, path, 'TIMEOUT', 'no answer in time');
    if (signal?.aborted === true) return signal.reason;
    if (error instanceof ConnectionError) return error;
    const code = codeOf(error);
    return new ConnectionError(method, path, code, `no answer (${code})`, { cause: error });
  }

  #requestOptions(
    request: TransportRequest,
    agent: http.Agent,
    authorization: string | undefined,
    body: string | undefined,
  ): https.RequestOptions {
    const query = queryString(request.query ?? {});
    return {
      agent,
      method: request.method,
      host: this.#base.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: this.#base.port,
      path: `${this.#base.pathname.replace(/\/$/, '')}${request.path}${query}`,
      headers: {
        'User-Agent': this.#userAgent,
        Accept: request.accept ?? 'application/json',
        ...(body !== undefined && {
          'Content-Type': request.contentType ?? 'application/json',
          // Node adds it by itself, but not for DELETE, whose body would then be taken for the next request.
          'Content-Length': Buffer.byteLength(body),
        }),
        ...(authorization !== undefined && { Authorization: authorization }),
      },
    };
  }
}

/** How long to wait before trying again, or undefined when the refusal is final. */
function retryDelayMs(method: string, error: ApiError): number | undefined {
  if (error.status === 429) return (error.retryAfterSeconds ?? defaultRetryAfterSeconds) * 1000;
  if (method !== 'GET' || error.status < 500 || error.retryAfterSeconds === undefined) return undefined;
  return error.retryAfterSeconds * 1000;
}
