import { describe, expect, it } from 'vitest';
import recorded from '../../test/fixtures/percona-status.json' with { type: 'json' };
import type { DittoServerSpec } from '../api/types.ts';
import type { Observed, ObservedPerconaCluster } from '../observed.ts';
import {
  BACKUP,
  completeSecrets,
  dittoServer,
  facts,
  observed,
  perconaClusterOf,
  secret,
} from '../testing/builders.ts';
import { backupState } from './backup.ts';
import { databaseInUse, databaseOf } from './database.ts';
import { databaseState } from './readiness.ts';

const server = dittoServer({ percona: { enabled: true } });
type Status = NonNullable<ObservedPerconaCluster['status']>;
const READY: Status = { state: 'ready', observedGeneration: 1, postgres: { ready: 1, size: 1 } };

function stateOf(around: Partial<Observed>, spec?: Partial<DittoServerSpec>, known = facts()) {
  const one = spec ? dittoServer(spec) : server;
  const everything = observed({ secrets: completeSecrets(one, around.perconaCluster), ...around });
  return databaseState(one, databaseOf(one, around.perconaCluster), everything, known);
}

function ofCluster(some: Parameters<typeof perconaClusterOf>[1]) {
  return stateOf({ perconaCluster: perconaClusterOf(server, some) });
}

/** Secrets of `server` with one key less. */
function lacking(name: string, ...keys: string[]) {
  const secrets = completeSecrets(server);
  const there = Object.keys(secrets.get(name)?.digests ?? {}).filter((key) => !keys.includes(key));
  secrets.set(name, secret(name, Object.fromEntries(there.map((key) => [key, 'x']))));
  return { secrets, perconaCluster: perconaClusterOf(server) };
}

/** The set that was started on `server`'s database. */
function inUse(): Pick<Observed, 'statefulSet'> {
  const annotations = {
    'dittofs.dittofs.com/database':
      'percona/nas-postgres/dittofs/nas-postgres-pguser-dittofs/nas-postgres-cluster-cert',
  };
  return { statefulSet: { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'nas', namespace: 'files', uid: 'u', annotations }, spec: {} } }; // prettier-ignore
}

