import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyDefaults } from '../../src/api/apply-defaults.ts';
import { crd } from '../../src/api/crd.ts';
import { checkRules } from '../../src/api/validate.ts';
import { useControlPlane } from '../control-plane/fixture.ts';
import type { KubeObject } from '../control-plane/objects.ts';
import { servers } from './arbitrary.ts';
import { server, transitionCases, validCases, type TestServer } from './rule-cases.ts';
import { complaints, crdWithoutRules, DITTO_SERVER, install, messages, tryCreate, tryUpdate } from './verdict.ts';

/** Enough to meet every rule on both sides many times; the same pairs each time. */
const SAMPLES = { numRuns: 150, seed: 20261121 };

const STATUS = { phase: 'Pending' } as const;

describe('kube-apiserver and checkRules', () => {
  const test = useControlPlane({ controllerManager: false });

  /** Puts objects in place while there are no rules, as if they had come before. */
  async function stored(objects: TestServer[]): Promise<KubeObject[]> {
    const { admin } = test.controlPlane;
    await install(admin, crdWithoutRules(), false);
    const created: KubeObject[] = [];
    for (const object of objects) {
      const { metadata } = await admin.create(object);
      created.push(
        await admin.patch(DITTO_SERVER, metadata.name, 'default', { status: STATUS }, { subresource: 'status' }),
      );
    }
    await install(admin, crd(), true);
    return created;
  }

  describe('agree at creation', () => {
    beforeAll(() => install(test.controlPlane.admin, crd(), true));

    it.each(validCases)('on $rule', async ({ accepted, refused }) => {
      const { admin } = test.controlPlane;
      for (const object of accepted) {
        expect(complaints(await tryCreate(admin, object)), JSON.stringify(object)).toEqual([]);
      }
      for (const object of refused) {
        const said = complaints(await tryCreate(admin, object));
        expect(said, JSON.stringify(object)).not.toEqual([]);
        expect(said).toEqual(messages(checkRules(applyDefaults(object))));
      }
    });

    it('on generated objects', async () => {
      const { admin } = test.controlPlane;
      await fc.assert(
        fc.asyncProperty(servers(), async (object) => {
          const said = complaints(await tryCreate(admin, object));
          expect(said).toEqual(messages(checkRules(applyDefaults(object))));
        }),
        SAMPLES,
      );
    });

    it('also when the new object comes with a status', async () => {
      const object = { ...server({ image: 'not an image' }), status: STATUS };
      expect(complaints(await tryCreate(test.controlPlane.admin, object))).toHaveLength(1);
      const empty = { ...server({ image: 'not an image' }), status: {} };
      expect(complaints(await tryCreate(test.controlPlane.admin, empty))).toHaveLength(1);
    });
  });

  describe('agree on updates', () => {
    async function compare(pairs: (readonly [old: TestServer, now: TestServer])[]): Promise<string[][]> {
      const { admin } = test.controlPlane;
      const olds = await stored(pairs.map(([old], index) => named(old, index)));
      const verdicts: string[][] = [];
      for (const [index, [, now]] of pairs.entries()) {
        const old = olds[index]!;
        const next = { ...old, spec: now.spec };
        const said = complaints(await tryUpdate(admin, old.metadata.name, next));
        expect(said, JSON.stringify([old.spec, now.spec])).toEqual(messages(checkRules(applyDefaults(next), old)));
        verdicts.push(said);
      }
      for (const { metadata } of olds) await admin.delete(DITTO_SERVER, metadata.name, 'default');
      return verdicts;
    }

    it('on each transition', async () => {
      const accepted = transitionCases.flatMap((one) => one.accepted);
      const refused = transitionCases.flatMap((one) => one.refused);
      const verdicts = await compare([...accepted, ...refused]);
      expect(verdicts.slice(0, accepted.length).filter((said) => said.length > 0)).toEqual([]);
      expect(verdicts.slice(accepted.length).filter((said) => said.length === 0)).toEqual([]);
    });

    it('on each statement on one object, from right to wrong and from wrong to wrong', async () => {
      const right = server();
      const inSpec = validCases.filter(({ refused }) => refused[0]?.metadata.name === right.metadata.name);
      const wrong = inSpec.flatMap(({ refused }) => refused).filter((object) => object.spec);
      await compare(wrong.map((object) => [right, object]));
      await compare(wrong.map((object) => [object, object]));
    });

    it('on generated pairs', async () => {
      const { numRuns, seed } = SAMPLES;
      await compare(fc.sample(fc.tuple(servers(fc.constant('x')), servers(fc.constant('x'))), { numRuns, seed }));
    });
  });
});

/** Names that no rule minds; what rules say of names is tested at creation, they cannot change. */
function named(object: TestServer, index: number): TestServer {
  return { ...object, metadata: { ...object.metadata, name: `pair-${index}` } };
}
