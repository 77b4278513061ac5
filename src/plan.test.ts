import { describe, expect, it } from 'vitest';
import type { DittoServer, DittoServerSpec } from './api/types.ts';
import type { Observed, ObservedPerconaCluster, ObservedStatefulSet } from './observed.ts';
import { type Plan, plan } from './plan.ts';
import {
  BACKUP,
  carriedOut,
  claim,
  completeSecrets,
  dittoServer,
  facts,
  kstatus,
  NOW,
  observed,
  omit,
  perconaClusterOf,
  running,
  secret,
  withStatus,
} from './testing/builders.ts';

const PERCONA: Partial<DittoServerSpec> = { percona: { enabled: true } };
const EXTERNAL: Partial<DittoServerSpec> = { database: { postgresSecretRef: { name: 'pg', key: 'x' } } };

function condition(planned: Plan, type: string) {
  return planned.status?.conditions?.find((candidate) => candidate.type === type);
}

function kinds(planned: Plan): string[] {
  return planned.apply.map(({ kind }) => kind);
}

function reasons(planned: Plan): string[] {
  return planned.events.map(({ reason }) => reason);
}

/** Everything that `server` needs, with its database ready and its objects made; the pod is not ready yet. */
function started(server: DittoServer, cluster?: ObservedPerconaCluster): Observed {
  const before = observed({
    secrets: completeSecrets(server, cluster),
    ...(cluster && { perconaCluster: cluster }),
  });
  return carriedOut(server, before, plan(server, before, facts()));
}

function up(server: DittoServer, cluster?: ObservedPerconaCluster): Observed {
  const around = started(server, cluster);
  return { ...around, statefulSet: running(around.statefulSet!) };
}

describe('the gate', () => {
  const server = dittoServer(PERCONA);
  const ready = perconaClusterOf(server);
  const notReady = perconaClusterOf(server, { status: { state: 'initializing', observedGeneration: 1 } });

  it('makes no StatefulSet before the database was ready, and everything else at once', () => {
    const around = observed({ secrets: completeSecrets(server), perconaCluster: notReady });
    expect(kinds(plan(server, around, facts()))).toEqual(['ConfigMap', 'Service', 'Service', 'NetworkPolicy']);
  });

  it('makes it as soon as the database is ready', () => {
    const around = observed({ secrets: completeSecrets(server), perconaCluster: ready });
    expect(kinds(plan(server, around, facts()))).toContain('StatefulSet');
  });

  it.each<[string, (around: Observed) => Observed, Parameters<typeof facts>[0]]>([
    ['fails', (around) => ({ ...around, perconaCluster: notReady }), {}],
    ['is gone', (around) => omit(around, 'perconaCluster'), {}],
    ['is gone with its Secrets', (around) => ({ ...omit(around, 'perconaCluster'), secrets: new Map() }), {}],
    ["is gone with Percona's operator", (around) => omit(around, 'perconaCluster'), { perconaApi: 'absent' }],
    ['is not known', (around) => omit(around, 'perconaCluster'), { perconaApi: 'unknown' }],
  ])('keeps the StatefulSet, and restarts nothing, when the database %s', (_, change, known) => {
    const planned = plan(server, change(up(server, ready)), facts(known));
    expect(kinds(planned)).toContain('StatefulSet');
    expect(planned.restarts).toEqual([]);
    expect(condition(planned, 'DatabaseReady')?.status).not.toBe('True');
    expect(condition(planned, 'Available')?.status).toBe('True');
    expect(planned.status?.phase).toBe('Running');
  });

  it('goes on applying what the spec says while the database is down', () => {
    const around = { ...up(server, ready), perconaCluster: notReady };
    const planned = plan(dittoServer({ ...PERCONA, image: 'dittofs:2' }), around, facts());
    expect(JSON.stringify(planned.apply)).toContain('dittofs:2');
    expect(planned.restarts).toEqual([
      { pod: 'nas-0', reason: 'the pod template has changed: spec.containers[dittofs].image' },
    ]);
    expect(reasons(planned)).toContain('RestartingServer');
  });

  it('waits for a database that a running server is to move to', () => {
    const around = up(dittoServer());
    const planned = plan(server, { ...around, perconaCluster: notReady }, facts());
    expect(kinds(planned)).not.toContain('StatefulSet');
    expect(kinds(plan(server, { ...around, ...observedBits(server, ready) }, facts()))).toContain('StatefulSet');
  });

  it('is not there for SQLite and an external PostgreSQL with its Secret', () => {
    expect(kinds(plan(dittoServer(), observed({ secrets: completeSecrets(dittoServer()) }), facts()))).toContain(
      'StatefulSet',
    );
    const external = dittoServer(EXTERNAL);
    expect(kinds(plan(external, observed({ secrets: completeSecrets(external) }), facts()))).toContain('StatefulSet');
    const secrets = completeSecrets(external);
    secrets.delete('pg');
    expect(kinds(plan(external, observed({ secrets }), facts()))).not.toContain('StatefulSet');
  });

  it('makes no StatefulSet before the JWT secret exists, which its hash starts from', () => {
    const first = plan(dittoServer(), observed(), facts());
    expect(kinds(first)).not.toContain('StatefulSet');
    expect(first.generate.map(({ object }) => object.metadata.name)).toEqual([
      'nas-jwt-secret',
      'nas-admin-bootstrap-credentials',
    ]);
  });
});

