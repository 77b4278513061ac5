import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as resources from '../controller/resources.ts';
import { CLUSTER_RULES, LEASE_RULES, printClusterWideRbac, printNamespacedRbac, WATCHED_RULES } from './rbac.ts';

const rules = [...WATCHED_RULES, ...CLUSTER_RULES, ...LEASE_RULES];

describe('the rights', () => {
  it('are for named resources and verbs, each with a reason', () => {
    const verbs = new Set(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']);
    for (const { because, rule } of rules) {
      expect(because).not.toBe('');
      expect([...rule.apiGroups, ...rule.resources, ...rule.verbs]).not.toContain('*');
      expect(rule.verbs.filter((verb) => !verbs.has(verb))).toEqual([]);
    }
  });

  it('let the operator watch everything that it reads', () => {
    const kinds = Object.values(resources).filter((one) => typeof one === 'object');
    expect(kinds.length).toBeGreaterThan(8);
    for (const { group, plural } of kinds) {
      const rule = rules.find(({ rule: one }) => one.apiGroups.includes(group) && one.resources.includes(plural));
      expect(rule?.rule.verbs, plural).toEqual(expect.arrayContaining(['get', 'list', 'watch']));
    }
  });

  it('never let it delete what holds data', () => {
    for (const resource of ['secrets', 'persistentvolumeclaims', 'statefulsets', 'dittoservers']) {
      const verbs = rules.filter(({ rule }) => rule.resources.includes(resource)).flatMap(({ rule }) => rule.verbs);
      expect(verbs).not.toContain('delete');
    }
  });

  const objects = (text: string) =>
    [parseAllDocuments(text)]
      .flat()
      .map((document) => document.toJS() as { kind: string; metadata: { namespace?: string } });

  it('are YAML with the reasons as comments', () => {
    const text = printClusterWideRbac('ops');
    expect(objects(text).map(({ kind }) => kind)).toEqual([
      'ServiceAccount',
      'ClusterRole',
      'ClusterRoleBinding',
      'Role',
      'RoleBinding',
    ]);
    expect(text).toContain("# The server's configuration file.\n");
  });

  it('can be limited to namespaces', () => {
    const list = objects(printNamespacedRbac('ops', ['a', 'b']));
    expect(list.filter(({ kind }) => kind === 'Role').map(({ metadata }) => metadata.namespace)).toEqual([
      'a',
      'b',
      'ops',
    ]);
    expect(list.filter(({ kind }) => kind === 'ClusterRole')).toHaveLength(1);
  });
});
