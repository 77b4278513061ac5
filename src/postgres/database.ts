/**
 * Which database the server's control plane uses. Four ways, one precedence: a cluster that we order from Percona's
 * operator, one that exists already, an external PostgreSQL, and SQLite in the pod's own volume.
 */
import { defaults, orDefault } from '../api/defaults.ts';
import type { DittoServer } from '../api/types.ts';
import {
  clusterCertificateSecretName,
  DATABASE_ANNOTATION,
  names,
  POSTGRES_USER,
  userSecretName,
} from '../desired/names.ts';
import type { Observed, ObservedPerconaCluster } from '../observed.ts';

/** A database that Percona's operator runs; `owned` when we ordered it for this server. */
export interface PerconaDatabase {
  mode: 'Percona' | 'PerconaRef';
  /** Name of the PerconaPGCluster, in the server's namespace. */
  cluster: string;
  user: string;
  /** The Secret with the user's credentials: host, port, user, password, dbname, uri. */
  userSecret: string;
  /** The Secret whose `ca.crt` signed the database's certificate. */
  caSecret: string;
}

export interface ExternalDatabase {
  mode: 'External';
  /** The user's Secret: host, database, user, password, and optionally port and sslmode. */
  userSecret: string;
}

export interface SQLiteDatabase {
  mode: 'SQLite';
  /** Path in the server's container. */
  path: string;
}

export type Database = PerconaDatabase | ExternalDatabase | SQLiteDatabase;

/**
 * The database that `server` asks for.
 *
 * @param server the resource.
 * @param cluster the PerconaPGCluster that it uses, if it was seen: whose credentials to take, and from which Secrets.
 */
export function databaseOf(server: DittoServer, cluster?: ObservedPerconaCluster): Database {
  const { spec } = server;
  if (spec.percona?.enabled === true) {
    return perconaDatabase('Percona', names.perconaCluster(server.metadata.name), POSTGRES_USER, cluster);
  }
  if (spec.perconaPGClusterRef) {
    const { name } = spec.perconaPGClusterRef;
    return perconaDatabase('PerconaRef', name, referredUser(server, cluster), cluster);
  }
  if (spec.database?.postgresSecretRef?.name) {
    return { mode: 'External', userSecret: spec.database.postgresSecretRef.name };
  }
  return { mode: 'SQLite', path: orDefault(spec.database?.sqlite?.path, defaults.database.sqlite.path) };
}

/**
 * The database that `server` asks for, as its pods know it. The names of a cluster's user and Secrets stand in the
 * cluster itself; while that is gone they are those that the StatefulSet was last given, or an outage of the database
 * would send the pods to look for Secrets that never were.
 */
export function databaseInUse(
  server: DittoServer,
  observed: Pick<Observed, 'statefulSet' | 'perconaCluster'>,
): Database {
  const database = databaseOf(server, observed.perconaCluster);
  if (!('cluster' in database) || observed.perconaCluster) return database;
  const last = observed.statefulSet?.metadata.annotations?.[DATABASE_ANNOTATION]?.split('/') ?? [];
  const [kind, cluster, user, userSecret, caSecret] = last;
  const asked = server.spec.perconaPGClusterRef?.user ?? user;
  if (kind !== 'percona' || cluster !== database.cluster || !user || user !== asked || !userSecret || !caSecret) {
    return database;
  }
  return { ...database, user, userSecret, caSecret };
}

function perconaDatabase(
  mode: PerconaDatabase['mode'],
  cluster: string,
  user: string,
  observed?: ObservedPerconaCluster,
): PerconaDatabase {
  const named = observed?.spec.users?.find((candidate) => candidate.name === user)?.secretName;
  return {
    mode,
    cluster,
    user,
    userSecret: named ?? userSecretName(cluster, user),
    caSecret: observed?.spec.secrets?.customTLSSecret?.name ?? clusterCertificateSecretName(cluster),
  };
}

/**
 * Whose credentials to take in a cluster that somebody else made: the user that is named, else `dittofs`, else the only
 * one there is. Percona names the user after the cluster when none is listed.
 */
function referredUser(server: DittoServer, cluster?: ObservedPerconaCluster): string {
  const named = server.spec.perconaPGClusterRef?.user;
  if (named !== undefined) return named;
  const users = cluster?.spec.users ?? [];
  if (users.length === 0) return cluster ? cluster.metadata.name : POSTGRES_USER;
  if (users.some(({ name }) => name === POSTGRES_USER)) return POSTGRES_USER;
  return users.length === 1 && users[0] ? users[0].name : POSTGRES_USER;
}

/**
 * What the StatefulSet's annotation says of its database, so that a change of database is told from an outage, and so
 * that `databaseInUse` can read it back.
 */
export function databaseIdentity(database: Database): string {
  switch (database.mode) {
    case 'Percona':
    case 'PerconaRef':
      return ['percona', database.cluster, database.user, database.userSecret, database.caSecret].join('/');
    case 'External':
      return `external/${database.userSecret}`;
    case 'SQLite':
      return 'sqlite';
  }
}

/** Whether Percona and an external PostgreSQL are both asked for; Percona wins. */
export function perconaOverridesExternal(server: DittoServer): boolean {
  const { percona, perconaPGClusterRef, database } = server.spec;
  return (percona?.enabled === true || perconaPGClusterRef !== undefined) && database?.postgresSecretRef !== undefined;
}
