/**
 * Seeded random numbers for tests: the same seed gives the same run everywhere.
 *
 * @module
 */

const LETTERS = "etaoinshrdlucmfwypvbgkjqxz";

/** A small seeded generator (mulberry32), with functions that tests need. */
export class Random {
  #state: number;

  /** Starts the sequence for `seed`. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next 32 bits, 0..2^32-1. */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A number from 0 up to but not including 1. */
  float(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.float() * (high - low + 1));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)];
  }

  /** A new array with the items in another order. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.int(0, last);
      [shuffled[last], shuffled[other]] = [shuffled[other], shuffled[last]];
    }
    return shuffled;
  }

  /** Bytes that do not compress; each below `bound` (default 256). */
  bytes(length: number, bound = 256): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) {
      bytes[index] = this.int(0, bound - 1);
    }
    return bytes;
  }

  /** A word of lower-case letters, in which common letters are more frequent. */
  word(low = 1, high = 10): string {
    let word = "";
    for (let left = this.int(low, high); left > 0; left--) {
      word += LETTERS[Math.floor(this.float() ** 2 * LETTERS.length)];
    }
    return word;
  }

  /**
   * Bytes that compress about as well as English text: words from a vocabulary,
   * in which common ones are more frequent.
   */
  text(length: number, vocabulary = 2000): Uint8Array<ArrayBuffer> {
    const words = Array.from({ length: vocabulary }, () => this.word());
    const parts: string[] = [];
    for (let size = 0; size < length;) {
      const word = words[Math.floor(this.float() ** 3 * vocabulary)];
      const part = word +
        (this.chance(0.1) ? ".\n" : this.chance(0.1) ? ", " : " ");
      parts.push(part);
      size += part.length;
    }
    return new TextEncoder().encode(parts.join("")).slice(0, length);
  }

  /** Cuts the bytes into pieces (views) of 0 up to `longest` bytes. */
  pieces(
    bytes: Uint8Array<ArrayBuffer>,
    longest: number,
  ): Uint8Array<ArrayBuffer>[] {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let from = 0; from < bytes.length;) {
      const piece = bytes.subarray(from, from + this.int(0, longest));
      pieces.push(piece);
      from += piece.length;
    }
    return pieces;
  }
}
