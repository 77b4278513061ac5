import { describe, expect, it } from 'vitest';
import type { DittoServer, DittoServerSpec } from '../api/types.ts';
import { OPERATOR_DEFAULTS } from '../observed.ts';
import { databaseOf } from '../postgres/database.ts';
import { dittoServer } from '../testing/builders.ts';
import { type CheckedPod, restrictedViolations } from '../testing/pod-security.ts';
import { statefulSet } from './stateful-set.ts';
import { claimTemplates } from './volumes.ts';

interface Probe {
  httpGet?: { path: string; port: number; scheme: string };
  tcpSocket?: { port: number };
  [field: string]: unknown;
}
interface Variable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef: { name: string; key: string; optional?: boolean } };
}
interface Container {
  name: string;
  image: string;
  command: string[];
  args?: string[];
  env: Variable[];
  ports: { name: string; containerPort: number }[];
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  securityContext: Record<string, unknown>;
  resources?: unknown;
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  [field: string]: unknown;
}
interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  volumes: {
    name: string;
    secret?: { secretName: string; items?: unknown[]; defaultMode?: number };
    configMap?: unknown;
  }[];
  [field: string]: unknown;
}
interface Set {
  metadata: { name: string; annotations: Record<string, string> };
  spec: {
    template: { metadata: { labels: object; annotations: object }; spec: PodSpec };
    volumeClaimTemplates: { metadata: { name: string }; spec: unknown }[];
    [field: string]: unknown;
  };
}

function build(spec: Partial<DittoServerSpec> = {}): Set {
  const server: DittoServer = dittoServer(spec);
  return statefulSet({
    server,
    database: databaseOf(server),
    claimTemplates: claimTemplates(server),
    configHash: 'abc',
    operator: OPERATOR_DEFAULTS,
  }) as unknown as Set;
}

function podOf(spec: Partial<DittoServerSpec> = {}): PodSpec {
  return build(spec).spec.template.spec;
}

function containerOf(spec: Partial<DittoServerSpec> = {}): Container {
  return podOf(spec).containers[0]!;
}

/** A structure that Kubernetes defines; its types are classes, which a manifest's values are not. */
function given(value: object): never {
  return value as never;
}

/** `NAME=secret/key` or `NAME=value`; a question mark for what may be missing. */
function variables(container: Container): string[] {
  return container.env.map(({ name, value, valueFrom }) => {
    const ref = valueFrom?.secretKeyRef;
    return ref ? `${name}=${ref.name}/${ref.key}${ref.optional ? '?' : ''}` : `${name}=${value ?? ''}`;
  });
}

const key = (name: string, k = 'k') => ({ name, key: k });
const KERBEROS: DittoServerSpec['identity'] = {
  kerberos: {
    enabled: true,
    servicePrincipal: 'nfs/nas',
    keytabSecretRef: key('kt'),
    krb5ConfSecretRef: key('kc'),
    machineAccount: { enabled: true, accountName: 'N$', secretRef: key('ma'), keytabSecretRef: key('mk') },
  },
};
const MODES: Record<string, Partial<DittoServerSpec>> = {
  SQLite: {},
  external: { database: { postgresSecretRef: key('pg') } },
  Percona: { percona: { enabled: true } },
  'a Percona cluster referred to': { perconaPGClusterRef: { name: 'shared' } },
};
const EVERYTHING: Partial<DittoServerSpec> = {
  controlPlane: { certSecretName: 'tls', clientCASecretName: 'ca' },
  metrics: { enabled: true, bearerTokenSecret: key('token') },
  identity: KERBEROS,
  s3: { credentialsSecretRef: { secretName: 's3' } },
};