function observedBits(server: DittoServer, cluster: ObservedPerconaCluster) {
  return { secrets: completeSecrets(server, cluster), perconaCluster: cluster };
}

describe('a cluster that is referred to', () => {
  const server = dittoServer({ perconaPGClusterRef: { name: 'shared' } });
  const cluster = perconaClusterOf(server, {
    metadata: { name: 'shared', ownerReferences: [], labels: {} },
    spec: {
      users: [{ name: 'app', databases: ['app'], secretName: 'app-login' }],
      secrets: { customTLSSecret: { name: 'own-tls' } },
      instances: [{ replicas: 1 }],
    },
  });

  it('is used with the credentials and the certificate that it names', () => {
    const set = up(server, cluster).statefulSet!;
    expect(JSON.stringify(set)).toContain('"app-login"');
    expect(JSON.stringify(set)).toContain('"secretName":"own-tls"');
  });

  it('leaves the pod as it is when it vanishes, though it alone says whose credentials are meant', () => {
    const planned = plan(server, omit(up(server, cluster), 'perconaCluster'), facts());
    expect(kinds(planned)).toContain('StatefulSet');
    expect(planned.restarts).toEqual([]);
    expect(condition(planned, 'DatabaseReady')).toMatchObject({ status: 'False', reason: 'ClusterNotFound' });
  });

  it('is never created, and never owned or released', () => {
    const around = observed({ secrets: completeSecrets(server, cluster) });
    expect(plan(server, around, facts()).createOnce).toEqual([]);
    expect(plan(server, { ...around, perconaCluster: cluster }, facts()).ownership).toBeUndefined();
  });

  it('is let go of when we had made it: a reference owns nothing', () => {
    const own = dittoServer({ perconaPGClusterRef: { name: 'nas-postgres' } });
    const planned = plan(own, observed({ perconaCluster: perconaClusterOf(own) }), facts());
    expect(planned.ownership?.ownerReferences).toEqual([]);
  });

  it('of an earlier spec is let go, or goes with its server, when another is referred to', () => {
    const ref = { perconaPGClusterRef: { name: 'shared' } };
    const keep = dittoServer({ ...ref, percona: { enabled: false, deleteWithServer: false } });
    const former = perconaClusterOf(keep);
    const planned = plan(keep, observed({ formerCluster: former }), facts());
    expect(planned.ownership).toMatchObject({ cluster: { name: 'nas-postgres' }, ownerReferences: [] });
    expect(planned.status?.conditions?.find(({ type }) => type === 'SpecApplied')?.reason).toBe('ClusterKept');
    expect(plan(dittoServer(ref), observed({ formerCluster: former }), facts())).not.toHaveProperty('ownership');
  });
});

