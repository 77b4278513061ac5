/**
 * Names, labels and selectors of everything that belongs to a DittoServer. They are those of the Go operator for the same
 * resource, so that either can take over from the other: selectors are immutable, and a renamed claim is a lost one.
 */
import type { DittoServer } from '../api/types.ts';
import type { IntentMetadata } from './object.ts';

/** The field manager of every write, and the value of `app.kubernetes.io/managed-by`. */
export const FIELD_MANAGER = 'dittofs-operator';

/** The label that everything of ours carries; watches select by it. */
export const APP_LABEL = 'app';
export const APP = 'dittofs-server';
/** The label with the DittoServer's name. */
export const INSTANCE_LABEL = 'instance';
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';

/** On the pod template: what the server reads at boot, as a digest. The Go operator's annotation. */
export const CONFIG_HASH_ANNOTATION = 'dittofs.io/config-hash';
/** On the StatefulSet: which database its pods were last told to use. */
export const DATABASE_ANNOTATION = 'dittofs.dittofs.com/database';
/** The finalizer that the Go operator leaves behind. We have nothing to do before deletion and take it off. */
export const GO_OPERATOR_FINALIZER = 'dittofs.dittofs.com/finalizer';

/** The PostgreSQL user that the server logs in as. Not a superuser. */
export const POSTGRES_USER = 'dittofs';

/** Names of the objects of the DittoServer called `name`. */
export const names = {
  statefulSet: (name: string) => name,
  pod: (name: string) => `${name}-0`,
  configMap: (name: string) => `${name}-config`,
  headlessService: (name: string) => `${name}-headless`,
  apiService: (name: string) => `${name}-api`,
  metricsService: (name: string) => `${name}-metrics`,
  jwtSecret: (name: string) => `${name}-jwt-secret`,
  adminSecret: (name: string) => `${name}-admin-bootstrap-credentials`,
  networkPolicy: (name: string) => `${name}-baseline`,
  perconaCluster: (name: string) => `${name}-postgres`,
  /** The claim that the StatefulSet controller makes from the template called `volume`. */
  claim: (name: string, volume: string) => `${volume}-${name}-0`,
} as const;

/** Name of the Secret in which Percona's operator keeps a user's credentials. */
export function userSecretName(cluster: string, user: string): string {
  return `${cluster}-pguser-${user}`;
}

/** Name of the Secret in which Percona's operator keeps the certificate of the database, with its CA. */
export function clusterCertificateSecretName(cluster: string): string {
  return `${cluster}-cluster-cert`;
}

/** The pods' labels, which are also the selector of the StatefulSet and the Services. Immutable. */
export function selectorLabels(name: string): Record<string, string> {
  return { [APP_LABEL]: APP, [INSTANCE_LABEL]: name };
}

/** Labels of every object of ours. */
export function objectLabels(name: string): Record<string, string> {
  return { ...selectorLabels(name), [MANAGED_BY_LABEL]: FIELD_MANAGER };
}

/** The controller reference by which the garbage collector takes an object down with its DittoServer. */
export function ownerReference(server: DittoServer) {
  return {
    apiVersion: server.apiVersion,
    kind: server.kind,
    name: server.metadata.name,
    uid: server.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  } as const;
}

/** Metadata of an object that belongs to `server` and goes with it. */
export function ownedMetadata(server: DittoServer, name: string): IntentMetadata {
  return { ...retainedMetadata(server, name), ownerReferences: [ownerReference(server)] };
}

/** Metadata of an object that belongs to `server` and stays when it goes, as its claims do. */
export function retainedMetadata(server: DittoServer, name: string): IntentMetadata {
  return { name, namespace: server.metadata.namespace, labels: objectLabels(server.metadata.name) };
}
