/**
 * What every command of the command line has, and how it ends.
 *
 * @module
 */

/** One command, such as `spdy decode`. */
export interface Command {
  /** Its name, as typed. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /** Runs it with the arguments behind its name; resolves to the exit code. */
  run(args: string[]): Promise<number>;
}

/** Everything went well. */
export const EXIT_OK = 0;
/** The work was tried and failed: an unreachable host, a broken file. */
export const EXIT_FAILURE = 1;
/** The arguments make no sense. */
export const EXIT_USAGE = 2;

/** The arguments make no sense; ends the program with {@linkcode EXIT_USAGE}. */
export class UsageError extends Error {
  /** Makes the error; the message says which argument and what is possible. */
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** What an error says, the error behind it included. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  if (!(cause instanceof Error) || message.includes(cause.message)) {
    return message;
  }
  return `${message}: ${reasonOf(cause)}`;
}
