/**
 * What a diagnosis looks at: pods, claims, events and StorageClasses as the API server returns them, as far as they matter.
 * Everything is as it is now, but for events, which tell of the past: none of them counts unless what it is about is
 * still in trouble.
 */
import type { ObservedPerconaCluster } from '../observed.ts';

export interface PodView {
  metadata: { name: string; ownerReferences?: { kind: string; name: string }[]; deletionTimestamp?: string };
  spec?: { volumes?: { name?: string; persistentVolumeClaim?: { claimName: string } }[] };
  status?: {
    phase?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    initContainerStatuses?: ContainerView[];
    containerStatuses?: ContainerView[];
  };
}

export interface ContainerView {
  name: string;
  image?: string;
  ready?: boolean;
  restartCount?: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

export interface ContainerState {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: { reason?: string; exitCode?: number; message?: string };
}

export interface ClaimView {
  metadata: { name: string };
  spec?: { storageClassName?: string; resources?: { requests?: { storage?: string } } };
  status?: { phase?: string };
}

export interface StorageClassView {
  metadata: { name: string; annotations?: Record<string, string> };
  volumeBindingMode?: string;
}

/** An event of either API. */
export interface EventView {
  kind: string;
  name: string;
  reason: string;
  note: string;
}

export interface DiagnosisInputs {
  /** The PerconaPGCluster, with what else its operator leaves on it. */
  cluster?: ObservedPerconaCluster & { metadata: { finalizers?: string[] } };
  /** How long ago the PerconaPGCluster was created, in milliseconds. Undefined: long ago. */
  clusterAgeMs?: number;
  /** Pods of the database and of the server. */
  pods: readonly PodView[];
  claims: readonly ClaimView[];
  /** Of the namespace; those about other things are passed over. Oldest first. */
  events: readonly EventView[];
  /** Undefined: could not be looked at. */
  storageClasses?: readonly StorageClassView[];
}
