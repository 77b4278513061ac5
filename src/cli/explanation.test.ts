import { describe, expect, it } from 'vitest';
import type { Condition, DittoServer } from '../api/types.ts';
import type { DiagnosisInputs } from '../postgres/diagnosis.ts';
import { explanation } from './explanation.ts';
import { printExplanation } from './explanation-text.ts';
import type { Look } from './look.ts';

function condition(
  type: string,
  status: Condition['status'],
  reason: string,
  message = `${type} is ${status}.`,
): Condition {
  return { type, status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' };
}

const NOTHING: DiagnosisInputs = { pods: [], claims: [], events: [] };

function look(conditions: Condition[] | undefined, rest: Partial<Look> = {}, observedGeneration = 1): Look {
  const server: DittoServer = {
    apiVersion: 'dittofs.dittofs.com/v1alpha1',
    kind: 'DittoServer',
    metadata: { name: 'files', namespace: 'x', uid: 'u', generation: 1 },
    spec: { storage: { metadataSize: '1Gi' } },
    ...(conditions && { status: { observedGeneration, conditions } }),
  };
  return { server, database: NOTHING, serverPods: NOTHING, unseen: [], ...rest };
}

const WAITING = [
  condition('Ready', 'False', 'WaitingForDatabase', 'Waiting.'),
  condition('DatabaseReady', 'False', 'WaitingForDatabase', 'Waiting.'),
  condition('Progressing', 'True', 'WaitingForStart', 'Waiting.'),
];
const BROKEN_CLASS: DiagnosisInputs = {
  ...NOTHING,
  cluster: {
    metadata: { name: 'files-postgres', namespace: 'x', uid: 'u' },
    spec: {},
    status: { state: 'initializing' },
  },
  pods: [
    {
      metadata: { name: 'files-postgres-0' },
      spec: { volumes: [{ persistentVolumeClaim: { claimName: 'data' } }] },
      status: { phase: 'Pending' },
    },
  ],
  claims: [{ metadata: { name: 'data' }, spec: { storageClassName: 'fast' }, status: { phase: 'Pending' } }],
  storageClasses: [],
};

describe('an explanation', () => {
  it('goes from Ready down to the root', () => {
    const told = explanation(
      look(WAITING, { database: BROKEN_CLASS, unseen: ['events.events.k8s.io (you are not allowed to read them)'] }),
    );
    expect(told).toMatchObject({ ready: false, cause: 'StorageClassMissing' });
    expect(printExplanation(told)).toBe(`DittoServer x/files is not ready.

Ready=False (WaitingForDatabase)
└─ DatabaseReady=False (WaitingForDatabase): Waiting.
   └─ PerconaPGCluster "files-postgres" is initializing.
      └─ Pod "files-postgres-0" is Pending.
         └─ PersistentVolumeClaim "data" is not bound.
            └─ StorageClass "fast" not found.

Next step: ${told.nextStep ?? ''}

Could not be looked at:
  - events.events.k8s.io (you are not allowed to read them)
`);
  });

  it('falls back on the table of reasons when nothing is found around it', () => {
    const conditions = [
      condition('Ready', 'False', 'PerconaNotInstalled'),
      condition('DatabaseReady', 'False', 'PerconaNotInstalled', 'Not installed.'),
    ];
    const told = explanation(look(conditions));
    expect(told).toMatchObject({
      cause: 'PerconaNotInstalled',
      chain: ['Ready=False (PerconaNotInstalled)', 'DatabaseReady=False (PerconaNotInstalled): Not installed.'],
    });
    expect(told.nextStep).toMatch(/^Install Percona's operator/);
  });

  it('does not blame pods for an error in the spec', () => {
    const conditions = [
      condition('Ready', 'False', 'InvalidSpec'),
      condition('ConfigReady', 'False', 'InvalidSpec', 'spec.x is wrong.'),
    ];
    const told = explanation(look(conditions, { database: BROKEN_CLASS }));
    expect(told.chain.at(-1)).toBe('ConfigReady=False (InvalidSpec): spec.x is wrong.');
    expect(told.alsoFound).toMatchObject([{ message: 'StorageClass "fast" not found.' }]);
  });

  it("looks at the server's own pod when the database is ready", () => {
    const conditions = [
      condition('Ready', 'False', 'NoReplicasAvailable'),
      condition('Available', 'False', 'NoReplicasAvailable'),
    ];
    const status = {
      initContainerStatuses: [
        { name: 'wait-for-postgres', ready: false, lastState: { terminated: { exitCode: 1 } }, state: { running: {} } },
      ],
    };
    const told = explanation(
      look(conditions, { serverPods: { ...NOTHING, pods: [{ metadata: { name: 'files-0' }, status }] } }),
    );
    expect(told).toMatchObject({ cause: 'CannotLogIn' });
  });

  it.each([
    ['no status at all', look(undefined)],
    ['the status of an older spec', look([condition('Ready', 'True', 'AllConditionsMet')], {}, 0)],
  ])('takes %s for an operator that is absent', (_, seen) => {
    expect(explanation(seen)).toMatchObject({ ready: false, cause: 'OperatorAbsent' });
  });

  it('is short when it is ready, and yet names what is not well', () => {
    expect(printExplanation(explanation(look([condition('Ready', 'True', 'AllConditionsMet')])))).toBe(
      'DittoServer x/files is ready.\n',
    );
    const conditions = [
      condition('Ready', 'True', 'AllConditionsMet'),
      condition('BackupReady', 'False', 'RepositoryNotWritable'),
    ];
    const told = explanation(look(conditions));
    expect(told.ready).toBe(true);
    expect(printExplanation(told)).toContain('It is ready, and yet:\n  - BackupReady=False (RepositoryNotWritable)');
  });
});
