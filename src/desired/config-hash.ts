/** The digest on the pod template, over what the server reads when it starts and nothing else. */
import type { DittoServer } from '../api/types.ts';
import type { Observed } from '../observed.ts';
import type { Database } from '../postgres/database.ts';
import { configFile } from './config-map.ts';
import { CONFIG_HASH_ANNOTATION } from './names.ts';
import { jwtReference, type SecretReference, secretReferences } from './secret-references.ts';

/** A Secret, or a key of one, that the server needs and that is not there. */
export interface MissingSecret {
  reference: SecretReference;
  /** Undefined when the whole Secret is missing. */
  key?: string;
}

/** What of `server`'s Secrets is missing, in the order of the references. */
export function missingSecrets(server: DittoServer, database: Database, observed: Observed): MissingSecret[] {
  return secretReferences(server, database).flatMap((reference): MissingSecret[] => {
    const secret = observed.secrets.get(reference.secret);
    if (!secret) return [{ reference }];
    return reference.keys.filter((key) => secret.digests[key] === undefined).map((key) => ({ reference, key }));
  });
}

/**
 * The config hash.
 *
 * Its first input is the digest of the JWT secret, which is long and random: whoever reads the annotation cannot find
 * out a weak password among the other inputs by trying.
 *
 * @returns undefined when a needed Secret is missing and no pod template exists yet. When one exists its hash is kept:
 *   a Secret that cannot be read for a moment must not restart a server.
 */
export function configHash(
  server: DittoServer,
  database: Database,
  observed: Observed,
  digest: (text: string) => string,
): string | undefined {
  const there = observed.statefulSet?.spec.template?.metadata?.annotations?.[CONFIG_HASH_ANNOTATION];
  if (missingSecrets(server, database, observed).length > 0) return there;
  const jwt = jwtReference(server);
  const secrets = secretReferences(server, database).flatMap(({ field, secret, readAtBoot }) =>
    readAtBoot.map((key) => [field, key, observed.secrets.get(secret)?.digests[key] ?? '']),
  );
  const salt = observed.secrets.get(jwt.secret)?.digests[jwt.keys[0] ?? ''] ?? '';
  return digest(JSON.stringify([salt, configFile(server, database), secrets]));
}
