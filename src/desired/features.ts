/** What a spec switches on, decided once: the configuration, the mounts, the variables and the probes must agree. */
import { defaults } from '../api/defaults.ts';
import type { DittoServer, SecretKeyRef } from '../api/types.ts';

/** A reference to one key of a Secret that really names one. */
export interface NamedKey {
  name: string;
  key: string;
}

/** An empty selector (`{name: ""}`) is the same as none. */
function named(ref: SecretKeyRef | undefined): NamedKey | undefined {
  return ref?.name ? { name: ref.name, key: ref.key } : undefined;
}

export function apiPort(server: DittoServer): number {
  return server.spec.controlPlane?.port ?? defaults.controlPlane.port;
}

/** Whether the server itself serves HTTPS. */
export function nativeTls(server: DittoServer): boolean {
  return Boolean(server.spec.controlPlane?.certSecretName);
}

/** Whether the server asks its clients for certificates. */
export function mutualTls(server: DittoServer): boolean {
  return nativeTls(server) && Boolean(server.spec.controlPlane?.clientCASecretName);
}

export function metricsEnabled(server: DittoServer): boolean {
  return server.spec.metrics?.enabled === true;
}

export function metricsPort(server: DittoServer): number {
  return server.spec.metrics?.port ?? defaults.metrics.port;
}

export function metricsPath(server: DittoServer): string {
  return server.spec.metrics?.path ?? defaults.metrics.path;
}

/** The scrape token, when metrics are on: with metrics off there is no reason to mount it. */
export function metricsToken(server: DittoServer): NamedKey | undefined {
  return metricsEnabled(server) ? named(server.spec.metrics?.bearerTokenSecret) : undefined;
}

export function kerberosEnabled(server: DittoServer): boolean {
  return server.spec.identity?.kerberos?.enabled === true;
}

/** The Kerberos files that come from Secrets; none when Kerberos is off. */
export function kerberos(server: DittoServer): { keytab?: NamedKey; krb5Conf?: NamedKey } {
  if (!kerberosEnabled(server)) return {};
  const keytab = named(server.spec.identity?.kerberos?.keytabSecretRef);
  const krb5Conf = named(server.spec.identity?.kerberos?.krb5ConfSecretRef);
  return { ...(keytab && { keytab }), ...(krb5Conf && { krb5Conf }) };
}

export function machineAccountEnabled(server: DittoServer): boolean {
  return kerberosEnabled(server) && server.spec.identity?.kerberos?.machineAccount?.enabled === true;
}

/** The machine account's keytab or password; none when it is off. */
export function machineAccount(server: DittoServer): { keytab?: NamedKey; secret?: NamedKey } {
  if (!machineAccountEnabled(server)) return {};
  const keytab = named(server.spec.identity?.kerberos?.machineAccount?.keytabSecretRef);
  const secret = named(server.spec.identity?.kerberos?.machineAccount?.secretRef);
  return { ...(keytab && { keytab }), ...(secret && { secret }) };
}

/** Paths in the server's container. */
export const PATHS = {
  config: '/config',
  controlPlane: '/data/controlplane',
  metadata: '/data/store/metadata',
  content: '/data/store/block',
  tls: '/tls',
  tlsClientCa: '/tls-client-ca',
  metricsToken: '/metrics-token',
  keytab: '/kerberos',
  krb5Conf: '/kerberos-krb5',
  machineKeytab: '/kerberos-machine',
  databaseCa: '/postgres-ca',
} as const;
