/**
 * The description of an option of a command.
 *
 * @module
 */

/** One option. */
export interface Option {
  /** Its name, without dashes. */
  readonly name: string;
  /** Its one-letter name, without the dash. */
  readonly short?: string;
  /** The name of its value in the help, such as `FILE`; a flag has none. */
  readonly value?: string;
  /** Whether it can be repeated, and all values are used. Needs `value`. */
  readonly repeated?: true;
  /** A flag that is on by default; `--no-NAME` turns it off. */
  readonly onByDefault?: true;
  /** Other names, without dashes. */
  readonly aliases?: readonly string[];
  /** What it does, in a line or two; an option without this text is not in the help. */
  readonly help?: string;
}

/** A table of options. */
export type Options = readonly Option[];
