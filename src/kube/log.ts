/** Fields attached to a log line. Never put a Secret's value, a token or a response body in one. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What this folder needs of a logger. The shell implements it, with pino. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** A logger that drops everything, for tests and for commands that print their own output. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * The text of anything that was thrown, for a log line or a state.
 * Errors of this folder are safe to print: they hold no response body (see `errors.ts`).
 */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
