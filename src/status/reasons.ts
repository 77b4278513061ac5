/**
 * The one table of condition types and reasons. A reason is part of the API: scripts and alerts match on it. Status,
 * events, `explain` and the documentation take their words from here.
 */

/** Condition types, in the order in which they stand in the status. */
export const CONDITION_TYPES = [
  'Ready',
  'DatabaseReady',
  'BackupReady',
  'ConfigReady',
  'SpecApplied',
  'Available',
  'Progressing',
  'Reconciling',
  'Stalled',
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** What a reason means for its reader. `wait`: it is under way. `user`: nothing happens until somebody acts. */
type Outlook = 'fine' | 'wait' | 'user';

interface ReasonEntry {
  outlook: Outlook;
  /** The next step, as an instruction. Absent where there is none to take. */
  nextStep?: string;
}

const table = {
  // DatabaseReady
  PostgreSQLReady: { outlook: 'fine' },
  ExternalPostgreSQL: { outlook: 'fine' },
  SQLite: { outlook: 'fine' },
  WaitingForDatabase: {
    outlook: 'wait',
    nextStep: 'Wait; if it takes more than a few minutes, look at the pods, claims and events of the PerconaPGCluster.',
  },
  PostgreSQLFailed: {
    outlook: 'wait',
    nextStep: 'The database was ready and is not now. Look at the pods and events of the PerconaPGCluster.',
  },
  PostgreSQLPaused: {
    outlook: 'user',
    nextStep: 'Set spec.pause of the PerconaPGCluster to false.',
  },
  PostgreSQLBeingDeleted: {
    outlook: 'wait',
    nextStep: 'Wait until the PerconaPGCluster is gone; it is then made again on the claims that it left.',
  },
  PerconaNotInstalled: {
    outlook: 'user',
    nextStep:
      "Install Percona's operator for PostgreSQL, for instance with: helm install pg-operator pg-operator --repo https://percona.github.io/percona-helm-charts/",
  },
  PerconaUnknown: { outlook: 'wait', nextStep: 'Wait: the operator is asking the API server which kinds it serves.' },
  ClusterNotFound: {
    outlook: 'user',
    nextStep: 'Create the PerconaPGCluster, or correct spec.perconaPGClusterRef.name.',
  },
  ClusterNotOurs: {
    outlook: 'user',
    nextStep: 'Give the DittoServer another name, or refer to that cluster with spec.perconaPGClusterRef.',
  },
  ImagesMissing: {
    outlook: 'user',
    nextStep: 'Name the images in the PerconaPGCluster; it is never changed by the operator once it exists.',
  },
  BackupSecretNotFound: {
    outlook: 'user',
    nextStep: 'Create the Secret with the credentials of the backup store; the database cannot start without it.',
  },
  CredentialsIncomplete: {
    outlook: 'user',
    nextStep: 'Give the database user a database in the PerconaPGCluster, so that its Secret has all keys.',
  },
  SecretNotFound: { outlook: 'user', nextStep: 'Create the Secret that the message names.' },
  SecretIncomplete: { outlook: 'user', nextStep: 'Add the key that the message names to the Secret.' },
  // BackupReady
  RepositoryReady: { outlook: 'fine' },
  FirstBackupRunning: { outlook: 'wait', nextStep: 'Wait for the first full backup to end.' },
  WaitingForRepository: {
    outlook: 'wait',
    nextStep: 'Wait until the database is up; the repository is made after it.',
  },
  RepositoryNotWritable: {
    outlook: 'user',
    nextStep:
      'Check bucket, endpoint, region and credentials of the backup store, and that pgBackRest trusts its certificate (key ca.crt of the credentials Secret).',
  },
  BackupsNotConfigured: {
    outlook: 'user',
    nextStep: 'The PerconaPGCluster was made without backups and is never changed by the operator: add them to it.',
  },
  // ConfigReady
  ConfigValid: { outlook: 'fine' },
  InvalidSpec: { outlook: 'user', nextStep: 'Correct the field that the message names.' },
  ObjectNotOurs: { outlook: 'user', nextStep: 'Rename or delete the object that the message names.' },
  WriteRefused: { outlook: 'user', nextStep: 'Correct what the message names; the operator tries again by itself.' },
  // SpecApplied
  AllFieldsApplied: { outlook: 'fine' },
  DatabasePrecedence: {
    outlook: 'fine',
    nextStep: 'Remove spec.database.postgresSecretRef, or Percona from the spec.',
  },
  FieldsWithoutEffect: {
    outlook: 'fine',
    nextStep: 'Nothing needs to be done; the fields do nothing in this version.',
  },
  StorageNotChangeable: {
    outlook: 'user',
    nextStep: 'The claims of a StatefulSet cannot be changed like that: put the field back, or move the data.',
  },
  ClusterKept: { outlook: 'fine', nextStep: 'Delete the PerconaPGCluster yourself once its data is not needed.' },
  ClusterAdopted: { outlook: 'fine' },
  AdminSecretMissing: {
    outlook: 'user',
    nextStep: "Put the admin's password back into the Secret, or set a new one in the server first.",
  },
  // Available, Progressing
  MinimumReplicasAvailable: { outlook: 'fine' },
  NoReplicasAvailable: { outlook: 'wait', nextStep: "Look at the server's pod: kubectl describe pod." },
  Stopped: { outlook: 'fine' },
  WaitingForStart: { outlook: 'wait' },
  StatefulSetUpdating: { outlook: 'wait' },
  ScalingReplicas: { outlook: 'wait' },
  ReconcileComplete: { outlook: 'fine' },
  // Ready
  AllConditionsMet: { outlook: 'fine' },
  Deleting: { outlook: 'wait' },
} as const satisfies Record<string, ReasonEntry>;

export type Reason = keyof typeof table;

/** The table as data, for whoever prints it. */
export const REASONS: Readonly<Record<Reason, ReasonEntry>> = table;

/** Whether nothing will happen for `reason` until somebody acts. */
export function needsUser(reason: Reason): boolean {
  return REASONS[reason].outlook === 'user';
}
