/** Where an HTTP server listens. Without a host: on all interfaces, IPv4 and IPv6. */
export interface Address {
  host?: string;
  port: number;
}

const PATTERN = /^(?:\[(?<ipv6>[0-9a-fA-F:.%]+)\]|(?<host>[^\s:[\]]*)):(?<port>\d{1,5})$/;
const HIGHEST_PORT = 65_535;

/**
 * Reads `:8080`, `127.0.0.1:8080`, `[::1]:8080`; port 0 means any free one.
 *
 * @returns undefined for `0`, which means no server.
 * @throws Error with a sentence for the user.
 */
export function parseAddress(text: string): Address | undefined {
  if (text === '0') return undefined;
  const { ipv6, host, port } = PATTERN.exec(text)?.groups ?? {};
  if (port === undefined || Number(port) > HIGHEST_PORT) {
    throw new Error('Give HOST:PORT as in ":8080", "127.0.0.1:8080" or "[::1]:8080", or "0" for none.');
  }
  const name = ipv6 ?? host ?? '';
  return { port: Number(port), ...(name !== '' && { host: name }) };
}

/** The address as text, for a message. */
export function printAddress({ host = '', port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
