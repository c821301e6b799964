/**
 * The interface of a command, its exit codes and its errors.
 *
 * @module
 */

import { StreamingRefusedError } from "../kubernetes/errors.ts";
import { checkTimeout } from "../numbers.ts";
import type { Options } from "./option.ts";

/** One command, such as `spdy decode`. */
export interface Command {
  /** Its name as the user types it. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The text that `--help` prints. */
  readonly help: string;
  /** Its options, for completions and the man page. */
  readonly options: Options;
  /** What its argument may be, for completions; most commands take files or URLs. */
  readonly choices?: readonly string[];
  /** Runs it with the arguments after its name; resolves to the exit code. */
  run(args: string[]): Promise<number>;
}

/** Success. */
export const EXIT_OK = 0;
/** Failure, such as an unreachable host or an invalid file. */
export const EXIT_FAILURE = 1;
/** Wrong arguments. */
export const EXIT_USAGE = 2;

/** The error for wrong arguments; ends the program with {@linkcode EXIT_USAGE}. */
export class UsageError extends Error {
  /** Creates the error; the message names the argument and what is possible. */
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** Parses a whole number; NaN for anything else. `Number` also accepts "", "0x50" and "1e3". */
export function readWhole(text: string): number {
  return /^[0-9]+$/.test(text) ? Number(text) : NaN;
}

/**
 * Parses seconds, such as "2" or "0.5"; returns whole ms. 0 means no limit.
 *
 * Throws {@linkcode UsageError} for anything else, and for more than a timer
 * supports.
 */
export function readSeconds(name: string, text: string): number {
  const seconds = /^([0-9]+\.?[0-9]*|\.[0-9]+)$/.test(text)
    ? Number(text)
    : NaN;
  try {
    return checkTimeout(name, Math.ceil(seconds * 1000));
  } catch {
    throw new UsageError(
      `${name} ${text}: it must be a number of seconds from 0 (no limit) to 2147483`,
    );
  }
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Parses a time as kubectl does: seconds, or numbers with units, such as "1m30s";
 * returns whole ms. 0 means no limit.
 *
 * Throws {@linkcode UsageError} for anything else, and for more than a timer
 * supports.
 */
export function readDuration(name: string, text: string): number {
  if (/^[0-9]+$/.test(text)) return readSeconds(name, text);
  const parts = [...text.matchAll(/([0-9]+\.?[0-9]*|\.[0-9]+)(ms|s|m|h)/g)];
  const isWhole = text !== "" && parts.map(([part]) => part).join("") === text;
  const total = parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * UNITS[unit],
    0,
  );
  try {
    return checkTimeout(name, isWhole ? Math.ceil(total) : NaN);
  } catch {
    throw new UsageError(
      `${name} ${text}: it must be a time such as 30, 500ms or 1m30s, at most 2147483 s; 0 means no limit`,
    );
  }
}

/** The message of an error with that of its cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  // The message already contains the status and the reason.
  if (error instanceof StreamingRefusedError) return message;
  if (!(cause instanceof Error) || message.includes(cause.message)) {
    return message;
  }
  return `${message}: ${reasonOf(cause)}`;
}