describe('a database of Percona', () => {
  it('is ready when the cluster says so, in its present generation, with every instance and all Secrets', () => {
    expect(ofCluster({ status: READY })).toEqual({
      ready: true,
      reason: 'PostgreSQLReady',
      message: 'PerconaPGCluster "nas-postgres" is ready.',
    });
  });

  it.each<[string, Parameters<typeof perconaClusterOf>[1], string, string]>([
    ['has no status yet', { status: undefined }, 'WaitingForDatabase', 'Waiting for PostgreSQL: Percona\'s operator has not reported on PerconaPGCluster "nas-postgres" yet.'],
    ['has a status without a state', { status: {} }, 'WaitingForDatabase', 'has not reported'],
    ['is initializing', { status: { ...READY, state: 'initializing' } }, 'WaitingForDatabase', 'Waiting for PostgreSQL: PerconaPGCluster "nas-postgres" is initializing, 1 of 1 instances are ready.'],
    ['is in a state that nobody knows', { status: { ...READY, state: 'surprise' } }, 'WaitingForDatabase', 'is surprise,'],
    ['is ready for an older generation', { metadata: { generation: 2 }, status: READY }, 'WaitingForDatabase', 'has not taken up the last change'],
    ['is ready and counts no generation', { status: { state: 'ready', postgres: { ready: 1, size: 1 } } }, 'WaitingForDatabase', 'has not taken up the last change'],
    ['is ready with 2 of 2 pods while 3 are wanted', { spec: { instances: [{ replicas: 3 }], image: 'i' }, status: { ...READY, postgres: { ready: 2, size: 2 } } }, 'WaitingForDatabase', '2 of 3 instances are ready'],
    ['is ready with one of two sets', { spec: { instances: [{ replicas: 1 }, {}], image: 'i' }, status: READY }, 'WaitingForDatabase', '1 of 2 instances are ready'],
    ['is ready without any pod', { status: { state: 'ready', observedGeneration: 1 } }, 'WaitingForDatabase', '0 of 1 instances'],
    ['is being paused', { spec: { pause: true }, status: { ...READY, state: 'stopping' } }, 'PostgreSQLPaused', 'is paused (spec.pause)'],
    ['is paused and still counts as ready', { spec: { pause: true }, status: READY }, 'PostgreSQLPaused', 'is paused'],
    ['is being deleted and still counts as ready', { metadata: { deletionTimestamp: 'now' }, status: READY }, 'PostgreSQLBeingDeleted', 'is being deleted'],
    ['belongs to somebody else', { metadata: { ownerReferences: [{ kind: 'App', name: 'x', uid: 'x', controller: true }] }, status: READY }, 'ClusterNotOurs', 'belongs to App "x"; it is left alone'],
    ['has no images', { spec: {}, status: { ...READY, state: 'initializing', postgres: { size: 0 } } }, 'ImagesMissing', 'names no image in spec.image, spec.proxy.pgBouncer.image, spec.backups.pgbackrest.image'],
    ['lacks one image', { spec: { image: 'i', proxy: { pgBouncer: {} }, backups: { pgbackrest: { image: 'i' } } }, status: undefined }, 'ImagesMissing', 'no image in spec.proxy.pgBouncer.image:'],
  ])('is not ready when the cluster %s', (_, cluster, reason, message) => {
    const state = ofCluster(cluster);
    expect(state).toMatchObject({ ready: false, reason });
    expect(state.message).toContain(message);
  }); // prettier-ignore

  it('has all images when the operator brings them, or when there is no pooler from 2.9.0 on', () => {
    const started = { status: { state: 'initializing', observedGeneration: 1, postgres: { ready: 0, size: 1 } } };
    expect(ofCluster({ spec: {}, ...started }).reason).toBe('WaitingForDatabase');
    const images = { image: 'i', backups: { pgbackrest: { image: 'i' } } };
    for (const [crVersion, reason] of [['2.9.0', 'WaitingForDatabase'], ['3.0.0', 'WaitingForDatabase'], ['2.8.2', 'ImagesMissing'], ['2.10.0', 'WaitingForDatabase']]) {
      expect(ofCluster({ spec: { ...images, crVersion: crVersion! }, status: undefined }).reason, crVersion).toBe(reason);
    } // prettier-ignore
  });

  it.each<[string, Partial<Observed>, string, string]>([
    ['the user Secret', { secrets: new Map(), perconaCluster: perconaClusterOf(server) }, 'WaitingForDatabase', 'Secret "nas-postgres-pguser-dittofs" with the credentials of user "dittofs" not found'],
    ['the database in it', lacking('nas-postgres-pguser-dittofs', 'dbname', 'uri'), 'CredentialsIncomplete', 'has no key "dbname", "uri": PostgreSQL user "dittofs" has no database.'],
    ['the password in it, as in a rotation', lacking('nas-postgres-pguser-dittofs', 'password'), 'WaitingForDatabase', 'has no key "password"'],
    ['the CA', lacking('nas-postgres-cluster-cert', 'ca.crt'), 'WaitingForDatabase', 'Secret "nas-postgres-cluster-cert" with the database\'s CA (key ca.crt) not found'],
  ])('is not ready without %s', (_, around, reason, message) => {
    const state = stateOf(around);
    expect(state).toMatchObject({ ready: false, reason });
    expect(state.message).toContain(message);
  }); // prettier-ignore

  it('is said to have failed, not to be awaited, once it was in use', () => {
    const status = { state: 'initializing', observedGeneration: 1, postgres: { ready: 0, size: 1 } };
    expect(stateOf({ perconaCluster: perconaClusterOf(server, { status }), ...inUse() })).toEqual({
      ready: false,
      reason: 'PostgreSQLFailed',
      message:
        'PostgreSQL was ready and is not: PerconaPGCluster "nas-postgres" is initializing, 0 of 1 instances are ready.',
    });
  });

  it('is not ready while the kind is unknown or absent, whatever was seen of it', () => {
    const around = { perconaCluster: perconaClusterOf(server) };
    expect(stateOf(around, undefined, facts({ perconaApi: 'absent' }))).toMatchObject({ ready: false, reason: 'PerconaNotInstalled' });
    expect(stateOf(around, undefined, facts({ perconaApi: 'unknown' }))).toMatchObject({ ready: false, reason: 'PerconaUnknown' });
  }); // prettier-ignore

  it('is awaited when it is being created, and missed when it is only referred to', () => {
    expect(stateOf({}).message).toBe('PerconaPGCluster "nas-postgres" is being created.');
    expect(stateOf({}, { perconaPGClusterRef: { name: 'shared' } })).toMatchObject({ ready: false, reason: 'ClusterNotFound' });
  }); // prettier-ignore

  it('may belong to anybody when it is referred to', () => {
    const perconaCluster = perconaClusterOf(server, {
      metadata: { name: 'shared', ownerReferences: [{ kind: 'App', name: 'x', uid: 'x', controller: true }] },
    });
    expect(stateOf({ perconaCluster }, { perconaPGClusterRef: { name: 'shared' } }).ready).toBe(true);
  });
});

