import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DittoServer, DittoServerSpec } from '../api/types.ts';
import type { ObservedSecret } from '../observed.ts';
import { databaseOf } from '../postgres/database.ts';
import { validServers } from '../testing/arbitraries.ts';
import { asStored, completeSecrets, digest, dittoServer, observed, secret } from '../testing/builders.ts';
import { configHash, missingSecrets } from './config-hash.ts';
import { CONFIG_HASH_ANNOTATION } from './names.ts';
import { secretReferences } from './secret-references.ts';

function hash(server: DittoServer, secrets: ReadonlyMap<string, ObservedSecret> = completeSecrets(server)) {
  return configHash(server, databaseOf(server), observed({ secrets }), digest);
}

/** The Secrets with one value changed. */
function changed(secrets: Map<string, ObservedSecret>, name: string, key: string): Map<string, ObservedSecret> {
  const { metadata, digests } = secrets.get(name) ?? secret(name, {});
  return new Map([...secrets, [name, { metadata, digests: { ...digests, [key]: digest('changed') } }]]);
}

describe('the config hash', () => {
  it('changes with every key that is read at boot, and with no other key of any Secret', () => {
    fc.assert(
      fc.property(validServers, (server) => {
        const secrets = completeSecrets(server);
        const before = hash(server);
        const references = secretReferences(server, databaseOf(server));
        const atBoot = new Set(references.flatMap(({ secret: name, readAtBoot }) => readAtBoot.map((key) => `${name}/${key}`)));
        for (const [name, { digests }] of secrets) {
          for (const key of [...Object.keys(digests), 'another-key']) {
            expect(hash(server, changed(secrets, name, key)) !== before, `${name}/${key}`).toBe(atBoot.has(`${name}/${key}`));
          }
        }
      }),
      { numRuns: 100 },
    ); // prettier-ignore
  });

  it.each<[string, Partial<DittoServerSpec>, string[]]>([
    ['the JWT secret alone with SQLite', {}, ['nas-jwt-secret/jwt-secret']],
    ["Percona's uri and CA, and nothing else of them", { percona: { enabled: true } }, [
      'nas-jwt-secret/jwt-secret', 'nas-postgres-pguser-dittofs/uri', 'nas-postgres-cluster-cert/ca.crt',
    ]],
    ['all of an external PostgreSQL', { database: { postgresSecretRef: { name: 'pg', key: 'x' } } }, [
      'nas-jwt-secret/jwt-secret', 'pg/host', 'pg/database', 'pg/user', 'pg/password', 'pg/port', 'pg/sslmode',
    ]],
    ['the client CA, but not the certificate, which is read again', { controlPlane: { certSecretName: 'tls', clientCASecretName: 'ca' } }, [
      'nas-jwt-secret/jwt-secret', 'ca/ca.crt',
    ]],
    ['not the first admin password, which is used once', { identity: { admin: { passwordSecretRef: { name: 'a', key: 'p' } } } }, [
      'nas-jwt-secret/jwt-secret',
    ]],
    ['S3 keys with the endpoint', { s3: { credentialsSecretRef: { secretName: 's3' } } }, [
      'nas-jwt-secret/jwt-secret', 's3/accessKeyId', 's3/secretAccessKey', 's3/endpoint',
    ]],
    ['the scrape token when metrics are on', { metrics: { enabled: true, bearerTokenSecret: { name: 't', key: 'k' } } }, [
      'nas-jwt-secret/jwt-secret', 't/k',
    ]],
  ])('covers %s', (_, spec, expected) => {
    const server = dittoServer(spec);
    const secrets = completeSecrets(server);
    const relevant = [...secrets].flatMap(([name, { digests }]) =>
      Object.keys(digests).map((key) => [name, key] as const).filter(([, key]) => hash(server, changed(secrets, name, key)) !== hash(server)),
    );
    expect(relevant.map((path) => path.join('/')).sort()).toEqual(expected.sort());
  }); // prettier-ignore

  it.each<[string, Partial<DittoServerSpec>]>([
    ['replicas', { replicas: 0 }],
    ['the polling interval', { adapterDiscovery: { pollingInterval: '5m' } }],
    ['annotations of Services', { service: { annotations: { a: 'b' } }, adapterServices: { annotations: { a: 'b' } } }],
    ['the type of a Service', { service: { type: 'LoadBalancer' } }],
    ['the NetworkPolicy', { networkPolicy: { enabled: false } }],
    ['sizes of volumes', { storage: { metadataSize: '99Gi' } }],
    ['snapshot policies', { snapshotPolicies: [{ share: '/a', interval: '1h' }] }],
    ['a ServiceMonitor', { metrics: { serviceMonitor: { enabled: true } } }],
    ['Percona while it is off', { percona: { enabled: false, replicas: 3 } }],
    ['defaults written out', { logging: { level: 'INFO' }, controlPlane: { port: 8080 }, metrics: { enabled: false } }],
  ])('does not change with %s', (_, spec) => {
    expect(hash(dittoServer(spec))).toBe(hash(dittoServer()));
  });

  it('does not change with what Percona is asked for once it is used', () => {
    const percona = { enabled: true, replicas: 3, storageSize: '99Gi', deleteWithServer: false };
    expect(hash(dittoServer({ percona }))).toBe(hash(dittoServer({ percona: { enabled: true } })));
  });

  it.each<[string, Partial<DittoServerSpec>]>([
    ['the log', { logging: { level: 'DEBUG' } }],
    ['the port', { controlPlane: { port: 9000 } }],
    ['durations of tokens', { identity: { jwt: { secretRef: { key: '' }, accessTokenDuration: '1m' } } }],
    ['metrics', { metrics: { enabled: true } }],
    ['the SQLite path', { database: { sqlite: { path: '/x.db' } } }],
    ['LDAP', { identity: { ldap: { url: 'ldaps://x', baseDN: 'x', bindDN: 'x' } } }],
  ])('changes with %s', (_, spec) => {
    expect(hash(dittoServer(spec))).not.toBe(hash(dittoServer()));
  });

  it('does not change with metadata, the generation among it', () => {
    const metadata = { generation: 7, annotations: { a: 'b' }, labels: { a: 'b' }, resourceVersion: '9' };
    expect(hash(dittoServer({}, metadata))).toBe(hash(dittoServer()));
  });

  it('hides a weak password: who does not know the JWT secret cannot find it by trying', () => {
    const server = dittoServer({ database: { postgresSecretRef: { name: 'pg', key: 'x' } } });
    const secrets = completeSecrets(server);
    const hashes = ['one', 'two'].map((jwt) =>
      hash(server, new Map([...secrets, ['nas-jwt-secret', secret('nas-jwt-secret', { 'jwt-secret': jwt })]])),
    );
    expect(hashes[0]).not.toBe(hashes[1]);
    // Nothing that can be computed from the weak values alone is the hash.
    for (const { digests } of secrets.values())
      for (const one of Object.values(digests)) expect(hashes).not.toContain(one);
  });

  it('is kept while a Secret or a key is missing, and cannot be made before', () => {
    const server = dittoServer({ percona: { enabled: true } });
    const set = asStored({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'nas', namespace: 'files' },
      spec: {
        template: { metadata: { annotations: { [CONFIG_HASH_ANNOTATION]: 'kept' } }, spec: { containers: [] } },
        volumeClaimTemplates: [],
      },
    });
    for (const name of ['nas-jwt-secret', 'nas-postgres-pguser-dittofs', 'nas-postgres-cluster-cert']) {
      const secrets = completeSecrets(server);
      secrets.delete(name);
      expect(hash(server, secrets)).toBeUndefined();
      const there = observed({ secrets, statefulSet: set as never });
      expect(configHash(server, databaseOf(server), there, digest)).toBe('kept');
      expect(missingSecrets(server, databaseOf(server), there).map(({ reference }) => reference.secret)).toEqual([
        name,
      ]);
      secrets.set(name, secret(name, { other: 'x' }));
      expect(hash(server, secrets)).toBeUndefined();
    }
  });

  it('takes an empty value for a missing key', () => {
    const server = dittoServer();
    const secrets = new Map([['nas-jwt-secret', secret('nas-jwt-secret', { 'jwt-secret': '' })]]);
    expect(hash(server, secrets)).toBeUndefined();
  });
});
