import { describe, expect, it } from 'vitest';
import type { DittoServer, DittoServerSpec } from '../api/types.ts';
import type { Observed, ObservedStatefulSet } from '../observed.ts';
import { plan } from '../plan.ts';
import { BACKUP, carriedOut, completeSecrets, dittoServer, facts, kstatus, NOW, observed, omit, perconaClusterOf, running, withStatus } from '../testing/builders.ts'; // prettier-ignore
import { needsUser, REASONS, type Reason } from './reasons.ts';

const PERCONA: Partial<DittoServerSpec> = { percona: { enabled: true } };
const LATER = '2027-01-01T00:00:00Z';

function settled(server: DittoServer): Observed {
  const before = observed({
    secrets: completeSecrets(server),
    ...(server.spec.percona?.enabled && { perconaCluster: perconaClusterOf(server) }),
  });
  return carriedOut(server, before, plan(server, before, facts()));
}

function running1(server: DittoServer, status: ObservedStatefulSet['status'] = {}): Observed {
  const around = settled(server);
  const set = running(around.statefulSet!);
  return { ...around, statefulSet: { ...set, status: { ...set.status, ...status } } };
}

function look(server: DittoServer, around: Observed, now = NOW) {
  const { status, events } = plan(server, around, facts({ now }));
  const of = (type: string) => status?.conditions?.find((condition) => condition.type === type);
  const seen = withStatus(server, status);
  return { status, of, events, seen, verdict: kstatus(seen) };
}

describe('a server that runs', () => {
  const { status, of, verdict } = look(dittoServer(), running1(dittoServer()));

  it('is Ready, Running and Current', () => {
    expect(verdict).toBe('Current');
    expect(status).toMatchObject({
      observedGeneration: 1,
      phase: 'Running',
      replicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      databaseMode: 'SQLite',
    });
    expect(status?.configHash).toMatch(/^[0-9a-f]{64}$/);
    expect(status).not.toHaveProperty('perconaClusterName');
    expect(status).not.toHaveProperty('database');
  });

  it('has every condition, and neither Reconciling nor Stalled', () => {
    expect(status?.conditions?.map(({ type, status: holds, reason }) => `${type}=${holds}:${reason}`)).toEqual([
      'Ready=True:AllConditionsMet',
      'DatabaseReady=True:SQLite',
      'ConfigReady=True:ConfigValid',
      'SpecApplied=True:AllFieldsApplied',
      'Available=True:MinimumReplicasAvailable',
      'Progressing=False:ReconcileComplete',
    ]);
    expect(of('Stalled')).toBeUndefined();
  });
});

describe('a server with Percona', () => {
  it('tells which cluster, which database and whose credentials', () => {
    expect(look(dittoServer(PERCONA), settled(dittoServer(PERCONA))).status).toMatchObject({
      databaseMode: 'Percona',
      perconaClusterName: 'nas-postgres',
      database: { host: 'nas-postgres-primary.files.svc', name: 'dittofs', secretName: 'nas-postgres-pguser-dittofs' },
    });
    const external = dittoServer({ database: { postgresSecretRef: { name: 'pg', key: 'x' } } });
    expect(look(external, settled(external)).status).toMatchObject({
      databaseMode: 'External',
      database: { secretName: 'pg' },
    });
  });

  it('forgets the cluster once it is not used any more', () => {
    const server = { ...dittoServer(), status: { perconaClusterName: 'nas-postgres' } };
    expect(look(server, running1(server)).status).not.toHaveProperty('perconaClusterName');
  });

  it('does not become unready by its backups, which have a condition of their own', () => {
    const server = dittoServer({ percona: { enabled: true, backup: BACKUP } });
    const cluster = perconaClusterOf(server);
    cluster.spec.backups = { enabled: true, pgbackrest: { repos: [{ name: 'repo1' }] } };
    const { of, events } = look(server, { ...running1(server), perconaCluster: cluster });
    expect(of('Ready')?.status).toBe('True');
    expect(of('BackupReady')).toMatchObject({ status: 'False', reason: 'RepositoryNotWritable' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'RepositoryNotWritable' }));
  });
});

