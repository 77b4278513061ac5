import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { crd, printCrd } from '../../src/api/crd.ts';
import { validateSchema } from '../../src/api/validate-schema.ts';
import { checkRules } from '../../src/api/validate.ts';
import { applyDefaults } from '../../src/api/apply-defaults.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import type { KubeObject } from '../control-plane/objects.ts';
import { server } from './rule-cases.ts';
import { complaints, crdWithoutRules, DITTO_SERVER, install, tryUpdate } from './verdict.ts';

const CRD = 'apiextensions.k8s.io/v1/CustomResourceDefinition';

describe('the CRD in a real API server', () => {
  const test = useControlPlane({ controllerManager: false });

  it('is accepted as it is printed, without a warning', async () => {
    const { admin } = test.controlPlane;
    const path = `${await admin.path(CRD, undefined, crd().metadata.name)}?fieldManager=test&fieldValidation=Strict`;
    const { status, headers, body } = await admin.raw('PATCH', path, printCrd(), 'application/apply-patch+yaml');
    expect(status, JSON.stringify(body)).toBe(201);
    expect(headers.warning).toBeUndefined();
    await install(admin, crd(), true);
    const { status: found } = await admin.get(CRD, crd().metadata.name);
    const conditions = found?.['conditions'] as { type: string; status: string }[];
    // A schema that is not structural is still accepted, and said so here only.
    expect(conditions.filter(({ type }) => type === 'NonStructuralSchema')).toEqual([]);
  });

  it('fills in the defaults that applyDefaults does', async () => {
    const { admin } = test.controlPlane;
    for (const object of await manifests()) {
      const stored = await admin.create({ ...object, metadata: { ...object.metadata, namespace: 'default' } });
      expect(stored.spec, object.metadata.name).toEqual(applyDefaults(object).spec);
      await admin.delete(DITTO_SERVER, object.metadata.name, 'default');
    }
  });

  it('prints columns that say whether the server works', async () => {
    const { admin } = test.controlPlane;
    await admin.create(server({}, 'columns'));
    const condition = { observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z' };
    const status = {
      phase: 'Running',
      availableReplicas: 1,
      conditions: [
        { ...condition, type: 'Ready', status: 'True', reason: 'Serving', message: 'All is well' },
        { ...condition, type: 'DatabaseReady', status: 'True', reason: 'PostgreSQLReady', message: '' },
      ],
    };
    await admin.patch(DITTO_SERVER, 'columns', 'default', { status }, { subresource: 'status' });
    const { rows, columnDefinitions } = await table(test.controlPlane);
    const names = columnDefinitions.map(({ name }) => name);
    const row = rows.find(({ cells }) => cells[0] === 'columns')!;
    const cells = Object.fromEntries(names.map((name, index) => [name, row.cells[index]]));
    expect(cells).toMatchObject({
      Ready: 'True',
      Reason: 'Serving',
      Database: 'PostgreSQLReady',
      Status: 'Running',
      Replicas: 1,
      Available: 1,
      Message: 'All is well',
    });
    expect(names.slice(0, 5)).toEqual(['Name', 'Ready', 'Reason', 'Database', 'Status']);
  });

  it.each(['ditto', 'dittofs', 'dittoservers'])('is found as %s', async (name) => {
    const { admin } = test.controlPlane;
    const { body } = await admin.raw('GET', '/apis/dittofs.dittofs.com/v1alpha1');
    const { resources } = body as { resources: { name: string; shortNames?: string[] }[] };
    expect(resources.some((one) => one.name === name || one.shortNames?.includes(name))).toBe(true);
  });

  it('accepts manifests written for the Go operator, of today and of its first days', async () => {
    const { admin } = test.controlPlane;
    const objects = await manifests();
    expect(objects.length).toBeGreaterThan(4);
    for (const object of objects) {
      const path = `${await admin.path(DITTO_SERVER, 'default')}?dryRun=All&fieldValidation=Strict`;
      const { status, headers, body } = await admin.raw('POST', path, object);
      expect(status, `${object.metadata.name}: ${JSON.stringify(body)}`).toBe(201);
      expect(headers.warning, object.metadata.name).toBeUndefined();
      expect(validateSchema(object), object.metadata.name).toEqual([]);
      expect(checkRules(applyDefaults(object)), object.metadata.name).toEqual([]);
    }
  });
});

describe('an object stored before the rules', () => {
  const test = useControlPlane({ controllerManager: false });
  const bad = {
    image: 'not an image',
    metrics: { enabled: true, port: 8080 },
    percona: { enabled: true, storageSize: '0' },
  };
  let object: KubeObject;

  beforeAll(async () => {
    const { admin } = test.controlPlane;
    await install(admin, crdWithoutRules(), false);
    const named = server(bad, 'from-before-with-a-name-that-is-too-long-for-postgresql');
    object = await admin.create({
      ...named,
      metadata: { ...named.metadata, finalizers: ['dittofs.dittofs.com/finalizer'] },
    });
    await admin.create({ ...server({}, 'empty-before'), spec: undefined });
    await install(admin, crd(), true);
  });

  const name = () => object.metadata.name;

  it('gets its first status', async () => {
    const { admin } = test.controlPlane;
    for (const one of [name(), 'empty-before']) {
      const status = { phase: 'Pending' };
      object = await admin.patch(DITTO_SERVER, one, 'default', { status }, { subresource: 'status' });
      expect(object.status).toEqual(status);
    }
    object = await admin.get(DITTO_SERVER, 'from-before-with-a-name-that-is-too-long-for-postgresql', 'default');
  });

  it('can be edited elsewhere', async () => {
    const { admin } = test.controlPlane;
    const spec = { ...object.spec, replicas: 0, podLabels: { team: 'a' } };
    expect(complaints(await tryUpdate(admin, name(), { ...object, spec }))).toEqual([]);
  });

  it('can be made better, a field at a time', async () => {
    const { admin } = test.controlPlane;
    const spec = { ...object.spec, image: 'dittofs:1' };
    expect(complaints(await tryUpdate(admin, name(), { ...object, spec }))).toEqual([]);
  });

  it('cannot be made worse', async () => {
    const { admin } = test.controlPlane;
    const spec = { ...object.spec, controlPlane: { clientCASecretName: 'ca' } };
    const said = complaints(await tryUpdate(admin, name(), { ...object, spec }));
    expect(said).toEqual([expect.stringContaining('clientCASecretName')]);
  });

  it('cannot become wrong again once it is right', async () => {
    const { admin } = test.controlPlane;
    const right = await admin.patch(DITTO_SERVER, name(), 'default', { spec: { image: 'dittofs:1' } });
    const spec = { ...right.spec, image: 'not an image' };
    expect(complaints(await tryUpdate(admin, name(), { ...right, spec }))).toHaveLength(1);
  });

  it('lets its finalizers go', async () => {
    const { admin } = test.controlPlane;
    await admin.delete(DITTO_SERVER, name(), 'default');
    await admin.patch(DITTO_SERVER, name(), 'default', { metadata: { finalizers: null } });
    await admin.gone(DITTO_SERVER, name(), 'default');
    await admin.delete(DITTO_SERVER, 'empty-before', 'default');
    await admin.gone(DITTO_SERVER, 'empty-before', 'default');
  });
});

async function manifests(): Promise<KubeObject[]> {
  const text = await readFile(new URL('manifests.yaml', import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

interface Table {
  columnDefinitions: { name: string }[];
  rows: { cells: unknown[] }[];
}

/** The list as kubectl asks for it. */
async function table({ url, adminToken, caFile }: { url: string; adminToken: string; caFile: string }): Promise<Table> {
  const { request } = await import('node:https');
  const ca = await readFile(caFile);
  return new Promise((resolve, reject) => {
    request(
      `${url}/apis/dittofs.dittofs.com/v1alpha1/namespaces/default/dittoservers`,
      {
        ca,
        headers: { authorization: `Bearer ${adminToken}`, accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(JSON.parse(text) as Table));
      },
    )
      .on('error', reject)
      .end();
  });
}
