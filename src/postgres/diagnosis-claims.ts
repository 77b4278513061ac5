import { type Finding, found } from './diagnosis-causes.ts';
import type { ClaimView, DiagnosisInputs } from './diagnosis-inputs.ts';

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';
const CLASS_NOT_FOUND = /storageclass\S* "([^"]+)" not found/i;

/** What keeps a claim from being bound. */
export function claimFindings(inputs: DiagnosisInputs, chain: string[], claim: ClaimView): Finding[] {
  if (claim.status?.phase !== 'Pending') return [];
  const { name } = claim.metadata;
  const way = [...chain, `PersistentVolumeClaim "${name}" is not bound.`];
  return [
    missingClass(inputs, claim, way) ??
      noDefaultClass(inputs, claim, way) ??
      provisioning(inputs, claim, way) ??
      found('ClaimUnbound', `PersistentVolumeClaim "${name}" is being provisioned.`, { chain }),
  ];
}

function eventsOf({ events }: DiagnosisInputs, claim: ClaimView, reason: string) {
  return events.filter(
    (event) => event.kind === 'PersistentVolumeClaim' && event.name === claim.metadata.name && event.reason === reason,
  );
}

function missingClass(inputs: DiagnosisInputs, claim: ClaimView, chain: string[]): Finding | undefined {
  const wanted = claim.spec?.storageClassName;
  const event = eventsOf(inputs, claim, 'ProvisioningFailed').findLast(({ note }) => CLASS_NOT_FOUND.test(note));
  const told = CLASS_NOT_FOUND.exec(event?.note ?? '')?.[1];
  const name = wanted ?? told;
  if (name === undefined || name === '') return undefined;
  // What is there now tells more than an event, which may be old.
  const missing = inputs.storageClasses
    ? !inputs.storageClasses.some(({ metadata }) => metadata.name === name)
    : told === name;
  return missing
    ? found('StorageClassMissing', `StorageClass "${name}" not found.`, {
        chain,
        ...(event && { evidence: event.note }),
      })
    : undefined;
}

function noDefaultClass(inputs: DiagnosisInputs, claim: ClaimView, chain: string[]): Finding | undefined {
  if (claim.spec?.storageClassName !== undefined) return undefined;
  const { storageClasses } = inputs;
  // The event has type Normal, though nothing will come of it.
  const event = eventsOf(inputs, claim, 'FailedBinding').findLast(({ note }) => /no storage class is set/.test(note));
  const missing = storageClasses
    ? !storageClasses.some(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true')
    : event !== undefined;
  if (!missing) return undefined;
  const message = 'The claim names no StorageClass, and the cluster has no default one.';
  return found('NoDefaultStorageClass', message, { chain, ...(event && { evidence: event.note }) });
}

function provisioning(inputs: DiagnosisInputs, claim: ClaimView, chain: string[]): Finding | undefined {
  const failed = eventsOf(inputs, claim, 'ProvisioningFailed').findLast(({ note }) => !CLASS_NOT_FOUND.test(note));
  if (!failed) return undefined;
  const { name } = claim.metadata;
  const message = `The volume for PersistentVolumeClaim "${name}" cannot be made.`;
  return found('ProvisioningFailed', message, { chain, evidence: failed.note });
}
