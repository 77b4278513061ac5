/** The table of causes: what each means for its reader, the likeliest root first. */

export interface CauseEntry {
  /** The next step, as an instruction. */
  nextStep: string;
  /** It may come right by itself. */
  passes?: true;
}

const table = {
  StorageClassMissing: {
    nextStep:
      'Create the StorageClass, and the claim is bound by itself. To use another one, delete the PerconaPGCluster and its ' +
      'claims and name that one in the spec: the class of a claim cannot be changed.',
  },
  NoDefaultStorageClass: {
    nextStep:
      'Mark a StorageClass as the default one (kubectl annotate storageclass NAME ' +
      'storageclass.kubernetes.io/is-default-class=true), and the claim is bound by itself.',
  },
  ProvisioningFailed: { nextStep: 'Look into the log of the provisioner of that StorageClass.' },
  ImagesMissing: {
    nextStep: 'Name the image in the PerconaPGCluster (kubectl edit perconapgcluster); its operator then goes on.',
  },
  OperatorSilent: {
    nextStep:
      "Check that Percona's operator runs and watches this namespace (its WATCH_NAMESPACE), and read its log. It " +
      'works on few clusters at a time (PGO_WORKERS): one with an unreachable backup store may keep it busy.',
  },
  QuotaExceeded: {
    nextStep: 'Raise the ResourceQuota, or ask for less; the pod is then made by itself (kubectl get resourcequota).',
  },
  PodRefused: { nextStep: 'Correct what the message names: the pod is refused by an admission check.' },
  ImagePull: {
    nextStep:
      'Check the name and tag of the image and that the node may pull it. For the database, correct the image in the ' +
      'PerconaPGCluster; for the server, in the DittoServer.',
  },
  SecretMissing: { nextStep: 'Create the Secret; it is mounted within about a minute.' },
  BackupSecretMissing: {
    nextStep: 'Create the Secret with the credentials of the backup store; the pod starts about a minute later.',
  },
  MountFailed: { nextStep: 'Look at the volume and the node: kubectl describe pod.' },
  Unschedulable: {
    nextStep:
      'Make room on a node, or ask for less. For the database a smaller request is not enough: delete the pending pod ' +
      "after it, since Percona's operator does not replace one that never ran.",
  },
  OutOfMemory: { nextStep: 'Raise the memory limit of the container.' },
  CrashLoop: { nextStep: 'Read why it ended: kubectl logs POD -c CONTAINER --previous.' },
  CannotLogIn: {
    nextStep:
      'Read what PostgreSQL answers: kubectl logs POD -c wait-for-postgres. With wrong credentials, check the Secret of ' +
      'the database user; without an answer, check NetworkPolicies.',
  },
  BackupStore: {
    nextStep:
      'Check bucket, endpoint, region and credentials of the backup store, and that pgBackRest trusts its certificate ' +
      '(key ca.crt of the credentials Secret).',
  },
  ClaimUnbound: { nextStep: 'Wait; if it stays so, look into the log of the provisioner.', passes: true },
  PodStarting: { nextStep: 'Wait.', passes: true },
  ContainerNotReady: { nextStep: 'Wait; if it stays so, read its log: kubectl logs POD -c CONTAINER.', passes: true },
} as const satisfies Record<string, CauseEntry>;

export type Cause = keyof typeof table;

/** The table as data. */
export const CAUSES: Readonly<Record<Cause, CauseEntry>> = table;

const ORDER = Object.keys(table);

/** The place of a cause in the order of likelihood. */
export function rankOf(cause: Cause): number {
  return ORDER.indexOf(cause);
}

/** One cause that was found, with the way to it. */
export interface Finding {
  cause: Cause;
  /** One sentence. */
  message: string;
  /** What lies between the database or the server and the cause, outermost first: sentences. */
  chain: string[];
  /** The words of whoever reported it, if they add anything. */
  evidence?: string;
  nextStep: string;
  /** It may come right by itself. */
  passes: boolean;
}

/** Makes a finding. `POD` and `CONTAINER` of the next step are filled in. */
export function found(
  cause: Cause,
  message: string,
  {
    chain = [],
    evidence,
    pod,
    container,
  }: { chain?: string[]; evidence?: string; pod?: string; container?: string } = {},
): Finding {
  const entry = CAUSES[cause];
  const nextStep = entry.nextStep.replace('POD', pod ?? 'POD').replace('CONTAINER', container ?? 'CONTAINER');
  return {
    cause,
    message,
    chain,
    ...(evidence !== undefined && evidence !== '' && { evidence }),
    nextStep,
    passes: entry.passes === true,
  };
}
