/** The server's environment: everything secret reaches it by reference, and nothing is ever copied. */
import { defaults, orDefault } from '../api/defaults.ts';
import type { DittoServer } from '../api/types.ts';
import type { Database } from '../postgres/database.ts';
import { machineAccount } from './features.ts';
import { names } from './names.ts';
import { ADMIN_PASSWORD_KEY, jwtReference, s3Keys } from './secret-references.ts';

export interface EnvironmentVariable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef: { name: string; key: string; optional?: true } };
}

/** The variables of the server's container, in a fixed order. */
export function serverEnvironment(server: DittoServer, database: Database): EnvironmentVariable[] {
  const jwt = jwtReference(server);
  return [
    fromSecret('DITTOFS_CONTROLPLANE_SECRET', jwt.secret, jwt.keys[0] ?? ''),
    adminPassword(server),
    ...identityVariables(server),
    ...databaseVariables(database),
    ...s3Variables(server),
  ];
}

function adminPassword(server: DittoServer): EnvironmentVariable {
  const ref = server.spec.identity?.admin?.passwordSecretRef;
  const variable = 'DITTOFS_ADMIN_INITIAL_PASSWORD';
  if (ref?.name) return fromSecret(variable, ref.name, ref.key);
  // Optional: the server needs it once, and a Secret deleted later must not keep the pod from starting.
  return optionalFromSecret(variable, names.adminSecret(server.metadata.name), ADMIN_PASSWORD_KEY);
}

function identityVariables(server: DittoServer): EnvironmentVariable[] {
  const ldap = server.spec.identity?.ldap?.bindPasswordSecretRef;
  const machine = machineAccount(server).secret;
  return [
    ...(ldap?.name ? [fromSecret('DITTOFS_LDAP_BIND_PASSWORD', ldap.name, ldap.key)] : []),
    ...(machine ? [fromSecret('DITTOFS_KERBEROS_MACHINE_ACCOUNT_SECRET', machine.name, machine.key)] : []),
  ];
}

function databaseVariables(database: Database): EnvironmentVariable[] {
  const prefix = 'DITTOFS_DATABASE_POSTGRES_';
  switch (database.mode) {
    case 'SQLite':
      return [];
    case 'External':
      return [
        ...['host', 'database', 'user', 'password'].map((key) =>
          fromSecret(prefix + key.toUpperCase(), database.userSecret, key),
        ),
        optionalFromSecret(`${prefix}PORT`, database.userSecret, 'port'),
        optionalFromSecret(`${prefix}SSLMODE`, database.userSecret, 'sslmode'),
      ];
    case 'Percona':
    case 'PerconaRef':
      return [
        // For tools and for versions of the server that may read it. The present one reads those below.
        fromSecret('DATABASE_URL', database.userSecret, 'uri'),
        fromSecret(`${prefix}HOST`, database.userSecret, 'host'),
        fromSecret(`${prefix}PORT`, database.userSecret, 'port'),
        fromSecret(`${prefix}USER`, database.userSecret, 'user'),
        fromSecret(`${prefix}PASSWORD`, database.userSecret, 'password'),
        fromSecret(`${prefix}DATABASE`, database.userSecret, 'dbname'),
      ];
  }
}

/** What the AWS SDK's default chain reads when a block store names no keys of its own. */
function s3Variables(server: DittoServer): EnvironmentVariable[] {
  const { s3 } = server.spec;
  if (!s3) return [];
  const region = { name: 'AWS_REGION', value: orDefault(s3.region, defaults.s3.region) };
  const ref = s3.credentialsSecretRef;
  if (!ref) return [region];
  const { accessKeyId, secretAccessKey, endpoint } = s3Keys(server);
  return [
    fromSecret('AWS_ACCESS_KEY_ID', ref.secretName, accessKeyId),
    fromSecret('AWS_SECRET_ACCESS_KEY', ref.secretName, secretAccessKey),
    optionalFromSecret('AWS_ENDPOINT_URL', ref.secretName, endpoint),
    region,
  ];
}

/** A variable whose value is one key of a Secret; the pod does not start without it. */
export function fromSecret(name: string, secret: string, key: string): EnvironmentVariable {
  return { name, valueFrom: { secretKeyRef: { name: secret, key } } };
}

function optionalFromSecret(name: string, secret: string, key: string): EnvironmentVariable {
  return { name, valueFrom: { secretKeyRef: { name: secret, key, optional: true } } };
}
