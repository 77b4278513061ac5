import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differences } from './difference.ts';

describe('differences', () => {
  it.each<[string, unknown, unknown, string[]]>([
    ['what the API server adds', { a: 1 }, { a: 1, b: 2 }, []],
    ['a value', { a: { b: 1 } }, { a: { b: 2 } }, ['a.b']],
    ['a missing block', { a: { b: 1 } }, {}, ['a']],
    ['an empty block', { a: {}, b: [] }, {}, []],
    ['what Kubernetes leaves out', { a: '', b: false, c: 0, d: null }, {}, []],
    ['what it does not leave out', { a: true, b: 'x', c: 1 }, {}, ['a', 'b', 'c']],
    ['a quantity written otherwise', { resources: { limits: { cpu: '1000m', memory: '1024Mi' } } }, { resources: { limits: { cpu: '1', memory: '1Gi' } } }, []],
    ['a number for a quantity', { requests: { cpu: 1 } }, { requests: { cpu: '1' } }, []],
    ['another quantity', { requests: { cpu: '1' } }, { requests: { cpu: '2' } }, ['requests.cpu']],
    ['texts that only look like quantities', { data: { x: '1000m' } }, { data: { x: '1' } }, ['data.x']],
    ['a foreign entry in a list with keys', { containers: [{ name: 'a', image: '1' }] }, { containers: [{ name: 'x' }, { name: 'a', image: '1' }] }, []],
    ['an entry of ours in it', { containers: [{ name: 'a', image: '1' }] }, { containers: [{ name: 'a', image: '2' }] }, ['containers[a].image']],
    ['an entry of ours that is gone', { env: [{ name: 'A', value: '1' }] }, { env: [] }, ['env[A]']],
    ['a foreign entry in a plain list', { args: ['a'] }, { args: ['a', 'b'] }, ['args']],
    ['the order of a plain list', { args: ['a', 'b'] }, { args: ['b', 'a'] }, ['args[0]', 'args[1]']],
    ['ports without names', { ports: [{ port: 1 }] }, { ports: [{ port: 1, protocol: 'TCP' }] }, []],
    ['a list that is no list', { args: ['a'] }, { args: 'a' }, ['args']],
  ])('tells %s', (_, intent, observed, paths) => {
    expect(differences(intent, observed)).toEqual(paths);
  }); // prettier-ignore

  it('finds none between a thing and itself, and some after any change of a leaf', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.string({ minLength: 1 }), { minKeys: 1 }),
        (object) => {
          expect(differences(object, structuredClone(object))).toEqual([]);
          const [field = ''] = Object.keys(object);
          expect(differences(object, { ...object, [field]: `${object[field] ?? ''}!` })).toEqual([field]);
        },
      ),
    );
  });
});
