/**
 * The diagnosis at every moment of what was recorded on a real cluster: the folder that DITTOFS_RECORDINGS names. Without it
 * there is nothing to replay; the cases of diagnosis.test.ts are taken from there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ObservedPerconaCluster } from '../observed.ts';
import {
  type ClaimView,
  type ContainerView,
  diagnose,
  type EventView,
  type Finding,
  type PodView,
} from './diagnosis.ts';

interface Line {
  t: string;
  ev: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** Null in a few lines about nothing. */
  name: string | null;
  [field: string]: unknown;
}

type NamedLine = Line & { name: string };

const root = process.env['DITTOFS_RECORDINGS'] ?? '';

function lines(folder: string, file: string): NamedLine[] {
  const path = join(root, folder, file);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
    .filter((line): line is NamedLine => typeof line.name === 'string');
}

/** What was found from each moment on, for one cluster, in words. */
function replay(folder: string, cluster: string): { t: string; findings: Finding[]; state: string | undefined }[] {
  const files = ['pods', 'persistentvolumeclaims', 'events', 'perconapgclusters'];
  const feed = files
    .flatMap((file) => lines(folder, `${file}.jsonl`).map((line) => ({ file, line })))
    .filter(({ line }) => line.name === cluster || line.name.startsWith(`${cluster}-`))
    .sort((one, other) => one.line.t.localeCompare(other.line.t));
  const claimNames = feed.filter(({ file }) => file === 'persistentvolumeclaims').map(({ line }) => line.name);
  const pods = new Map<string, PodView>();
  const claims = new Map<string, ClaimView>();
  const events: EventView[] = [];
  let observed: ObservedPerconaCluster | undefined;
  const moments: ReturnType<typeof replay> = [];
  feed.forEach(({ file, line }, index) => {
    const gone = line.ev === 'DELETED';
    if (file === 'pods') keep(pods, line, podOf(line, claimNames));
    if (file === 'persistentvolumeclaims') keep(claims, line, claimOf(line));
    if (file === 'events' && !gone) events.push(eventOf(line));
    if (file === 'perconapgclusters') observed = gone ? undefined : clusterOf(line);
    if (feed[index + 1]?.line.t === line.t) return;
    const findings = diagnose({
      ...(observed && { cluster: observed }),
      pods: [...pods.values()],
      claims: [...claims.values()],
      events,
      clusterAgeMs: 0,
    });
    moments.push({ t: line.t, findings, state: observed?.status?.state });
  });
  return moments;
}

function keep<T>(map: Map<string, T>, line: NamedLine, value: T): void {
  if (line.ev === 'DELETED') map.delete(line.name);
  else map.set(line.name, value);
}

function podOf(line: NamedLine, claims: string[]): PodView {
  const conditions = ((line['badConditions'] ?? []) as { type: string; reason?: string; message?: string }[]).map(
    ({ type, reason, message }) => ({ type, status: 'False', reason: reason ?? '', message: message ?? '' }),
  );
  const ready =
    conditions.some(({ type }) => type === 'Ready') || line['phase'] !== 'Running'
      ? []
      : [{ type: 'Ready', status: 'True' }];
  return {
    metadata: {
      name: line.name,
      ...(line.name.includes('-backup-') && { ownerReferences: [{ kind: 'Job', name: 'x' }] }),
    },
    // A pod's claims are named after it, without its ordinal.
    spec: {
      volumes: claims
        .filter((claim) => claim.startsWith(line.name.replace(/-\d+$/, '')))
        .map((claimName) => ({ persistentVolumeClaim: { claimName } })),
    },
    status: {
      phase: String(line['phase']),
      conditions: [...conditions, ...ready],
      containerStatuses: (line['cs'] ?? []) as ContainerView[],
      initContainerStatuses: (line['init'] ?? []) as ContainerView[],
    },
  };
}

function claimOf(line: NamedLine): ClaimView {
  const storageClassName = line['storageClassName'] as string | null;
  return {
    metadata: { name: line.name },
    spec: storageClassName === null ? {} : { storageClassName },
    status: line['status'] as { phase: string },
  };
}

function eventOf(line: NamedLine): EventView {
  return { kind: String(line['kind']), name: line.name, reason: String(line['reason']), note: String(line['message']) };
}

function clusterOf(line: NamedLine): ObservedPerconaCluster {
  const status = (line['status'] ?? {}) as NonNullable<ObservedPerconaCluster['status']>;
  return { metadata: { name: line.name, namespace: 'pg', uid: 'x' }, spec: {}, status };
}

const blamed = (moments: ReturnType<typeof replay>) => [
  ...new Set(moments.flatMap(({ findings }) => findings.filter(({ passes }) => !passes).map(({ cause }) => cause))),
];

describe.skipIf(root === '')('recordings of a real cluster', () => {
  it.each([
    ['02-happy-clean', 'good'],
    ['05-variants', 'noschema'],
    ['05-variants', 'pubgrant'],
    ['05-variants', 'bouncer0'],
    ['05-variants', 'plain'],
    ['07-missing-extensions', 'extoff'],
    ['10-backup-restore-failover', 'a'],
  ])('%s: nothing is blamed on the way of "%s" to ready', (folder, cluster) => {
    const moments = replay(folder, cluster);
    expect(moments.length).toBeGreaterThan(5);
    expect(blamed(moments)).toEqual([]);
  });

  it.each([
    ['03-failure-modes', 'nosc', 'StorageClassMissing'],
    ['03-failure-modes', 'noimg', 'ImagePull'],
    ['03-failure-modes', 'bigmem', 'Unschedulable'],
    ['03-failure-modes', 's3nosec', 'BackupSecretMissing'],
    ['05-variants', 'noproxy', 'ImagesMissing'],
    ['05-variants', 'nobackup', 'ImagesMissing'],
    ['07-missing-extensions', 'nostub', 'CrashLoop'],
    ['08-no-default-storageclass', 'nodefsc', 'NoDefaultStorageClass'],
    ['10-backup-restore-failover', 'w', 'BackupStore'],
  ])('%s: "%s" is down to %s and nothing else', (folder, cluster, cause) => {
    expect(blamed(replay(folder, cluster))).toEqual([cause]);
  });
});
