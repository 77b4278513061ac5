import { readFileSync } from 'node:fs';
import type * as https from 'node:https';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';

/** Where the API server is and how to prove who we are. Everything a transport needs, and nothing it would write. */
export interface ClientConfig {
  /** `https://host:port`, optionally with a path; `http:` serves tests. */
  server: string;
  /** PEM of the authorities to trust; without it, Node's own list. */
  ca?: string;
  /** Name to verify in the server's certificate, when it is not the host of `server`. */
  serverName?: string;
  /** Only ever true when a kubeconfig says `insecure-skip-tls-verify`. */
  insecure?: boolean;
  /**
   * The `Authorization` header, asked for before every request. Asynchronous because an exec plug-in may have to run;
   * undefined when a client certificate (or nobody) speaks for us.
   */
  authorization: () => string | undefined | Promise<string | undefined>;
  clientCert?: { cert: string; key: string };
  /** Namespace to use when the user names none. */
  namespace: string;
}

/** How old a token read from its file may be: one minute, as in client-go. The kubelet renews it long before its end. */
const tokenAgeMs = 60_000;

/** What `inClusterConfig` takes from outside; tests pass their own. */
export interface InClusterSources {
  env?: Readonly<Record<string, string | undefined>>;
  readFile?: (path: string) => string;
  clock?: Clock;
}

/**
 * The configuration of a pod: the service account's mounted files and the two variables the kubelet sets.
 * The token is read again at most once a minute, since it is rotated while the pod runs. If a re-read fails, the last
 * token is used: the API server is the judge of whether it still holds.
 * @throws Error when this is not a pod of Kubernetes or has no service account mounted.
 */
export function inClusterConfig(sources: InClusterSources = {}): ClientConfig {
  const { env = process.env, readFile = (path: string) => readFileSync(path, 'utf8'), clock = systemClock } = sources;
  const directory = '/var/run/secrets/kubernetes.io/serviceaccount';
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (host === undefined || host === '' || port === undefined || port === '') {
    throw new Error('not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set');
  }
  let token = readFile(`${directory}/token`).trim();
  let readAt = clock.now();
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readFile(`${directory}/ca.crt`),
    namespace: readFile(`${directory}/namespace`).trim(),
    authorization: () => {
      if (clock.now() - readAt >= tokenAgeMs) {
        readAt = clock.now();
        token = readOr(token, () => readFile(`${directory}/token`).trim());
      }
      return `Bearer ${token}`;
    },
  };
}

function readOr(previous: string, read: () => string): string {
  try {
    return read() || previous;
  } catch {
    return previous;
  }
}

/**
 * The configuration of a kubeconfig file, for commands run outside a cluster. The official client parses it and runs
 * exec credential plug-ins; it is imported only here and only now, because it costs 40 MB of memory and 0.1 s.
 * @param path file to read; default: `$KUBECONFIG`, else `~/.kube/config`
 * @param context name of the context; default: the file's current one
 * @throws Error when the file cannot be read or names no such context or no cluster.
 */
export async function kubeconfigConfig(path?: string, context?: string): Promise<ClientConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const kubeconfig = new KubeConfig();
  // loadFromDefault would fall back to http://localhost:8080 when it finds nothing; the check below catches that.
  if (path === undefined) kubeconfig.loadFromDefault();
  else kubeconfig.loadFromFile(path);
  if (context !== undefined) kubeconfig.setCurrentContext(context);
  const name = kubeconfig.getCurrentContext();
  const chosen = kubeconfig.getContextObject(name);
  const cluster = kubeconfig.getCurrentCluster();
  if (chosen === null || cluster === null || cluster.server === 'http://localhost:8080') {
    throw new Error(name ? `the kubeconfig has no cluster for context "${name}"` : 'no kubeconfig found');
  }
  const apply = async (): Promise<https.RequestOptions> => {
    const options: https.RequestOptions = {};
    await kubeconfig.applyToHTTPSOptions(options);
    return options;
  };
  const options = await apply();
  const { cert, key } = options;
  return {
    server: cluster.server,
    ...(options.ca !== undefined && { ca: pem(options.ca) }),
    ...(cluster.tlsServerName !== undefined && { serverName: cluster.tlsServerName }),
    ...(cluster.skipTLSVerify && { insecure: true }),
    ...(cert !== undefined && key !== undefined && { clientCert: { cert: pem(cert), key: pem(key) } }),
    namespace: chosen.namespace ?? 'default',
    authorization: remembered(async () => authorizationOf(await apply()), systemClock),
  };
}

/** Asks `source` at most once a minute: it reads files, and each call builds an agent that is thrown away. */
function remembered(source: () => Promise<string | undefined>, clock: Clock): () => Promise<string | undefined> {
  let value: Promise<string | undefined> | undefined;
  let askedAt = 0;
  return () => {
    if (value === undefined || clock.now() - askedAt >= tokenAgeMs) {
      askedAt = clock.now();
      value = source();
      // A failure is not remembered: the next request asks again.
      value.catch(() => (value = undefined));
    }
    return value;
  };
}

function authorizationOf(options: https.RequestOptions): string | undefined {
  if (typeof options.auth === 'string') return `Basic ${Buffer.from(options.auth).toString('base64')}`;
  // The official client sets a plain object; the type allows for other forms.
  const value: unknown = Object.entries(options.headers ?? {}).find(([name]) => name === 'Authorization')?.[1];
  return typeof value === 'string' ? value : undefined;
}

/** Node takes several forms of PEM; the official client gives strings or buffers. */
function pem(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  if (Array.isArray(value)) return value.map(pem).join('\n');
  throw new Error('a certificate or key of the kubeconfig is not PEM');
}
