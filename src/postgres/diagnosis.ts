/**
 * Why a database or a server does not come up. Percona's status knows no failure and has no message; what went wrong is
 * to be read from pods, claims and events. A value in, a value out: the caller reads the cluster.
 */
import { type Finding, found, rankOf } from './diagnosis-causes.ts';
import type { DiagnosisInputs } from './diagnosis-inputs.ts';
import { podFindings } from './diagnosis-pods.ts';

export type { Cause, Finding } from './diagnosis-causes.ts';
export { CAUSES } from './diagnosis-causes.ts';
export type {
  ClaimView,
  ContainerView,
  DiagnosisInputs,
  EventView,
  PodView,
  StorageClassView,
} from './diagnosis-inputs.ts';

/** How long Percona's operator may take to touch a new cluster. It takes under a second when it is there and free. */
const SILENCE_MS = 30_000;

/**
 * Everything that is found to be wrong, the likeliest root first; what may come right by itself comes last.
 * Empty when nothing is found: that does not mean that all is well.
 */
export function diagnose(inputs: DiagnosisInputs): Finding[] {
  const findings = [
    ...clusterFindings(inputs),
    ...creationFindings(inputs),
    ...inputs.pods.flatMap((pod) => podFindings(inputs, pod)),
  ];
  const distinct = [...new Map(findings.map((finding) => [`${finding.cause} ${finding.message}`, finding])).values()];
  return distinct.sort((one, other) => rankOf(one.cause) - rankOf(other.cause));
}

function clusterFindings(inputs: DiagnosisInputs): Finding[] {
  return [silentOperator(inputs), missingImages(inputs), backupStore(inputs)].filter(
    (finding): finding is Finding => finding !== undefined,
  );
}

function silentOperator(inputs: DiagnosisInputs): Finding | undefined {
  const { cluster, clusterAgeMs: ageMs = Infinity, pods, claims } = inputs;
  if (!cluster || cluster.status?.state !== undefined || (cluster.metadata.finalizers ?? []).length > 0)
    return undefined;
  // 2.8.x writes no status before the first pod runs; but then there is a pod, or a claim.
  const made = [...pods, ...claims].some(({ metadata }) => metadata.name.startsWith(`${cluster.metadata.name}-`));
  if (made || ageMs < SILENCE_MS) return undefined;
  return found(
    'OperatorSilent',
    `Percona's operator has not touched PerconaPGCluster "${cluster.metadata.name}": it has neither a status nor a finalizer.`,
  );
}

/** Told in an event on the inner object, whose API group changes with 3.0.0 and whose kind does not. */
function missingImages({ cluster, events }: DiagnosisInputs): Finding | undefined {
  if (!cluster || (cluster.status?.postgres?.size ?? 0) > 0 || cluster.status?.state === 'ready') return undefined;
  const event = events.findLast(
    ({ kind, name, reason }) =>
      kind === 'PostgresCluster' && name === cluster.metadata.name && reason === 'MissingRequiredImage',
  );
  if (!event) return undefined;
  const [, images = ''] = /\[([^\]]*)\]/.exec(event.note) ?? [];
  const fields = images.split(/[\s,]+/).map((image) => IMAGE_FIELDS[image] ?? image);
  const message = `PerconaPGCluster "${cluster.metadata.name}" names no image in ${fields.join(', ')}.`;
  return found('ImagesMissing', message, { evidence: event.note });
}

const IMAGE_FIELDS: Readonly<Record<string, string>> = {
  'crunchy-postgres': 'spec.image',
  'crunchy-pgbouncer': 'spec.proxy.pgBouncer.image',
  'crunchy-pgbackrest': 'spec.backups.pgbackrest.image',
};

/** Part of any start: pgBackRest is asked before the database answers, and twice at a time. */
const STANZA_NOISE = /\[050\]|unable to upgrade connection|DbConnectError|no pods? (found|available)/;

/** A database is `ready` with a repository that cannot be written; the conditions and the stanza tell. */
function backupStore({ cluster, events }: DiagnosisInputs): Finding | undefined {
  const { postgres, pgbackrest } = cluster?.status ?? {};
  const missing = (pgbackrest?.repos ?? []).filter(({ stanzaCreated }) => stanzaCreated !== true);
  if (!cluster || missing.length === 0 || (postgres?.ready ?? 0) === 0) return undefined;
  const event = events.findLast(
    ({ kind, name, reason, note }) =>
      kind === 'PostgresCluster' &&
      name === cluster.metadata.name &&
      reason === 'UnableToCreateStanzas' &&
      !STANZA_NOISE.test(note),
  );
  // Without a word from pgBackRest it may just be slow: seconds in a start that goes well.
  if (!event) return undefined;
  const repositories = missing.map(({ name }) => `"${name}"`).join(', ');
  const message = `pgBackRest cannot set up repository ${repositories}: there are no backups.`;
  return found('BackupStore', message, { evidence: stanzaError(event.note) });
}

/** The error of pgBackRest's output, which is long. */
function stanzaError(note: string): string {
  return /ERROR: \[\d+\]: [^\n]*/.exec(note)?.[0].trim() ?? note;
}

/** Pods that were refused, of StatefulSets that still lack them. */
function creationFindings({ events, pods }: DiagnosisInputs): Finding[] {
  return events
    .filter(({ kind, name, reason }) => {
      const there = pods.some(({ metadata }) => metadata.name.startsWith(`${name}-`));
      return kind === 'StatefulSet' && reason === 'FailedCreate' && !there;
    })
    .map(({ name, note }) => {
      const chain = [`StatefulSet "${name}" has no pod.`];
      const quota = /exceeded quota: ([^,\s]+)/.exec(note)?.[1];
      return quota === undefined
        ? found('PodRefused', `The pod of StatefulSet "${name}" is refused.`, { chain, evidence: note })
        : found('QuotaExceeded', `ResourceQuota "${quota}" has no room for the pod of StatefulSet "${name}".`, {
            chain,
            evidence: note,
          });
    });
}
