/**
 * How commands end: exit codes, and the error that carries one. Prints nothing.
 */

/** Exit codes of the program. */
export const EXIT = {
  fine: 0,
  /** It was asked for rightly and did not work. */
  failed: 1,
  /** Wrong command line or configuration. */
  usage: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a message for a person. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
