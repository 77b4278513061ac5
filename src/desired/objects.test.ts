import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { DittoServerSpec } from '../api/types.ts';
import { databaseOf } from '../postgres/database.ts';
import { dittoServer } from '../testing/builders.ts';
import { configFile, configMap } from './config-map.ts';
import { networkPolicy } from './network-policy.ts';
import { adminSecret, jwtSecret } from './secrets.ts';
import { apiService, headlessService, metricsService } from './services.ts';

const SELECTOR = { app: 'dittofs-server', instance: 'nas' };
const LABELS = { ...SELECTOR, 'app.kubernetes.io/managed-by': 'dittofs-operator' };
const key = (name: string, k = 'k') => ({ name, key: k });

describe('Services', () => {
  it('are the headless one for DNS', () => {
    expect(headlessService(dittoServer())).toMatchObject({
      metadata: { name: 'nas-headless', labels: LABELS },
      spec: { clusterIP: 'None', selector: SELECTOR, ports: [{ name: 'api', port: 8080, targetPort: 'api' }] },
    });
  });

  it('are the one of the API, as the user wants it', () => {
    const service = { type: 'LoadBalancer', annotations: { a: 'b' } } as const;
    expect(apiService(dittoServer({ service, controlPlane: { port: 9000 } }))).toMatchObject({
      metadata: { name: 'nas-api', labels: LABELS, annotations: { a: 'b' } },
      spec: { type: 'LoadBalancer', selector: SELECTOR, ports: [{ name: 'api', port: 9000, targetPort: 'api' }] },
    });
    expect(apiService(dittoServer())).toMatchObject({ spec: { type: 'ClusterIP' } });
    expect(apiService(dittoServer()).metadata).not.toHaveProperty('annotations');
  });

  it('are the one that Prometheus finds, when metrics are on', () => {
    expect(metricsService(dittoServer({ metrics: { enabled: true, port: 9191, path: '/m' } }))).toMatchObject({
      metadata: {
        name: 'nas-metrics',
        labels: { ...LABELS, 'dittofs.io/metrics-service': 'true' },
        annotations: {
          'prometheus.io/scrape': 'true',
          'prometheus.io/port': '9191',
          'prometheus.io/path': '/m',
        },
      },
      spec: { type: 'ClusterIP', selector: SELECTOR, ports: [{ name: 'metrics', port: 9191 }] },
    });
    expect(metricsService(dittoServer())).toBeUndefined();
  });
});

describe('the NetworkPolicy', () => {
  const portsOf = (spec: Partial<DittoServerSpec>) =>
    (networkPolicy(dittoServer(spec))?.['spec'] as { ingress: { ports: { protocol: string; port: number }[] }[] })
      .ingress[0]!.ports.map(({ protocol, port }) => `${protocol}/${port}`); // prettier-ignore

  it('lets everybody reach the ports of the API, of metrics when on, and of the file protocols', () => {
    expect(networkPolicy(dittoServer())).toMatchObject({
      metadata: { name: 'nas-baseline', labels: { ...LABELS, 'dittofs.io/baseline-networkpolicy': 'true' } },
      spec: { podSelector: { matchLabels: SELECTOR }, policyTypes: ['Ingress'] },
    });
    expect(JSON.stringify(networkPolicy(dittoServer()))).not.toContain('"from"');
    expect(portsOf({})).toEqual(['TCP/8080', 'TCP/12049', 'TCP/1445', 'UDP/12049']);
    expect(portsOf({ controlPlane: { port: 9000 }, metrics: { enabled: true } })).toEqual([
      'TCP/9000',
      'TCP/9090',
      'TCP/12049',
      'TCP/1445',
      'UDP/12049',
    ]);
  });

  it('lets in only whom the user names, and can be switched off', () => {
    const from: object[] = [{ podSelector: { matchLabels: { a: 'b' } } }];
    expect(networkPolicy(dittoServer({ networkPolicy: { from } }))).toMatchObject({
      spec: { ingress: [{ from }] },
    });
    // An empty list would let everybody in just the same; a missing one says so.
    expect(JSON.stringify(networkPolicy(dittoServer({ networkPolicy: { from: [] } })))).not.toContain('"from"');
    expect(networkPolicy(dittoServer({ networkPolicy: { enabled: false } }))).toBeUndefined();
  });
});

describe('generated Secrets', () => {
  it('hold as much randomness as the server wants, under the names of the Go operator', () => {
    expect(jwtSecret(dittoServer())).toMatchObject({
      object: { type: 'Opaque', metadata: { name: 'nas-jwt-secret', labels: LABELS, ownerReferences: [{}] } },
      generate: { 'jwt-secret': 32 },
    });
    const admin = adminSecret(dittoServer());
    expect(admin).toMatchObject({
      object: { metadata: { name: 'nas-admin-bootstrap-credentials', labels: LABELS } },
      generate: { password: 18 },
    });
    expect(admin?.object['data']).toEqual({ username: Buffer.from('admin').toString('base64') });
    // It is as old as the database that knows the password, and that outlives the server.
    expect(admin?.object.metadata).not.toHaveProperty('ownerReferences');
  });
});

