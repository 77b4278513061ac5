import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controllerOf } from './objects.ts';
import { apiVersionOf, resourceName, resourcePath } from './resource.ts';
import { isOlderVersion } from './resource-version.ts';

const secrets = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
const sets = { group: 'apps', version: 'v1', plural: 'statefulsets', kind: 'StatefulSet', namespaced: true };
const nodes = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };

describe('resourcePath', () => {
  it('names collections, objects and subresources', () => {
    expect(resourcePath(secrets)).toBe('/api/v1/secrets');
    expect(resourcePath(secrets, { namespace: 'a', name: 'b' })).toBe('/api/v1/namespaces/a/secrets/b');
    expect(resourcePath(sets, { namespace: 'a', name: 'b', subresource: 'status' })).toBe(
      '/apis/apps/v1/namespaces/a/statefulsets/b/status',
    );
    expect(resourcePath(nodes, { name: 'b' })).toBe('/api/v1/nodes/b');
  });

  it('cannot be led to another path by a name', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        let path: string;
        try {
          path = resourcePath(secrets, { namespace: 'a', name });
        } catch {
          return;
        }
        expect(new URL(path, 'http://x').pathname.split('/').slice(0, 6).join('/')).toBe(
          '/api/v1/namespaces/a/secrets',
        );
        expect(path.split('/')).toHaveLength(7);
        expect(new URL(path, 'http://x').search).toBe('');
      }),
    );
  });

  it.each(['', '.', '..'])('refuses the name %j, which would mean another path', (name) => {
    expect(() => resourcePath(secrets, { namespace: 'a', name })).toThrow('not a name');
    expect(() => resourcePath(secrets, { namespace: name })).toThrow('not a namespace');
  });

  it('refuses a namespace that the scope does not have, and a missing one', () => {
    expect(() => resourcePath(nodes, { namespace: 'a' })).toThrow('nodes has no namespaces');
    expect(() => resourcePath(secrets, { name: 'a' })).toThrow('without its namespace');
  });
});

it('names of a resource', () => {
  expect([apiVersionOf(sets), apiVersionOf(nodes)]).toEqual(['apps/v1', 'v1']);
  expect([resourceName(sets), resourceName(nodes)]).toEqual(['statefulsets.apps', 'nodes']);
});

it('the controlling owner is not just any owner', () => {
  const owner = { apiVersion: 'v1', kind: 'A', name: 'a', uid: '1' };
  const metadata = { name: 'x', ownerReferences: [owner, { ...owner, uid: '2', controller: true }] };
  expect(controllerOf({ metadata })?.uid).toBe('2');
  expect(controllerOf({ metadata: { name: 'x', ownerReferences: [owner] } })).toBeUndefined();
});

describe('isOlderVersion', () => {
  it('orders versions beyond the precision of numbers', () => {
    const version = fc.bigInt({ min: 1n, max: 2n ** 80n });
    fc.assert(
      fc.property(version, version, (one, other) => {
        expect(isOlderVersion(String(one), String(other))).toBe(one < other);
      }),
    );
    expect(isOlderVersion('9007199254740992', '9007199254740993')).toBe(true);
  });

  it('takes no side on versions of another form', () => {
    expect(isOlderVersion('abc', '1')).toBe(false);
    expect(isOlderVersion('1', 'abc')).toBe(false);
    expect(isOlderVersion('', '5')).toBe(false);
  });
});
