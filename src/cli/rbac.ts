/** What the operator may do, once: the least that its code needs, each rule with its reason. Pure. */
import { Document, isMap, isSeq } from 'yaml';
import { CRD_NAME, GROUP, PLURAL } from '../api/names.ts';

export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

/** A rule and why it is there. */
export interface ReasonedRule {
  because: string;
  rule: PolicyRule;
}

const NAME = 'dittofs-operator';
const LEADER_ELECTION = `${NAME}-leader-election`;
const DEFINITIONS = `${NAME}-definitions`;
const NAMESPACE = 'dittofs-system';
const LEASE = NAME;
const READ = ['get', 'list', 'watch'];

const rule = (because: string, group: string, resources: string[], verbs: string[], resourceNames?: string[]) => ({
  because,
  rule: { apiGroups: [group], resources, ...(resourceNames && { resourceNames }), verbs },
});

/** What it needs in every namespace that it watches. */
export const WATCHED_RULES: readonly ReasonedRule[] = [
  rule(
    'The resource itself. Patched only to take off a finalizer that another operator for it left behind.',
    GROUP,
    [PLURAL],
    [...READ, 'patch'],
  ),
  rule('Its status, the only part that is written regularly.', GROUP, [`${PLURAL}/status`], ['patch']),
  rule(
    'Owner references with blockOwnerDeletion: the admission plug-in OwnerReferencesPermissionEnforcement asks for it.',
    GROUP,
    [`${PLURAL}/finalizers`],
    ['update'],
  ),
  rule(
    'The server. Server-side apply needs patch, and create the first time. Never deleted: the garbage collector does it.',
    'apps',
    ['statefulsets'],
    [...READ, 'create', 'patch'],
  ),
  rule("The server's configuration file.", '', ['configmaps'], [...READ, 'create', 'patch']),
  rule(
    "The server's Services. The one of the metrics is deleted when they are switched off.",
    '',
    ['services'],
    [...READ, 'create', 'patch', 'delete'],
  ),
  rule(
    'Traffic to the server. Deleted when the policy is switched off.',
    'networking.k8s.io',
    ['networkpolicies'],
    [...READ, 'create', 'patch', 'delete'],
  ),
  rule(
    'Secrets with our label, those that a DittoServer names, and those with the credentials and certificates of the ' +
      "database. RBAC cannot narrow that down, since names and labels are the users' choice; the operator asks for " +
      'single names and for label selectors only. Created are the JWT and admin Secrets; patched are only their labels.',
    '',
    ['secrets'],
    [...READ, 'create', 'patch'],
  ),
  rule(
    "The server's volumes: patched to grow them. Never created (the StatefulSet does) and never deleted.",
    '',
    ['persistentvolumeclaims'],
    [...READ, 'patch'],
  ),
  rule(
    'The PostgreSQL cluster: created once; patched only for its owner reference. The operator neither updates nor deletes ' +
      'any today; the two verbs are for the deletion policy and for moving a cluster to a newer crVersion.',
    'pgv2.percona.com',
    ['perconapgclusters'],
    [...READ, 'create', 'update', 'patch', 'delete'],
  ),
  rule('Its status, which says when the database is ready.', 'pgv2.percona.com', ['perconapgclusters/status'], ['get']),
  rule('What it tells. Patched when the same thing happens again.', 'events.k8s.io', ['events'], ['create', 'patch']),
];

/** What it needs of the whole cluster. */
export const CLUSTER_RULES: readonly ReasonedRule[] = [
  rule(
    "Whether Percona's operator is installed, removed or upgraded. Without this rule its kinds are tried instead.",
    'apiextensions.k8s.io',
    ['customresourcedefinitions'],
    READ,
    ['perconapgclusters.pgv2.percona.com'],
  ),
];

