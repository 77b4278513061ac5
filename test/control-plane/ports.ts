import { createServer } from 'node:net';

/**
 * Below the range from which systems take ports for outgoing connections (32768 upwards on Linux, 49152 on macOS): a server
 * that is stopped for a while must find its port free again, and any connection on the machine could have taken it.
 */
const FIRST = 20_000;
const COUNT = 10_000;

const given = new Set<number>();

/**
 * A TCP port on 127.0.0.1 on which nothing listens now and which this process has not been given before.
 * Another process may still take it before it is used. Throws when 100 tries find none.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free TCP port between ${FIRST} and ${FIRST + COUNT}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
