/** What of a spec is accepted and yet not carried out, or carried out in a way that its writer should know. */
import { effectlessFields } from '../api/effectless.ts';
import type { DittoServer } from '../api/types.ts';
import { names } from '../desired/names.ts';
import { claimNotices } from '../desired/claims.ts';
import type { Observed } from '../observed.ts';
import { databaseOf, perconaOverridesExternal } from '../postgres/database.ts';
import { isUncontrolled } from '../postgres/ownership.ts';
import { deletedWithServer } from '../postgres/percona-cluster.ts';
import { controllerOf } from '../postgres/readiness.ts';
import { finding, type Finding } from './conditions.ts';
import type { Reason } from './reasons.ts';

export interface Notice {
  reason: Reason;
  /** One sentence. */
  message: string;
}

/** M5's sentence, used in the condition and in the DatabaseReady message. */
export const PRECEDENCE_NOTICE =
  'Both Percona and spec.database.postgresSecretRef are set: Percona is used, postgresSecretRef is ignored.';

/** Every notice on `server`, the weightiest first. */
export function notices(server: DittoServer, observed: Observed): Notice[] {
  return [
    ...claimNotices(server, observed),
    ...adminNotice(server, observed),
    ...(perconaOverridesExternal(server)
      ? [{ reason: 'DatabasePrecedence' as const, message: PRECEDENCE_NOTICE }]
      : []),
    ...clusterNotices(server, observed),
    ...databaseTypeNotice(server),
    ...effectlessNotice(server),
  ];
}

/** The condition SpecApplied: everything in the spec does what its writer expects. It does not bear on Ready. */
export function specApplied(found: readonly Notice[]): Finding {
  const [first] = found;
  if (!first) return finding('SpecApplied', true, 'AllFieldsApplied', 'Every field of the spec is applied.');
  return finding('SpecApplied', false, first.reason, found.map(({ message }) => message).join(' '));
}

/** `type` chooses nothing by itself: only a Secret does. */
function databaseTypeNotice(server: DittoServer): Notice[] {
  if (server.spec.database?.type !== 'postgres' || databaseOf(server).mode !== 'SQLite') return [];
  const message =
    'spec.database.type is "postgres" without spec.database.postgresSecretRef, so SQLite is used: name the Secret of the PostgreSQL.';
  return [{ reason: 'FieldsWithoutEffect', message }];
}

function effectlessNotice(server: DittoServer): Notice[] {
  const fields = effectlessFields(server.spec);
  if (fields.length === 0) return [];
  const list = fields.map(({ path, why }) => `${path} (${why})`).join('; ');
  return [{ reason: 'FieldsWithoutEffect', message: `Fields without effect: ${list}.` }];
}

function clusterNotices(server: DittoServer, observed: Observed): Notice[] {
  const own = names.perconaCluster(server.metadata.name);
  const referred = server.spec.perconaPGClusterRef?.name;
  const cluster = observed.formerCluster ?? observed.perconaCluster;
  if (cluster?.metadata.name !== own || referred === own) return [];
  if (server.spec.percona?.enabled !== true) {
    const owned = controllerOf(cluster)?.uid === server.metadata.uid;
    const fate = owned ? 'it is deleted with the DittoServer' : 'it stays when the DittoServer is deleted';
    const message = `PerconaPGCluster "${own}" of an earlier spec still exists and is not used; ${fate}.`;
    return [{ reason: 'ClusterKept', message }];
  }
  if (!isUncontrolled(cluster) || !deletedWithServer(server)) return [];
  const message = `PerconaPGCluster "${own}" has no owner and was not made by this operator; it is used as it is and not deleted with the DittoServer.`;
  return [{ reason: 'ClusterAdopted', message }];
}

/**
 * The generated admin password is drawn once, before the server first starts. Drawn again it would match nothing: the
 * server's database holds the first one.
 */
function adminNotice(server: DittoServer, observed: Observed): Notice[] {
  const secret = names.adminSecret(server.metadata.name);
  const named = server.spec.identity?.admin?.passwordSecretRef?.name;
  if (named || !observed.statefulSet || observed.secrets.has(secret)) return [];
  const message = `Secret "${secret}" with the admin's first password is gone; it is not made again, since the server knows only the old one.`;
  return [{ reason: 'AdminSecretMissing', message }];
}
