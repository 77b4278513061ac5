/** What was made, as a tree: who owns whom. */
import type { KubeObject } from '../../src/kube/objects.ts';

/** An object with what hangs below it. */
export interface Node {
  object: KubeObject;
  children: Node[];
  /** Why it hangs there when it has no owner: what it says itself in its labels. */
  remark?: string;
}

const PERCONA_CLUSTER_LABEL = 'postgres-operator.crunchydata.com/cluster';
const INSTANCE_LABEL = 'instance';
/** The order of kinds in the tree; others come after, by name. */
const ORDER = [
  'PerconaPGCluster',
  'PostgresCluster',
  'StatefulSet',
  'Deployment',
  'Pod',
  'PersistentVolumeClaim',
  'Service',
  'ConfigMap',
  'Secret',
];

/**
 * Puts `root` over everything that it owns, directly or not. What has no owner on purpose, such as the credentials that
 * outlive their database, hangs where its labels say.
 */
export function ownershipTree(root: KubeObject, objects: readonly KubeObject[]): Node {
  const top: Node = { object: root, children: [] };
  const nodes = new Map<string | undefined, Node>();
  for (const object of objects) nodes.set(object.metadata.uid, { object, children: [] });
  nodes.set(root.metadata.uid, top);
  const named = (kind: string, name: string | undefined) =>
    [...nodes.values()].find(({ object }) => object.kind === kind && object.metadata.name === name);
  for (const node of nodes.values()) {
    if (node === top) continue;
    const owner = node.object.metadata.ownerReferences?.map(({ uid }) => nodes.get(uid)).find(Boolean);
    const labels = node.object.metadata.labels ?? {};
    const kin = named('PerconaPGCluster', labels[PERCONA_CLUSTER_LABEL]) ?? named(root.kind, labels[INSTANCE_LABEL]);
    if (kin && !node.object.metadata.ownerReferences?.length) node.remark = 'no owner: stays when the others go';
    (owner ?? kin)?.children.push(node);
  }
  return top;
}

/** How many objects the tree has. */
export function count(node: Node): number {
  return 1 + node.children.reduce((sum, child) => sum + count(child), 0);
}

/** The tree in lines, `Kind/name` each, with a word on how it is where that is known. */
export function draw(node: Node, dim: (text: string) => string): string[] {
  const words = [state(node.object), node.remark].filter((word) => word !== undefined).join('; ');
  const line = `${node.object.kind}/${node.object.metadata.name}${words === '' ? '' : dim(`  ${words}`)}`;
  const children = [...node.children].sort(byKind);
  return [
    line,
    ...children.flatMap((child, index) => {
      const last = index === children.length - 1;
      const [first = '', ...rest] = draw(child, dim);
      return [`${last ? '└─' : '├─'} ${first}`, ...rest.map((below) => `${last ? '  ' : '│ '} ${below}`)];
    }),
  ];
}

function byKind(one: Node, other: Node): number {
  const rank = ({ object }: Node) => {
    const index = ORDER.indexOf(object.kind);
    return index === -1 ? ORDER.length : index;
  };
  const key = ({ object }: Node) => `${object.kind} ${object.metadata.name}`;
  return rank(one) - rank(other) || key(one).localeCompare(key(other));
}

function state({ kind, spec, status }: KubeObject): string | undefined {
  const { phase, state: word, readyReplicas = 0 } = (status ?? {}) as Record<string, unknown>;
  const { replicas } = (spec ?? {}) as Record<string, unknown>;
  if (kind === 'StatefulSet' || kind === 'Deployment') return `${String(readyReplicas)} of ${String(replicas)} ready`;
  const said = phase ?? word;
  return typeof said === 'string' ? said : undefined;
}
