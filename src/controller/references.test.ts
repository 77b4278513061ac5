import { describe, expect, it } from 'vitest';
import { BACKUP, dittoServer, perconaClusterOf, SERVER_UID } from '../testing/builders.ts';
import { databaseOf } from '../postgres/database.ts';
import { foreignObject, isOurs } from './observe.ts';
import { clusterOf, clustersOf, namedSecrets } from './references.ts';

const percona = dittoServer({ percona: { enabled: true, backup: BACKUP } });
const ref = dittoServer({ perconaPGClusterRef: { name: 'shared' } });

describe('clusters of a server', () => {
  it('are the one it may have ordered and the one it names', () => {
    expect(clustersOf(dittoServer())).toEqual(['nas-postgres']);
    expect(clustersOf(ref)).toEqual(['nas-postgres', 'shared']);
    expect(clustersOf(dittoServer({ perconaPGClusterRef: { name: 'nas-postgres' } }))).toEqual(['nas-postgres']);
  });

  it('are looked at one at a time: the one in use', () => {
    expect([dittoServer(), percona, ref].map(clusterOf)).toEqual(['nas-postgres', 'nas-postgres', 'shared']);
  });
});

describe('Secrets that are watched by name', () => {
  it('are those that the user chose, and no others', () => {
    expect(namedSecrets(dittoServer(), databaseOf(dittoServer()))).toEqual([]);
    expect(namedSecrets(percona, databaseOf(percona, perconaClusterOf(percona)))).toEqual(['backup-s3']);
    const chosen = dittoServer({
      identity: { jwt: { secretRef: { name: 'jwt', key: 'k' } } },
      metrics: { enabled: true, bearerTokenSecret: { name: 'jwt', key: 't' } },
      database: { postgresSecretRef: { name: 'pg', key: 'x' } },
      controlPlane: { certSecretName: 'tls', clientCASecretName: 'ca' },
      s3: { credentialsSecretRef: { secretName: 's3' } },
    });
    expect(namedSecrets(chosen, databaseOf(chosen)).sort()).toEqual(['ca', 'jwt', 'pg', 's3', 'tls']);
  });

  it('are not those of a feature that is off', () => {
    const off = dittoServer({
      percona: { enabled: true, backup: { ...BACKUP, enabled: false } },
      metrics: { bearerTokenSecret: { name: 't', key: 'k' } },
    });
    expect(namedSecrets(off, databaseOf(off))).toEqual([]);
  });

  it('are a certificate of the user`s own, which carries no label of Percona`s', () => {
    const cluster = perconaClusterOf(ref, { spec: { secrets: { customTLSSecret: { name: 'own-tls' } } } });
    expect(namedSecrets(ref, databaseOf(ref, cluster))).toEqual(['own-tls']);
  });
});

describe('whose an object is', () => {
  const metadata = { name: 'x', namespace: 'files', uid: 'x' };
  const owned = (uid: string) => ({
    ...metadata,
    ownerReferences: [{ kind: 'DittoServer', name: 'nas', uid, controller: true }],
  });
  const labels = { instance: 'nas', 'app.kubernetes.io/managed-by': 'dittofs-operator' };

  it('is its controller`s', () => {
    expect(isOurs(dittoServer(), owned(SERVER_UID))).toBe(true);
    expect(isOurs(dittoServer(), owned('another'))).toBe(false);
    expect(isOurs(dittoServer(), { ...owned('another'), labels })).toBe(false);
  });

  it('without one is ours when it says that we made it for this server', () => {
    expect(isOurs(dittoServer(), { ...metadata, labels })).toBe(true);
    expect(isOurs(dittoServer(), { ...metadata, labels: { ...labels, instance: 'other' } })).toBe(false);
    expect(isOurs(dittoServer(), { ...metadata, labels: { instance: 'nas' } })).toBe(false);
    expect(isOurs(dittoServer(), metadata)).toBe(false);
  });

  it('is told by its controller, if it has one', () => {
    expect(foreignObject('Service', owned('another'))).toEqual({
      kind: 'Service',
      name: 'x',
      controller: 'DittoServer "nas"',
    });
    expect(foreignObject('Service', metadata)).toEqual({ kind: 'Service', name: 'x' });
  });
});
