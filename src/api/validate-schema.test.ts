import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { servers } from '../../test/api/arbitrary.ts';
import { server } from '../../test/api/rule-cases.ts';
import { applyDefaults } from './apply-defaults.ts';
import { validateSchema } from './validate-schema.ts';

describe('validateSchema', () => {
  it('accepts what it should, with and without defaults', () => {
    fc.assert(
      fc.property(servers(), (object) => {
        expect(validateSchema(object)).toEqual([]);
        expect(validateSchema(applyDefaults(object))).toEqual([]);
      }),
    );
  });

  it.each([
    ['a misspelled field', server({ percona: { enable: true } }), 'spec.percona.enable', /did you mean enabled\?/],
    ['a field in the wrong case', server({ nodeselector: {} }), 'spec.nodeselector', /did you mean nodeSelector\?/],
    ['a field unlike any other', server({ zookeeper: 1 }), 'spec.zookeeper', /not a field of the DittoServer$/],
    [
      'a field inside a list',
      server({ snapshotPolicies: [{ share: 'a', interval: '1h', tll: '1h' }] }),
      'spec.snapshotPolicies[0].tll',
      /ttl/,
    ],
    ['a missing field', server({ storage: {} }), 'spec.storage.metadataSize', /is missing/],
    ['a wrong type', server({ replicas: '1' }), 'spec.replicas', /must be integer/],
    ['a number out of range', server({ replicas: 2 }), 'spec.replicas', /<= 1/],
    [
      'a value that is none of the possible ones',
      server({ service: { type: 'External' } }),
      'spec.service.type',
      /ClusterIP, NodePort, LoadBalancer/,
    ],
    ['a wrong pattern', server({ storage: { metadataSize: '10G' } }), 'spec.storage.metadataSize', /pattern/],
    [
      'a quantity that is none',
      server({ resources: { limits: { memory: '1GB' } } }),
      'spec.resources.limits.memory',
      /pattern/,
    ],
    ['another kind', { ...server(), kind: 'DittoCluster' }, 'kind', /must be DittoServer/],
    ['another version', { ...server(), apiVersion: 'v1' }, 'apiVersion', /v1alpha1/],
    ['a number that is no int32', server({ nfsPort: 2 ** 40 }), 'spec.nfsPort', /./],
  ])('tells %s', (_, object, path, message) => {
    const problems = validateSchema(object);
    expect(problems.map((problem) => problem.path)).toContain(path);
    expect(problems.find((problem) => problem.path === path)?.message).toMatch(message);
  });

  it('lets through what Kubernetes checks itself', () => {
    expect(
      validateSchema(
        server({
          affinity: { nodeAffinity: { anything: 1 } },
          tolerations: [{ key: 'a', operator: 'Exists' }],
          securityContext: { runAsUser: 1 },
          networkPolicy: { from: [{ podSelector: {} }] },
          smb: { enabled: true, port: 445 },
          resources: { requests: { cpu: 1, memory: '1Gi' } },
          podLabels: { a: 'b' },
        }),
      ),
    ).toEqual([]);
    expect(validateSchema({ ...server(), metadata: { name: 'a', labels: { a: 'b' } } })).toEqual([]);
  });

  it('does not stumble over something that is no object', () => {
    for (const value of [null, 1, 'text', [], { spec: [] }]) expect(validateSchema(value).length).toBeGreaterThan(0);
  });
});
