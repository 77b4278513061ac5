import type * as Http from 'node:http';
import * as https from 'node:https';
import type { ClientConfig } from './config.ts';

/**
 * An import of node:http reads each of its exports, and one of them loads a WebSocket client: 3 to 7 MB for nothing
 * (measured on Node 24).
 */
const http = process.getBuiltinModule('node:http');
const tls = process.getBuiltinModule('node:tls');

/** Values of a query string; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The API server closes idle connections after 90 s; ours go first, or a request would meet a closing one. */
const idleSocketMs = 60_000;

/**
 * An agent for requests, which keeps its connections, or for streams: these last for minutes, so nothing is gained by
 * keeping their connections afterwards.
 * @param maxSockets most connections at a time; further requests wait
 */
export function newAgent(config: ClientConfig, use: 'requests' | 'streams', maxSockets: number): Http.Agent {
  const kept = use === 'requests' ? { keepAlive: true, timeout: idleSocketMs, maxSockets } : { maxSockets };
  if (new URL(config.server).protocol === 'http:') return new http.Agent(kept);
  const { ca, clientCert, serverName, insecure } = config;
  // The agent keeps its connections under a name that holds all its options: one context instead of whole certificates.
  const secureContext = tls.createSecureContext({ ...(ca !== undefined && { ca }), ...clientCert });
  return new https.Agent({
    ...kept,
    secureContext,
    ...(serverName !== undefined && { servername: serverName }),
    ...(insecure === true && { rejectUnauthorized: false }),
  });
}

/** Sends a request; resolves with the head of the answer, whose body is still to be read. Aborting breaks it off. */
export function send(
  protocol: string,
  options: https.RequestOptions,
  body: string | undefined,
  signal: AbortSignal,
): Promise<Http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (protocol === 'http:' ? http : https).request(options);
    const onAbort = (): void => {
      request.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    const settled = (): void => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    request.once('response', (response) => {
      settled();
      resolve(response);
    });
    // Stays for the life of the request: an error after the head must not be unhandled; the body's reader meets it too.
    request.on('error', (error) => {
      settled();
      reject(error);
    });
    request.end(body);
  });
}

/** `?name=value&…`, or the empty string. */
export function queryString(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** Node's error code, or `ERROR`. */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'ERROR';
}

/** The JSON value, or undefined when the text is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
