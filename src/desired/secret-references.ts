/** Every Secret that a DittoServer names, in one table: watched, checked, and hashed by what it says. */
import { defaults } from '../api/defaults.ts';
import type { DittoServer } from '../api/types.ts';
import { EXTERNAL_KEYS, PERCONA_KEYS } from '../postgres/readiness.ts';
import type { Database } from '../postgres/database.ts';
import { names } from './names.ts';
import { kerberos, machineAccount, metricsToken, mutualTls, nativeTls } from './features.ts';

export interface SecretReference {
  /** The field of the spec that names it, or what it is for when no field does. */
  field: string;
  secret: string;
  /** Keys that must be there. */
  keys: readonly string[];
  /** Keys that may be there. */
  optionalKeys?: readonly string[];
  /**
   * Keys that the server reads when it starts, and only then: a change of them rolls the pod. Not among them is what it
   * reads again by itself (its certificate) and what it reads once in its life (the first admin password).
   */
  readAtBoot: readonly string[];
}

/** The field that names an external PostgreSQL's Secret. */
export const EXTERNAL_FIELD = 'spec.database.postgresSecretRef';

/** The key of the generated JWT Secret. */
export const JWT_KEY = 'jwt-secret';
/** The key of the generated admin Secret, and of the one that a user gives by default. */
export const ADMIN_PASSWORD_KEY = 'password';

/**
 * The Secrets that `server` needs, generated ones included.
 *
 * @param database from `databaseOf`.
 */
export function secretReferences(server: DittoServer, database: Database): SecretReference[] {
  return [
    jwtReference(server),
    ...adminReference(server),
    ...databaseReferences(database),
    ...tlsReferences(server),
    ...metricsReference(server),
    ...ldapReference(server),
    ...kerberosReferences(server),
    ...s3Reference(server),
  ];
}

/** Where the JWT signing secret is: the user's, or ours. */
export function jwtReference(server: DittoServer): SecretReference {
  const ref = server.spec.identity?.jwt?.secretRef;
  return ref?.name
    ? atBoot('spec.identity.jwt.secretRef', ref.name, ref.key)
    : atBoot('the generated JWT secret', names.jwtSecret(server.metadata.name), JWT_KEY);
}

function adminReference(server: DittoServer): SecretReference[] {
  const ref = server.spec.identity?.admin?.passwordSecretRef;
  if (!ref?.name) return [];
  return [{ field: 'spec.identity.admin.passwordSecretRef', secret: ref.name, keys: [ref.key], readAtBoot: [] }];
}

function databaseReferences(database: Database): SecretReference[] {
  switch (database.mode) {
    case 'SQLite':
      return [];
    case 'External':
      return [
        {
          field: EXTERNAL_FIELD,
          secret: database.userSecret,
          keys: EXTERNAL_KEYS,
          optionalKeys: ['port', 'sslmode'],
          readAtBoot: [...EXTERNAL_KEYS, 'port', 'sslmode'],
        },
      ];
    case 'Percona':
    case 'PerconaRef':
      return [
        // `uri` holds all the other keys say; nothing else of this Secret may roll the pod.
        { field: 'the database user', secret: database.userSecret, keys: PERCONA_KEYS, readAtBoot: ['uri'] },
        atBoot("the database's certificate", database.caSecret, 'ca.crt'),
      ];
  }
}

function tlsReferences(server: DittoServer): SecretReference[] {
  const { certSecretName, clientCASecretName } = server.spec.controlPlane ?? {};
  const references: SecretReference[] = [];
  if (nativeTls(server) && certSecretName) {
    references.push({
      field: 'spec.controlPlane.certSecretName',
      secret: certSecretName,
      keys: ['tls.crt', 'tls.key'],
      readAtBoot: [],
    });
  }
  if (mutualTls(server) && clientCASecretName) {
    references.push({
      field: 'spec.controlPlane.clientCASecretName',
      secret: clientCASecretName,
      keys: ['ca.crt'],
      // Unlike its certificate, the server reads its clients' CA only once.
      readAtBoot: ['ca.crt'],
    });
  }
  return references;
}

function metricsReference(server: DittoServer): SecretReference[] {
  const ref = metricsToken(server);
  return ref ? [atBoot('spec.metrics.bearerTokenSecret', ref.name, ref.key)] : [];
}

function ldapReference(server: DittoServer): SecretReference[] {
  const ref = server.spec.identity?.ldap?.bindPasswordSecretRef;
  return ref?.name ? [atBoot('spec.identity.ldap.bindPasswordSecretRef', ref.name, ref.key)] : [];
}

function kerberosReferences(server: DittoServer): SecretReference[] {
  const { keytab, krb5Conf } = kerberos(server);
  const { keytab: machineKeytab, secret } = machineAccount(server);
  const at = 'spec.identity.kerberos';
  return [
    ...(keytab ? [atBoot(`${at}.keytabSecretRef`, keytab.name, keytab.key)] : []),
    ...(krb5Conf ? [atBoot(`${at}.krb5ConfSecretRef`, krb5Conf.name, krb5Conf.key)] : []),
    ...(machineKeytab ? [atBoot(`${at}.machineAccount.keytabSecretRef`, machineKeytab.name, machineKeytab.key)] : []),
    ...(secret ? [atBoot(`${at}.machineAccount.secretRef`, secret.name, secret.key)] : []),
  ];
}

function s3Reference(server: DittoServer): SecretReference[] {
  const ref = server.spec.s3?.credentialsSecretRef;
  if (!ref) return [];
  const { accessKeyId, secretAccessKey, endpoint } = s3Keys(server);
  return [
    {
      field: 'spec.s3.credentialsSecretRef',
      secret: ref.secretName,
      keys: [accessKeyId, secretAccessKey],
      optionalKeys: [endpoint],
      readAtBoot: [accessKeyId, secretAccessKey, endpoint],
    },
  ];
}

/** The keys of the S3 credentials Secret, with their defaults. */
export function s3Keys(server: DittoServer) {
  const ref = server.spec.s3?.credentialsSecretRef;
  const keys = defaults.s3.credentialsSecretRef;
  return {
    accessKeyId: ref?.accessKeyIdKey ?? keys.accessKeyIdKey,
    secretAccessKey: ref?.secretAccessKeyKey ?? keys.secretAccessKeyKey,
    endpoint: ref?.endpointKey ?? keys.endpointKey,
  };
}

function atBoot(field: string, secret: string, key: string): SecretReference {
  return { field, secret, keys: [key], readAtBoot: [key] };
}