describe('the pod', () => {
  it.each(Object.entries(MODES))('passes the "restricted" Pod Security Standard with %s', (_, mode) => {
    expect(restrictedViolations(podOf(mode) as unknown as CheckedPod)).toEqual([]);
    expect(restrictedViolations(podOf({ ...mode, ...EVERYTHING }) as unknown as CheckedPod)).toEqual([]);
    const added = podOf({ ...mode, securityContext: given({ capabilities: { add: ['NET_BIND_SERVICE'] } }) });
    expect(restrictedViolations(added as unknown as CheckedPod)).toEqual([]);
  });

  it('is named, selected and labelled as the Go operator does, for selectors are immutable', () => {
    const { metadata, spec } = build({ podLabels: { app: 'mine', instance: 'mine', team: 'a' } });
    expect(metadata.name).toBe('nas');
    expect(spec['serviceName']).toBe('nas-headless');
    expect(spec['selector']).toEqual({ matchLabels: { app: 'dittofs-server', instance: 'nas' } });
    expect(spec.template.metadata.labels).toEqual({ app: 'dittofs-server', instance: 'nas', team: 'a' });
    expect(spec['persistentVolumeClaimRetentionPolicy']).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
  });

  it('carries the config hash, which no annotation of the user replaces', () => {
    const { annotations } = build({ podAnnotations: { 'dittofs.io/config-hash': 'x', a: 'b' } }).spec.template.metadata;
    expect(annotations).toEqual({ 'dittofs.io/config-hash': 'abc', a: 'b' });
  });

  it('runs the server as the Go operator does', () => {
    const pod = podOf();
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 105,
      securityContext: { fsGroup: 65532, fsGroupChangePolicy: 'OnRootMismatch' },
    });
    expect(pod.containers).toHaveLength(1);
    expect(pod.containers[0]).toMatchObject({
      name: 'dittofs',
      image: 'marmos91c/dittofs:latest',
      command: ['/app/dfs'],
      args: ['start', '--foreground', '--config', '/config/config.yaml'],
      ports: [{ name: 'api', containerPort: 8080, protocol: 'TCP' }],
      lifecycle: { preStop: { exec: { command: ['/bin/sh', '-c', 'sleep 5'] } } },
    });
  });

  it('takes what the user says of it', () => {
    const pod = {
      imagePullSecrets: [{ name: 'reg' }],
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ operator: 'Exists' as const }],
      affinity: {},
      topologySpreadConstraints: [],
      priorityClassName: 'high',
      serviceAccountName: 'sa',
      terminationGracePeriodSeconds: 300,
    };
    expect(podOf({ ...pod, podSecurityContext: given({ fsGroup: 7 }) })).toMatchObject({
      ...pod,
      securityContext: { fsGroup: 7 },
    });
    const resources = { limits: { memory: '1Gi' } };
    expect(containerOf({ resources, imagePullPolicy: 'Always', image: 'x:1' })).toMatchObject({
      resources,
      imagePullPolicy: 'Always',
      image: 'x:1',
    });
  });

  it('keeps its hardening where the user says nothing', () => {
    const context = containerOf({
      securityContext: given({ runAsUser: 5, capabilities: { add: ['SYS_NICE'] } }),
    }).securityContext;
    expect(context).toEqual({
      allowPrivilegeEscalation: false,
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
      runAsUser: 5,
      capabilities: { add: ['SYS_NICE'], drop: ['ALL'] },
    });
    expect(containerOf({ securityContext: given({ runAsNonRoot: false }) }).securityContext['runAsNonRoot']).toBe(
      false,
    );
  });

  it('sets nothing to undefined, for server-side apply would claim it', () => {
    const walk = (value: unknown): boolean =>
      value === undefined || (typeof value === 'object' && value !== null && Object.values(value).some(walk));
    for (const mode of Object.values(MODES)) expect(walk(build({ ...mode, ...EVERYTHING }))).toBe(false);
  });
});

describe('the environment', () => {
  const ALWAYS = [
    'DITTOFS_CONTROLPLANE_SECRET=nas-jwt-secret/jwt-secret',
    'DITTOFS_ADMIN_INITIAL_PASSWORD=nas-admin-bootstrap-credentials/password?',
  ];

  it('has no database in it with SQLite', () => {
    expect(variables(containerOf())).toEqual(ALWAYS);
  });

  it.each([
    ['Percona', 'nas-postgres'],
    ['a Percona cluster referred to', 'shared'],
  ])("has %s's credentials by reference", (mode, cluster) => {
    const user = `${cluster}-pguser-dittofs`;
    expect(variables(containerOf(MODES[mode]))).toEqual([
      ...ALWAYS,
      `DATABASE_URL=${user}/uri`,
      `DITTOFS_DATABASE_POSTGRES_HOST=${user}/host`,
      `DITTOFS_DATABASE_POSTGRES_PORT=${user}/port`,
      `DITTOFS_DATABASE_POSTGRES_USER=${user}/user`,
      `DITTOFS_DATABASE_POSTGRES_PASSWORD=${user}/password`,
      `DITTOFS_DATABASE_POSTGRES_DATABASE=${user}/dbname`,
    ]);
  });

  it('has an external PostgreSQL, whose port and sslmode may be missing', () => {
    expect(variables(containerOf(MODES['external']))).toEqual([
      ...ALWAYS,
      'DITTOFS_DATABASE_POSTGRES_HOST=pg/host',
      'DITTOFS_DATABASE_POSTGRES_DATABASE=pg/database',
      'DITTOFS_DATABASE_POSTGRES_USER=pg/user',
      'DITTOFS_DATABASE_POSTGRES_PASSWORD=pg/password',
      'DITTOFS_DATABASE_POSTGRES_PORT=pg/port?',
      'DITTOFS_DATABASE_POSTGRES_SSLMODE=pg/sslmode?',
    ]);
  });

  it('gives Percona precedence over an external PostgreSQL', () => {
    const both = variables(containerOf({ ...MODES['external'], ...MODES['Percona'] }));
    expect(both.join()).not.toContain('pg/');
    expect(both).toContain('DATABASE_URL=nas-postgres-pguser-dittofs/uri');
  });

  it("has the user's Secrets in the place of ours", () => {
    const identity: DittoServerSpec['identity'] = {
      jwt: { secretRef: key('mine', 'j') },
      admin: { passwordSecretRef: key('mine', 'a') },
      ldap: { url: 'ldaps://x', baseDN: 'b', bindDN: 'b', bindPasswordSecretRef: key('mine', 'l') },
      ...KERBEROS,
    };
    expect(variables(containerOf({ identity }))).toEqual([
      'DITTOFS_CONTROLPLANE_SECRET=mine/j',
      'DITTOFS_ADMIN_INITIAL_PASSWORD=mine/a',
      'DITTOFS_LDAP_BIND_PASSWORD=mine/l',
      'DITTOFS_KERBEROS_MACHINE_ACCOUNT_SECRET=ma/k',
    ]);
  });

  it('has what the AWS SDK reads', () => {
    const s3 = { credentialsSecretRef: { secretName: 's3', accessKeyIdKey: 'id' }, region: '' };
    expect(variables(containerOf({ s3 })).slice(2)).toEqual([
      'AWS_ACCESS_KEY_ID=s3/id',
      'AWS_SECRET_ACCESS_KEY=s3/secretAccessKey',
      'AWS_ENDPOINT_URL=s3/endpoint?',
      'AWS_REGION=eu-west-1',
    ]);
    expect(variables(containerOf({ s3: { region: 'x' } })).slice(2)).toEqual(['AWS_REGION=x']);
  });
});

