/** Rules on the server: its name, its pod, its storage, its API. */
import { defaults } from './defaults.ts';
import {
  anyDuration,
  DNS_SUBDOMAIN,
  durationRule,
  given,
  has,
  matches,
  NO_SPACE,
  notSmaller,
  on,
  or,
  positiveDuration,
  positiveQuantity,
  quoted,
  SECRET_KEY,
  textRule,
  when,
  wrongText,
  type Rule,
} from './rule-parts.ts';

const apiPort = or('spec.controlPlane.port', String(defaults.controlPlane.port));
const metricsPort = or('spec.metrics.port', String(defaults.metrics.port));
/** NFS and SMB: every server opens these ports unless its database says otherwise. */
const filePorts = '[12049, 1445]';

/** Not `string(port)`: the cost estimate knows no bound for its length. */
function taken(path: string, port: string): Pick<Rule, 'message' | 'messageExpression'> {
  return {
    message: `${path} must be neither 12049 nor 1445, which the server uses for NFS and SMB`,
    messageExpression: `${port} == 12049 ? '${path} is 12049, which the server uses for NFS' : '${path} is 1445, which the server uses for SMB'`,
  };
}

const identity: Rule[] = [
  {
    id: 'spec-present',
    kind: 'valid',
    fieldPath: 'spec',
    cel: 'has(self.spec)',
    message: 'spec is required: the least is spec.storage.metadataSize',
  },
  {
    id: 'name-length',
    kind: 'valid',
    fieldPath: 'metadata.name',
    cel: 'size(self.metadata.name) <= 52',
    ...wrongText('metadata.name', 'at most 52 characters long: the label with the revision of a pod is made from it'),
  },
  {
    id: 'name-form',
    kind: 'valid',
    fieldPath: 'metadata.name',
    cel: matches('self.metadata.name', '^[a-z]([-a-z0-9]*[a-z0-9])?$'),
    ...wrongText(
      'metadata.name',
      'lower case letters, digits and hyphens, starting with a letter: Services are named after it',
    ),
  },
];

const pod: Rule[] = [
  textRule('image-form', 'spec.image', NO_SPACE, 'an image reference', 'refused'),
  textRule('service-account-name', 'spec.serviceAccountName', DNS_SUBDOMAIN, 'the name of a ServiceAccount', 'allowed'),
  textRule('priority-class-name', 'spec.priorityClassName', DNS_SUBDOMAIN, 'the name of a PriorityClass', 'allowed'),
  textRule(
    'storage-class-name',
    'spec.storage.storageClassName',
    DNS_SUBDOMAIN,
    'the name of a StorageClass',
    'allowed',
  ),
  textRule('sqlite-path', 'spec.database.sqlite.path', '^(/.+)?$', 'an absolute path', 'allowed'),
];

const SIZES = ['metadataSize', 'contentSize', 'controlPlaneSize'] as const;

function sizeRules(field: (typeof SIZES)[number]): Rule[] {
  const path = `spec.storage.${field}`;
  return [
    {
      id: `storage-${field}-positive`,
      kind: 'valid',
      fieldPath: path,
      cel: when(path, positiveQuantity(`self.${path}`)),
      ...wrongText(path, 'a size above zero such as 10Gi'),
    },
    {
      id: `storage-${field}-no-shrink`,
      kind: 'transition',
      fieldPath: path,
      cel: `!(${has(path)} && ${has(path, 'oldSelf')}) || ${notSmaller(`self.${path}`, `oldSelf.${path}`)}`,
      message: `${path} cannot become smaller: volumes only grow`,
      messageExpression:
        `${quoted(`${path} cannot become smaller, from `)} + oldSelf.${path} + ' to ' + self.${path} + ` +
        quoted(': volumes only grow'),
    },
  ];
}

const storage: Rule[] = [
  ...SIZES.flatMap(sizeRules),
  {
    id: 'storage-class-immutable',
    kind: 'transition',
    fieldPath: 'spec.storage.storageClassName',
    cel:
      `!(${has('spec.storage')} && ${has('spec.storage', 'oldSelf')}) || ` +
      '(has(self.spec.storage.storageClassName) == has(oldSelf.spec.storage.storageClassName) && ' +
      '(!has(self.spec.storage.storageClassName) || ' +
      'self.spec.storage.storageClassName == oldSelf.spec.storage.storageClassName))',
    message:
      'spec.storage.storageClassName is fixed once the DittoServer exists: volumes cannot change their class. ' +
      'Delete and create the DittoServer to use another one',
  },
  {
    id: 'storage-content-immutable',
    kind: 'transition',
    fieldPath: 'spec.storage.contentSize',
    cel:
      `!(${has('spec.storage')} && ${has('spec.storage', 'oldSelf')}) || ` +
      'has(self.spec.storage.contentSize) == has(oldSelf.spec.storage.contentSize)',
    message:
      'spec.storage.contentSize cannot be added to or removed from an existing DittoServer: its set of volumes is fixed',
  },
];

