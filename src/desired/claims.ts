/** What may still be done with the server's claims once they are there: they can grow, and nothing else. */
import { quantityValue } from '../api/quantity.ts';
import type { DittoServer } from '../api/types.ts';
import type { Observed } from '../observed.ts';
import type { Notice } from '../status/notices.ts';
import { differences } from './difference.ts';
import { names } from './names.ts';
import { claimTemplates } from './volumes.ts';

/** A claim to be made larger. */
export interface ClaimGrowth {
  name: string;
  uid: string;
  /** The new request. */
  storage: string;
}

/**
 * The claim templates that the StatefulSet is to have: the wanted ones, unless it has others already, for they cannot be
 * changed.
 */
export function effectiveClaimTemplates(server: DittoServer, observed: Observed) {
  const wanted = claimTemplates(server);
  const there = observed.statefulSet?.spec.volumeClaimTemplates;
  return there === undefined || differences(wanted, there).length === 0 ? wanted : there;
}

/** Claims that ask for less than the spec does. */
export function claimGrowth(server: DittoServer, observed: Observed): ClaimGrowth[] {
  return claimTemplates(server).flatMap(({ metadata, spec }) => {
    const name = names.claim(server.metadata.name, metadata.name);
    const claim = observed.claims.get(name);
    const requested = quantityValue(claim?.spec.resources?.requests?.storage);
    const wanted = quantityValue(spec.resources.requests.storage);
    // A claim that is not bound yet cannot be changed at all (Kubernetes, "Resizing Persistent Volumes").
    if (!claim || claim.status?.phase !== 'Bound' || requested === undefined || wanted === undefined) return [];
    return wanted > requested ? [{ name, uid: claim.metadata.uid, storage: spec.resources.requests.storage }] : [];
  });
}

/** What the spec asks of the claims and cannot have. */
export function claimNotices(server: DittoServer, observed: Observed): Notice[] {
  const there = observed.statefulSet?.spec.volumeClaimTemplates;
  if (!there) return [];
  const wanted = claimTemplates(server);
  const message = (text: string): Notice => ({ reason: 'StorageNotChangeable', message: text });
  const missing = wanted.filter(({ metadata }) => !there.some((template) => template.metadata.name === metadata.name));
  const surplus = there.filter(({ metadata }) => !wanted.some((template) => template.metadata.name === metadata.name));
  const classes = wanted.filter(({ metadata, spec }) => {
    const template = there.find((candidate) => candidate.metadata.name === metadata.name);
    return template !== undefined && spec.storageClassName !== template.spec.storageClassName;
  });
  const larger = wanted.flatMap(({ metadata, spec }) => {
    const name = names.claim(server.metadata.name, metadata.name);
    const has = observed.claims.get(name)?.spec.resources?.requests?.storage;
    const { storage } = spec.resources.requests;
    return (quantityValue(has) ?? 0n) > (quantityValue(storage) ?? 0n) ? [{ name, has, storage }] : [];
  });
  const refused = observed.refused.filter(({ kind }) => kind === 'PersistentVolumeClaim');
  return [
    ...missing.map(({ metadata }) =>
      message(`Volume "${metadata.name}" cannot be added to the StatefulSet, whose claim templates are immutable.`),
    ),
    ...surplus.map(({ metadata }) =>
      message(`Volume "${metadata.name}" cannot be taken from the StatefulSet, whose claim templates are immutable.`),
    ),
    ...(classes.length > 0 ? [message('spec.storage.storageClassName cannot be changed on claims that exist.')] : []),
    ...larger.map(({ name, has, storage }) =>
      message(`Claim "${name}" has ${has} and cannot shrink to the ${storage} of spec.storage.`),
    ),
    ...refused.map(({ name, message: why }) => message(`Claim "${name}" cannot grow: ${why}`)),
  ];
}
