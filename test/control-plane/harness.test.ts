import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient, ApiError, type WatchEvent } from './admin.ts';
import { startControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import { useControlPlane } from './fixture.ts';
import { withLock } from './lock.ts';
import type { KubeObject } from './objects.ts';
import { installPerconaCRDs, perconaCRDVersions } from './percona.ts';

const run = promisify(execFile);

describe('a control plane with the real Percona operator', () => {
  const test = useControlPlane({ operator: true });
  let namespace = '';
  const admin = () => test.controlPlane.admin;

  beforeAll(async () => {
    namespace = await admin().createNamespace('harness');
  });

  it('turns a StatefulSet into a Pod and a claim, and collects the Pod with it', async () => {
    await eventually('the default ServiceAccount', () => admin().find('v1/ServiceAccount', 'default', namespace));
    await admin().create(statefulSet('web', namespace));
    const pod = await eventually('the Pod', () => admin().find('v1/Pod', 'web-0', namespace));
    expect(pod.metadata.ownerReferences).toMatchObject([{ kind: 'StatefulSet', name: 'web' }]);
    await eventually('the claim', () => admin().find('v1/PersistentVolumeClaim', 'data-web-0', namespace));

    await admin().delete('apps/v1/StatefulSet', 'web', namespace);
    await admin().gone('v1/Pod', 'web-0', namespace);
  });

  it('logs who asked for what', async () => {
    const { audit, directory } = test.controlPlane;
    const mark = await audit.mark();
    await admin().apply(configMap('seen', namespace));
    const entry = await eventually('the audit entry', async () =>
      (await audit.since(mark)).find((one) => one.name === 'seen'),
    );
    expect(entry).toMatchObject({
      verb: 'patch',
      resource: 'configmaps',
      subresource: '',
      namespace,
      user: 'admin',
      userAgent: 'test-admin',
      code: 201,
      stage: 'ResponseComplete',
    });
    expect(Math.abs(entry.at.getTime() - Date.now())).toBeLessThan(60_000);
    expect(audit.file).toContain(directory);
  });

  it('logs a watch when it begins and when it ends', async () => {
    const mark = await test.controlPlane.audit.mark();
    const path = `/api/v1/namespaces/${namespace}/configmaps?labelSelector=watched`;
    const watch = await admin().watch(path, () => undefined);
    const stages = async () =>
      (await test.controlPlane.audit.since(mark))
        .filter((one) => one.verb === 'watch' && one.requestURI.includes('labelSelector=watched'))
        .map((one) => one.stage);
    await eventually('the begin', async () => (await stages()).length === 1);
    expect(await stages()).toEqual(['ResponseStarted']);
    watch.stop();
    await watch.ended;
    await eventually('the end', async () => (await stages()).length === 2);
    expect(await stages()).toEqual(['ResponseStarted', 'ResponseComplete']);
  });

  it("lets a ServiceAccount do what its role says and no more, with that ServiceAccount's real token", async () => {
    await admin().applyYaml(
      `
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader}]
`,
      namespace,
    );
    const { url, caFile } = test.controlPlane;
    const token = await admin().serviceAccountToken(namespace, 'reader');
    const reader = new AdminClient({ url, ca: await readFile(caFile, 'utf8'), token, userAgent: 'reader' });
    await eventually('the role counts', () => reader.list('v1/ConfigMap', { namespace }));
    const refused = await reader.list('v1/Secret', { namespace }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ code: 403, reason: 'Forbidden' });
    const entries = await eventually('audited', async () => {
      const all = await test.controlPlane.audit.since();
      return all.some((one) => one.code === 403 && one.userAgent === 'reader') && all;
    });
    expect(entries.find((one) => one.code === 403 && one.userAgent === 'reader')).toMatchObject({
      user: `system:serviceaccount:${namespace}:reader`,
    });
    reader.close();
  });

  it('comes with kubectl and a kubeconfig', async () => {
    const { binaries, kubeconfig } = test.controlPlane;
    const { stdout } = await run(binaries.kubectl, ['--kubeconfig', kubeconfig, 'auth', 'whoami', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ status: { userInfo: { username: 'admin' } } });
  });

  it('patches, and tells conflicts from absence', async () => {
    await admin().apply(configMap('patched', namespace), { fieldManager: 'first' });
    await admin().patch('v1/ConfigMap', 'patched', namespace, { data: { key: 'merged' } });
    expect((await admin().get('v1/ConfigMap', 'patched', namespace)).data).toEqual({ key: 'merged' });
    await admin().patch('v1/ConfigMap', 'patched', namespace, [{ op: 'add', path: '/data/b', value: 'c' }], {
      type: 'json',
    });
    expect((await admin().get('v1/ConfigMap', 'patched', namespace)).data).toEqual({ key: 'merged', b: 'c' });

    const again = admin().apply(configMap('patched', namespace), { fieldManager: 'second', force: false });
    await expect(again).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
    await expect(admin().get('v1/ConfigMap', 'absent', namespace)).rejects.toMatchObject({ code: 404 });
    expect(await admin().find('v1/ConfigMap', 'absent', namespace)).toBeUndefined();
    expect(await admin().find('nowhere.example/v1/Nothing', 'absent', namespace)).toBeUndefined();
    await admin().delete('v1/ConfigMap', 'absent', namespace);
  });

  it("leads from a PerconaPGCluster to a PostgresCluster, a StatefulSet and the user's Secret", async () => {
    await admin().create(perconaPGCluster('demo', namespace));
    const inner = 'postgres-operator.crunchydata.com/v1beta1/PostgresCluster';
    const { metadata } = await eventually('the PostgresCluster', () => admin().find(inner, 'demo', namespace));
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'PerconaPGCluster', name: 'demo' }]);
    const labelSelector = 'postgres-operator.crunchydata.com/cluster=demo';
    await eventually('the StatefulSet', async () => {
      const { items } = await admin().list('apps/v1/StatefulSet', { namespace, labelSelector });
      return items.some((one) => one.metadata.name.startsWith('demo-instance1-'));
    });
    const secret = await eventually('the Secret', () => admin().find('v1/Secret', 'demo-pguser-dittofs', namespace));
    expect(Object.keys(secret.data ?? {})).toEqual(expect.arrayContaining(['host', 'port', 'user', 'password', 'uri']));
    expect(await test.perconaOperator.log()).toContain('PerconaPGCluster');
    await eventually('its status', async () => {
      const cluster = await admin().get('pgv2.percona.com/v2/PerconaPGCluster', 'demo', namespace);
      return cluster.status?.state === 'initializing';
    });
  });

  it('collects what a PerconaPGCluster owns, at once, since its CRD was there first', async () => {
    const owner = await admin().get('pgv2.percona.com/v2/PerconaPGCluster', 'demo', namespace);
    await admin().delete('pgv2.percona.com/v2/PerconaPGCluster', 'demo', namespace, { uid: owner.metadata.uid! });
    await admin().gone('pgv2.percona.com/v2/PerconaPGCluster', 'demo', namespace);
    await admin().gone('postgres-operator.crunchydata.com/v1beta1/PostgresCluster', 'demo', namespace);
    expect(await admin().find('v1/Secret', 'demo-pguser-dittofs', namespace)).toBeDefined();
  });

  it('deletes a namespace with all that is in it', async () => {
    const other = await admin().createNamespace('gone');
    await admin().create(configMap('inside', other));
    await admin().delete('v1/Namespace', other);
    await admin().gone('v1/Namespace', other);
  });
});

