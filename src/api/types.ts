/** The types of the API, all derived from the schema. Import them from here; nothing of this exists at run time. */
import type { DittoServerSpec } from './schema.ts';
import type { DittoServerStatus } from './schema-status.ts';

export type { DittoServerSpec } from './schema.ts';
export type {
  AdminSpec,
  IdentitySpec,
  JwtSpec,
  KerberosSpec,
  LdapSpec,
  MachineAccountSpec,
} from './schema-identity.ts';
export type { LocalRef, Quantity, Resources, SecretKeyRef } from './schema-parts.ts';
export type { BackupSpec, PerconaImages, PerconaPGClusterRef, PerconaSpec } from './schema-percona.ts';
export type { NetworkPolicySpec } from './schema-pod.ts';
export type {
  AdapterDiscoverySpec,
  AdapterServicesSpec,
  ControlPlaneSpec,
  DatabaseSpec,
  LoggingSpec,
  MetricsSpec,
  S3Spec,
  ServiceSpec,
  SnapshotPolicySpec,
  StorageSpec,
} from './schema-server.ts';
export type { Condition, DittoServerStatus } from './schema-status.ts';

/**
 * What of `metadata` this operator reads. As JSON: times are text. The API server always sets the required ones; who
 * renders an object offline fills them in.
 */
export interface ObjectMeta {
  name: string;
  namespace: string;
  uid: string;
  generation: number;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/**
 * A DittoServer as the API server returns it. The CustomResourceDefinition, like the one it replaces, does not
 * require `spec`; a rule refuses a new object without it.
 */
export interface DittoServer {
  apiVersion: 'dittofs.dittofs.com/v1alpha1';
  kind: 'DittoServer';
  metadata: ObjectMeta;
  spec: DittoServerSpec;
  status?: DittoServerStatus;
}
