import { claimFindings } from './diagnosis-claims.ts';
import { type Finding, found } from './diagnosis-causes.ts';
import type { ContainerState, ContainerView, DiagnosisInputs, PodView } from './diagnosis-inputs.ts';

const PULL_REASONS: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RegistryUnavailable',
]);
/** The init container in which a server waits for its database. */
const WAITING_CONTAINER = 'wait-for-postgres';
/** Percona mounts the credentials of the backup store in the volume of this name. */
const BACKUP_VOLUME = 'pgbackrest-config';

/** What keeps a pod from being ready. Pods of Jobs do not count: a backup that failed keeps no database down. */
export function podFindings(inputs: DiagnosisInputs, pod: PodView): Finding[] {
  const { phase, conditions = [] } = pod.status ?? {};
  const ofJob = pod.metadata.ownerReferences?.some(({ kind }) => kind === 'Job') === true;
  if (ofJob || phase === 'Succeeded' || pod.metadata.deletionTimestamp !== undefined) return [];
  if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return [];
  const { name } = pod.metadata;
  const chain = [phase === 'Running' ? `Pod "${name}" is not ready.` : `Pod "${name}" is ${phase ?? 'Pending'}.`];
  const findings = [
    ...schedulingFindings(inputs, pod, chain),
    ...containers(pod).flatMap((container) => containerFindings(pod, container, chain)),
    ...mountFindings(inputs, pod, chain),
  ];
  if (findings.length > 0) return findings;
  return [found('PodStarting', `Pod "${name}" is starting.`)];
}

function containers({ status }: PodView): ContainerView[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function schedulingFindings(inputs: DiagnosisInputs, pod: PodView, chain: string[]): Finding[] {
  const claims = claimsOf(inputs, pod).flatMap((claim) => claimFindings(inputs, chain, claim));
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False') return claims;
  const { message = '' } = scheduled;
  // A claim that is not there yet or not bound yet: whatever is wrong with it was found there.
  if (/persistentvolumeclaim|unbound immediate/i.test(message)) return claims;
  // A claim that waits for its pod to be scheduled tells nothing.
  const root = claims.filter(({ cause }) => cause !== 'ClaimUnbound');
  const { name } = pod.metadata;
  const what = `No node can take Pod "${name}"${shortReason(message)}.`;
  return [...root, found('Unschedulable', what, { chain, evidence: message })];
}

/** `1 Insufficient memory` of the scheduler's sentence. */
function shortReason(message: string): string {
  const reasons = [...message.matchAll(/\d+ (Insufficient [\w./-]*\w|node\(s\) [^,.]+)/g)].map(([, reason]) => reason);
  return reasons.length > 0 ? `: ${[...new Set(reasons)].join(', ')}` : '';
}

function claimsOf({ claims }: DiagnosisInputs, pod: PodView) {
  const used = (pod.spec?.volumes ?? []).map(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName);
  return claims.filter(({ metadata }) => used.includes(metadata.name));
}

/** A container that ended this often is not just unlucky. */
const MANY_RESTARTS = 2;

interface About {
  chain: string[];
  pod: string;
  container: string;
}

function containerFindings(pod: PodView, container: ContainerView, chain: string[]): Finding[] {
  const about: About = { chain, pod: pod.metadata.name, container: container.name };
  const finding = pullFinding(container, about) ?? endedFinding(container, about) ?? runningFinding(container, about);
  return finding ? [finding] : [];
}

function pullFinding({ name, image, state }: ContainerView, about: About): Finding | undefined {
  const { reason = '', message = '' } = state?.waiting ?? {};
  if (!PULL_REASONS.has(reason)) return undefined;
  const pulled = /image "([^"]+)"/.exec(message)?.[1] ?? image;
  const what = pulled === undefined ? 'The image' : `Image "${pulled}"`;
  return found('ImagePull', `${what} of container "${name}" cannot be pulled.`, { ...about, evidence: message });
}

function endedFinding(container: ContainerView, about: About): Finding | undefined {
  const { name, ready, restartCount = 0, state, lastState } = container;
  const ended = state?.terminated ?? lastState?.terminated;
  const backingOff = state?.waiting?.reason === 'CrashLoopBackOff';
  if (ready === true || !(backingOff || endedBadly(ended))) return undefined;
  if (name === WAITING_CONTAINER) {
    return found('CannotLogIn', 'The server cannot log in to its database.', { ...about, ...told(ended?.message) });
  }
  if (ended?.reason === 'OOMKilled') return found('OutOfMemory', `Container "${name}" ran out of memory.`, about);
  return backingOff || restartCount >= MANY_RESTARTS ? crashLoop(name, ended, about) : undefined;
}

function endedBadly(ended: ContainerState['terminated']): boolean {
  return ended !== undefined && ended.exitCode !== 0;
}

function crashLoop(name: string, ended: ContainerState['terminated'], about: About): Finding {
  const code = ended?.exitCode === undefined ? '' : `, last with exit code ${ended.exitCode}`;
  return found('CrashLoop', `Container "${name}" keeps ending${code}.`, { ...about, ...told(ended?.message) });
}

function runningFinding({ name, ready, state }: ContainerView, about: About): Finding | undefined {
  if (state?.running === undefined || ready === true) return undefined;
  return name === WAITING_CONTAINER
    ? found('ContainerNotReady', 'The server waits for its database to take its login.', about)
    : found('ContainerNotReady', `Container "${name}" runs and is not ready yet.`, about);
}

function told(message: string | undefined): { evidence?: string } {
  return message === undefined || message === '' ? {} : { evidence: message };
}

function mountFindings({ events }: DiagnosisInputs, pod: PodView, chain: string[]): Finding[] {
  // Once a container of it has started, everything was mounted.
  const started = containers(pod).some(({ state }) => state?.running ?? state?.terminated);
  if (started) return [];
  const event = events.findLast(
    ({ kind, name, reason }) => kind === 'Pod' && name === pod.metadata.name && reason === 'FailedMount',
  );
  if (!event) return [];
  const { note } = event;
  const secret = /secret "([^"]+)" not found/i.exec(note)?.[1];
  const evidence = note;
  if (secret === undefined)
    return [found('MountFailed', 'A volume cannot be mounted.', { chain, evidence, pod: pod.metadata.name })];
  return note.includes(`"${BACKUP_VOLUME}"`)
    ? [
        found('BackupSecretMissing', `Secret "${secret}" with the credentials of the backup store not found.`, {
          chain,
          evidence,
        }),
      ]
    : [found('SecretMissing', `Secret "${secret}" not found.`, { chain, evidence })];
}
