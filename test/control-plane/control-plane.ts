import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from './admin.ts';
import { AUDIT_POLICY, auditLog, type AuditLog } from './audit.ts';
import { ensureBinaries, type Binaries } from './binaries.ts';
import { eventually } from './eventually.ts';
import { freePort } from './ports.ts';
import { createProcessGroup, type ManagedProcess, type ProcessGroup, type ProcessSpec } from './processes.ts';

/** What kind of control plane to start. */
export interface ControlPlaneOptions {
  /** Run kube-controller-manager too: garbage collection, StatefulSets, namespaces, ServiceAccounts … Default: true. */
  controllerManager?: boolean;
  /** Added to the API server's command line, e.g. `--watch-cache=false`. */
  apiServerFlags?: readonly string[];
  /** Added to kube-controller-manager's command line. */
  controllerManagerFlags?: readonly string[];
  /**
   * Called when the API server is ready and before kube-controller-manager starts. The place to install CRDs: the garbage
   * collector learns of kinds that come later only every 30 seconds.
   */
  beforeControllers?: (controlPlane: ControlPlane) => Promise<void>;
  /** Told what is being built, when binaries have to be. Default: nobody. */
  progress?: (line: string) => void;
}

/** A running Kubernetes without nodes: Pods are created and stay Pending, claims stay unbound, everything else is real. */
export interface ControlPlane {
  /** `https://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  /** PEM file to trust for `url`. */
  readonly caFile: string;
  /** Bearer token of user `admin` in group `system:masters`. */
  readonly adminToken: string;
  /** Kubeconfig file for the admin. */
  readonly kubeconfig: string;
  /** A client for the admin. */
  readonly admin: AdminClient;
  /** What was asked of the API server, and by whom. */
  readonly audit: AuditLog;
  /** Temporary directory of all its files, removed by `stop`. */
  readonly directory: string;
  readonly binaries: Binaries;
  /** Ids of its processes that run now. */
  pids: () => number[];
  /** Writes a kubeconfig file for a bearer token and returns its path. @param namespace default: `default` */
  kubeconfigFor: (token: string, namespace?: string) => Promise<string>;
  /**
   * Ends the API server; etcd and the controllers go on. SIGTERM, which takes a second or two, then SIGKILL after `graceMs`
   * (default 3000); 0 is a crash.
   */
  stopApiServer: (graceMs?: number) => Promise<void>;
  /** Starts it again on the same port and data; resolves when it is ready. Does nothing when it runs. */
  startApiServer: () => Promise<void>;
  /**
   * Compacts etcd: it forgets every revision but the last. That alone changes nothing for clients, since the API server
   * answers old `resourceVersion`s from its memory: see `forgetHistory`. With `--watch-cache=false` it has none, and watches
   * and lists from before get 410 at once.
   */
  compact: () => Promise<void>;
  /** Crashes the API server, compacts and starts it: then every older `resourceVersion` and `continue` gets 410. */
  forgetHistory: () => Promise<void>;
  /** Restarts kube-controller-manager, which then knows all CRDs there are. Does nothing when it was not asked for. */
  restartControllerManager: () => Promise<void>;
  /** Starts another process that ends, at the latest, with the control plane. */
  start: (spec: ProcessSpec) => Promise<ManagedProcess>;
  /** Kills all its processes, by their ids, and removes its directory. Calling it again is harmless. */
  stop: () => Promise<void>;
}

/**
 * Controllers that make no sense without nodes or a cloud. `pod-garbage-collector` also would delete the Pods that a test
 * pretends to run on a node that does not exist.
 */
const WITHOUT = [
  'cloud-node-lifecycle-controller',
  'horizontal-pod-autoscaler-controller',
  'node-ipam-controller',
  'node-lifecycle-controller',
  'node-route-controller',
  'persistentvolume-attach-detach-controller',
  'persistentvolume-expander-controller',
  'pod-garbage-collector-controller',
  'service-lb-controller',
  'taint-eviction-controller',
  'ttl-controller',
];