describe('the PerconaPGCluster', () => {
  const server = dittoServer(PERCONA);

  it('is created when it is not there, and not again', () => {
    expect(plan(server, observed(), facts()).createOnce.map(({ metadata }) => metadata.name)).toEqual(['nas-postgres']);
    const perconaCluster = perconaClusterOf(server, { spec: {} });
    expect(plan(server, observed({ perconaCluster }), facts()).createOnce).toEqual([]);
  });

  it.each(['absent', 'unknown'] as const)('is not created while its definition is %s', (perconaApi) => {
    expect(plan(server, observed(), facts({ perconaApi })).createOnce).toEqual([]);
  });

  it('waits for the credentials of its backups', () => {
    const backedUp = dittoServer({ percona: { enabled: true, backup: BACKUP } });
    const waiting = plan(backedUp, observed(), facts());
    expect(waiting.createOnce).toEqual([]);
    expect(condition(waiting, 'DatabaseReady')).toMatchObject({
      reason: 'BackupSecretNotFound',
      message:
        'Secret "backup-s3" of spec.percona.backup.credentialsSecretRef not found; without it PostgreSQL could not start.',
    });
    expect(kstatus(withStatus(backedUp, waiting.status))).toBe('Failed');
    const secrets = new Map([['backup-s3', secret('backup-s3', { 's3.conf': 'x' })]]);
    expect(plan(backedUp, observed({ secrets }), facts()).createOnce).toHaveLength(1);
  });

  it('tells that it was refused, and that somebody must act', () => {
    const refused = [{ kind: 'PerconaPGCluster', name: 'nas-postgres', message: 'exceeded quota.' }];
    const planned = plan(server, observed({ refused }), facts());
    expect(condition(planned, 'DatabaseReady')?.message).toBe('PostgreSQL provisioning failed: exceeded quota.');
    expect(kstatus(withStatus(server, planned.status))).toBe('Failed');
    expect(planned.events).toContainEqual({
      type: 'Warning',
      reason: 'PostgreSQLFailed',
      action: 'WaitForDatabase',
      note: 'PostgreSQL provisioning failed: exceeded quota.',
    });
  });

  it('that exists and may not be written is told of, too', () => {
    const refused = [{ kind: 'PerconaPGCluster', name: 'nas-postgres', message: 'forbidden.' }];
    const planned = plan(server, { ...up(server, perconaClusterOf(server)), refused }, facts());
    expect(condition(planned, 'ConfigReady')).toMatchObject({
      reason: 'WriteRefused',
      message: 'PerconaPGCluster "nas-postgres" was refused: forbidden.',
    });
  });
});

describe('an invalid spec', () => {
  const invalid = dittoServer({ ...PERCONA, perconaPGClusterRef: { name: 'x' }, image: 'a b' });

  it('is not carried out at all, and every problem is a sentence', () => {
    const planned = plan(invalid, observed(), facts());
    expect(planned).toMatchObject({
      apply: [],
      createOnce: [],
      generate: [],
      remove: [],
      growClaims: [],
      restarts: [],
    });
    const { message } = condition(planned, 'ConfigReady')!;
    expect(message).toBe(
      'spec.image is "a b", must be an image reference. spec.perconaPGClusterRef cannot be used with ' +
        'spec.percona.enabled: either create a PostgreSQL cluster or refer to one.',
    );
    expect(planned.events).toContainEqual({
      type: 'Warning',
      reason: 'InvalidSpec',
      action: 'Reconcile',
      note: message,
    });
    expect(planned.status?.phase).toBe('Failed');
  });

  it('leaves a running server running', () => {
    const { status } = plan({ ...invalid, spec: { ...invalid.spec } }, up(dittoServer()), facts());
    expect(status).toMatchObject({ phase: 'Running', readyReplicas: 1 });
    expect(kstatus(withStatus(invalid, status))).toBe('Failed');
  });
});