describe('as it was recorded from a real operator', () => {
  /** For each recorded status: R for ready, else the first letter of the reason. */
  function replay(name: keyof typeof recorded, { replicas = 1, used = false } = {}): string {
    const marks = recorded[name].map((moment) => {
      const { generation, status } = moment as { generation: number; status?: Status };
      const cluster = perconaClusterOf(server, { metadata: { generation }, status });
      cluster.spec.instances = [{ replicas }];
      const state = stateOf({ perconaCluster: cluster, ...(used && inUse()) });
      expect(state.ready).toBe(state.reason === 'PostgreSQLReady');
      return { PostgreSQLReady: 'R', WaitingForDatabase: 'w', PostgreSQLFailed: 'f' }[state.reason as string] ?? '?';
    });
    return marks.join('');
  }

  it.each<[keyof typeof recorded, Parameters<typeof replay>[1], string]>([
    ['clean-start', {}, 'wwwwwR'],
    ['image-missing-then-repaired', {}, 'wwwwwwwRR'],
    ['backup-credentials-missing', {}, 'wwwwR'],
    ['without-backups', {}, 'wwwR'],
    ['restart-and-pause', { used: true }, 'RfRfffffffffR'],
    // One of three is lost: for a moment the operator says `ready` with 2 of 2.
    ['three-instances-one-lost', { replicas: 3, used: true }, 'fffffffRRffR'],
    ['wrong-backup-key-then-repaired', {}, 'wwwwRRR'],
  ])('%s', (name, options, expected) => {
    expect(replay(name, options)).toBe(expected);
  });

  it.each<[keyof typeof recorded, string]>([
    ['clean-start', 'uuuuff'],
    ['image-missing-then-repaired', 'uuuuuuffR'],
    ['backup-credentials-missing', 'uuuu!'],
    ['wrong-backup-key-then-repaired', 'uuuu!fR'],
    ['three-instances-one-lost', 'uuuufff'.padEnd(8, 'f') + 'RRRR'],
  ])('%s, seen from its backups', (name, expected) => {
    const backedUp = dittoServer({ percona: { enabled: true, backup: BACKUP } });
    const marks = recorded[name].map((moment) => {
      const { status } = moment as { status?: Status };
      const cluster = perconaClusterOf(backedUp, { status });
      cluster.spec.backups = { enabled: true, pgbackrest: { image: 'i', repos: [{ name: 'repo1' }] } };
      const state = backupState(backedUp, observed({ perconaCluster: cluster, secrets: completeSecrets(backedUp) }));
      return { WaitingForRepository: 'u', FirstBackupRunning: 'f', RepositoryReady: 'R', RepositoryNotWritable: '!' }[state?.reason as string] ?? '?';
    }); // prettier-ignore
    expect(marks.join('')).toBe(expected);
  });
});