/**
 * Starts etcd, kube-apiserver and kube-controller-manager on free ports of 127.0.0.1, with RBAC, real ServiceAccount tokens
 * and an audit log; takes about 3 seconds, plus the build when binaries are missing. Nothing of it outlives this process.
 *
 * @throws when binaries cannot be built, or with the last lines of the log of the process that did not start.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = await ensureBinaries(options.progress ? { progress: options.progress } : {});
  for (let attempt = 1; ; attempt++) {
    const directory = await mkdtemp(join(tmpdir(), 'dittofs-control-plane-'));
    const group = createProcessGroup(directory);
    try {
      return await start(options, binaries, directory, group);
    } catch (error) {
      await group.stop();
      // Between looking for a free port and listening on it someone else may have taken it.
      if (attempt === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function start(
  options: ControlPlaneOptions,
  binaries: Binaries,
  directory: string,
  group: ProcessGroup,
): Promise<ControlPlane> {
  const [etcdPort, port] = [await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const url = `https://127.0.0.1:${port}`;
  const files = await writeFiles(directory);
  const kubeconfigFor = (token: string, namespace = 'default') =>
    writeKubeconfig(directory, { url, caFile: files.ca, token, namespace });

  const etcd = await group.start(etcdSpec(binaries, directory, etcdUrl));
  const apiServerSpec = kubeApiServerSpec(binaries, files, { port, etcdUrl, flags: options.apiServerFlags ?? [] });

  let apiServer: ManagedProcess | undefined;
  const startApiServer = async () => {
    if (apiServer?.alive) return;
    apiServer = await group.start(apiServerSpec);
    await ready(apiServer, async () => {
      // The certificate is there as soon as the API server has made it, before it listens.
      const client = new AdminClient({ url, ca: await readFile(files.ca, 'utf8'), token: files.adminToken });
      try {
        return (await client.raw('GET', '/readyz')).status === 200;
      } finally {
        client.close();
      }
    });
  };
  const stopApiServer = async (graceMs?: number) => apiServer?.stop(graceMs);
  await Promise.race([startApiServer(), failIfEnds(etcd)]);

  const admin = new AdminClient({ url, ca: await readFile(files.ca, 'utf8'), token: files.adminToken });
  const compact = () => compactEtcd(etcdUrl);

  let controllerManager: ManagedProcess | undefined;
  const startControllerManager = async () => {
    const kubeconfig = await kubeconfigFor(files.controllerManagerToken);
    const flags = options.controllerManagerFlags ?? [];
    controllerManager = await group.start(kubeControllerManagerSpec(binaries, files, { kubeconfig, flags }));
    // The first thing that tests can see of it, and what Pods need to be admitted.
    await ready(controllerManager, () => admin.find('v1/ServiceAccount', 'default', 'default'));
  };

  const controlPlane: ControlPlane = {
    url,
    caFile: files.ca,
    adminToken: files.adminToken,
    kubeconfig: await kubeconfigFor(files.adminToken),
    admin,
    audit: auditLog(files.auditLog),
    directory,
    binaries,
    pids: group.pids,
    kubeconfigFor,
    stopApiServer,
    startApiServer,
    compact,
    forgetHistory: async () => {
      await stopApiServer(0);
      await compact();
      await startApiServer();
    },
    restartControllerManager: async () => {
      if (!controllerManager) return;
      await controllerManager.stop();
      await startControllerManager();
    },
    start: group.start,
    stop: async () => {
      admin.close();
      await group.stop();
    },
  };
  await options.beforeControllers?.(controlPlane);
  if (options.controllerManager ?? true) await startControllerManager();
  return controlPlane;
}

interface Files {
  ca: string;
  certificates: string;
  serviceAccountKey: string;
  tokens: string;
  auditPolicy: string;
  auditLog: string;
  adminToken: string;
  controllerManagerToken: string;
}

async function writeFiles(directory: string): Promise<Files> {
  const certificates = join(directory, 'certificates');
  const files = {
    ca: join(certificates, 'apiserver.crt'),
    certificates,
    serviceAccountKey: join(directory, 'service-account.key'),
    tokens: join(directory, 'tokens.csv'),
    auditPolicy: join(directory, 'audit-policy.json'),
    auditLog: join(directory, 'audit.log'),
    adminToken: randomBytes(16).toString('hex'),
    controllerManagerToken: randomBytes(16).toString('hex'),
  };
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(files.serviceAccountKey, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  const users = [
    `${files.adminToken},admin,admin,"system:masters"`,
    `${files.controllerManagerToken},system:kube-controller-manager,kube-controller-manager`,
  ];
  await writeFile(files.tokens, `${users.join('\n')}\n`, { mode: 0o600 });
  await writeFile(files.auditPolicy, JSON.stringify(AUDIT_POLICY));
  return files;
}

function etcdSpec(binaries: Binaries, directory: string, url: string): ProcessSpec {
  const flags = {
    'data-dir': join(directory, 'etcd'),
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': 'http://127.0.0.1:0',
    'log-level': 'warn',
    'unsafe-no-fsync': 'true', // the data does not outlive the process
  };
  return { name: 'etcd', command: binaries.etcd, args: commandLine(flags) };
}

function kubeApiServerSpec(
  binaries: Binaries,
  files: Files,
  { port, etcdUrl, flags }: { port: number; etcdUrl: string; flags: readonly string[] },
): ProcessSpec {
  const own = {
    'etcd-servers': etcdUrl,
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': String(port),
    'cert-dir': files.certificates,
    'token-auth-file': files.tokens,
    'authorization-mode': 'RBAC',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': files.serviceAccountKey,
    'service-account-signing-key-file': files.serviceAccountKey,
    'service-cluster-ip-range': '10.0.0.0/16',
    'allow-privileged': 'true',
    // The endpoint of the Service `kubernetes` may not be a loopback address.
    'endpoint-reconciler-type': 'none',
    'audit-policy-file': files.auditPolicy,
    'audit-log-path': files.auditLog,
    profiling: 'false',
  };
  return { name: 'kube-apiserver', command: binaries.kubeApiServer, args: [...commandLine(own), ...flags] };
}

function kubeControllerManagerSpec(
  binaries: Binaries,
  files: Files,
  { kubeconfig, flags }: { kubeconfig: string; flags: readonly string[] },
): ProcessSpec {
  const own = {
    kubeconfig,
    controllers: ['*', ...WITHOUT.map((name) => `-${name}`)].join(','),
    'leader-elect': 'false',
    'secure-port': '0',
    'service-account-private-key-file': files.serviceAccountKey,
    'root-ca-file': files.ca,
    // Each controller by its own name, as in a real cluster: the audit log then tells them apart.
    'use-service-account-credentials': 'true',
    // The default of 20 requests per second would make it take seconds to start.
    'kube-api-qps': '500',
    'kube-api-burst': '1000',
    profiling: 'false',
  };
  return {
    name: 'kube-controller-manager',
    command: binaries.kubeControllerManager,
    args: [...commandLine(own), ...flags],
  };
}

function commandLine(flags: Record<string, string>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

/** Waits for `probe`; throws with the end of its log as soon as the process ends. */
async function ready(one: ManagedProcess, probe: () => Promise<unknown>): Promise<void> {
  const stillNeeded = () => {
    if (!one.alive) return true; // ends the wait, which the other side of the race has already lost
    return probe();
  };
  await Promise.race([eventually(`${one.name} is ready`, stillNeeded, { timeoutMs: 60_000 }), failIfEnds(one)]);
  if (!one.alive) await failIfEnds(one);
}

async function failIfEnds(one: ManagedProcess): Promise<never> {
  const how = await one.ended;
  throw new Error(`${one.name} did not start (${how}); its log ends with\n${await one.lastLines()}`);
}

/** What etcd answers; it speaks JSON beside gRPC, with numbers of 64 bits as strings. */
interface Answer {
  header: { revision: string };
}

async function compactEtcd(etcdUrl: string): Promise<void> {
  const call = async (path: string, body: object) => {
    const response = await fetch(`${etcdUrl}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`etcd refused ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  // One revision more, of a key that the API server does not know: then even the last change of an object is behind the
  // compaction. Otherwise etcd would still tell of it, and the API server answer 500 because the state before is gone.
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const { header } = (await call('put', { key: base64('/compacted'), value: base64('') })) as Answer;
  await call('compaction', { revision: header.revision, physical: true });
}

async function writeKubeconfig(
  directory: string,
  { url, caFile, token, namespace }: { url: string; caFile: string; token: string; namespace: string },
): Promise<string> {
  const file = join(directory, `kubeconfig-${randomBytes(4).toString('hex')}.json`);
  // JSON is YAML.
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority': caFile } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
    'current-context': 'test',
  };
  await writeFile(file, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  return file;
}
