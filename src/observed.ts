/**
 * What the plan looks at: the DittoServer's surroundings as the watches last showed them. Plain data, no values of
 * Secrets: of those the core sees digests only.
 */
import type { OwnerReferenceIntent } from './desired/object.ts';

export interface ObservedMetadata {
  name: string;
  namespace: string;
  uid: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: (Pick<OwnerReferenceIntent, 'kind' | 'name' | 'uid'> & { controller?: boolean })[];
  deletionTimestamp?: string;
}

/** An object of ours, as it is on the server, without `managedFields`. */
export interface ObservedObject {
  apiVersion: string;
  kind: string;
  metadata: ObservedMetadata;
  [field: string]: unknown;
}

export interface ObservedStatefulSet extends ObservedObject {
  spec: {
    replicas?: number;
    podManagementPolicy?: string;
    template?: { metadata?: { annotations?: Record<string, string> } };
    volumeClaimTemplates?: ObservedClaimTemplate[];
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    updatedReplicas?: number;
    currentRevision?: string;
    updateRevision?: string;
  };
}

export interface ObservedClaimTemplate {
  metadata: { name: string };
  spec: { storageClassName?: string; resources?: { requests?: { storage?: string } }; [field: string]: unknown };
  [field: string]: unknown;
}

/** A claim of the server's pod. */
export interface ObservedClaim {
  metadata: ObservedMetadata;
  spec: { storageClassName?: string; resources?: { requests?: { storage?: string } } };
  status?: { phase?: string; capacity?: { storage?: string } };
}

/** A Secret: which keys it has, and a digest of each value. An empty value counts as no key. */
export interface ObservedSecret {
  metadata: ObservedMetadata;
  digests: Readonly<Record<string, string>>;
}

export interface ObservedCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

/** A PerconaPGCluster (pgv2.percona.com/v2), as far as readiness depends on it. */
export interface ObservedPerconaCluster {
  metadata: ObservedMetadata;
  spec: {
    crVersion?: string;
    pause?: boolean;
    instances?: { name?: string; replicas?: number }[];
    users?: { name: string; databases?: string[]; secretName?: string }[];
    image?: string;
    proxy?: { pgBouncer?: { image?: string } };
    backups?: { enabled?: boolean; pgbackrest?: { image?: string; repos?: { name: string }[] } };
    secrets?: { customTLSSecret?: { name?: string } };
  };
  status?: {
    state?: string;
    observedGeneration?: number;
    postgres?: { ready?: number; size?: number };
    pgbouncer?: { ready?: number; size?: number };
    pgbackrest?: { repos?: { name: string; stanzaCreated?: boolean }[] };
    host?: string;
    conditions?: ObservedCondition[];
  };
}

/** An object that has a name we would use and is not ours. We leave it alone and say so. */
export interface ForeignObject {
  kind: string;
  name: string;
  /** Its controller as `Kind name`, if it has one. */
  controller?: string;
}

/** A write that the API server refused in a way that only the user can mend. */
export interface RefusedWrite {
  kind: string;
  name: string;
  /** One sentence; never a response body. */
  message: string;
}

export interface Observed {
  statefulSet?: ObservedStatefulSet;
  /** Everything else of ours by `Kind/name`. */
  objects: ReadonlyMap<string, ObservedObject>;
  /** Secrets by name: ours, those the spec names, and Percona's. Absent from the map: not there. */
  secrets: ReadonlyMap<string, ObservedSecret>;
  claims: ReadonlyMap<string, ObservedClaim>;
  /** The cluster that the server uses, or else the one that it ordered under an earlier spec. */
  perconaCluster?: ObservedPerconaCluster;
  /** The one that it ordered under an earlier spec, when it uses another now. */
  formerCluster?: ObservedPerconaCluster;
  foreign: readonly ForeignObject[];
  refused: readonly RefusedWrite[];
}

/** What is true of the whole cluster or of the whole operator. */
export interface ClusterFacts {
  /** Whether the API server serves perconapgclusters; `unknown` until it was asked. */
  perconaApi: 'present' | 'absent' | 'unknown';
  defaults: OperatorDefaults;
  /** A one-way digest of a text, in hex. The shell passes SHA-256 in. */
  digest: (text: string) => string;
  /** Now, as RFC 3339 with whole seconds: the transition time of a condition that flips. */
  now: string;
}

/** Images and versions that a DittoServer gets unless it names its own; set by flags for the whole operator. */
export interface OperatorDefaults {
  crVersion: string;
  postgresImage: string;
  pgBouncerImage: string;
  pgBackRestImage: string;
  perconaInitImage: string;
  waitForPostgresImage: string;
}

/**
 * Defaults that fit together: the operand images that Percona released with 2.8.2 (rebuilt without debug assertions; its
 * release_versions list), and crVersion 2.8.0, which 2.8.x, 2.9.0 and 3.0.0 of its operator all take. The init image is
 * named because Percona otherwise derives it from its own image by cutting at the first colon, which breaks with a
 * registry that has a port.
 */
export const OPERATOR_DEFAULTS: OperatorDefaults = {
  crVersion: '2.8.0',
  postgresImage: 'docker.io/percona/percona-distribution-postgresql:16.11-2',
  pgBouncerImage: 'docker.io/percona/percona-pgbouncer:1.25.0-1',
  pgBackRestImage: 'docker.io/percona/percona-pgbackrest:2.57.0-1',
  perconaInitImage: 'docker.io/percona/percona-postgresql-operator:2.8.2',
  waitForPostgresImage: 'postgres:16-alpine',
};