describe('backups', () => {
  const backedUp = dittoServer({ percona: { enabled: true, backup: BACKUP } });

  it('are not spoken of when none are asked for', () => {
    expect(backupState(server, observed({ perconaCluster: perconaClusterOf(server) }))).toBeUndefined();
    const off = dittoServer({ percona: { enabled: false, backup: BACKUP } });
    expect(backupState(off, observed())).toBeUndefined();
  });

  it('are awaited with the cluster, missed in one made without them, and need their Secret all along', () => {
    expect(backupState(backedUp, observed())).toMatchObject({ status: 'Unknown', reason: 'WaitingForRepository' });
    const without = observed({ perconaCluster: perconaClusterOf(backedUp), secrets: completeSecrets(backedUp) });
    expect(backupState(backedUp, without)).toMatchObject({ status: 'False', reason: 'BackupsNotConfigured' });
    const cluster = perconaClusterOf(backedUp);
    cluster.spec.backups = { enabled: true, pgbackrest: { repos: [{ name: 'repo1' }] } };
    expect(backupState(backedUp, observed({ perconaCluster: cluster }))).toMatchObject({
      status: 'False',
      reason: 'BackupSecretNotFound',
    });
  });
});

describe('other databases', () => {
  it('are ready: SQLite always, an external PostgreSQL with its Secret', () => {
    expect(stateOf({}, {})).toMatchObject({ ready: true, reason: 'SQLite' });
    const external = { database: { postgresSecretRef: { name: 'pg', key: 'x' } } };
    expect(stateOf({}, external)).toMatchObject({ ready: true, reason: 'ExternalPostgreSQL' });
    expect(stateOf({ secrets: new Map() }, external)).toMatchObject({ ready: false, reason: 'SecretNotFound' });
    const secrets = new Map([['pg', secret('pg', { host: 'h', user: 'u', password: 'p' })]]);
    expect(stateOf({ secrets }, external)).toEqual({
      ready: false,
      reason: 'SecretIncomplete',
      message: 'Secret "pg" has no key "database" for PostgreSQL.',
    });
  });
});

describe('which database', () => {
  const ref = (user?: string) =>
    dittoServer({ perconaPGClusterRef: { name: 'shared', ...(user !== undefined && { user }) } });
  const users = (...names: string[]) =>
    perconaClusterOf(server, { metadata: { name: 'shared' }, spec: { users: names.map((name) => ({ name })) } });
  const userOf = (one: ReturnType<typeof ref>, cluster?: ObservedPerconaCluster) =>
    (databaseOf(one, cluster) as { user: string }).user;

  it('is Percona`s before an external one, and SQLite when neither is asked for', () => {
    const both = dittoServer({ percona: { enabled: true }, database: { postgresSecretRef: { name: 'pg', key: 'x' } } });
    expect(databaseOf(both)).toMatchObject({ mode: 'Percona', userSecret: 'nas-postgres-pguser-dittofs' });
    expect(databaseOf(dittoServer({ database: { type: 'postgres' } }))).toMatchObject({ mode: 'SQLite' });
    expect(databaseOf(dittoServer({ database: { postgresSecretRef: { name: '', key: 'x' } } })).mode).toBe('SQLite');
  });

  it('has the user that is named, else dittofs, else the only one, else the one that Percona makes', () => {
    expect(userOf(ref('app'), users('x'))).toBe('app');
    expect(userOf(ref(), users('x', 'dittofs'))).toBe('dittofs');
    expect(userOf(ref(), users('x'))).toBe('x');
    expect(userOf(ref(), users())).toBe('shared');
    expect(userOf(ref())).toBe('dittofs');
  });

  it('is remembered while its cluster is gone, unless another is asked for', () => {
    const { statefulSet } = inUse();
    const annotations = { 'dittofs.dittofs.com/database': 'percona/shared/app/app-login/own-tls' };
    const set = { ...statefulSet!, metadata: { ...statefulSet!.metadata, annotations } };
    const around = observed({ statefulSet: set });
    const remembered = { cluster: 'shared', user: 'app', userSecret: 'app-login', caSecret: 'own-tls' };
    expect(databaseInUse(ref(), around)).toMatchObject(remembered);
    expect(databaseInUse(ref('app'), around)).toMatchObject(remembered);
    expect(databaseInUse(ref('other'), around)).toMatchObject({ userSecret: 'shared-pguser-other' });
    expect(databaseInUse(server, around)).toMatchObject({ userSecret: 'nas-postgres-pguser-dittofs' });
    const seen = { ...around, perconaCluster: users('x') };
    expect(databaseInUse(ref(), seen)).toMatchObject({ userSecret: 'shared-pguser-x' });
  });
});
