/**
 * The uncompressed header block of the policies `"none"` and `"full"`, changed from
 * one block into the next; see "The other policies" in `README.md`.
 *
 * @module
 */

import { ByteWriter } from "../byte_writer.ts";
import { escapedLength } from "../escaped_text.ts";
import { writeCount, writePair } from "../header_block.ts";
import { isSamePair } from "../header_list.ts";
import type { NameValue } from "../types.ts";

const NO_PAIRS: readonly NameValue[] = [];
const FIRST_CAPACITY = 1024;
/** Largest memory that is kept for the next block, bytes. */
const KEPT_CAPACITY = 16384;
/** Number of pairs with another length after which the rest of a block is written anew, so that time stays linear. */
const MOST_MOVES = 4;

/**
 * Keeps the block before and rewrites only the pairs that differ: 12 headers of which
 * one is new take 0.3 us, 1.7 if all are written.
 */
export class KeptBlock {
  readonly #lengthSize: 2 | 4;
  /** The bytes of the block before. */
  #block = new ByteWriter(FIRST_CAPACITY);
  // The pairs of that block, and where in it each of them ends.
  #pairs: readonly NameValue[] = NO_PAIRS;
  readonly #ends: number[] = [];

  /** Creates an empty block whose length fields have `lengthSize` bytes. */
  constructor(lengthSize: 2 | 4) {
    this.#lengthSize = lengthSize;
  }

  /** Memory it has, without the strings, bytes. */
  get capacity(): number {
    return this.#block.bytes.length;
  }

  /** Makes this the block of `pairs`; returns its bytes, valid until the next call. */
  change(pairs: readonly NameValue[]): ByteWriter {
    this.#update(pairs);
    return this.#block;
  }

  /** A copy of the bytes of the block before; empty if it was long. */
  last(): Uint8Array<ArrayBuffer> {
    return this.#block.copy();
  }

  /** Releases the memory of a long block: a connection may be idle for hours after it. */
  release(): void {
    if (this.capacity > KEPT_CAPACITY) this.#forget();
  }

  #update(pairs: readonly NameValue[]): void {
    const before = this.#pairs;
    const ends = this.#ends;
    const isAlike = pairs.length === before.length && this.#block.length > 0;
    this.#pairs = pairs;
    if (!isAlike) return this.#write(pairs, 0);
    let moves = 0;
    for (let index = 0; index < pairs.length; index++) {
      const pair = pairs[index];
      const old = before[index];
      if (isSamePair(pair, old)) continue;
      const [name, value] = pair;
      const start = index > 0 ? ends[index - 1] : this.#lengthSize;
      const size = ends[index] - start;
      if (name === old[0] && value.length === old[1].length) {
        // The usual case: another value of the same length.
        const at = start + 2 * this.#lengthSize + name.length;
        if (
          at + value.length === ends[index] && this.#block.overwrite(at, value)
        ) continue;
      }
      const newSize = 2 * this.#lengthSize + name.length +
        escapedLength(value);
      if (newSize !== size) {
        if (++moves > MOST_MOVES) return this.#write(pairs, index);
        this.#move(index, newSize - size);
      }
      this.#overwrite(start, pair);
    }
  }

  /** Moves what follows the pair `index` by `shift` bytes. */
  #move(index: number, shift: number): void {
    const block = this.#block;
    const ends = this.#ends;
    if (shift > 0) block.reserve(shift);
    block.bytes.copyWithin(ends[index] + shift, ends[index], block.length);
    block.length += shift;
    for (; index < ends.length; index++) ends[index] += shift;
  }

  /** Overwrites the pair at `start` with another one of the same length in bytes. */
  #overwrite(start: number, pair: NameValue): void {
    const block = this.#block;
    const { length } = block;
    // While a text is written, the buffer must not grow: it would lose what follows.
    block.reserve(8 + 3 * (pair[0].length + pair[1].length));
    block.length = start;
    writePair(block, pair, this.#lengthSize);
    block.length = length;
  }

  /** Writes the pairs from `first` on; those before it are as in the block before. */
  #write(pairs: readonly NameValue[], first: number): void {
    const block = this.#block;
    const lengthSize = this.#lengthSize;
    block.length = 0;
    writeCount(block, pairs.length, lengthSize);
    if (first > 0) block.length = this.#ends[first - 1];
    this.#ends.length = first;
    for (let index = first; index < pairs.length; index++) {
      writePair(block, pairs[index], lengthSize);
      this.#ends.push(block.length);
    }
  }

  #forget(): void {
    this.#block = new ByteWriter(FIRST_CAPACITY);
    this.#pairs = NO_PAIRS;
    this.#ends.length = 0;
  }
}
