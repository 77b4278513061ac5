/** What a DittoServer's spec points at, for the watches: which clusters concern it, and which Secrets. */
import type { DittoServer } from '../api/types.ts';
import { names } from '../desired/names.ts';
import { jwtSecret } from '../desired/secrets.ts';
import { secretReferences } from '../desired/secret-references.ts';
import { clusterCertificateSecretName } from '../desired/names.ts';
import { type Database, databaseOf } from '../postgres/database.ts';

/** Names of the PerconaPGClusters whose changes concern `server`: the one it may have ordered, and the one it names. */
export function clustersOf(server: DittoServer): string[] {
  const own = names.perconaCluster(server.metadata.name);
  const referred = server.spec.perconaPGClusterRef?.name;
  return referred === undefined || referred === own ? [own] : [own, referred];
}

/** The cluster that `server` uses, or else the one that it ordered under an earlier spec. */
export function clusterOf(server: DittoServer): string {
  const database = databaseOf(server);
  return 'cluster' in database ? database.cluster : names.perconaCluster(server.metadata.name);
}

/**
 * Names of the Secrets that no label watch shows: those that the user chose.
 *
 * @param database the one in use.
 */
export function namedSecrets(server: DittoServer, database: Database): string[] {
  const watchedByLabel = new Set([
    ...(jwtSecret(server) ? [names.jwtSecret(server.metadata.name)] : []),
    ...labelledByPercona(database),
  ]);
  const backup = server.spec.percona?.backup;
  const wanted = [
    ...secretReferences(server, database).map(({ secret }) => secret),
    ...(server.spec.percona?.enabled === true && backup?.enabled === true
      ? [backup.credentialsSecretRef?.name ?? '']
      : []),
  ];
  return [...new Set(wanted)].filter((name) => name !== '' && !watchedByLabel.has(name));
}

function labelledByPercona(database: Database): string[] {
  if (!('cluster' in database)) return [];
  // A certificate of the user's own is a Secret like any other: nothing marks it.
  const own = database.caSecret === clusterCertificateSecretName(database.cluster);
  return own ? [database.userSecret, database.caSecret] : [database.userSecret];
}