/** What it needs in its own namespace. */
export const LEASE_RULES: readonly ReasonedRule[] = [
  rule(
    'The lease that makes one of several the leader.',
    'coordination.k8s.io',
    ['leases'],
    ['get', 'update'],
    [LEASE],
  ),
  rule('Its creation; RBAC cannot limit that to a name.', 'coordination.k8s.io', ['leases'], ['create']),
];

interface Manifest {
  object: Record<string, unknown>;
  rules?: readonly ReasonedRule[];
}

/** YAML for an operator that watches every namespace. */
export function printClusterWideRbac(namespace = NAMESPACE): string {
  return print(`Rights of an operator that watches all namespaces; it runs in "${namespace}".`, [
    serviceAccount(namespace),
    role('ClusterRole', NAME, undefined, [...WATCHED_RULES, ...CLUSTER_RULES]),
    binding('ClusterRoleBinding', NAME, 'ClusterRole', undefined, namespace),
    ...leaderElection(namespace),
  ]);
}

/** YAML for an operator that watches only the namespaces that it is told to. */
export function printNamespacedRbac(namespace = NAMESPACE, watched: readonly string[] = ['default']): string {
  const head =
    `Rights of an operator that runs in "${namespace}" with "--namespaces ${watched.join(',')}".\n` +
    'Role and RoleBinding are needed in each watched namespace.\n' +
    `The ClusterRole "${DEFINITIONS}" and its binding may be left out: see the reason in it.`;
  return print(head, [
    serviceAccount(namespace),
    ...watched.flatMap((one) => [
      role('Role', NAME, one, WATCHED_RULES),
      binding('RoleBinding', NAME, 'Role', one, namespace),
    ]),
    role('ClusterRole', DEFINITIONS, undefined, CLUSTER_RULES),
    binding('ClusterRoleBinding', DEFINITIONS, 'ClusterRole', undefined, namespace),
    ...leaderElection(namespace),
  ]);
}

function leaderElection(namespace: string): Manifest[] {
  return [
    role('Role', LEADER_ELECTION, namespace, LEASE_RULES),
    binding('RoleBinding', LEADER_ELECTION, 'Role', namespace, namespace),
  ];
}

const RBAC = 'rbac.authorization.k8s.io';

function metadataOf(name: string, namespace: string | undefined) {
  return { name, ...(namespace !== undefined && { namespace }), labels: { 'app.kubernetes.io/name': NAME } };
}

function serviceAccount(namespace: string): Manifest {
  return { object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadataOf(NAME, namespace) } };
}

function role(kind: string, name: string, namespace: string | undefined, rules: readonly ReasonedRule[]): Manifest {
  const metadata = metadataOf(name, namespace);
  return { object: { apiVersion: `${RBAC}/v1`, kind, metadata, rules: rules.map((one) => one.rule) }, rules };
}

function binding(
  kind: string,
  name: string,
  roleKind: string,
  namespace: string | undefined,
  subjectNamespace: string,
): Manifest {
  return {
    object: {
      apiVersion: `${RBAC}/v1`,
      kind,
      metadata: metadataOf(name, namespace),
      roleRef: { apiGroup: RBAC, kind: roleKind, name },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: subjectNamespace }],
    },
  };
}

function print(head: string, manifests: readonly Manifest[]): string {
  const lines = [...head.split('\n'), `Written by "npm run generate". The kind: ${CRD_NAME}.`];
  return lines.map((line) => `# ${line}\n`).join('') + manifests.map((one) => `---\n${printManifest(one)}`).join('');
}

function printManifest({ object, rules = [] }: Manifest): string {
  const document = new Document(object, { aliasDuplicateObjects: false });
  const list = document.get('rules');
  if (isSeq(list)) {
    list.items.forEach((item, index) => {
      const reason = rules[index]?.because ?? '';
      if (isMap(item)) item.commentBefore = wrapped(reason);
    });
  }
  return document.toString({ lineWidth: 0 });
}

const WIDTH = 110;

/** Lines of a comment, each with its leading space. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= WIDTH) lines.push(` ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}