describe('the volumes', () => {
  const mounts = (spec: Partial<DittoServerSpec>) =>
    containerOf(spec).volumeMounts.map(
      ({ name, mountPath, readOnly }) => `${name}:${mountPath}${readOnly ? ':ro' : ''}`,
    );

  it('are claims for data and a ConfigMap', () => {
    expect(mounts({})).toEqual(['config:/config', 'metadata:/data/store/metadata', 'controlplane:/data/controlplane']);
    expect(podOf().volumes).toEqual([{ name: 'config', configMap: { name: 'nas-config' } }]);
  });

  it('are those of each feature, where the Go operator has them', () => {
    expect(
      mounts({ ...EVERYTHING, ...MODES['Percona'], storage: { metadataSize: '1Gi', contentSize: '1Gi' } }),
    ).toEqual([
      'config:/config',
      'metadata:/data/store/metadata',
      'content:/data/store/block',
      'controlplane:/data/controlplane',
      'postgres-ca:/postgres-ca:ro',
      'tls-cert:/tls:ro',
      'tls-client-ca:/tls-client-ca:ro',
      'metrics-token:/metrics-token:ro',
      'kerberos-keytab:/kerberos:ro',
      'kerberos-krb5:/kerberos-krb5:ro',
      'kerberos-machine-keytab:/kerberos-machine:ro',
    ]);
  });

  it('project single keys to the files that the configuration names, keytabs for few', () => {
    const { volumes } = podOf({ ...EVERYTHING, ...MODES['Percona'] });
    const file = (name: string) => volumes.find((volume) => volume.name === name)?.secret;
    expect(file('postgres-ca')).toEqual({
      secretName: 'nas-postgres-cluster-cert',
      items: [{ key: 'ca.crt', path: 'ca.crt' }],
    });
    expect(file('metrics-token')).toEqual({ secretName: 'token', items: [{ key: 'k', path: 'token' }] });
    expect(file('kerberos-keytab')).toEqual({
      secretName: 'kt',
      items: [{ key: 'k', path: 'dittofs.keytab' }],
      defaultMode: 0o440,
    });
    expect(file('kerberos-krb5')).toEqual({ secretName: 'kc', items: [{ key: 'k', path: 'krb5.conf' }] });
    expect(file('kerberos-machine-keytab')).toEqual({
      secretName: 'mk',
      items: [{ key: 'k', path: 'machine.keytab' }],
      defaultMode: 0o440,
    });
    expect(file('tls-cert')).toEqual({ secretName: 'tls' });
    expect(file('tls-client-ca')).toEqual({ secretName: 'ca' });
  });

  it('never mount what is not there: every mount has a volume or a claim, and the other way round', () => {
    for (const mode of Object.values(MODES)) {
      const { spec } = build({ ...mode, ...EVERYTHING });
      const pod = spec.template.spec;
      const there = [...pod.volumes, ...spec.volumeClaimTemplates.map(({ metadata }) => metadata)].map(
        ({ name }) => name,
      );
      expect(pod.containers[0]!.volumeMounts.map(({ name }) => name).sort()).toEqual(there.sort());
      for (const init of pod.initContainers ?? []) {
        expect(there).toEqual(expect.arrayContaining(init.volumeMounts.map(({ name }) => name)));
      }
    }
  });

  it('are off with their feature', () => {
    const off = {
      controlPlane: { clientCASecretName: 'ca' },
      metrics: { enabled: false, bearerTokenSecret: key('token') },
      identity: { kerberos: { ...KERBEROS.kerberos, enabled: false } },
    };
    expect(mounts(off)).toEqual(mounts({}));
    expect(variables(containerOf(off))).toEqual(variables(containerOf()));
  });

  it('have the claims of the Go operator, in its sizes', () => {
    const storage = { metadataSize: '5Gi', contentSize: '7Gi', storageClassName: 'fast' };
    expect(build({ storage }).spec.volumeClaimTemplates.map(({ metadata, spec }) => ({ name: metadata.name, spec }))).toEqual(
      [['metadata', '5Gi'], ['content', '7Gi'], ['controlplane', '1Gi']].map(([name, size]) => ({
        name,
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'fast',
          resources: { requests: { storage: size } },
          volumeMode: 'Filesystem',
        },
      })),
    ); // prettier-ignore
    expect(JSON.stringify(build().spec.volumeClaimTemplates)).not.toContain('storageClassName');
  });
});

