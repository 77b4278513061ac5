/** The server's configuration file. No Secret is ever in it: those reach the server as variables and files. */
import { stringify } from 'yaml';
import { defaults, orDefault } from '../api/defaults.ts';
import type { DittoServer } from '../api/types.ts';
import { type Database, databaseIdentity } from '../postgres/database.ts';
import {
  apiPort,
  kerberos,
  kerberosEnabled,
  machineAccount,
  machineAccountEnabled,
  metricsEnabled,
  metricsPath,
  metricsPort,
  metricsToken,
  mutualTls,
  nativeTls,
  PATHS,
} from './features.ts';
import { names, ownedMetadata } from './names.ts';
import { compact, type ObjectIntent } from './object.ts';

/** One stage of the server's shutdown may take this long; the pod's grace period is derived from it. */
export const SHUTDOWN_TIMEOUT_SECONDS = 30;

/** The ConfigMap with `config.yaml`. */
export function configMap(server: DittoServer, database: Database): ObjectIntent {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMetadata(server, names.configMap(server.metadata.name)),
    data: { 'config.yaml': configFile(server, database) },
  };
}

/**
 * `config.yaml` as the DittoFS server reads it.
 *
 * @returns YAML; equal specs give equal text, since the text is part of the config hash.
 */
export function configFile(server: DittoServer, database: Database): string {
  const known = FILES.get(server.spec);
  const of = databaseIdentity(database);
  if (known?.of === of) return known.text;
  const text = writtenFile(server, database);
  FILES.set(server.spec, { of, text });
  return text;
}

/** The text is needed twice in a plan, and writing YAML took a tenth of the time of one. */
const FILES = new WeakMap<DittoServer['spec'], { of: string; text: string }>();

function writtenFile(server: DittoServer, database: Database): string {
  const { logging } = server.spec;
  return stringify(
    compact({
      logging: {
        level: logging?.level ?? defaults.logging.level,
        format: logging?.format ?? defaults.logging.format,
        output: orDefault(logging?.output, defaults.logging.output),
      },
      shutdown_timeout: `${SHUTDOWN_TIMEOUT_SECONDS}s`,
      database: databaseSection(database),
      controlplane: controlPlaneSection(server),
      // The server calls its first user `admin` whatever stands here; the key is kept for its own check.
      admin: { username: orDefault(server.spec.identity?.admin?.username, defaults.identity.admin.username) },
      metrics: metricsEnabled(server) ? metricsSection(server) : undefined,
      ldap: ldapSection(server),
      kerberos: kerberosEnabled(server) ? kerberosSection(server) : undefined,
    }),
  );
}

/** Host, user, password and database come as variables, which win over the file. */
function databaseSection(database: Database) {
  switch (database.mode) {
    case 'SQLite':
      return { type: 'sqlite', sqlite: { path: database.path } };
    case 'External':
      return { type: 'postgres' };
    case 'Percona':
    case 'PerconaRef':
      // Percona refuses plain connections, and the server's own default is `disable`.
      return {
        type: 'postgres',
        postgres: { sslmode: 'verify-full', ssl_root_cert: `${PATHS.databaseCa}/ca.crt` },
      };
  }
}

function controlPlaneSection(server: DittoServer) {
  const jwt = server.spec.identity?.jwt;
  return compact({
    // The default is loopback, where neither probes nor Services reach it.
    host: '0.0.0.0',
    port: apiPort(server),
    jwt: {
      access_token_duration: orDefault(jwt?.accessTokenDuration, defaults.identity.jwt.accessTokenDuration),
      refresh_token_duration: orDefault(jwt?.refreshTokenDuration, defaults.identity.jwt.refreshTokenDuration),
    },
    tls: nativeTls(server)
      ? compact({
          cert_file: `${PATHS.tls}/tls.crt`,
          key_file: `${PATHS.tls}/tls.key`,
          client_ca: mutualTls(server) ? `${PATHS.tlsClientCa}/ca.crt` : undefined,
        })
      : undefined,
  });
}

function metricsSection(server: DittoServer) {
  const token = metricsToken(server);
  return compact({
    enabled: true,
    host: '0.0.0.0',
    port: metricsPort(server),
    path: metricsPath(server),
    auth: token ? 'token' : 'none',
    token_file: token ? `${PATHS.metricsToken}/token` : undefined,
  });
}

function ldapSection(server: DittoServer) {
  const ldap = server.spec.identity?.ldap;
  if (!ldap) return undefined;
  return filled({
    enabled: ldap.enabled ?? false,
    url: ldap.url,
    start_tls: ldap.startTLS,
    allow_plaintext: ldap.allowPlaintext,
    base_dn: ldap.baseDN,
    bind_dn: ldap.bindDN,
    user_attr: ldap.userAttr,
    realm: ldap.realm,
    idmap: ldap.idmap,
    nested_groups: ldap.nestedGroups,
    tls:
      ldap.caCertFile || ldap.insecureSkipVerify
        ? filled({ ca_cert_file: ldap.caCertFile, insecure_skip_verify: ldap.insecureSkipVerify })
        : undefined,
  });
}

function kerberosSection(server: DittoServer) {
  const spec = server.spec.identity?.kerberos;
  const { keytab, krb5Conf } = kerberos(server);
  return filled({
    enabled: true,
    keytab_path: keytab ? `${PATHS.keytab}/dittofs.keytab` : undefined,
    service_principal: spec?.servicePrincipal,
    realm: spec?.realm,
    netbios_domain: spec?.netbiosDomain,
    dns_domain: spec?.dnsDomain,
    // A mounted krb5.conf wins over a path inside the image.
    krb5_conf: krb5Conf ? `${PATHS.krb5Conf}/krb5.conf` : spec?.krb5Conf,
    machine_account: machineAccountEnabled(server)
      ? compact({
          enabled: true,
          account_name: spec?.machineAccount?.accountName,
          keytab_path: machineAccount(server).keytab ? `${PATHS.machineKeytab}/machine.keytab` : undefined,
          dc_address: spec?.machineAccount?.dcAddress,
        })
      : undefined,
  });
}

/** Only what says something: the server takes an empty text for a value where it would take nothing for its default. */
function filled(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''));
}
