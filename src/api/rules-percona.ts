/** Rules on the database: Percona, its backups, a cluster referred to, an external PostgreSQL. */
import {
  CRON,
  DNS_SUBDOMAIN,
  given,
  has,
  matches,
  NO_SPACE,
  notSmaller,
  on,
  positiveQuantity,
  quoted,
  textRule,
  when,
  wrongText,
  type Rule,
} from './rule-parts.ts';

const percona = 'spec.percona';
const backup = `${percona}.backup`;
const enabled = on(`${percona}.enabled`);
const backupOn = `(${enabled} && ${on(`${backup}.enabled`)})`;
const ref = 'spec.perconaPGClusterRef';

/** Database names that PostgreSQL keeps for itself. */
const RESERVED_DATABASES = "['postgres', 'template0', 'template1']";
/** Users of Percona's operator: a superuser, and two that it handles apart. */
const RESERVED_USERS = "['postgres', 'monitor', 'pgbouncer']";

const cluster: Rule[] = [
  {
    id: 'percona-name-length',
    kind: 'valid',
    fieldPath: 'metadata.name',
    cel: `!${enabled} || size(self.metadata.name) <= 28`,
    ...wrongText(
      'metadata.name',
      'at most 28 characters long with spec.percona.enabled: the PostgreSQL instances are named after it',
    ),
  },
  {
    id: 'percona-or-ref',
    kind: 'valid',
    fieldPath: ref,
    cel: `!(${enabled} && ${has(ref)})`,
    message:
      'spec.perconaPGClusterRef cannot be used with spec.percona.enabled: either create a PostgreSQL cluster or refer ' +
      'to one',
  },
  {
    id: 'percona-storage-size',
    kind: 'valid',
    fieldPath: `${percona}.storageSize`,
    cel: when(`${percona}.storageSize`, positiveQuantity(`self.${percona}.storageSize`)),
    ...wrongText(`${percona}.storageSize`, 'a size above zero such as 10Gi'),
  },
  textRule(
    'percona-storage-class-name',
    `${percona}.storageClassName`,
    DNS_SUBDOMAIN,
    'the name of a StorageClass',
    'allowed',
  ),
  textRule(
    'percona-database-name',
    `${percona}.databaseName`,
    '^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$',
    'at most 63 letters, digits, underscores and hyphens, not starting with a hyphen',
    'allowed',
  ),
  {
    id: 'percona-database-reserved',
    kind: 'valid',
    fieldPath: `${percona}.databaseName`,
    cel: when(`${percona}.databaseName`, `!(self.${percona}.databaseName in ${RESERVED_DATABASES})`),
    ...wrongText(`${percona}.databaseName`, 'another name: PostgreSQL keeps this one for itself'),
  },
  textRule(
    'percona-cr-version',
    `${percona}.crVersion`,
    '^[0-9]{1,4}[.][0-9]{1,4}[.][0-9]{1,4}$',
    "a version of Percona's operator such as 2.8.0",
    'refused',
  ),
  ...(['postgres', 'pgBouncer', 'pgBackRest', 'init'] as const).map((image) =>
    textRule(`percona-image-${image}`, `${percona}.images.${image}`, NO_SPACE, 'an image reference', 'refused'),
  ),
];

/** Statements on updates, which hold while Percona stays enabled. */
const bothEnabled = `(${enabled} && ${on(`${percona}.enabled`, 'oldSelf')})`;

function fixed(id: string, field: string, why: string): Rule {
  const path = `${percona}.${field}`;
  return {
    id,
    kind: 'transition',
    fieldPath: path,
    cel:
      `!${bothEnabled} || (has(self.${path}) == has(oldSelf.${path}) && ` +
      `(!has(self.${path}) || self.${path} == oldSelf.${path}))`,
    message: `${path} is fixed once the PostgreSQL cluster is asked for: ${why}`,
  };
}

