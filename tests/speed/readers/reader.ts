/**
 * The places that read text or structure from a peer, each with an input of any size
 * and a function that reads it.
 *
 * @module
 */

/** One place that reads what a peer sent. */
export interface Reader<T = unknown> {
  /** What is read, and what it is full of. */
  readonly name: string;
  /** Size of the largest input that a peer can pass to this place, roughly in bytes. */
  readonly largest: number;
  /** Makes an input of a size. */
  readonly make: (size: number) => T;
  /** Reads it; may throw. */
  readonly run: (input: T) => unknown;
}

export const KIB = 1024;

/** Sizes of the pieces in which bytes arrive: one byte, and one TCP segment. */
export const PIECES = [1, 1448] as const;

/** Texts that may slow a reader down if an input consists of many of them. */
const FILLINGS = [
  " ",
  "\t",
  ",",
  ", ",
  "a",
  "a,",
  '"',
  '"a",',
  'W/"',
  "/",
  "/a/..",
  "%",
  "%41",
  "\\",
  "\u00e9",
  "\u0301",
  "\u4e00",
  "(",
  "9",
  "-",
  ".",
  "1.",
  ":",
  "@",
  "?",
  "#",
  "a=b&",
  ";",
  "; ",
  "\x1b",
  "}",
  "{",
  "[",
  '{"a":',
];

/** `filling`, repeated until it has about `size` characters. */
export function full(filling: string, size: number): string {
  return filling.repeat(Math.ceil(size / filling.length));
}

/** A list of readers, to which each file of this folder adds its own. */
export class Readers {
  readonly all: Reader[] = [];

  add<T>(
    name: string,
    largest: number,
    make: (size: number) => T,
    run: (input: T) => unknown,
  ): void {
    this.all.push({ name, largest, make, run } as Reader);
  }

  /**
   * Adds two readers for each filling: the filling by itself, and between letters,
   * because many readers first cut off what is at the ends.
   */
  addFilled(
    name: string,
    largest: number,
    run: (text: string) => unknown,
    around: (text: string) => string = (text) => text,
  ): void {
    for (const filling of FILLINGS) {
      for (const [begin, end] of [["", ""], ["a", "b"]]) {
        this.add(
          `${name} full of ${JSON.stringify(begin + filling + end)}`,
          largest,
          (size) => around(begin + full(filling, size) + end),
          run,
        );
      }
    }
  }
}