describe('an outage of the API server', () => {
  const test = useControlPlane({ controllerManager: false });

  it('refuses connections, and is back on the same address with the same data', async () => {
    const { admin, url } = test.controlPlane;
    await admin.create(configMap('kept', 'default'));
    await test.controlPlane.stopApiServer();
    await expect(admin.get('v1/ConfigMap', 'kept', 'default')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await test.controlPlane.startApiServer();
    await test.controlPlane.startApiServer();
    expect(await admin.get('v1/ConfigMap', 'kept', 'default')).toMatchObject({ data: { key: 'value' } });
    expect(test.controlPlane.url).toBe(url);
  });

  it('ends a watch', async () => {
    const { admin } = test.controlPlane;
    const events: WatchEvent[] = [];
    const watch = await admin.watch('/api/v1/namespaces/default/configmaps', (event) => events.push(event));
    await eventually('the object that is there', () => events.some((event) => event.object.metadata.name === 'kept'));
    await admin.delete('v1/ConfigMap', 'kept', 'default');
    await eventually('the deletion', () => events.some((event) => event.type === 'DELETED'));
    await test.controlPlane.stopApiServer(0);
    await watch.ended;
    await test.controlPlane.startApiServer();
  });

  it('forgets history: old resource versions get 410', async () => {
    const { admin } = test.controlPlane;
    const resourceVersion = await changedSince(admin, 'old');
    expect(await firstOfWatch(admin, resourceVersion)).toMatchObject({ type: 'MODIFIED' });
    await listAt(admin, resourceVersion);
    await test.controlPlane.forgetHistory();
    expect(await firstOfWatch(admin, resourceVersion)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    await expect(listAt(admin, resourceVersion)).rejects.toMatchObject({ code: 410, reason: 'Expired' });
  });
});

describe('an API server without a cache', () => {
  const test = useControlPlane({ controllerManager: false, apiServerFlags: ['--watch-cache=false'] });

  it('answers 410 after a compaction, while it runs', async () => {
    const { admin } = test.controlPlane;
    const resourceVersion = await changedSince(admin, 'old');
    expect(await firstOfWatch(admin, resourceVersion)).toMatchObject({ type: 'MODIFIED' });
    await test.controlPlane.compact();
    expect(await firstOfWatch(admin, resourceVersion)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    await expect(listAt(admin, resourceVersion)).rejects.toMatchObject({ code: 410, reason: 'Expired' });
  });
});

describe("Percona's CRDs", () => {
  const test = useControlPlane({ controllerManager: false });
  const versions = perconaCRDVersions();
  const all = ['2.8.2', '2.9.0', '3.0.0'] as const;

  it.for(all.filter((version) => versions.includes(version)))('of %s are established', async (version) => {
    const { admin } = test.controlPlane;
    await installPerconaCRDs(admin, version);
    const crd = 'apiextensions.k8s.io/v1/CustomResourceDefinition';
    const { metadata } = await admin.get(crd, 'perconapgclusters.pgv2.percona.com');
    expect(metadata.labels).toMatchObject({ 'pgv2.percona.com/version': `v${version}` });
    const { items } = await eventually('a list', () => admin.list('pgv2.percona.com/v2/PerconaPGCluster'));
    expect(items).toEqual([]);
  });

  for (const version of all.filter((one) => !versions.includes(one)))
    it.skip(`of ${version}: not at hand, see DITTOFS_PERCONA_CRDS`, () => undefined);
});

describe('the end of a control plane', () => {
  it('leaves neither a process nor a file', async () => {
    const controlPlane = await startControlPlane();
    const pids = controlPlane.pids();
    expect(pids).toHaveLength(3);
    expect(pids.every(isRunning)).toBe(true);
    await controlPlane.stop();
    await controlPlane.stop();
    expect(pids.filter(isRunning)).toEqual([]);
    expect(existsSync(controlPlane.directory)).toBe(false);
  });

  it.for(['SIGKILL', 'SIGTERM'] as const)('comes too when its program ends by %s', async (signal) => {
    const library = join(import.meta.dirname, 'control-plane.ts');
    const script = `
      import { startControlPlane } from ${JSON.stringify(library)};
      const { pids, directory } = await startControlPlane({ controllerManager: false });
      console.log(JSON.stringify({ pids: pids(), directory }));
      setInterval(() => undefined, 1000);`;
    const program = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve) => createInterface(program.stdout).once('line', resolve));
    const { pids, directory } = JSON.parse(line) as { pids: number[]; directory: string };
    expect(pids.filter(isRunning)).toHaveLength(2);
    program.kill(signal);
    await eventually('all ended', () => pids.filter(isRunning).length === 0, { timeoutMs: 5000 });
    await eventually('its directory is gone', () => !existsSync(directory), { timeoutMs: 5000 });
  });

  it('tells why one does not start', async () => {
    const started = startControlPlane({ apiServerFlags: ['--no-such-flag'] });
    await expect(started).rejects.toThrow(
      /kube-apiserver did not start \(exit code 1\); .*[^]*unknown flag: --no-such-flag/,
    );
  });
});

describe('the lock around builds', () => {
  let folder = '';
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'dittofs-lock-'))));
  afterAll(() => rm(folder, { recursive: true }));

  it('lets one in at a time', async () => {
    let inside = 0;
    const waitedFor: number[] = [];
    const work = async () => {
      inside++;
      expect(inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      inside--;
    };
    const file = join(folder, 'one');
    const wait = (pid: number) => void waitedFor.push(pid);
    await Promise.all([withLock(file, work, wait), withLock(file, work, wait), withLock(file, work, wait)]);
    expect(new Set(waitedFor)).toEqual(new Set([process.pid]));
    expect(existsSync(file)).toBe(false);
  });

  it.for(['a process that has died', 'one that has not been heard of'])('is taken over from %s', async (owner) => {
    const file = join(folder, 'stale');
    const died = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => died.once('close', resolve));
    await writeFile(file, String(owner.includes('died') ? died.pid : process.pid));
    if (!owner.includes('died')) await utimes(file, 0, 0);
    expect(
      await withLock(
        file,
        () => Promise.resolve('done'),
        () => undefined,
      ),
    ).toBe('done');
  });
});

