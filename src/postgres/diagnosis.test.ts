import { describe, expect, it } from 'vitest';
import type { ObservedPerconaCluster } from '../observed.ts';
import {
  CAUSES,
  type ClaimView,
  type ContainerView,
  diagnose,
  type DiagnosisInputs,
  type EventView,
  type PodView,
} from './diagnosis.ts';

const CLUSTER = 'files-postgres';
const POD = `${CLUSTER}-instance1-nrf4-0`;
const CLAIM = `${CLUSTER}-instance1-nrf4-pgdata`;

function cluster(
  status: NonNullable<ObservedPerconaCluster['status']> = { state: 'initializing' },
): ObservedPerconaCluster {
  return { metadata: { name: CLUSTER, namespace: 'x', uid: 'u' }, spec: {}, status };
}

function pod(status: PodView['status'] = {}, name = POD): PodView {
  return {
    metadata: { name },
    spec: { volumes: [{ name: 'postgres-data', persistentVolumeClaim: { claimName: CLAIM } }] },
    status: { phase: 'Pending', ...status },
  };
}

function container(fields: Partial<ContainerView>): ContainerView {
  return { name: 'database', ready: false, restartCount: 0, ...fields };
}

const claim = (spec: NonNullable<ClaimView['spec']>, phase = 'Pending'): ClaimView => ({
  metadata: { name: CLAIM },
  spec,
  status: { phase },
});
const event = (kind: string, name: string, reason: string, note: string): EventView => ({ kind, name, reason, note });
const standard = {
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
};
const unscheduled = (message: string): PodView['status'] => ({
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
});
const UNBOUND = '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found';

function look(inputs: Partial<DiagnosisInputs>) {
  return diagnose({ cluster: cluster(), pods: [], claims: [], events: [], clusterAgeMs: 3_600_000, ...inputs });
}

/** The first finding in words, as somebody would read it. */
function story(inputs: Partial<DiagnosisInputs>) {
  const [first] = look({ pods: [pod()], ...inputs });
  return first && [...first.chain, `${first.cause}: ${first.message}`];
}

describe('storage', () => {
  const pods = [pod(unscheduled(UNBOUND))];
  const way = [`Pod "${POD}" is Pending.`, `PersistentVolumeClaim "${CLAIM}" is not bound.`];

  it('finds a StorageClass that is named and missing', () => {
    const expected = [...way, 'StorageClassMissing: StorageClass "fast" not found.'];
    expect(story({ pods, claims: [claim({ storageClassName: 'fast' })], storageClasses: [standard] })).toEqual(
      expected,
    );
    const told = event(
      'PersistentVolumeClaim',
      CLAIM,
      'ProvisioningFailed',
      'storageclass.storage.k8s.io "fast" not found',
    );
    expect(story({ pods, claims: [claim({ storageClassName: 'fast' })], events: [told] })).toEqual(expected);
  });

  it('does not believe the event once the StorageClass is there', () => {
    const told = event(
      'PersistentVolumeClaim',
      CLAIM,
      'ProvisioningFailed',
      'storageclass.storage.k8s.io "fast" not found',
    );
    const findings = look({
      pods,
      claims: [claim({ storageClassName: 'fast' })],
      events: [told],
      storageClasses: [{ metadata: { name: 'fast' } }],
    });
    expect(findings.map(({ cause, passes }) => [cause, passes])).toEqual([['ClaimUnbound', true]]);
  });

  it('finds that there is no default StorageClass, told in an event of type Normal', () => {
    const expected = [
      ...way,
      'NoDefaultStorageClass: The claim names no StorageClass, and the cluster has no default one.',
    ];
    const note = 'no persistent volumes available for this claim and no storage class is set';
    const told = event('PersistentVolumeClaim', CLAIM, 'FailedBinding', note);
    expect(story({ pods, claims: [claim({})], events: [told] })).toEqual(expected);
    expect(story({ pods, claims: [claim({})], storageClasses: [{ metadata: { name: 'slow' } }] })).toEqual(expected);
  });

  it('passes on what the provisioner says', () => {
    const told = event('PersistentVolumeClaim', CLAIM, 'ProvisioningFailed', 'failed to provision volume: quota');
    const [first] = look({
      pods,
      claims: [claim({ storageClassName: 'standard' })],
      events: [told],
      storageClasses: [standard],
    });
    expect(first).toMatchObject({ cause: 'ProvisioningFailed', evidence: 'failed to provision volume: quota' });
  });

  it('says nothing of a bound claim', () => {
    const told = event('PersistentVolumeClaim', CLAIM, 'FailedBinding', 'no storage class is set');
    expect(story({ claims: [claim({}, 'Bound')], events: [told] })).toEqual([`PodStarting: Pod "${POD}" is starting.`]);
  });
});