const updates: Rule[] = [
  {
    id: 'percona-storage-size-no-shrink',
    kind: 'transition',
    fieldPath: `${percona}.storageSize`,
    cel:
      `!${bothEnabled} || !has(self.${percona}.storageSize) || !has(oldSelf.${percona}.storageSize) || ` +
      notSmaller(`self.${percona}.storageSize`, `oldSelf.${percona}.storageSize`),
    message: `${percona}.storageSize cannot become smaller: volumes only grow`,
    messageExpression:
      `${quoted(`${percona}.storageSize cannot become smaller, from `)} + oldSelf.${percona}.storageSize + ' to ' + ` +
      `self.${percona}.storageSize + ': volumes only grow'`,
  },
  fixed(
    'percona-storage-class-immutable',
    'storageClassName',
    'volumes cannot change their class. Delete and create the DittoServer to use another one',
  ),
  fixed(
    'percona-database-immutable',
    'databaseName',
    'the server would start on an empty database. Delete and create the DittoServer to use another one',
  ),
];

function backupNeeds(id: string, field: string, what: string): Rule {
  const path = `${backup}.${field}`;
  return {
    id,
    kind: 'valid',
    fieldPath: path,
    cel: `!${backupOn} || ${given(path)}`,
    message: `${path} is required: backups need ${what}`,
  };
}

/** A form that matters once backups are on; until then, half-filled fields are nobody's business. */
function backupForm(id: string, field: string, pattern: string, right: string): Rule {
  const path = `${backup}.${field}`;
  return {
    id,
    kind: 'valid',
    fieldPath: path,
    cel: `!${backupOn} || !${given(path)} || ${matches(`self.${path}`, pattern)}`,
    ...wrongText(path, right),
  };
}

const backups: Rule[] = [
  backupNeeds('backup-bucket', 'bucket', 'a bucket'),
  backupForm('backup-bucket-form', 'bucket', '^[A-Za-z0-9][A-Za-z0-9._-]*$', 'the name of a bucket'),
  backupNeeds('backup-endpoint', 'endpoint', 'the host name of the store'),
  backupForm(
    'backup-endpoint-form',
    'endpoint',
    '^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?$',
    'a host name with an optional port, without https:// and without a path',
  ),
  backupNeeds(
    'backup-credentials',
    'credentialsSecretRef.name',
    'a Secret with the credentials of the store in the form of a pgBackRest configuration file',
  ),
  backupForm('backup-credentials-form', 'credentialsSecretRef.name', DNS_SUBDOMAIN, 'the name of a Secret'),
  backupForm('backup-region-form', 'region', NO_SPACE, 'the name of a region'),
  backupForm(
    'backup-path-form',
    'path',
    '^(/[!-.0-~]+)+$',
    'an absolute path without spaces, double slashes or a slash at the end',
  ),
  backupForm(
    'backup-full-schedule',
    'fullSchedule',
    CRON,
    'a cron expression with five fields such as "0 2 * * *", or @daily',
  ),
  backupForm(
    'backup-incr-schedule',
    'incrSchedule',
    CRON,
    'a cron expression with five fields such as "0 * * * *", or @hourly',
  ),
];

const others: Rule[] = [
  {
    id: 'ref-name',
    kind: 'valid',
    fieldPath: `${ref}.name`,
    cel: when(`${ref}.name`, matches(`self.${ref}.name`, DNS_SUBDOMAIN)),
    ...wrongText(`${ref}.name`, 'the name of a PerconaPGCluster in the same namespace'),
  },
  textRule(
    'ref-user',
    `${ref}.user`,
    '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$',
    'the name of a PostgreSQL user of that cluster',
    'refused',
  ),
  {
    id: 'ref-user-reserved',
    kind: 'valid',
    fieldPath: `${ref}.user`,
    cel: when(`${ref}.user`, `!(self.${ref}.user in ${RESERVED_USERS})`),
    ...wrongText(`${ref}.user`, "an ordinary user: this one is a superuser or Percona's own"),
  },
  {
    id: 'external-secret-name',
    kind: 'valid',
    fieldPath: 'spec.database.postgresSecretRef.name',
    cel: when(
      'spec.database.postgresSecretRef',
      'has(self.spec.database.postgresSecretRef.name) && ' +
        matches('self.spec.database.postgresSecretRef.name', DNS_SUBDOMAIN),
    ),
    message: 'spec.database.postgresSecretRef.name must be the name of a Secret',
  },
];

export const perconaRules: readonly Rule[] = [...cluster, ...updates, ...backups, ...others];