describe('eventually', () => {
  it('fails with the description and the last value or error', async () => {
    const options = { timeoutMs: 60, everyMs: 5 };
    await expect(eventually('it is there', () => undefined, options)).rejects.toThrow(
      'not within 0.06 s: it is there; last value: undefined',
    );
    const failing = () => Promise.reject(new Error('refused'));
    await expect(eventually('it answers', failing, options)).rejects.toThrow('it answers; last error: refused');
  });
});

/** Returns a resource version after which there is a change. */
async function changedSince(admin: AdminClient, name: string): Promise<string> {
  const { metadata } = await admin.create(configMap(name, 'default'));
  await admin.patch('v1/ConfigMap', name, 'default', { data: { key: 'newer' } });
  return metadata.resourceVersion!;
}

function listAt(admin: AdminClient, resourceVersion: string): Promise<unknown> {
  return admin.list('v1/ConfigMap', {
    namespace: 'default',
    query: { resourceVersion, resourceVersionMatch: 'Exact' },
  });
}

async function firstOfWatch(admin: AdminClient, resourceVersion: string): Promise<WatchEvent> {
  const path = `/api/v1/namespaces/default/configmaps?resourceVersion=${resourceVersion}`;
  const first = Promise.withResolvers<WatchEvent>();
  const watch = await admin.watch(path, first.resolve);
  const event = await first.promise;
  watch.stop();
  return event;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function configMap(name: string, namespace: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { key: 'value' } };
}

function statefulSet(name: string, namespace: string): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name, namespace },
    spec: {
      serviceName: name,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name, image: 'localhost/nothing' }] } },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    },
  };
}

function perconaPGCluster(name: string, namespace: string): object {
  return {
    apiVersion: 'pgv2.percona.com/v2',
    kind: 'PerconaPGCluster',
    metadata: { name, namespace },
    spec: {
      crVersion: '2.9.0',
      postgresVersion: 16,
      image: 'localhost/postgres:16',
      instances: [
        {
          name: 'instance1',
          replicas: 1,
          dataVolumeClaimSpec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
      users: [{ name: 'dittofs', databases: ['dittofs'], password: { type: 'AlphaNumeric' } }],
      proxy: { pgBouncer: { image: 'localhost/pgbouncer:1', replicas: 0 } },
      backups: { enabled: false, pgbackrest: { image: 'localhost/pgbackrest:2' } },
    },
  };
}
