/** The Secrets that we make when the user gives none. Their values are random and made by the shell. */
import type { DittoServer } from '../api/types.ts';
import { names, ownedMetadata, retainedMetadata } from './names.ts';
import type { ObjectIntent } from './object.ts';
import { ADMIN_PASSWORD_KEY, JWT_KEY } from './secret-references.ts';

/** A Secret to create if absent, with keys whose values are yet to be drawn. */
export interface GeneratedSecret {
  object: ObjectIntent;
  /** Key → number of random bytes, to be written as unpadded base64url. */
  generate: Readonly<Record<string, number>>;
}

/**
 * The signing secret of the server's tokens: 32 bytes (43 characters; the server wants at least 32).
 *
 * @returns undefined when the user names one.
 */
export function jwtSecret(server: DittoServer): GeneratedSecret | undefined {
  if (server.spec.identity?.jwt?.secretRef.name) return undefined;
  const object: ObjectIntent = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: ownedMetadata(server, names.jwtSecret(server.metadata.name)),
  };
  return { object, generate: { [JWT_KEY]: 32 } };
}

/**
 * The first password of the server's administrator: 18 bytes (24 characters). It stays when the DittoServer goes, like
 * the claims: the database that knows this password stays too, and a server made anew under the name must fit it.
 *
 * @returns undefined when the user names one.
 */
export function adminSecret(server: DittoServer): GeneratedSecret | undefined {
  if (server.spec.identity?.admin?.passwordSecretRef?.name) return undefined;
  const object: ObjectIntent = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: retainedMetadata(server, names.adminSecret(server.metadata.name)),
    // base64 of `admin`, as in every Secret's `data`; the server calls its first user that and nothing else.
    data: { username: 'YWRtaW4=' },
  };
  return { object, generate: { [ADMIN_PASSWORD_KEY]: 18 } };
}