describe('the probes', () => {
  const probesOf = (spec: Partial<DittoServerSpec>) => {
    const { startupProbe, livenessProbe, readinessProbe } = containerOf(spec);
    return { startupProbe, livenessProbe, readinessProbe };
  };

  it('have the timings of the Go operator', () => {
    expect(probesOf({})).toMatchObject({
      startupProbe: { periodSeconds: 5, failureThreshold: 30 },
      livenessProbe: { initialDelaySeconds: 15, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
      readinessProbe: { initialDelaySeconds: 10, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
    });
  });

  it.each([
    ['HTTP', { port: 9000 }, 'HTTP'],
    ['HTTP when something in front of the server ends TLS', { port: 9000, tls: true }, 'HTTP'],
    ['HTTPS when the server itself serves it', { port: 9000, certSecretName: 'tls' }, 'HTTPS'],
  ])('use %s', (_, controlPlane, scheme) => {
    const { startupProbe, livenessProbe, readinessProbe } = probesOf({ controlPlane });
    expect(startupProbe.httpGet).toEqual({ path: '/health', port: 9000, scheme });
    expect(livenessProbe.httpGet).toEqual({ path: '/health', port: 9000, scheme });
    expect(readinessProbe.httpGet).toEqual({ path: '/health/ready', port: 9000, scheme });
  });

  it('only connect under mTLS, for the kubelet has no certificate to show', () => {
    for (const probe of Object.values(
      probesOf({ controlPlane: { certSecretName: 'tls', clientCASecretName: 'ca' } }),
    )) {
      expect(probe).toMatchObject({ tcpSocket: { port: 8080 } });
      expect(probe).not.toHaveProperty('httpGet');
    }
  });
});

describe('the init container', () => {
  it('is there for Percona only', () => {
    expect(podOf().initContainers).toBeUndefined();
    expect(podOf(MODES['external']).initContainers).toBeUndefined();
    expect(podOf(MODES['a Percona cluster referred to']).initContainers).toHaveLength(1);
  });

  it('logs in as the server will', () => {
    const [init] = podOf(MODES['Percona']).initContainers!;
    expect(init).toMatchObject({ name: 'wait-for-postgres', image: 'postgres:16-alpine' });
    expect(variables(init!)).toEqual([
      'PGHOST=nas-postgres-pguser-dittofs/host',
      'PGPORT=nas-postgres-pguser-dittofs/port',
      'PGUSER=nas-postgres-pguser-dittofs/user',
      'PGPASSWORD=nas-postgres-pguser-dittofs/password',
      'PGDATABASE=nas-postgres-pguser-dittofs/dbname',
      'PGSSLMODE=verify-full',
      'PGSSLROOTCERT=/postgres-ca/ca.crt',
      'PGCONNECT_TIMEOUT=5',
    ]);
    expect(init!.volumeMounts).toEqual([{ name: 'postgres-ca', mountPath: '/postgres-ca', readOnly: true }]);
    expect(init!.resources).toMatchObject({ requests: {}, limits: {} });
  });
});

describe('the annotation with the database', () => {
  it.each([
    ['SQLite', 'sqlite'],
    ['external', 'external/pg'],
    ['Percona', 'percona/nas-postgres/dittofs/nas-postgres-pguser-dittofs/nas-postgres-cluster-cert'],
  ])('tells %s from the others', (mode, identity) => {
    expect(build(MODES[mode]).metadata.annotations).toEqual({ 'dittofs.dittofs.com/database': identity });
  });
});