const api: Rule[] = [
  {
    id: 'port-api-metrics',
    kind: 'valid',
    fieldPath: 'spec.metrics.port',
    cel: `!${on('spec.metrics.enabled')} || ${apiPort} != ${metricsPort}`,
    message: 'spec.metrics.port and spec.controlPlane.port are the same, they must differ',
  },
  {
    id: 'port-api-files',
    kind: 'valid',
    fieldPath: 'spec.controlPlane.port',
    cel: `!(${apiPort} in ${filePorts})`,
    ...taken('spec.controlPlane.port', apiPort),
  },
  {
    id: 'port-metrics-files',
    kind: 'valid',
    fieldPath: 'spec.metrics.port',
    cel: `!${on('spec.metrics.enabled')} || !(${metricsPort} in ${filePorts})`,
    ...taken('spec.metrics.port', metricsPort),
  },
  textRule('tls-cert-name', 'spec.controlPlane.certSecretName', DNS_SUBDOMAIN, 'the name of a Secret', 'allowed'),
  textRule(
    'tls-client-ca-name',
    'spec.controlPlane.clientCASecretName',
    DNS_SUBDOMAIN,
    'the name of a Secret',
    'allowed',
  ),
  {
    id: 'tls-client-ca-needs-cert',
    kind: 'valid',
    fieldPath: 'spec.controlPlane.clientCASecretName',
    cel: `!${given('spec.controlPlane.clientCASecretName')} || ${given('spec.controlPlane.certSecretName')}`,
    message:
      'spec.controlPlane.clientCASecretName needs spec.controlPlane.certSecretName: client certificates are only ' +
      'asked for when the server itself serves https',
  },
  textRule('metrics-path', 'spec.metrics.path', NO_SPACE, 'a path without spaces such as /metrics', 'refused'),
  durationRule('polling-interval', 'spec.adapterDiscovery.pollingInterval'),
  textRule(
    'service-monitor-interval',
    'spec.metrics.serviceMonitor.interval',
    '^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$',
    'a duration of Prometheus such as 30s',
    'allowed',
  ),
];

const store: Rule[] = [
  textRule(
    's3-secret-name',
    'spec.s3.credentialsSecretRef.secretName',
    DNS_SUBDOMAIN,
    'the name of a Secret',
    'refused',
  ),
  ...(['accessKeyIdKey', 'secretAccessKeyKey', 'endpointKey'] as const).map((key) =>
    textRule(`s3-${key}`, `spec.s3.credentialsSecretRef.${key}`, SECRET_KEY, 'a key of a Secret', 'refused'),
  ),
];

const policies = 'spec.snapshotPolicies';

/** One statement on every policy. */
function policyRule(id: string, condition: string, field: string, right: string): Rule {
  return {
    id,
    kind: 'valid',
    fieldPath: policies,
    cel: when(policies, `self.${policies}.all(p, ${condition})`),
    message: `${policies}: ${field} must be ${right}`,
  };
}

const snapshots: Rule[] = [
  policyRule('snapshot-share', "p.share != '' && p.share != '/'", 'share', 'the name of a share'),
  policyRule(
    'snapshot-interval',
    `p.interval in ['@hourly', '@daily', '@weekly'] || ${positiveDuration('p.interval')}`,
    'interval',
    'a duration above zero such as 6h, or @hourly, @daily or @weekly',
  ),
  policyRule(
    'snapshot-ttl',
    `!has(p.ttl) || p.ttl == '' || ${anyDuration('p.ttl')} || p.ttl == '0'`,
    'ttl',
    'a duration such as 168h, or empty for no limit',
  ),
  policyRule(
    'snapshot-name-prefix',
    `!has(p.namePrefix) || ${matches('p.namePrefix', '^[A-Za-z0-9_-]{0,64}$')}`,
    'namePrefix',
    'at most 64 letters, digits, hyphens and underscores',
  ),
  {
    id: 'snapshot-share-once',
    kind: 'valid',
    fieldPath: policies,
    // The server puts a slash before a name without one. Not with map(): Kubernetes 1.29 cannot tell the cost of what
    // a map() yields and refuses the rule.
    cel: when(
      policies,
      `self.${policies}.all(p, self.${policies}.exists_one(q, ` + "q.share == p.share || q.share == '/' + p.share))",
    ),
    message: `${policies}: each share may have one policy`,
  },
];

export const serverRules: readonly Rule[] = [...identity, ...pod, ...storage, ...api, ...store, ...snapshots];
