/**
 * Remembers the lengths of the last header blocks, to find the bytes that the next one
 * repeats.
 *
 * @module
 */

import type { OutputMemory } from "../zlib/output_window.ts";

/**
 * The last header block of a stream, if its pairs are the chain of a `PairMemory`.
 *
 * A block mostly has the length of the last one, and all its values except one or two.
 * The peer's compressor copies the rest from the last block, or from an older one that has
 * some more bytes in common. If all blocks since the older one have the same length and
 * the same last bytes, both copies have these bytes. Copied bytes need no comparison.
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

  /** Forgets the block: the next one does not follow it directly, or it could not be read. */
  forget(): void {
    this.length = 0;
  }

  /**
   * Continues with the block that follows directly. `tail` is the number of its last bytes
   * that are the same as in the block before, or -1 if it has another length or pairs in
   * other places.
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
   * The index from which on the next block has the bytes of this one, as its last copies
   * show, or an index after its end if they do not show it. Both blocks must have the same
   * length.
   */
  sameFrom({ end, copyFrom, copyEnd }: OutputMemory): number {
    return copyEnd === end ? Math.max(copyFrom, end - this.#tail) : end + 1;
  }
}