describe('deletion', () => {
  const going = { deletionTimestamp: NOW, finalizers: ['dittofs.dittofs.com/finalizer', 'example.com/other'] };
  const keep = dittoServer({ percona: { enabled: true, deleteWithServer: false } }, going);

  it("takes the Go operator's finalizer off, and nothing else", () => {
    const planned = plan(dittoServer({}, going), observed(), facts());
    expect(planned.finalizers).toEqual(['example.com/other']);
    expect(planned).toMatchObject({ apply: [], createOnce: [], generate: [], remove: [], events: [] });
    expect(planned.status).toMatchObject({ phase: 'Deleting' });
    expect(condition(planned, 'Ready')).toMatchObject({ status: 'False', reason: 'Deleting' });
  });

  it('leaves the finalizers of others alone, and writes no status that nobody reads', () => {
    const others = dittoServer({}, { deletionTimestamp: NOW, finalizers: ['foregroundDeletion'] });
    expect(plan(others, observed(), facts())).not.toHaveProperty('finalizers');
    const last = dittoServer({}, { ...going, finalizers: ['dittofs.dittofs.com/finalizer'] });
    expect(plan(last, observed(), facts())).toMatchObject({ finalizers: [] });
    expect(plan(last, observed(), facts())).not.toHaveProperty('status');
  });

  it('lets go of a database that is to stay before it lets the garbage collector in', () => {
    const first = plan(keep, observed({ perconaCluster: perconaClusterOf(keep) }), facts());
    expect(first.ownership?.ownerReferences).toEqual([]);
    expect(first).not.toHaveProperty('finalizers');
    const released = perconaClusterOf(keep, { metadata: { ownerReferences: [] } });
    const then = plan(keep, observed({ perconaCluster: released }), facts());
    expect(then).not.toHaveProperty('ownership');
    expect(then.finalizers).toEqual(['example.com/other']);
  });

  it('waits until it is known whether there is a database to keep', () => {
    const planned = plan(keep, observed(), facts({ perconaApi: 'unknown' }));
    expect(planned).not.toHaveProperty('finalizers');
    expect(planned.lookAgain?.afterSeconds).toBe(10);
    expect(plan(keep, observed(), facts({ perconaApi: 'absent' })).finalizers).toEqual(['example.com/other']);
  });

  it('takes no cluster back on the way out', () => {
    const server = dittoServer(PERCONA, going);
    const orphan = perconaClusterOf(server, { metadata: { ownerReferences: [] } });
    expect(plan(server, observed({ perconaCluster: orphan }), facts())).not.toHaveProperty('ownership');
  });

  it("takes the Go operator's finalizer off a server that stays, too", () => {
    const planned = plan(dittoServer({}, { finalizers: ['dittofs.dittofs.com/finalizer'] }), observed(), facts());
    expect(planned.finalizers).toEqual([]);
  });
});

describe('what is switched off', () => {
  it('is removed, by its uid and with the reason', () => {
    const on = dittoServer({ metrics: { enabled: true } });
    const off = dittoServer({ networkPolicy: { enabled: false } });
    expect(plan(off, up(on), facts()).remove).toEqual([
      { kind: 'Service', name: 'nas-metrics', uid: 'uid-of-Service-nas-metrics', reason: 'metrics are off' },
      { kind: 'NetworkPolicy', name: 'nas-baseline', uid: 'uid-of-NetworkPolicy-nas-baseline', reason: 'it is off' },
    ]);
    expect(plan(off, observed(), facts()).remove).toEqual([]);
  });
});

describe('restarts', () => {
  it('are told with the reason when what the server reads has changed', () => {
    const planned = plan(dittoServer({ logging: { level: 'DEBUG' } }), up(dittoServer()), facts());
    expect(planned.restarts).toEqual([{ pod: 'nas-0', reason: 'what the server reads when it starts has changed' }]);
    expect(planned.events.map(({ note }) => note)).toContain(
      'Pod "nas-0" is replaced: what the server reads when it starts has changed.',
    );
  });

  it('are not told of a stopped server, nor of a write that was refused', () => {
    const stopped = up(dittoServer({ replicas: 0 }));
    expect(plan(dittoServer({ replicas: 0, image: 'x:2' }), stopped, facts()).restarts).toEqual([]);
    const refused = [{ kind: 'StatefulSet', name: 'nas', message: 'no.' }];
    expect(plan(dittoServer({ image: 'x:2' }), { ...up(dittoServer()), refused }, facts()).restarts).toEqual([]);
  });
});

describe('the admin password', () => {
  it('is drawn before the first start and never again', () => {
    const planned = plan(dittoServer(), { ...up(dittoServer()), secrets: new Map() }, facts());
    expect(planned.generate.map(({ object }) => object.metadata.name)).toEqual(['nas-jwt-secret']);
    expect(condition(planned, 'SpecApplied')).toMatchObject({ status: 'False', reason: 'AdminSecretMissing' });
  });

  it('and the JWT secret are the user`s when named', () => {
    const identity = {
      jwt: { secretRef: { name: 's', key: 'k' } },
      admin: { passwordSecretRef: { name: 's', key: 'p' } },
    };
    expect(plan(dittoServer({ identity }), observed(), facts()).generate).toEqual([]);
  });
});

