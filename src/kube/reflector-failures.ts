import { ApiError, ConnectionError } from './errors.ts';

/** The server sent a version below one it had sent before: its data was restored from a backup. */
export class VersionsWentBack extends Error {
  override readonly name = 'VersionsWentBack';
}

/** The version to continue from is too old, or one that the server does not know. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.isExpired || error.isTooLargeResourceVersion);
}

/** Whether what the cache holds can only be brought up to date by a list; else the watch goes on where it ended. */
export function mustListAgain(error: unknown): boolean {
  if (error instanceof ApiError) return isExpired(error) || error.isNotFound;
  if (error instanceof ConnectionError) return error.code === 'UNREADABLE';
  return error instanceof VersionsWentBack;
}

/** Query parameters that servers before streaming lists (alpha in 1.27) do not accept for a watch. */
const streamingParameters: ReadonlySet<string> = new Set(['sendInitialEvents', 'resourceVersionMatch']);

/** Whether the server refused because it does not stream lists. */
export function refusesStreaming(error: unknown): boolean {
  if (!(error instanceof ApiError && error.isInvalid)) return false;
  const { causes } = error;
  return causes.length === 0 || causes.some(({ field = '' }) => streamingParameters.has(field));
}

/** A short reason for a metric. */
export function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return String(error.status);
  if (error instanceof ConnectionError) return error.code === 'UNREADABLE' ? 'unreadable' : 'connection';
  return 'other';
}
