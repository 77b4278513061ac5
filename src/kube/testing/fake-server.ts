import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the server saw it. */
export interface SeenRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: http.IncomingHttpHeaders;
  /** Parsed JSON; undefined when there was none. */
  body: unknown;
}

/** What to answer; an object is sent as JSON. `hang` never answers, `reset` cuts the connection. */
export type Answer =
  | { status?: number; headers?: Record<string, string>; body?: unknown }
  | { stream: (stream: FakeStream) => void }
  | 'hang'
  | 'reset';

/** The server's end of a watch. */
export interface FakeStream {
  /** Sends one watch event as a line. */
  event(type: string, object: unknown): void;
  /** Sends bytes as they are. */
  raw(bytes: string | Buffer): void;
  /** Ends the answer in good order. */
  end(): void;
  /** Cuts the connection. */
  cut(): void;
  /** Whether the client has closed it. */
  readonly closed: boolean;
}

/** A server in this process that answers by one function and remembers what it was asked. */
export class FakeServer {
  readonly requests: SeenRequest[] = [];
  /** Every watch so far, in order. */
  readonly streams: FakeStream[] = [];
  /** Connections accepted so far. */
  connections = 0;
  readonly #server: http.Server;

  private constructor(server: http.Server) {
    this.#server = server;
  }

  /** Starts on a free port of the loopback interface. */
  static async start(answer: (request: SeenRequest) => Answer | Promise<Answer>): Promise<FakeServer> {
    const server = http.createServer();
    const fake = new FakeServer(server);
    server.on('connection', () => (fake.connections += 1));
    server.on('request', (request, response) => void fake.#serve(request, response, answer));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends all connections and listens no more. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    answer: (request: SeenRequest) => Answer | Promise<Answer>,
  ): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const seen: SeenRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
    this.requests.push(seen);
    const what = await answer(seen);
    if (what === 'hang') return;
    if (what === 'reset') request.socket.resetAndDestroy();
    else if ('stream' in what) this.#stream(response, what.stream);
    else {
      response.writeHead(what.status ?? 200, { 'Content-Type': 'application/json', ...what.headers });
      response.end(typeof what.body === 'string' ? what.body : JSON.stringify(what.body ?? {}));
    }
  }

  #stream(response: http.ServerResponse, start: (stream: FakeStream) => void): void {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    const stream: FakeStream = {
      event: (type, object) => response.write(`${JSON.stringify({ type, object })}\n`),
      raw: (bytes) => response.write(bytes),
      end: () => response.end(),
      cut: () => response.socket?.resetAndDestroy(),
      get closed() {
        return response.destroyed || response.writableEnded;
      },
    };
    this.streams.push(stream);
    start(stream);
  }
}

/** The body of an API server's refusal. */
export function status(code: number, reason: string, message = '', details: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message, details };
}
