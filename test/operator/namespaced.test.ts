/** The operator with rights in one namespace alone: the least that works. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { crd } from '../../src/api/crd.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import { conditionOf, DITTO_SERVER, dittoServer, PERCONA_CLUSTER, perconaReady, podReady } from './actors.ts';
import { startOperator } from './installation.ts';

const RBAC = new URL('../../deploy/rbac-namespaced.yaml', import.meta.url);

const test = useControlPlane({
  percona: '2.9.0',
  beforeControllers: async ({ admin }) => {
    await admin.apply(crd());
    await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'dittofs-system' } });
    for (const document of parseAllDocuments(await readFile(RBAC, 'utf8'))) {
      const object = document.toJS() as { kind: string } | null;
      // The rights on the whole cluster may be left out, says the file.
      if (object && !object.kind.startsWith('ClusterRole')) await admin.apply(object);
    }
  },
});

it('serves that namespace, without any right on the cluster, and looks at no other', async () => {
  const { admin, audit } = test.controlPlane;
  const operator = await startOperator(test.controlPlane, { namespaces: ['default'] });
  try {
    const elsewhere = await admin.createNamespace();
    await admin.create(dittoServer(elsewhere, 'files'));
    await admin.create(dittoServer('default', 'files', { percona: { enabled: true } }));
    await eventually('the PerconaPGCluster', () => admin.find(PERCONA_CLUSTER, 'files-postgres', 'default'));
    await perconaReady(admin, 'default', 'files-postgres');
    await podReady(admin, 'default', 'files');
    await conditionOf(admin, 'default', 'files', 'Ready', { status: 'True' });
    expect((await admin.get(DITTO_SERVER, 'files', elsewhere)).status).toBeUndefined();
    const refused = (await audit.since()).filter(
      ({ userAgent, code }) => userAgent.startsWith('dittofs-operator/') && code === 403,
    );
    // Asked once, and taken for an answer.
    expect(refused.filter(({ stage }) => stage === 'ResponseComplete').map(({ resource }) => resource)).toEqual([
      'customresourcedefinitions',
    ]);
  } finally {
    await operator.stop();
  }
});
