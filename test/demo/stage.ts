/** Where the demo is played: on a control plane of its own, or in the user's cluster. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crd } from '../../src/api/crd.ts';
import { DITTO_SERVERS, PERCONA_CLUSTERS } from '../../src/controller/resources.ts';
import { type Resource, resourceName } from '../../src/kube/resource.ts';
import { ensureBinaries, ensurePerconaOperator, KUBERNETES_VERSION } from '../control-plane/binaries.ts';
import { startControlPlane } from '../control-plane/control-plane.ts';
import { eventually } from '../control-plane/eventually.ts';
import { installPerconaCRDs, startPerconaOperator } from '../control-plane/percona.ts';
import { createProcessGroup, type ManagedProcess, type ProcessSpec } from '../control-plane/processes.ts';
import { DemoError } from './arguments.ts';
import { Cluster, CRDS, DEPLOYMENTS, NAMESPACES, NODES } from './cluster.ts';
import type { Screen } from './screen.ts';

export interface Stage {
  cluster: Cluster;
  kubeconfig: string;
  /** Made for the demo. */
  namespace: string;
  /** The kubectl to advise. */
  kubectl: string;
  /** Whether there are nodes on which pods run. */
  podsRun: boolean;
  /** Whether Percona's operator is there. */
  percona: boolean;
  operator: ManagedProcess;
}

/** What has to be undone at the end, the last first. Filled while the stage is set, so that it can be cut short. */
export type Undo = (() => Promise<void>)[];

const CRD_NAME = resourceName(DITTO_SERVERS);
const PERCONA_CRD_NAME = resourceName(PERCONA_CLUSTERS);
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Builds what is missing and starts a control plane with Percona's operator and ours. */
export async function ownStage(screen: Screen, undo: Undo): Promise<Stage> {
  const progress = (line: string) => screen.progress(line);
  const binaries = await ensureBinaries({ progress });
  await ensurePerconaOperator({ progress });
  screen.block([]);
  const controlPlane = await screen.step(
    `Kubernetes ${KUBERNETES_VERSION} and Percona's CRDs 2.9.0`,
    () =>
      startControlPlane({
        beforeControllers: async ({ admin, stop }) => {
          undo.push(stop);
          await installPerconaCRDs(admin, '2.9.0');
        },
      }),
    ({ url }) => `Kubernetes ${KUBERNETES_VERSION} on ${url}: etcd, kube-apiserver, kube-controller-manager, no node`,
  );
  const { kubeconfig } = controlPlane;
  const cluster = await Cluster.open(kubeconfig);
  await screen.step("Percona's operator for PostgreSQL 2.9.0", () => startPerconaOperator(controlPlane));
  await screen.step('The DittoServer CRD', () => installCrd(cluster));
  const namespace = 'demo';
  await cluster.client.apply(NAMESPACES, { metadata: { name: namespace } });
  const operator = await startOperator(screen, controlPlane.start, kubeconfig, namespace);
  return { cluster, kubeconfig, namespace, kubectl: binaries.kubectl, podsRun: false, percona: true, operator };
}

/** Prepares a namespace in the user's cluster, and starts our operator for it on this machine. */
export async function userStage(screen: Screen, undo: Undo, kubeconfig: string): Promise<Stage> {
  if (!existsSync(kubeconfig)) throw new DemoError(`There is no file ${kubeconfig}.`);
  const cluster = await Cluster.open(kubeconfig);
  screen.say(`The cluster is ${cluster.server}.`);
  await refuseSecondOperator(cluster);
  const percona = (await cluster.find(CRDS, PERCONA_CRD_NAME)) !== undefined;
  screen.paragraph(
    percona
      ? "Percona's PerconaPGCluster is known there."
      : "Percona's operator for PostgreSQL is not installed there: the DittoServer will say so and wait.",
  );
  if (await cluster.find(CRDS, CRD_NAME)) screen.say('The DittoServer CRD is there already; it is left as it is.');
  else {
    undo.push(() => removeCrd(cluster, screen));
    await screen.step('The DittoServer CRD', () => installCrd(cluster));
  }
  const namespace = `dittofs-demo-${randomBytes(3).toString('hex')}`;
  undo.push(() => removeNamespace(cluster, screen, namespace));
  await screen.step(`Namespace ${namespace}`, () =>
    cluster.client.apply(NAMESPACES, { metadata: { name: namespace } }),
  );
  const group = createProcessGroup(await mkdtemp(join(tmpdir(), 'dittofs-demo-')));
  undo.push(group.stop);
  const operator = await startOperator(screen, group.start, kubeconfig, namespace);
  return { cluster, kubeconfig, namespace, kubectl: 'kubectl', podsRun: await hasNodes(cluster), percona, operator };
}

