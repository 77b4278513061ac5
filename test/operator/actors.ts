/** Parts of a cluster that these tests play themselves: Percona's operator, the kubelet, and the user. */
import { randomBytes } from 'node:crypto';
import type { Condition, DittoServer, DittoServerSpec } from '../../src/api/types.ts';
import type { AdminClient } from '../control-plane/admin.ts';
import type { AuditEntry } from '../control-plane/audit.ts';
import { eventually } from '../control-plane/eventually.ts';

export const DITTO_SERVER = 'dittofs.dittofs.com/v1alpha1/DittoServer';
export const PERCONA_CLUSTER = 'pgv2.percona.com/v2/PerconaPGCluster';
export const STATEFUL_SET = 'apps/v1/StatefulSet';
export const EVENT = 'events.k8s.io/v1/Event';

export type Spec = Partial<DittoServerSpec>;

/** A DittoServer manifest; `storage` is filled in. */
export function dittoServer(namespace: string, name: string, spec: Spec = {}) {
  return {
    apiVersion: 'dittofs.dittofs.com/v1alpha1',
    kind: 'DittoServer',
    metadata: { name, namespace },
    spec: { storage: { metadataSize: '1Gi' }, ...spec },
  };
}

/** The condition of that type, if the server has it. */
export function condition(server: Pick<DittoServer, 'status'>, type: string): Condition | undefined {
  return server.status?.conditions?.find((candidate) => candidate.type === type);
}

/** Waits for a condition to have a status or a reason. */
export async function conditionOf(
  admin: AdminClient,
  namespace: string,
  name: string,
  type: string,
  wanted: { status?: string; reason?: string },
  timeoutMs = 20_000,
): Promise<Condition> {
  return await eventually(
    `${type} of DittoServer ${name} is ${JSON.stringify(wanted)}`,
    async () => {
      const server = await admin.get<DittoServer>(DITTO_SERVER, name, namespace);
      const found = condition(server, type);
      const holds =
        found !== undefined &&
        server.status?.observedGeneration === server.metadata.generation &&
        (wanted.status === undefined || found.status === wanted.status) &&
        (wanted.reason === undefined || found.reason === wanted.reason);
      if (!holds) throw new Error(`it is ${JSON.stringify(found)}`);
      return found;
    },
    { timeoutMs },
  );
}

/** The events about an object, as `reason`s in the order in which they were first told. */
export async function eventReasons(admin: AdminClient, namespace: string, name: string): Promise<string[]> {
  const { items } = await admin.list(EVENT, { namespace });
  return items
    .filter(({ regarding }) => (regarding as { name?: string; kind?: string } | undefined)?.name === name)
    .filter(({ reportingController }) => reportingController === 'dittofs.dittofs.com/operator')
    .sort((one, other) => String(one['eventTime']).localeCompare(String(other['eventTime'])))
    .map(({ reason }) => String(reason));
}

/** What Percona's operator does once PostgreSQL is up: the Secrets first, then the status. */
export async function perconaReady(admin: AdminClient, namespace: string, cluster: string, user = 'dittofs') {
  await perconaSecrets(admin, namespace, cluster, user);
  await perconaStatus(admin, namespace, cluster, 'ready', 1);
}

/** Sets the status that Percona's operator would report for the cluster's present generation. */
export async function perconaStatus(
  admin: AdminClient,
  namespace: string,
  cluster: string,
  state: string,
  ready: number,
) {
  const { metadata } = await admin.get(PERCONA_CLUSTER, cluster, namespace);
  const status = {
    state,
    observedGeneration: metadata.generation,
    host: `${cluster}-pgbouncer.${namespace}.svc`,
    postgres: { ready, size: 1, instances: [{ name: 'instance1', ready, size: 1 }], version: 16 },
    pgbouncer: { ready: 0, size: 0 },
  };
  await admin.patch(PERCONA_CLUSTER, cluster, namespace, { status }, { subresource: 'status' });
}

/** The Secrets of a cluster, with Percona's names, labels and keys. @returns the password */
export async function perconaSecrets(
  admin: AdminClient,
  namespace: string,
  cluster: string,
  user = 'dittofs',
  password = randomBytes(12).toString('hex'),
) {
  const labels = { 'postgres-operator.crunchydata.com/cluster': cluster };
  const host = `${cluster}-primary.${namespace}.svc`;
  const stringData = {
    ...{ host, port: '5432', user, password, dbname: 'dittofs', verifier: `SCRAM-SHA-256$${password}` },
    uri: `postgresql://${user}:${password}@${host}:5432/dittofs`,
  };
  await admin.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...{ name: `${cluster}-pguser-${user}`, namespace },
      labels: { ...labels, 'postgres-operator.crunchydata.com/role': 'pguser' },
    },
    stringData,
  });
  await admin.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...{ name: `${cluster}-cluster-cert`, namespace },
      labels: { ...labels, 'postgres-operator.crunchydata.com/cluster-certificate': 'postgres-tls' },
    },
    stringData: { 'ca.crt': 'a certificate', 'tls.crt': 'a certificate', 'tls.key': 'a key' },
  });
  return password;
}

/** What the kubelet does once the server runs: its pod is Running and Ready. */
export async function podReady(admin: AdminClient, namespace: string, name: string) {
  const pod = `${name}-0`;
  await eventually(`pod ${pod}`, () => admin.find('v1/Pod', pod, namespace));
  const now = new Date().toISOString();
  const conditions = ['Initialized', 'ContainersReady', 'Ready'].map((type) => ({
    ...{ type, status: 'True', lastTransitionTime: now },
  }));
  await admin.patch('v1/Pod', pod, namespace, { status: { phase: 'Running', conditions } }, { subresource: 'status' });
}

/** The annotations of the StatefulSet's pod template. */
export async function templateAnnotations(admin: AdminClient, namespace: string, name: string) {
  const set = await admin.get(STATEFUL_SET, name, namespace);
  const spec = set.spec as { template: { metadata: { annotations: Record<string, string> } } };
  return spec.template.metadata.annotations;
}

/**
 * Requests of the operator that are neither watches nor its lease, as `verb resource/subresource name`.
 */
export function operatorRequests(entries: readonly AuditEntry[]): string[] {
  return entries
    .filter(({ userAgent }) => userAgent.startsWith('dittofs-operator/'))
    .filter(({ verb, resource }) => verb !== 'watch' && resource !== 'leases')
    .map(({ verb, resource, subresource, name }) => `${verb} ${resource}/${subresource} ${name}`);
}
