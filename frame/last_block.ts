/**
 * What is known about the last header block, to find what the next one repeats.
 *
 * @module
 */

import type { OutputMemory } from "../zlib/output_window.ts";

/**
 * The last header block of a stream, if its pairs are the chain of a `PairMemory`.
 *
 * A block mostly has the length of the last one, and all values but one or two. The
 * compressor copies the rest from the last block, or from an older one if that has some
 * more bytes in common. The latter is the same if all blocks since then have the same
 * length and end with the same bytes. What was copied needs no comparison.
 */
export class LastBlock {
  /** Its length in bytes; 0 if nothing is known. */
  length = 0;
  /** Number of its pairs. */
  count = 0;
  /** How many blocks directly before it have the same length and the same last bytes. */
  #alike = 0;
  /** Number of these last bytes. */
  #tail = 0;

  /** Forgets it, because the next block does not follow it directly, or could not be read. */
  forget(): void {
    this.length = 0;
  }

  /**
   * Sets the block that follows it directly. If that has the same length, and pairs in the
   * same places, the last `tail` bytes are the same; otherwise `tail` is -1.
   */
  set(length: number, count: number, tail: number): void {
    if (tail < 0 || this.#alike > 0 && tail < this.#tail) {
      this.#alike = 0;
      this.#tail = length;
    } else {
      if (this.#alike === 0) this.#tail = tail;
      this.#alike++;
    }
    this.length = length;
    this.count = count;
  }

  /** The longest distance of a copy from one of these blocks, bytes. */
  get reach(): number {
    return this.length * (this.#alike + 1);
  }

  /**
   * From which index on a block of the same length that follows directly has the same
   * bytes, as far as that is known from its copies; after its end if it is not.
   */
  sameFrom({ end, copyFrom, copyEnd }: OutputMemory): number {
    return copyEnd === end ? Math.max(copyFrom, end - this.#tail) : end + 1;
  }
}
