/**
 * What a command says of one of its options.
 *
 * @module
 */

/** One option. */
export interface Option {
  /** Its name, without dashes. */
  readonly name: string;
  /** Its name of one letter, without the dash. */
  readonly short?: string;
  /** The name of its value in the help, such as `FILE`; a flag has none. */
  readonly value?: string;
  /** It may be given several times, and all values count. Needs `value`. */
  readonly repeated?: true;
  /** A flag that is on by default; `--no-NAME` turns it off. */
  readonly onByDefault?: true;
  /** Other names, without dashes. */
  readonly aliases?: readonly string[];
  /** What it does, in a line or two; without it the option is in no help. */
  readonly help?: string;
}

/** A table of options. */
export type Options = readonly Option[];
