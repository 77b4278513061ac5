/** What stands in the operator's way: it says so, does no harm, and goes on by itself once it is out of the way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crd } from '../../src/api/crd.ts';
import type { DittoServer } from '../../src/api/types.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import { installPerconaCRDs } from '../control-plane/percona.ts';
import {
  condition,
  conditionOf,
  DITTO_SERVER,
  dittoServer,
  eventReasons,
  PERCONA_CLUSTER,
  perconaReady,
  podReady,
  type Spec,
  STATEFUL_SET,
} from './actors.ts';
import { installOperator, type RunningOperator, startOperator } from './installation.ts';

const test = useControlPlane({ beforeControllers: installOperator });
let operator: RunningOperator;
beforeAll(async () => {
  operator = await startOperator(test.controlPlane);
});
afterAll(async () => operator.stop());

async function created(spec: Spec = {}, name = 'files') {
  const { admin } = test.controlPlane;
  const namespace = await admin.createNamespace();
  await admin.create(dittoServer(namespace, name, spec));
  return { admin, namespace };
}

describe("Percona's definitions", () => {
  it('missing, are asked for; installed, are noticed without a restart; removed, are missed', async () => {
    const { admin, namespace } = await created({ percona: { enabled: true } });
    const missing = await conditionOf(admin, namespace, 'files', 'DatabaseReady', { reason: 'PerconaNotInstalled' });
    expect(missing.message).toContain('perconapgclusters.pgv2.percona.com');
    expect(await conditionOf(admin, namespace, 'files', 'Stalled', { status: 'True' })).toBeDefined();
    expect(await admin.find('v1/Service', 'files-api', namespace)).toBeDefined();

    await installPerconaCRDs(admin, '2.9.0');
    await eventually('the PerconaPGCluster', () => admin.find(PERCONA_CLUSTER, 'files-postgres', namespace));
    await perconaReady(admin, namespace, 'files-postgres');
    await eventually('the StatefulSet', () => admin.find(STATEFUL_SET, 'files', namespace));

    await admin.delete('apiextensions.k8s.io/v1/CustomResourceDefinition', 'perconapgclusters.pgv2.percona.com');
    await conditionOf(admin, namespace, 'files', 'DatabaseReady', { reason: 'PerconaNotInstalled' }, 60_000);
    // The server's own pods are left alone.
    expect(await admin.find(STATEFUL_SET, 'files', namespace)).toBeDefined();

    await installPerconaCRDs(admin, '2.9.0');
    await eventually('the PerconaPGCluster again', () => admin.find(PERCONA_CLUSTER, 'files-postgres', namespace), {
      timeoutMs: 60_000,
    });
  });
});

describe('an object of the same name that is not ours', () => {
  it.each([
    ['v1/ConfigMap', 'files-config', { data: { theirs: 'yes' } }],
    ['v1/Service', 'files-api', { spec: { ports: [{ port: 80 }], selector: { theirs: 'yes' } } }],
    ['v1/Secret', 'files-jwt-secret', { stringData: { theirs: 'yes' } }],
    [
      STATEFUL_SET,
      'files',
      {
        spec: {
          serviceName: 'x',
          selector: { matchLabels: { theirs: 'yes' } },
          template: { metadata: { labels: { theirs: 'yes' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
        },
      },
    ],
  ] as const)('%s %s is left alone and named in the status', async (kind, name, fields) => {
    const { admin } = test.controlPlane;
    const namespace = await admin.createNamespace();
    const [apiVersion, kindName] = [kind.slice(0, kind.lastIndexOf('/')), kind.slice(kind.lastIndexOf('/') + 1)];
    await admin.create({ apiVersion, kind: kindName, metadata: { name, namespace }, ...fields });
    await admin.create(dittoServer(namespace, 'files'));
    const { message } = await conditionOf(admin, namespace, 'files', 'ConfigReady', {
      status: 'False',
      reason: 'ObjectNotOurs',
    });
    expect(message).toContain(`${kindName} "${name}"`);
    const there = await admin.get(kind, name, namespace);
    expect(there.metadata.ownerReferences).toBeUndefined();
    expect(there.metadata.managedFields!.map(({ manager }) => manager)).not.toContain('dittofs-operator');
    await eventually(
      'one event',
      async () =>
        (await eventReasons(admin, namespace, 'files')).filter((reason) => reason === 'ObjectNotOurs').length === 1,
    );

    // Out of the way, and the spec touched so that nobody waits a minute for the next try.
    await admin.delete(kind, name, namespace);
    await admin.patch(DITTO_SERVER, 'files', namespace, { spec: { podAnnotations: { again: 'please' } } });
    await conditionOf(admin, namespace, 'files', 'ConfigReady', { status: 'True' });
  });

  it('of another DittoServer is not adopted by its labels', async () => {
    const { admin, namespace } = await created();
    await conditionOf(admin, namespace, 'files', 'ConfigReady', { status: 'True' });
    const service = await admin.get('v1/Service', 'files-api', namespace);
    await admin.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'other-api',
        namespace,
        labels: { ...service.metadata.labels, instance: 'other' },
        ownerReferences: service.metadata.ownerReferences,
      },
      spec: { ports: [{ port: 80 }] },
    });
    await admin.create(dittoServer(namespace, 'other'));
    const { message } = await conditionOf(admin, namespace, 'other', 'ConfigReady', { reason: 'ObjectNotOurs' });
    expect(message).toContain('belongs to DittoServer "files"');
  });
});

describe('another writer', () => {
  it('has its change of our fields undone, and its own fields left', async () => {
    const { admin, namespace } = await created();
    await eventually('the Service', () => admin.find('v1/Service', 'files-api', namespace));
    await admin.patch('v1/Service', 'files-api', namespace, {
      metadata: { annotations: { theirs: 'yes' } },
      spec: { selector: { app: 'mine' }, externalTrafficPolicy: null },
    });
    await eventually('the selector is put back', async () => {
      const { spec } = await admin.get('v1/Service', 'files-api', namespace);
      return (spec!['selector'] as { app: string }).app === 'dittofs-server';
    });
    expect((await admin.get('v1/Service', 'files-api', namespace)).metadata.annotations).toMatchObject({
      theirs: 'yes',
    });
  });

  it('that does not give up is named, and not chased', async () => {
    const { admin, namespace } = await created();
    await eventually('the Service', () => admin.find('v1/Service', 'files-api', namespace));
    const path = await admin.path('v1/Service', namespace);
    const watch = await admin.watch(`${path}?fieldSelector=metadata.name%3Dfiles-api`, ({ object }) => {
      const selector = (object.spec!['selector'] as { app: string }).app;
      if (selector !== 'dittofs-server') return;
      admin.patch('v1/Service', 'files-api', namespace, { spec: { selector: { app: 'mine' } } }).catch(() => undefined);
    });
    try {
      const { message } = await conditionOf(admin, namespace, 'files', 'ConfigReady', { reason: 'WriteRefused' });
      expect(message).toContain('another writer keeps changing spec.selector.app');
    } finally {
      watch.stop();
    }
  });

  it('who deletes an object gets it back', async () => {
    const { admin, namespace } = await created();
    const kinds = [
      ['v1/Service', 'files-headless'],
      ['v1/ConfigMap', 'files-config'],
      ['networking.k8s.io/v1/NetworkPolicy', 'files-baseline'],
      [STATEFUL_SET, 'files'],
    ] as const;
    for (const [kind, name] of kinds) {
      const { metadata } = await eventually(`${kind} ${name}`, () => admin.find(kind, name, namespace));
      await admin.delete(kind, name, namespace);
      await eventually(`another ${name}`, async () => {
        const now = await admin.find(kind, name, namespace);
        return now !== undefined && now.metadata.uid !== metadata.uid;
      });
    }
  });
});

describe('a spec that is wrong', () => {
  it('stored before the rules existed, does no harm and is named in the status', async () => {
    const { admin } = test.controlPlane;
    const namespace = await admin.createNamespace();
    const definition = structuredClone(crd()) as { spec: { versions: { schema: { openAPIV3Schema: object } }[] } };
    // The definition as it was before: the same schema without a rule.
    const strip = (schema: object): void => {
      Reflect.deleteProperty(schema, 'x-kubernetes-validations');
      for (const value of Object.values(schema))
        if (typeof value === 'object' && value !== null) strip(value as object);
    };
    strip(definition.spec.versions[0]!.schema.openAPIV3Schema);
    await admin.apply(definition);
    const long = 'a-name-that-is-far-too-long-for-percona';
    await eventually('a name that the rules refuse is taken', () =>
      admin.create(dittoServer(namespace, long, { percona: { enabled: true } })),
    );
    await admin.apply(crd());

    const invalid = await conditionOf(admin, namespace, long, 'ConfigReady', {
      status: 'False',
      reason: 'InvalidSpec',
    });
    expect(invalid.message).toMatch(/28/);
    await conditionOf(admin, namespace, long, 'Stalled', { status: 'True' });
    expect(await admin.find('v1/ConfigMap', `${long}-config`, namespace)).toBeUndefined();
    await eventually('an event', async () => (await eventReasons(admin, namespace, long)).includes('InvalidSpec'));
    // It is still the user's to mend.
    await admin.patch(DITTO_SERVER, long, namespace, { spec: { percona: { enabled: false } } });
    await conditionOf(admin, namespace, long, 'ConfigReady', { status: 'True' });
  });

  it('is refused by the API server from the start', async () => {
    const { admin } = test.controlPlane;
    const namespace = await admin.createNamespace();
    await expect(admin.create(dittoServer(namespace, 'a'.repeat(29), { percona: { enabled: true } }))).rejects.toThrow(
      /28/,
    );
  });

  it('names a Secret that is not there: the status says which, and it goes on once it is', async () => {
    const { admin, namespace } = await created({
      database: { postgresSecretRef: { name: 'pg', key: 'x' } },
      identity: { jwt: { secretRef: { name: 'jwt', key: 'k' } } },
    });
    const database = await conditionOf(admin, namespace, 'files', 'DatabaseReady', { reason: 'SecretNotFound' });
    expect(database.message).toContain('"pg"');
    const config = await conditionOf(admin, namespace, 'files', 'ConfigReady', { reason: 'SecretNotFound' });
    expect(config.message).toContain('spec.identity.jwt.secretRef');
    await admin.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'pg', namespace },
      stringData: { host: 'h', database: 'd', user: 'u' },
    });
    await conditionOf(admin, namespace, 'files', 'DatabaseReady', { reason: 'SecretIncomplete' });
    await admin.patch('v1/Secret', 'pg', namespace, { stringData: { password: 'p' } });
    await admin.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'jwt', namespace },
      stringData: { k: 'x'.repeat(32) },
    });
    await conditionOf(admin, namespace, 'files', 'DatabaseReady', { status: 'True', reason: 'ExternalPostgreSQL' });
    await podReady(admin, namespace, 'files');
    await conditionOf(admin, namespace, 'files', 'Ready', { status: 'True' });
  });

  it('sets fields without effect and both databases: the status says so', async () => {
    const { admin, namespace } = await created({
      percona: { enabled: true },
      database: { postgresSecretRef: { name: 'pg', key: 'x' } },
      snapshotPolicies: [{ share: '/a', interval: '1h' }],
    });
    const { message } = await conditionOf(admin, namespace, 'files', 'SpecApplied', { status: 'False' });
    expect(message).toContain('spec.snapshotPolicies');
    expect(message).toContain('Percona is used');
    const server = await admin.get<DittoServer>(DITTO_SERVER, 'files', namespace);
    expect(condition(server, 'DatabaseReady')!.message).toContain('postgresSecretRef is ignored');
    await eventually('the events', async () => {
      const reasons = await eventReasons(admin, namespace, 'files');
      return reasons.includes('DatabasePrecedence') && reasons.includes('FieldsWithoutEffect');
    });
  });
});

describe('an admission webhook that does not answer', () => {
  it('is named in the status while it fails, and forgotten once it is gone', async () => {
    const { admin } = test.controlPlane;
    const namespace = await admin.createNamespace();
    await admin.create({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: namespace },
      webhooks: [
        {
          ...{
            name: 'broken.example.com',
            admissionReviewVersions: ['v1'],
            sideEffects: 'None',
            failurePolicy: 'Fail',
          },
          clientConfig: { url: 'https://127.0.0.1:1/', caBundle: '' },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['*'], resources: ['statefulsets'] }],
        },
      ],
    });
    await admin.create(dittoServer(namespace, 'files'));
    const { message } = await conditionOf(admin, namespace, 'files', 'ConfigReady', { reason: 'WriteRefused' }, 60_000);
    expect(message).toMatch(/StatefulSet "files".*broken\.example\.com/);
    await admin.delete('admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration', namespace);
    await conditionOf(admin, namespace, 'files', 'ConfigReady', { status: 'True' }, 60_000);
  });
});

describe('a namespace', () => {
  it('with a quota: the refused object is named, and made once there is room', async () => {
    const { admin } = test.controlPlane;
    const namespace = await admin.createNamespace();
    await admin.create({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small', namespace },
      spec: { hard: { services: '1' } },
    });
    await eventually(
      'the quota counts',
      async () => (await admin.get('v1/ResourceQuota', 'small', namespace)).status?.['used'] !== undefined,
    );
    await admin.create(dittoServer(namespace, 'files'));
    const { message } = await conditionOf(admin, namespace, 'files', 'ConfigReady', { reason: 'WriteRefused' });
    expect(message).toMatch(/Service "files-.*exceeded quota: small/);
    await admin.delete('v1/ResourceQuota', 'small', namespace);
    await admin.patch(DITTO_SERVER, 'files', namespace, { spec: { podAnnotations: { again: 'please' } } });
    await conditionOf(admin, namespace, 'files', 'ConfigReady', { status: 'True' });
  });

  it('that is being deleted is let go without noise', async () => {
    const { admin, namespace } = await created();
    await eventually('the StatefulSet', () => admin.find(STATEFUL_SET, 'files', namespace));
    const before = operator.log.length;
    await admin.delete('v1/Namespace', namespace);
    await admin.gone('v1/Namespace', namespace, undefined, 90_000);
    const noise = operator.log.slice(before).filter(({ level }) => level === 'warn' || level === 'error');
    expect(noise).toEqual([]);
  });
});
