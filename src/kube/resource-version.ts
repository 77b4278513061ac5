/**
 * Whether `version` is older than `than`. Resource versions are decimal integers that may exceed 2^53, so they are
 * compared by length and then byte by byte, never as numbers (KEP-5504; comparable only within one resource).
 * Versions of another form, which an aggregated API server may send, are never older: newest seen wins.
 */
export function isOlderVersion(version: string, than: string): boolean {
  if (!isDecimal(version) || !isDecimal(than)) return false;
  if (version.length !== than.length) return version.length < than.length;
  return version < than;
}

/** Whether `version` is known to be `limit` or older. */
export function isUpTo(version: string, limit: string): boolean {
  return version === limit || isOlderVersion(version, limit);
}

function isDecimal(version: string): boolean {
  return /^[1-9][0-9]*$/.test(version);
}
