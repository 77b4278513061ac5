import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiError, type AdminClient } from './admin.ts';
import { ensurePerconaOperator, perconaModuleDir } from './binaries.ts';
import type { ControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import type { KubeObject } from './objects.ts';

/** A version of Percona's CRDs. The operator itself is always 2.9.0, the only 2.x that exists as a Go module. */
export type PerconaVersion = '2.8.2' | '2.9.0' | '3.0.0';

/** Image of the operator's Pod object; the operator makes the init container's image of its instances from it. */
export const PERCONA_OPERATOR_IMAGE = 'docker.io/percona/percona-postgresql-operator:2.9.0';

const NAMESPACE = 'percona-operator';
const POD = 'percona-postgresql-operator';

/** Percona's real operator, running as a process. */
export interface PerconaOperator {
  /** Everything that it has logged. */
  log: () => Promise<string>;
  /** Ends it. Calling it again is harmless. */
  stop: () => Promise<void>;
}

/**
 * Which versions of the CRDs are at hand: 2.9.0 always, others when the folder `$DITTOFS_PERCONA_CRDS` has them as
 * `percona-v<version>.yaml`. For tests to say what they leave out.
 */
export function perconaCRDVersions(): PerconaVersion[] {
  return (['2.8.2', '2.9.0', '3.0.0'] as const).filter((version) => version === '2.9.0' || existsSync(fileOf(version)));
}

/**
 * Applies Percona's CRDs and waits until they are served. Best before kube-controller-manager starts, see
 * `beforeControllers`. Where another version was installed before, the API server may answer 429 for a moment afterwards.
 *
 * @throws when the version is not at hand.
 */
export async function installPerconaCRDs(admin: AdminClient, version: PerconaVersion): Promise<void> {
  const text = await readFile(await crdFile(version), 'utf8');
  const documents = text.split(/^---$/m).filter((document) => /^kind: CustomResourceDefinition$/m.test(document));
  const crds = await Promise.all(documents.map((document) => applyCRD(admin, document)));
  for (const { metadata, spec } of crds) {
    const served = spec.versions.filter((one) => one.served);
    const paths = served.map(({ name }) => `/apis/${spec.group}/${name}/${spec.names.plural}?limit=1`);
    await eventually(`CRD ${metadata.name} is served`, async () => {
      const answers = await Promise.all(paths.map((path) => admin.raw('GET', path)));
      return answers.every(({ status }) => status === 200);
    });
  }
}

interface CustomResourceDefinition extends KubeObject {
  spec: { group: string; names: { plural: string }; versions: { name: string; served: boolean }[] };
}

/** Sends a document on as it is: reading megabytes of YAML here first would take as long as the API server needs. */
async function applyCRD(admin: AdminClient, document: string): Promise<CustomResourceDefinition> {
  const name = /^metadata:\n(?: .*\n)*? {2}name: (\S+)$/m.exec(document)?.[1] ?? '';
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}?fieldManager=test-admin&force=true`;
  const response = await admin.raw('PATCH', path, document, 'application/apply-patch+yaml');
  if (response.status >= 400) throw new ApiError(`apply CRD ${name}`, response);
  return response.body as CustomResourceDefinition;
}

/**
 * Runs Percona's operator 2.9.0 against a control plane that has its CRDs, with an admin's rights. It does everything but run
 * pods: there are no nodes.
 *
 * It reads the Pod object that it runs in, so one is made, in namespace `percona-operator`; the Pod stays Pending.
 *
 * @param options.namespaces that it watches. Default: all.
 * @returns when it has started its workers; throws with the end of its log when it ends before.
 */
export async function startPerconaOperator(
  controlPlane: ControlPlane,
  options: { namespaces?: readonly string[] } = {},
): Promise<PerconaOperator> {
  await createOperatorPod(controlPlane.admin);
  const namespaces = options.namespaces ? [...options.namespaces, NAMESPACE] : [];
  const operator = await controlPlane.start({
    name: 'percona-operator',
    command: await ensurePerconaOperator(),
    args: [],
    env: {
      KUBECONFIG: await controlPlane.kubeconfigFor(controlPlane.adminToken, NAMESPACE),
      HOSTNAME: POD,
      OPERATOR_NAMESPACE: NAMESPACE,
      PGO_NAMESPACE: NAMESPACE,
      WATCH_NAMESPACE: namespaces.join(','),
      PGO_CONTROLLER_LEADER_ELECTION_ENABLED: 'false',
      PPROF_BIND_ADDRESS: '0',
      DISABLE_TELEMETRY: 'true',
    },
  });
  await eventually(
    "Percona's operator has started its workers",
    async () => {
      if (!operator.alive) return true;
      return (await operator.log()).includes('Starting workers');
    },
    { timeoutMs: 60_000 },
  );
  if (!operator.alive)
    throw new Error(`Percona's operator ended (${await operator.ended}):\n${await operator.lastLines()}`);
  return { log: operator.log, stop: () => operator.stop() };
}

async function createOperatorPod(admin: AdminClient): Promise<void> {
  await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  const serviceAccount = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: NAMESPACE },
  };
  await admin.apply(serviceAccount); // a Pod needs it, and without kube-controller-manager nobody else makes it
  await admin.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: POD, namespace: NAMESPACE },
    spec: { containers: [{ name: 'operator', image: PERCONA_OPERATOR_IMAGE }] },
  });
}

async function crdFile(version: PerconaVersion): Promise<string> {
  if (version === '2.9.0') return join(await perconaModuleDir(), 'deploy', 'crd.yaml');
  if (existsSync(fileOf(version))) return fileOf(version);
  throw new Error(
    `the CRDs of Percona ${version} are not at hand: put percona-v${version}.yaml into $DITTOFS_PERCONA_CRDS`,
  );
}

function fileOf(version: PerconaVersion): string {
  return join(process.env.DITTOFS_PERCONA_CRDS ?? '', `percona-v${version}.yaml`);
}
