/**
 * What every command of the command line has, and how it ends.
 *
 * @module
 */

import { StreamingRefusedError } from "../kubernetes/errors.ts";
import { checkTimeout } from "../numbers.ts";
import type { Options } from "./option.ts";

/** One command, such as `spdy decode`. */
export interface Command {
  /** Its name, as typed. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /** Its options, for completions and the man page. */
  readonly options: Options;
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

/** A whole number as it is typed, NaN for anything else: `Number` takes "", "0x50" and "1e3" as well. */
export function readWhole(text: string): number {
  return /^[0-9]+$/.test(text) ? Number(text) : NaN;
}

/**
 * Seconds as they are typed, such as "2" or "0.5", in whole ms; 0 means never.
 *
 * Throws {@linkcode UsageError} for anything else, and for more than a timer takes.
 */
export function readSeconds(name: string, text: string): number {
  const seconds = /^([0-9]+\.?[0-9]*|\.[0-9]+)$/.test(text)
    ? Number(text)
    : NaN;
  try {
    return checkTimeout(name, Math.ceil(seconds * 1000));
  } catch {
    throw new UsageError(
      `${name} ${text}: seconds from 0 (never) to 2147483`,
    );
  }
}

/** What an error says, the error behind it included. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  // The message contains the status and the reason already.
  if (error instanceof StreamingRefusedError) return message;
  if (!(cause instanceof Error) || message.includes(cause.message)) {
    return message;
  }
  return `${message}: ${reasonOf(cause)}`;
}