describe('config.yaml', () => {
  const config = (spec: Partial<DittoServerSpec> = {}) => {
    const server = dittoServer(spec);
    return parse(configFile(server, databaseOf(server))) as Record<string, unknown>;
  };

  it('stands in the ConfigMap', () => {
    const server = dittoServer();
    expect(configMap(server, databaseOf(server))).toMatchObject({
      metadata: { name: 'nas-config', labels: LABELS },
      data: { 'config.yaml': configFile(server, databaseOf(server)) },
    });
  });

  it('says for the least server what the Go operator says', () => {
    expect(config()).toEqual({
      logging: { level: 'INFO', format: 'json', output: 'stdout' },
      shutdown_timeout: '30s',
      database: { type: 'sqlite', sqlite: { path: '/data/controlplane/controlplane.db' } },
      controlplane: {
        host: '0.0.0.0',
        port: 8080,
        jwt: { access_token_duration: '15m', refresh_token_duration: '168h' },
      },
      admin: { username: 'admin' },
    });
  });

  it.each<[string, Partial<DittoServerSpec>, object]>([
    ['external', { database: { type: 'sqlite', postgresSecretRef: key('pg') } }, { type: 'postgres' }],
    ['Percona', { percona: { enabled: true } }, { type: 'postgres', postgres: { sslmode: 'verify-full', ssl_root_cert: '/postgres-ca/ca.crt' } }],
    ['another SQLite', { database: { sqlite: { path: '/x.db' } } }, { type: 'sqlite', sqlite: { path: '/x.db' } }],
  ])('names the database: %s', (_, spec, database) => {
    expect(config(spec)['database']).toEqual(database);
  }); // prettier-ignore

  it('points at the files of TLS and mTLS', () => {
    expect(config({ controlPlane: { tls: true } })['controlplane']).not.toHaveProperty('tls');
    const cert = { cert_file: '/tls/tls.crt', key_file: '/tls/tls.key' };
    expect(config({ controlPlane: { certSecretName: 'tls' } })['controlplane']).toMatchObject({ tls: cert });
    expect(config({ controlPlane: { certSecretName: 'tls', clientCASecretName: 'ca' } })['controlplane']).toMatchObject(
      { tls: { ...cert, client_ca: '/tls-client-ca/ca.crt' } },
    );
  });

  it('has metrics when on, with the token when there is one', () => {
    expect(config({ metrics: { enabled: false, bearerTokenSecret: key('t') } })).not.toHaveProperty('metrics');
    const on = { enabled: true, host: '0.0.0.0', port: 9090, path: '/metrics' };
    expect(config({ metrics: { enabled: true } })['metrics']).toEqual({ ...on, auth: 'none' });
    expect(config({ metrics: { enabled: true, bearerTokenSecret: key('t') } })['metrics']).toEqual({
      ...on,
      auth: 'token',
      token_file: '/metrics-token/token',
    });
  });

  it('has LDAP, without its password and without empty texts', () => {
    const ldap = { url: 'ldaps://dc', baseDN: 'dc=x', bindDN: 'cn=x', bindPasswordSecretRef: key('l', 'secret-key') };
    expect(config({ identity: { ldap } })['ldap']).toEqual({
      enabled: false,
      url: 'ldaps://dc',
      base_dn: 'dc=x',
      bind_dn: 'cn=x',
    });
    const all = {
      ...ldap,
      enabled: true,
      startTLS: true,
      allowPlaintext: true,
      userAttr: 'uid',
      realm: '',
      idmap: 'rid' as const,
      nestedGroups: true,
      caCertFile: '/ca.crt',
      insecureSkipVerify: true,
    };
    expect(config({ identity: { ldap: all } })['ldap']).toEqual({
      enabled: true,
      url: 'ldaps://dc',
      start_tls: true,
      allow_plaintext: true,
      base_dn: 'dc=x',
      bind_dn: 'cn=x',
      user_attr: 'uid',
      idmap: 'rid',
      nested_groups: true,
      tls: { ca_cert_file: '/ca.crt', insecure_skip_verify: true },
    });
  });

  it('has Kerberos and the machine account, each only when on', () => {
    const machineAccount = { enabled: true, accountName: 'N$', secretRef: key('m'), dcAddress: ['dc1'] };
    const kerberos = { enabled: true, servicePrincipal: 'nfs/nas', keytabSecretRef: key('kt'), krb5Conf: '/k.conf' };
    expect(config({ identity: { kerberos: { ...kerberos, enabled: false } } })).not.toHaveProperty('kerberos');
    expect(config({ identity: { kerberos } })['kerberos']).toEqual({
      enabled: true,
      keytab_path: '/kerberos/dittofs.keytab',
      service_principal: 'nfs/nas',
      krb5_conf: '/k.conf',
    });
    const both = { ...kerberos, realm: 'X', netbiosDomain: 'N', dnsDomain: 'd', krb5ConfSecretRef: key('kc') };
    const machine = { ...machineAccount, keytabSecretRef: key('mk') };
    expect(config({ identity: { kerberos: { ...both, machineAccount: machine } } })['kerberos']).toEqual({
      enabled: true,
      keytab_path: '/kerberos/dittofs.keytab',
      service_principal: 'nfs/nas',
      realm: 'X',
      netbios_domain: 'N',
      dns_domain: 'd',
      krb5_conf: '/kerberos-krb5/krb5.conf',
      machine_account: {
        enabled: true,
        account_name: 'N$',
        keytab_path: '/kerberos-machine/machine.keytab',
        dc_address: ['dc1'],
      },
    });
    const off = { ...both, machineAccount: { ...machine, enabled: false } };
    expect(config({ identity: { kerberos: off } })['kerberos']).not.toHaveProperty('machine_account');
  });

  it('has the log as the user wants it, and takes an empty text for the default', () => {
    expect(config({ logging: { level: 'DEBUG', format: 'text', output: 'stderr' } })['logging']).toEqual({
      level: 'DEBUG',
      format: 'text',
      output: 'stderr',
    });
    const empty = {
      logging: { output: '' },
      database: { sqlite: { path: '' } },
      identity: { jwt: { secretRef: { key: '' }, accessTokenDuration: '' }, admin: { username: '' } },
    };
    expect(config(empty)).toEqual(config());
  });
});