/** Whether pods can run. Who may not look at nodes is in a cluster that has some. */
async function hasNodes({ client }: Cluster): Promise<boolean> {
  return await client.list(NODES).then(
    ({ items }) => items.length > 0,
    () => true,
  );
}

/** Two operators would both work on the demo's server. */
async function refuseSecondOperator(cluster: Cluster): Promise<void> {
  const { items } = await cluster.client.list(DEPLOYMENTS).catch(() => ({ items: [] }));
  const found = items.find(({ metadata, status }) => {
    const { readyReplicas = 0 } = (status ?? {}) as { readyReplicas?: number };
    return /dittofs.*operator/.test(metadata.name) && readyReplicas > 0;
  });
  if (!found) return;
  const { namespace = '', name } = found.metadata;
  throw new DemoError(
    `A DittoFS operator runs in that cluster already (Deployment ${namespace}/${name}); the demo starts its own, and the two would disturb each other.`,
  );
}

async function installCrd({ client }: Cluster): Promise<void> {
  await client.apply(CRDS, crd());
  await eventually('DittoServers are served', () => client.list(DITTO_SERVERS));
}

/** The operator as a user runs it outside a cluster. */
async function startOperator(
  screen: Screen,
  start: (spec: ProcessSpec) => Promise<ManagedProcess>,
  kubeconfig: string,
  namespace: string,
): Promise<ManagedProcess> {
  const flags = [
    '--kubeconfig',
    kubeconfig,
    '--namespaces',
    namespace,
    '--metrics-address',
    '0',
    '--health-address',
    '0',
  ];
  return await screen.step(
    'dittofs-operator',
    () => start({ name: 'dittofs-operator', command: process.execPath, args: [MAIN, 'run', ...flags] }),
    ({ pid }) => `dittofs-operator run --kubeconfig … --namespaces ${namespace}, process ${pid}`,
  );
}

async function removeNamespace(cluster: Cluster, screen: Screen, namespace: string): Promise<void> {
  await screen.step(`Namespace ${namespace} is deleted`, async () => {
    await cluster.client.delete(NAMESPACES, { name: namespace });
    await gone(cluster, NAMESPACES, namespace);
  });
}

const GONE_MS = 120_000;

async function gone(cluster: Cluster, resource: Resource, name: string): Promise<void> {
  const isGone = async () => (await cluster.find(resource, name)) === undefined;
  await eventually(`${resource.kind} ${name} is gone`, isGone, { timeoutMs: GONE_MS, everyMs: 250 });
}

/** With the CRD go all DittoServers: it stays when somebody else has made one meanwhile. */
async function removeCrd(cluster: Cluster, screen: Screen): Promise<void> {
  const { items } = await cluster.client.list(DITTO_SERVERS);
  if (items.length > 0) {
    screen.say(`The DittoServer CRD stays: there are ${items.length} other DittoServers.`);
    return;
  }
  await screen.step('The DittoServer CRD is deleted', async () => {
    await cluster.client.delete(CRDS, { name: CRD_NAME });
    await gone(cluster, CRDS, CRD_NAME);
  });
}
