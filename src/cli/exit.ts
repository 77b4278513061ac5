/** How commands end. 0: all is well, 1: it is not, 2: the command line is wrong. */
export const FAILED = 1;
export const USAGE = 2;

/** An error whose message is all that the user needs to see. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  /** @param message one clear sentence, or one per line. */
  constructor(message: string, exitCode: number = FAILED) {
    super(message);
    this.exitCode = exitCode;
  }
}
