/**
 * Fields that are accepted so that a manifest need not be changed, and that do nothing. The operator says so in the
 * status, and the reference page marks them, instead of leaving the user to wonder.
 */
import type { DittoServerSpec } from './types.ts';

export interface Effectless {
  /** Path from the root. */
  path: string;
  why: string;
}

interface Entry extends Effectless {
  /** Whether the user asks for something with it, beyond what is there by default. */
  isSet: (spec: DittoServerSpec) => boolean;
}

const ADAPTERS = 'adapters are set up in the server through its REST API, and this version does not look at them yet';
const SNAPSHOTS = 'this version does not apply snapshot policies yet; set them through the REST API of the server';

/** Every field without effect, and when it counts as used. */
export const EFFECTLESS_FIELDS: readonly Entry[] = [
  {
    path: 'spec.adapterServices',
    why: `no Services are made for file protocols: ${ADAPTERS}`,
    isSet: (spec) => spec.adapterServices !== undefined,
  },
  {
    path: 'spec.adapterDiscovery',
    why: `nothing is polled: ${ADAPTERS}`,
    isSet: (spec) => spec.adapterDiscovery !== undefined,
  },
  {
    path: 'spec.snapshotPolicies',
    why: SNAPSHOTS,
    isSet: (spec) => (spec.snapshotPolicies ?? []).length > 0,
  },
  {
    path: 'spec.metrics.serviceMonitor',
    why: 'this version makes no ServiceMonitor yet; write one that selects the metrics Service',
    isSet: (spec) => spec.metrics?.serviceMonitor?.enabled === true,
  },
  {
    path: 'spec.nfsPort',
    why: 'the port of NFS is kept in the database of the server and set through its REST API',
    isSet: (spec) => spec.nfsPort !== undefined,
  },
  {
    path: 'spec.smb',
    why: 'settings of SMB are kept in the database of the server and set through its REST API',
    isSet: (spec) => spec.smb !== undefined,
  },
  {
    path: 'spec.cache',
    why: 'the server has no such cache any more',
    isSet: (spec) => spec.cache !== undefined,
  },
  {
    path: 'spec.storage.cacheSize',
    why: 'the server has no such cache any more; no volume is made for it',
    isSet: (spec) => spec.storage.cacheSize !== undefined,
  },
  {
    path: 'spec.identity.jwt.issuer',
    why: 'the server always issues tokens as "dittofs"',
    isSet: (spec) => ![undefined, '', 'dittofs'].includes(spec.identity?.jwt?.issuer),
  },
  {
    path: 'spec.identity.admin.username',
    why: 'the administrator of the server is always called "admin"',
    isSet: (spec) => ![undefined, '', 'admin'].includes(spec.identity?.admin?.username),
  },
  {
    path: 'spec.s3.bucket',
    why: 'it is a note for the reader; stores name their own bucket through the REST API',
    isSet: (spec) => ![undefined, ''].includes(spec.s3?.bucket),
  },
];

/** The fields that this spec sets without effect. */
export function effectlessFields(spec: DittoServerSpec): Effectless[] {
  return EFFECTLESS_FIELDS.filter((field) => field.isSet(spec)).map(({ path, why }) => ({ path, why }));
}