describe('pods', () => {
  it('finds that no node can take one, in the words of the scheduler', () => {
    const message =
      '0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are ' +
      'available: 1 Preemption is not helpful for scheduling.';
    expect(story({ pods: [pod(unscheduled(message))], claims: [claim({ storageClassName: 'standard' })] })).toEqual([
      `Pod "${POD}" is Pending.`,
      `Unschedulable: No node can take Pod "${POD}": Insufficient memory.`,
    ]);
  });

  it.each(['containerStatuses', 'initContainerStatuses'] as const)(
    'finds an image that cannot be pulled (%s)',
    (field) => {
      const message = 'Back-off pulling image "percona/postgres:16-nope": ErrImagePull: not found';
      const status = { [field]: [container({ state: { waiting: { reason: 'ImagePullBackOff', message } } })] };
      expect(story({ pods: [pod(status)] })?.at(-1)).toBe(
        'ImagePull: Image "percona/postgres:16-nope" of container "database" cannot be pulled.',
      );
    },
  );

  it('finds a crash loop, and memory that was too little', () => {
    const crash = container({
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { reason: 'Error', exitCode: 1 } },
    });
    expect(story({ pods: [pod({ phase: 'Running', containerStatuses: [crash] })] })).toEqual([
      `Pod "${POD}" is not ready.`,
      'CrashLoop: Container "database" keeps ending, last with exit code 1.',
    ]);
    const killed = { ...crash, lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } } };
    expect(story({ pods: [pod({ phase: 'Running', containerStatuses: [killed] })] })?.at(-1)).toBe(
      'OutOfMemory: Container "database" ran out of memory.',
    );
  });

  it('takes one restart for nothing', () => {
    const restarted = container({
      restartCount: 1,
      state: { running: {} },
      lastState: { terminated: { reason: 'Error', exitCode: 1 } },
    });
    expect(look({ pods: [pod({ phase: 'Running', containerStatuses: [restarted] })] })).toMatchObject([
      { passes: true },
    ]);
  });

  it('finds a backup Secret that the database waits for, and any other', () => {
    const note = (volume: string) => `MountVolume.SetUp failed for volume "${volume}" : secret "pg-s3" not found`;
    expect(story({ events: [event('Pod', POD, 'FailedMount', note('pgbackrest-config'))] })?.at(-1)).toBe(
      'BackupSecretMissing: Secret "pg-s3" with the credentials of the backup store not found.',
    );
    expect(story({ events: [event('Pod', POD, 'FailedMount', note('tls'))] })?.at(-1)).toBe(
      'SecretMissing: Secret "pg-s3" not found.',
    );
    const started = pod({ initContainerStatuses: [container({ state: { running: {} }, ready: true })] });
    expect(story({ pods: [started], events: [event('Pod', POD, 'FailedMount', note('tls'))] })?.at(-1)).toMatch(
      /^PodStarting/,
    );
  });

  it("finds that the server's init container cannot log in", () => {
    const waiting = container({
      name: 'wait-for-postgres',
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { reason: 'Error', exitCode: 1 } },
    });
    const [first] = look({ pods: [pod({ initContainerStatuses: [waiting] }, 'files-0')] });
    expect(first).toMatchObject({ cause: 'CannotLogIn' });
    expect(first?.nextStep).toContain('kubectl logs files-0 -c wait-for-postgres');
  });

  it('passes over ready pods, those of Jobs and those that go', () => {
    const ready = pod({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
    const job = pod({ phase: 'Failed' });
    job.metadata.ownerReferences = [{ kind: 'Job', name: 'backup' }];
    const going = pod();
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(look({ pods: [ready, job, going] })).toEqual([]);
  });

  it('finds a quota, and other refusals, while the pod is missing', () => {
    const set = `${CLUSTER}-instance1-nrf4`;
    const quota = event(
      'StatefulSet',
      set,
      'FailedCreate',
      'create Pod x failed error: pods "x" is forbidden: exceeded quota: small, requested: memory=1Gi',
    );
    expect(look({ events: [quota] })).toMatchObject([
      { cause: 'QuotaExceeded', message: `ResourceQuota "small" has no room for the pod of StatefulSet "${set}".` },
    ]);
    const refused = event('StatefulSet', set, 'FailedCreate', 'violates PodSecurity "restricted:latest"');
    expect(look({ events: [refused] })).toMatchObject([{ cause: 'PodRefused' }]);
    expect(look({ events: [quota], pods: [pod()] })).toMatchObject([{ cause: 'PodStarting' }]);
  });
});

