/** The operator on a cluster that does not know its resource yet. */
import { expect, it } from 'vitest';
import { crd } from '../../src/api/crd.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import { conditionOf, dittoServer } from './actors.ts';
import { createOperator, installRights } from './installation.ts';

const test = useControlPlane({ beforeControllers: installRights });

it('is not ready and says what to install, and works as soon as it is there', async () => {
  const { admin } = test.controlPlane;
  const { operator, stop } = await createOperator(test.controlPlane);
  try {
    await eventually('the sentence', () =>
      operator.readiness().problems.some((problem) => problem.includes('dittofs-operator crd')),
    );
    await admin.apply(crd());
    await eventually('it is ready', () => operator.readiness().ready, { timeoutMs: 60_000 });
    const namespace = await admin.createNamespace();
    await eventually('a server', () => admin.create(dittoServer(namespace, 'files')));
    expect(await conditionOf(admin, namespace, 'files', 'ConfigReady', { status: 'True' })).toBeDefined();
  } finally {
    await stop();
  }
});
