/** The server's StatefulSet: one pod, its claims, and an annotation that rolls it when what it reads at boot changes. */
import { defaults } from '../api/defaults.ts';
import type { DittoServer } from '../api/types.ts';
import type { OperatorDefaults } from '../observed.ts';
import { type Database, databaseIdentity } from '../postgres/database.ts';
import { serverEnvironment } from './environment.ts';
import { apiPort, metricsEnabled, metricsPort, mutualTls, nativeTls } from './features.ts';
import { CONFIG_HASH_ANNOTATION, DATABASE_ANNOTATION, names, ownedMetadata, selectorLabels } from './names.ts';
import { compact, type ObjectIntent } from './object.ts';
import { mountedVolumes } from './volumes.ts';
import { waitForPostgres } from './wait-for-postgres.ts';

/** The user and group of the server's image. */
const SERVER_UID = 65532;
/** Only when the volume's root is wrong: a recursive chown of a large volume at each start takes hours. */
const DEFAULT_POD_SECURITY: object = { fsGroup: SERVER_UID, fsGroupChangePolicy: 'OnRootMismatch' };
/** Endpoints need a moment to forget the pod before it stops accepting connections. */
const PRE_STOP_SLEEP_SECONDS = 5;

export interface StatefulSetInputs {
  server: DittoServer;
  database: Database;
  /** The claim templates to use: those that are there already, since they cannot be changed. */
  claimTemplates: readonly { metadata: { name: string } }[];
  /** The policy of the StatefulSet that is there already; it cannot be changed either. */
  podManagementPolicy?: string | undefined;
  configHash: string;
  operator: OperatorDefaults;
}

/** The StatefulSet of a DittoServer. */
export function statefulSet(inputs: StatefulSetInputs): ObjectIntent {
  const { server, database } = inputs;
  const { name } = server.metadata;
  const metadata = ownedMetadata(server, names.statefulSet(name));
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { ...metadata, annotations: { [DATABASE_ANNOTATION]: databaseIdentity(database) } },
    spec: {
      replicas: server.spec.replicas ?? defaults.replicas,
      serviceName: names.headlessService(name),
      // With OrderedReady, a pod that never became ready is not replaced when its template is corrected.
      podManagementPolicy: inputs.podManagementPolicy ?? 'Parallel',
      selector: { matchLabels: selectorLabels(name) },
      template: {
        metadata: {
          // The selector's labels and ours win: a pod that loses them loses its Service.
          labels: { ...server.spec.podLabels, ...selectorLabels(name) },
          annotations: { ...server.spec.podAnnotations, [CONFIG_HASH_ANNOTATION]: inputs.configHash },
        },
        spec: podSpec(inputs),
      },
      volumeClaimTemplates: inputs.claimTemplates,
      // The claims hold the user's files; nothing that we do may delete them.
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    },
  };
}

function podSpec({ server, database, claimTemplates, operator }: StatefulSetInputs) {
  const { spec } = server;
  const volumes = mountedVolumes(
    server,
    database,
    claimTemplates.map(({ metadata }) => metadata.name),
  );
  const init = waitForPostgres(database, operator.waitForPostgresImage);
  return compact({
    serviceAccountName: spec.serviceAccountName,
    // The server never talks to the Kubernetes API.
    automountServiceAccountToken: false,
    securityContext: spec.podSecurityContext ?? DEFAULT_POD_SECURITY,
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? defaults.terminationGracePeriodSeconds,
    imagePullSecrets: spec.imagePullSecrets,
    nodeSelector: spec.nodeSelector,
    tolerations: spec.tolerations,
    affinity: spec.affinity,
    topologySpreadConstraints: spec.topologySpreadConstraints,
    priorityClassName: spec.priorityClassName,
    initContainers: init ? [init] : undefined,
    containers: [
      compact({
        name: 'dittofs',
        image: spec.image ?? defaults.image,
        imagePullPolicy: spec.imagePullPolicy,
        command: ['/app/dfs'],
        args: ['start', '--foreground', '--config', '/config/config.yaml'],
        env: serverEnvironment(server, database),
        ports: containerPorts(server),
        resources: spec.resources,
        securityContext: containerSecurityContext(server),
        ...probes(server),
        lifecycle: { preStop: { exec: { command: ['/bin/sh', '-c', `sleep ${PRE_STOP_SLEEP_SECONDS}`] } } },
        volumeMounts: volumes.map(({ name, mountPath, readOnly }) => compact({ name, mountPath, readOnly })),
      }),
    ],
    volumes: volumes.flatMap(({ name, source }) => (source ? [{ name, ...source }] : [])),
  });
}

function containerPorts(server: DittoServer) {
  return [
    { name: 'api', containerPort: apiPort(server), protocol: 'TCP' },
    ...(metricsEnabled(server) ? [{ name: 'metrics', containerPort: metricsPort(server), protocol: 'TCP' }] : []),
  ];
}

/** What the user says, with what the "restricted" Pod Security Standard wants where the user says nothing. */
function containerSecurityContext(server: DittoServer) {
  const given = (server.spec.securityContext ?? {}) as { capabilities?: { drop?: string[]; add?: string[] } };
  return {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
    ...given,
    capabilities: { ...given.capabilities, drop: given.capabilities?.drop ?? ['ALL'] },
  };
}

/** Timings of the Go operator: 150 s to start, then checks every 10 s and 5 s. */
function probes(server: DittoServer) {
  const timing = { timeoutSeconds: 5, successThreshold: 1 };
  return {
    startupProbe: { ...probe(server, '/health'), ...timing, periodSeconds: 5, failureThreshold: 30 },
    livenessProbe: {
      ...probe(server, '/health'),
      ...timing,
      initialDelaySeconds: 15,
      periodSeconds: 10,
      failureThreshold: 3,
    },
    readinessProbe: {
      ...probe(server, '/health/ready'),
      ...timing,
      initialDelaySeconds: 10,
      periodSeconds: 5,
      failureThreshold: 3,
    },
  };
}

function probe(server: DittoServer, path: string) {
  // The kubelet has no client certificate to show; all it can do then is to connect.
  if (mutualTls(server)) return { tcpSocket: { port: apiPort(server) } };
  return { httpGet: { path, port: apiPort(server), scheme: nativeTls(server) ? 'HTTPS' : 'HTTP' } };
}