describe('precedence of Percona over an external PostgreSQL', () => {
  const both = dittoServer({ ...PERCONA, database: { postgresSecretRef: { name: 'pg', key: 'x' } } });
  const sentence =
    'Both Percona and spec.database.postgresSecretRef are set: Percona is used, postgresSecretRef is ignored.';

  it('is in its condition, in the message of DatabaseReady, and in one event', () => {
    const { of, events } = look(both, running1(both));
    expect(of('SpecApplied')).toMatchObject({ status: 'False', reason: 'DatabasePrecedence', message: sentence });
    expect(of('DatabaseReady')?.message).toBe(`PerconaPGCluster "nas-postgres" is ready. ${sentence}`);
    expect(of('Ready')?.status).toBe('True');
    expect(events.filter(({ note }) => note === sentence)).toEqual([
      { type: 'Warning', reason: 'DatabasePrecedence', action: 'Reconcile', note: sentence },
    ]);
  });

  it('is the same with a cluster that is referred to', () => {
    const ref = { ...both, spec: { ...omit(both.spec, 'percona'), perconaPGClusterRef: { name: 'x' } } };
    expect(look(ref, observed()).of('SpecApplied')?.reason).toBe('DatabasePrecedence');
  });
});

describe('notices', () => {
  const cluster = (server: DittoServer, owned: boolean, labels?: Record<string, string>) =>
    perconaClusterOf(server, { metadata: { ...(labels && { labels }), ...(!owned && { ownerReferences: [] }) } });

  it('tell of a cluster of an earlier spec, and what becomes of it', () => {
    const server = dittoServer();
    const message = (owned: boolean) =>
      look(server, { ...running1(server), perconaCluster: cluster(server, owned) }).of('SpecApplied')?.message;
    const start = 'PerconaPGCluster "nas-postgres" of an earlier spec still exists and is not used;';
    expect(message(true)).toBe(`${start} it is deleted with the DittoServer.`);
    expect(message(false)).toBe(`${start} it stays when the DittoServer is deleted.`);
  });

  it('tell of a cluster that is not deleted with the server, unless that is what was asked for', () => {
    const notice = (spec: Partial<DittoServerSpec>) => {
      const server = dittoServer(spec);
      return look(server, { ...running1(server), perconaCluster: cluster(server, false, {}) }).of('SpecApplied')
        ?.reason;
    };
    expect(notice(PERCONA)).toBe('ClusterAdopted');
    expect(notice({ percona: { enabled: true, deleteWithServer: false } })).toBe('AllFieldsApplied');
  });

  it('tell of fields that do nothing, and of a type that chooses nothing', () => {
    const { of } = look(dittoServer({ nfsPort: 2049 }), observed());
    expect(of('SpecApplied')).toMatchObject({ reason: 'FieldsWithoutEffect' });
    expect(of('SpecApplied')?.message).toContain('spec.nfsPort');
    const type = look(dittoServer({ database: { type: 'postgres' } }), observed()).of('SpecApplied');
    expect(type?.message).toContain('spec.database.type is "postgres"');
  });
});

describe('a server that is not ready', () => {
  it.each<[string, DittoServer, (server: DittoServer) => Observed, Reason, string, string]>([
    ['waits for its database', dittoServer(PERCONA), () => observed({ secrets: completeSecrets(dittoServer(PERCONA)) }), 'WaitingForDatabase', 'InProgress', 'Pending'],
    ['waits for its pod', dittoServer(), settled, 'NoReplicasAvailable', 'InProgress', 'Pending'],
    ['lacks a Secret', dittoServer({ metrics: { enabled: true, bearerTokenSecret: { name: 't', key: 'k' } } }), () => observed({ secrets: completeSecrets(dittoServer()) }), 'SecretNotFound', 'Failed', 'Failed'],
    ['is in the way of another', dittoServer(), (server) => ({ ...settled(server), foreign: [{ kind: 'Service', name: 'nas-api', controller: 'App "x"' }] }), 'ObjectNotOurs', 'Failed', 'Failed'],
    ['was refused', dittoServer(), (server) => ({ ...settled(server), refused: [{ kind: 'Service', name: 'nas-api', message: 'spec.type: no.' }] }), 'WriteRefused', 'Failed', 'Failed'],
    ['is being replaced', dittoServer(), (server) => running1(server, { updateRevision: 'nas-2' }), 'StatefulSetUpdating', 'InProgress', 'Running'],
    ['was just written', dittoServer(), (server) => running1(server, { observedGeneration: 0 }), 'StatefulSetUpdating', 'InProgress', 'Running'],
    ['is paused by Percona`s spec.pause', dittoServer(PERCONA), (server) => { const around = running1(server); around.perconaCluster!.spec.pause = true; return around; }, 'PostgreSQLPaused', 'Failed', 'Running'],
    ['stops', dittoServer({ replicas: 0 }), running1, 'ScalingReplicas', 'InProgress', 'Stopped'],
  ])('%s', (_, server, around, reason, expected, phase) => {
    const { of, verdict, status } = look(server, around(server));
    expect(of('Ready')).toMatchObject({ status: 'False', reason });
    expect(verdict).toBe(expected);
    expect(status?.phase).toBe(phase);
    const trend = of(expected === 'Failed' ? 'Stalled' : 'Reconciling');
    expect(trend).toMatchObject({ status: 'True', reason, message: of('Ready')?.message });
  }); // prettier-ignore

  it('says whose the object is that stands in the way', () => {
    const foreign = [{ kind: 'Service', name: 'nas-api', controller: 'App "x"' }, { kind: 'ConfigMap', name: 'nas-config' }]; // prettier-ignore
    expect(look(dittoServer(), { ...settled(dittoServer()), foreign }).of('ConfigReady')?.message).toBe(
      'Service "nas-api" exists and belongs to App "x"; it is left alone. ' +
        'ConfigMap "nas-config" exists and was not made by this operator; it is left alone.',
    );
  });

  it('is not said to be scaling when it is being stopped', () => {
    expect(look(dittoServer({ replicas: 0 }), running1(dittoServer({ replicas: 0 }))).of('Progressing')?.message).toBe(
      "The server's pod is being stopped.",
    );
  });
});

