/** A small HTTP server for metrics and health checks: a few paths, GET only. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Address, printAddress } from './address.ts';

// An import would read every property of the module, and one of them loads a WebSocket client: 11 MB of memory.
const { createServer } = process.getBuiltinModule('node:http');

export interface Answer {
  status: number;
  body: string;
  /** Default: plain text. */
  type?: string;
}

/** What each path answers. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

export interface HttpServer {
  /** The address that it really listens on, as text. */
  readonly address: string;
  /** Stops listening and drops every connection. */
  close: () => Promise<void>;
}

/** A client must be done with its request by then: what scrapes is a program, and near. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Starts a server.
 *
 * @throws Error with a sentence when the address cannot be had.
 */
export async function serve(address: Address, routes: Routes): Promise<HttpServer> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (req, res) => {
      void answer(routes, req, res);
    },
  );
  await listening(server, address);
  const bound = server.address() as AddressInfo;
  return {
    address: printAddress({ ...(address.host !== undefined && { host: bound.address }), port: bound.port }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(`cannot listen on ${printAddress(address)}: ${reasonOf(error)}`));
    });
    server.listen(address, () => resolve());
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the port is in use';
    case 'EACCES':
      return 'this user may not use the port';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address';
    default:
      return error.message;
  }
}

async function answer(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, body, type = 'text/plain; charset=utf-8' } = await answerOf(routes, request);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answerOf(routes: Routes, { method, url = '/' }: IncomingMessage): Promise<Answer> {
  const path = url.split('?', 1)[0] ?? '/';
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!route) return { status: 404, body: `There is ${Object.keys(routes).join(', ')}.\n` };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'Only GET.\n' };
  try {
    return await route();
  } catch {
    return { status: 500, body: 'The answer could not be made.\n' };
  }
}
