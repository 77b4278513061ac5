import { microTime } from './clock.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resource.ts';

/** Leases as the API server names them. */
export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

/** `spec` of a Lease, as far as leader election uses it. */
export interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  /** MicroTime. */
  acquireTime?: string;
  /** MicroTime. */
  renewTime?: string;
  leaseTransitions?: number;
}

/** A Lease. */
export interface Lease extends KubeObject {
  spec?: LeaseSpec;
}

/**
 * The lease as `identity` wants to write it: taken over from another holder, or renewed.
 * Acquire time and the count of transitions change only when the holder does.
 */
export function heldBy(lease: Lease, identity: string, durationMs: number, wallMs: number): Lease {
  const now = microTime(wallMs);
  const before = lease.spec ?? {};
  const renewed = before.holderIdentity === identity;
  const transitions = before.leaseTransitions ?? 0;
  return {
    ...lease,
    spec: {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      acquireTime: renewed ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: renewed ? transitions : transitions + 1,
    },
  };
}

/** The lease as the holder leaves it: nobody's, and to be had at once (client-go writes the same). */
export function released(lease: Lease, wallMs: number): Lease {
  const now = microTime(wallMs);
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now },
  };
}

/** A new lease, held by `identity`. */
export function newLease(
  key: { namespace: string; name: string },
  identity: string,
  durationMs: number,
  wallMs: number,
): Lease {
  const now = microTime(wallMs);
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace: key.namespace, name: key.name },
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    },
  };
}