describe('claims', () => {
  it('grow when they are bound', () => {
    const server = dittoServer({ storage: { metadataSize: '20Gi' } });
    const grow = (phase: string, size: string) =>
      plan(server, observed({ claims: new Map([['metadata-nas-0', claim('metadata-nas-0', size, phase)]]) }), facts())
        .growClaims;
    expect(grow('Bound', '10Gi')).toEqual([{ name: 'metadata-nas-0', uid: 'uid-of-metadata-nas-0', storage: '20Gi' }]);
    expect(grow('Pending', '10Gi')).toEqual([]);
    expect(grow('Bound', '20480Mi')).toEqual([]);
    expect(grow('Bound', '30Gi')).toEqual([]);
  });

  it('keep the templates that the StatefulSet has, and the status tells what cannot be had', () => {
    const around = up(dittoServer());
    const storage = { metadataSize: '20Gi', contentSize: '1Gi', storageClassName: 'fast' };
    const claims = new Map([['metadata-nas-0', claim('metadata-nas-0', '30Gi')]]);
    const refused = [{ kind: 'PersistentVolumeClaim', name: 'controlplane-nas-0', message: 'the class says no.' }];
    const planned = plan(dittoServer({ storage }), { ...around, claims, refused }, facts());
    const set = planned.apply.find(({ kind }) => kind === 'StatefulSet') as unknown as ObservedStatefulSet;
    expect(set.spec.volumeClaimTemplates).toEqual(around.statefulSet!.spec.volumeClaimTemplates);
    expect(JSON.stringify(set.spec.template)).not.toContain('/data/store/block');
    expect(condition(planned, 'SpecApplied')).toMatchObject({
      status: 'False',
      reason: 'StorageNotChangeable',
      message:
        'Volume "content" cannot be added to the StatefulSet, whose claim templates are immutable. ' +
        'spec.storage.storageClassName cannot be changed on claims that exist. ' +
        'Claim "metadata-nas-0" has 30Gi and cannot shrink to the 20Gi of spec.storage. ' +
        'Claim "controlplane-nas-0" cannot grow: the class says no.',
    });
    expect(condition(planned, 'Ready')?.status).toBe('True');
  });

  it('keep a volume that the spec no longer asks for', () => {
    const around = up(dittoServer({ storage: { metadataSize: '1Gi', contentSize: '1Gi' } }));
    const planned = plan(dittoServer({ storage: { metadataSize: '1Gi' } }), around, facts());
    expect(condition(planned, 'SpecApplied')?.message).toBe(
      'Volume "content" cannot be taken from the StatefulSet, whose claim templates are immutable.',
    );
    expect(planned.restarts).toEqual([]);
  });
});

describe('an ordered pod management policy', () => {
  it('stays as the StatefulSet has it', () => {
    const around = up(dittoServer());
    around.statefulSet!.spec.podManagementPolicy = 'OrderedReady';
    const set = plan(dittoServer(), around, facts()).apply.find(({ kind }) => kind === 'StatefulSet');
    expect(set).toMatchObject({ spec: { podManagementPolicy: 'OrderedReady' } });
  });
});

describe('one Secret for everything', () => {
  it('is looked through for each field that names it', () => {
    const server = dittoServer({
      ...EXTERNAL,
      identity: {
        ldap: { enabled: true, url: 'ldaps://x', baseDN: 'x', bindDN: 'x', bindPasswordSecretRef: { name: 'pg', key: 'ldap' } },
      },
    }); // prettier-ignore
    const secrets = completeSecrets(server);
    secrets.set('pg', secret('pg', { host: 'h', database: 'd', user: 'u', password: 'p' }));
    expect(condition(plan(server, observed({ secrets }), facts()), 'ConfigReady')).toMatchObject({
      reason: 'SecretIncomplete',
      message: 'Secret "pg" of spec.identity.ldap.bindPasswordSecretRef has no key "ldap", or its value is empty.',
    });
  });
});

describe("an external PostgreSQL's Secret that is missing", () => {
  it('is for DatabaseReady to say, once', () => {
    const server = dittoServer(EXTERNAL);
    const secrets = completeSecrets(server);
    secrets.delete('pg');
    const planned = plan(server, observed({ secrets }), facts());
    expect(condition(planned, 'DatabaseReady')).toMatchObject({ status: 'False', reason: 'SecretNotFound' });
    expect(condition(planned, 'ConfigReady')).toMatchObject({ status: 'True', reason: 'ConfigValid' });
  });
});
