/**
 * A fuzz target whose input is bytes and nothing else, so that the bytes replay
 * it and coverage can guide it.
 *
 * @module
 */

/** Something that is given bytes of any kind. */
export interface ByteTarget {
  /** Its name on the command line, and of its corpus. */
  readonly name: string;
  /** What holds for every input. */
  readonly property: string;
  /** The source files whose coverage counts, as the beginning of their path in the project. */
  readonly sources: readonly string[];
  /** Inputs to begin with. */
  seeds(): Uint8Array<ArrayBuffer>[];
  /** Pieces of input that mutations put in. */
  readonly words?: readonly Uint8Array<ArrayBuffer>[];
  /** Throws when the property does not hold for `input`. */
  run(input: Uint8Array<ArrayBuffer>): void | Promise<void>;
}

/** An input as it is stored in the corpus and printed for a replay. */
export function inputText(input: Uint8Array): string {
  let text = "";
  for (const byte of input) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The input that {@linkcode inputText} describes. */
export function inputOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** Reads the choices of a run from the beginning of its input. */
export class Choices {
  readonly #input: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(input: Uint8Array<ArrayBuffer>) {
    this.#input = input;
  }

  /** A number from 0 up to but not including `bound`, which is at most 256. */
  below(bound: number): number {
    return this.#at < this.#input.length ? this.#input[this.#at++] % bound : 0;
  }

  /** The bytes behind the choices. */
  rest(): Uint8Array<ArrayBuffer> {
    return this.#input.subarray(this.#at);
  }
}

/** Cuts bytes into pieces of `size`. */
export function* piecesOf(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let from = 0; from < bytes.length; from += size) {
    yield bytes.subarray(from, from + size);
  }
}
