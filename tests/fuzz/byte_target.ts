/**
 * A fuzz target whose only input is bytes. The bytes are enough to replay it, and
 * coverage can guide them.
 *
 * @module
 */

/** Something that is run on arbitrary bytes. */
export interface ByteTarget {
  /** Its name on the command line, and the name of its corpus. */
  readonly name: string;
  /** What must hold for every input. */
  readonly property: string;
  /** The source files whose coverage counts, as the beginning of their paths in the project. */
  readonly sources: readonly string[];
  /** The first inputs. */
  seeds(): Uint8Array<ArrayBuffer>[];
  /** Pieces that mutations insert into inputs. */
  readonly words?: readonly Uint8Array<ArrayBuffer>[];
  /** Throws if the property does not hold for `input`. */
  run(input: Uint8Array<ArrayBuffer>): void | Promise<void>;
}

/** An input as text, as it is stored in the corpus and printed for a replay. */
export function inputText(input: Uint8Array): string {
  let text = "";
  for (const byte of input) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The input that {@linkcode inputText} describes. */
export function inputOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** Takes the choices of a run from the beginning of its input. */
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

  /** The bytes after the choices. */
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