describe("Percona's operator", () => {
  it('is silent when it is absent or does not watch the namespace', () => {
    const untouched = { metadata: cluster().metadata, spec: {} };
    expect(look({ cluster: untouched })).toMatchObject([{ cause: 'OperatorSilent' }]);
    expect(look({ cluster: untouched, clusterAgeMs: 5_000 })).toEqual([]);
    expect(look({ cluster: untouched, claims: [claim({})] })).toEqual([]);
    const touched = {
      ...untouched,
      metadata: { ...untouched.metadata, finalizers: ['internal.percona.com/stop-watchers'] },
    };
    expect(look({ cluster: touched })).toEqual([]);
  });

  it('wants images, and says so only in an event on the inner object', () => {
    const told = event('PostgresCluster', CLUSTER, 'MissingRequiredImage', 'Missing image(s): [crunchy-pgbouncer]');
    expect(look({ events: [told] })).toMatchObject([
      {
        cause: 'ImagesMissing',
        message: `PerconaPGCluster "${CLUSTER}" names no image in spec.proxy.pgBouncer.image.`,
      },
    ]);
    expect(look({ events: [told], cluster: cluster({ state: 'ready', postgres: { size: 1, ready: 1 } }) })).toEqual([]);
  });

  it('is ready with a backup store that cannot be written', () => {
    const stanza = (note: string) => event('PostgresCluster', CLUSTER, 'UnableToCreateStanzas', note);
    const status = { state: 'ready', postgres: { size: 1, ready: 1 }, pgbackrest: { repos: [{ name: 'repo1' }] } };
    const note = 'INFO: begin\nP00  ERROR: [039]: HTTP request failed with 403 (Forbidden)\nP00 INFO: end';
    expect(look({ cluster: cluster(status), events: [stanza(note)] })).toMatchObject([
      { cause: 'BackupStore', evidence: 'ERROR: [039]: HTTP request failed with 403 (Forbidden)' },
    ]);
    // Part of a start that goes well.
    const lock = 'ERROR: [050]: unable to acquire lock on file';
    expect(look({ cluster: cluster(status), events: [stanza(lock)] })).toEqual([]);
    const repos = [{ name: 'repo1', stanzaCreated: true }];
    expect(look({ cluster: cluster({ ...status, pgbackrest: { repos } }), events: [stanza(note)] })).toEqual([]);
  });
});

describe('the order', () => {
  it('is from the likeliest root to what only waits', () => {
    const told = event('PostgresCluster', CLUSTER, 'MissingRequiredImage', 'Missing image(s): [crunchy-pgbouncer]');
    const findings = look({
      pods: [pod()],
      claims: [claim({ storageClassName: 'no' })],
      storageClasses: [],
      events: [told],
    });
    expect(findings.map(({ cause }) => cause)).toEqual(['StorageClassMissing', 'ImagesMissing']);
  });

  it('has a next step for every cause', () => {
    for (const { nextStep } of Object.values(CAUSES)) expect(nextStep).toMatch(/\.$/);
  });
});