describe('a stopped server', () => {
  it('is Ready and Stopped', () => {
    const server = dittoServer({ replicas: 0 });
    const { status, of, verdict } = look(server, running1(server, { readyReplicas: 0, availableReplicas: 0 }));
    expect(of('Ready')).toMatchObject({ status: 'True', reason: 'Stopped' });
    expect(status).toMatchObject({ phase: 'Stopped', replicas: 0 });
    expect(verdict).toBe('Current');
  });
});

describe('over time', () => {
  const server = dittoServer(PERCONA);
  const waiting = observed({ secrets: completeSecrets(server), perconaCluster: perconaClusterOf(server, { status: { state: 'initializing', observedGeneration: 1 } }) }); // prettier-ignore
  const up = running1(server);
  const broken = { ...up, perconaCluster: waiting.perconaCluster! };

  it('each change is told once: waiting, ready, failed, ready', () => {
    let seen = server;
    const told = [waiting, waiting, settled(server), up, up, broken, broken, up].map((around) => {
      const next = look(seen, around);
      seen = next.seen;
      return next.events.map(({ type, reason }) => `${type} ${reason}`).join();
    });
    expect(told).toEqual([
      'Normal WaitingForDatabase',
      '',
      'Normal PostgreSQLReady',
      '',
      '',
      'Warning PostgreSQLFailed',
      '',
      'Normal PostgreSQLReady',
    ]);
  });

  it('progress of the database is no news, but it is in the status', () => {
    const first = look(server, waiting);
    const further = perconaClusterOf(server, { status: { state: 'initializing', observedGeneration: 1, postgres: { ready: 0, size: 1 } } });
    further.spec.instances = [{ replicas: 3 }];
    const second = look(first.seen, { ...waiting, perconaCluster: further });
    expect(second.events).toEqual([]);
    expect(second.of('DatabaseReady')?.message).not.toBe(first.of('DatabaseReady')?.message);
  }); // prettier-ignore

  it('a condition has a new time when it flips, and only then', () => {
    const first = look(server, up);
    const second = look(first.seen, broken, LATER);
    expect(second.of('Ready')?.lastTransitionTime).toBe(LATER);
    expect(second.of('DatabaseReady')?.lastTransitionTime).toBe(LATER);
    expect(second.of('Available')?.lastTransitionTime).toBe(NOW);
    expect(second.of('ConfigReady')?.lastTransitionTime).toBe(NOW);
  });

  it('a new generation is in the status and in every condition', () => {
    const first = look(server, up);
    const edited = { ...first.seen, metadata: { ...server.metadata, generation: 2 } };
    expect(kstatus(edited)).toBe('InProgress');
    const { status } = look(edited, up);
    expect(status?.observedGeneration).toBe(2);
    expect(status?.conditions?.every(({ observedGeneration }) => observedGeneration === 2)).toBe(true);
  });
});

describe('the table of reasons', () => {
  it('has a next step for whatever waits for the user, and only sentences', () => {
    for (const [reason, entry] of Object.entries(REASONS)) {
      if (needsUser(reason as Reason)) expect(entry.nextStep, reason).toBeDefined();
      expect(reason).toMatch(/^[A-Z][A-Za-z]+$/);
    }
  });
});
