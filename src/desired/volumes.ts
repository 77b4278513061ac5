/** The pod's volumes and claims. Claim templates of a StatefulSet are immutable, which shapes half of this file. */
import { defaults } from '../api/defaults.ts';
import type { DittoServer } from '../api/types.ts';
import type { Database } from '../postgres/database.ts';
import { kerberos, machineAccount, metricsToken, mutualTls, nativeTls, PATHS } from './features.ts';
import { names } from './names.ts';
import { compact } from './object.ts';

/** A volume of the pod together with where it is mounted, so that neither is ever without the other. */
export interface MountedVolume {
  name: string;
  mountPath: string;
  readOnly?: true;
  /** The volume's source; absent for a claim, which comes from a claim template. */
  source?: Record<string, unknown>;
}

export interface ClaimTemplate {
  apiVersion: 'v1';
  kind: 'PersistentVolumeClaim';
  metadata: { name: string };
  spec: {
    accessModes: string[];
    storageClassName?: string;
    resources: { requests: { storage: string } };
    volumeMode: 'Filesystem';
  };
}

/** The claims that the server wants, in a fixed order. */
export function claimTemplates(server: DittoServer): ClaimTemplate[] {
  const { storage } = server.spec;
  return [
    claimTemplate(server, 'metadata', storage.metadataSize),
    ...(storage.contentSize ? [claimTemplate(server, 'content', storage.contentSize)] : []),
    claimTemplate(server, 'controlplane', storage.controlPlaneSize ?? defaults.storage.controlPlaneSize),
  ];
}

function claimTemplate(server: DittoServer, name: string, storage: string): ClaimTemplate {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: compact({
      accessModes: ['ReadWriteOnce'],
      storageClassName: server.spec.storage.storageClassName,
      resources: { requests: { storage } },
      volumeMode: 'Filesystem' as const,
    }),
  };
}

const CLAIM_PATHS: Readonly<Record<string, string>> = {
  metadata: PATHS.metadata,
  content: PATHS.content,
  controlplane: PATHS.controlPlane,
};

/**
 * What is mounted into the server's container.
 *
 * @param claims names of the claim templates that the StatefulSet really has.
 */
export function mountedVolumes(server: DittoServer, database: Database, claims: readonly string[]): MountedVolume[] {
  return [
    { name: 'config', mountPath: PATHS.config, source: { configMap: { name: names.configMap(server.metadata.name) } } },
    ...claims.flatMap((name) => {
      const mountPath = CLAIM_PATHS[name];
      return mountPath === undefined ? [] : [{ name, mountPath }];
    }),
    ...databaseVolumes(database),
    ...tlsVolumes(server),
    ...identityVolumes(server),
  ];
}

/** The CA that the database's certificate is checked against. */
export function databaseVolumes(database: Database): MountedVolume[] {
  if (database.mode !== 'Percona' && database.mode !== 'PerconaRef') return [];
  return [secretFile('postgres-ca', PATHS.databaseCa, database.caSecret, 'ca.crt', 'ca.crt')];
}

function tlsVolumes(server: DittoServer): MountedVolume[] {
  const { certSecretName, clientCASecretName } = server.spec.controlPlane ?? {};
  return [
    ...(nativeTls(server) ? [wholeSecret('tls-cert', PATHS.tls, certSecretName ?? '')] : []),
    ...(mutualTls(server) ? [wholeSecret('tls-client-ca', PATHS.tlsClientCa, clientCASecretName ?? '')] : []),
  ];
}

function identityVolumes(server: DittoServer): MountedVolume[] {
  const token = metricsToken(server);
  const { keytab, krb5Conf } = kerberos(server);
  const { keytab: machineKeytab } = machineAccount(server);
  // Keytabs are passwords: owner and group may read them, nobody else.
  const restricted = 0o440;
  return [
    ...(token ? [secretFile('metrics-token', PATHS.metricsToken, token.name, token.key, 'token')] : []),
    ...(keytab
      ? [secretFile('kerberos-keytab', PATHS.keytab, keytab.name, keytab.key, 'dittofs.keytab', restricted)]
      : []),
    ...(krb5Conf ? [secretFile('kerberos-krb5', PATHS.krb5Conf, krb5Conf.name, krb5Conf.key, 'krb5.conf')] : []),
    ...(machineKeytab
      ? [
          secretFile(
            'kerberos-machine-keytab',
            PATHS.machineKeytab,
            machineKeytab.name,
            machineKeytab.key,
            'machine.keytab',
            restricted,
          ),
        ]
      : []),
  ];
}

function wholeSecret(name: string, mountPath: string, secretName: string): MountedVolume {
  return { name, mountPath, readOnly: true, source: { secret: { secretName } } };
}

function secretFile(
  name: string,
  mountPath: string,
  secretName: string,
  key: string,
  path: string,
  defaultMode?: number,
): MountedVolume {
  return {
    name,
    mountPath,
    readOnly: true,
    source: { secret: compact({ secretName, items: [{ key, path }], defaultMode }) },
  };
}
