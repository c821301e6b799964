/**
 * Collects the tokens of header blocks, and writes them with the fixed codes.
 *
 * Step 4 of the worked example in `README.md`.
 *
 * @module
 */

import { BitWriter } from "../../zlib/bit_writer.ts";
import {
  matchToken,
  writeFixed,
  writeStored,
  writeSyncMarker,
} from "../../zlib/block_writer.ts";
import { MAX_MATCH, MIN_MATCH } from "../../zlib/constants.ts";
import type { ByteWriter } from "../byte_writer.ts";

/** Largest memory that is kept for the next header block, bytes. */
const KEPT_CAPACITY = 1 << 17;

/**
 * The output of one header block, from {@linkcode BlockOutput.begin} to
 * {@linkcode BlockOutput.finish}. A sync flush ends it at a byte boundary, so that no
 * bits are left over and one object serves all connections: that saves each of them
 * 3 KiB.
 */
export class BlockOutput {
  #writer = new BitWriter();
  #tokens = new Int32Array(512);
  #count = 0;

  /** Begins the output of a header block. */
  begin(): void {
    if (this.#writer.bytes.length > KEPT_CAPACITY) {
      this.#writer = new BitWriter();
      this.#tokens = new Int32Array(512);
    }
    this.#writer.clear();
    this.#count = 0;
  }

  /**
   * Adds `length` bytes at one distance as matches, merged with a preceding match at
   * the same distance. Without one, `length` is 0 or at least 3.
   */
  addMatches(length: number, distance: number): void {
    if (length === 0) return;
    const last = this.#count > 0 ? this.#tokens[this.#count - 1] : 0;
    if ((last & 0xffff) === distance && last >>> 16 >= MIN_MATCH) {
      length += last >>> 16;
      this.#count--;
    }
    this.#reserve(2 + length / MAX_MATCH);
    while (length > 0) {
      let part = Math.min(length, MAX_MATCH);
      if (length > part && length - part < MIN_MATCH) part = length - MIN_MATCH;
      this.#tokens[this.#count++] = matchToken(part, distance);
      length -= part;
    }
  }

  /** Adds the first `count` of `tokens`, which are in reverse order. */
  addReversed(tokens: Int32Array, count: number): void {
    this.#reserve(count);
    for (let index = count - 1; index >= 0; index--) {
      this.#tokens[this.#count++] = tokens[index];
    }
  }

  /** Writes the collected tokens as a block with the fixed codes, if there are any. */
  closeBlock(): void {
    if (this.#count === 0) return;
    writeFixed(this.#writer, this.#tokens, this.#count, false);
    this.#count = 0;
  }

  /** Writes `bytes[from..to)` as stored blocks. */
  store(bytes: Uint8Array, from: number, to: number): void {
    this.closeBlock();
    writeStored(this.#writer, bytes, from, to, false);
  }

  /** Ends the header block with a sync flush, and appends it to `out`. */
  finish(out: ByteWriter): void {
    this.closeBlock();
    const writer = this.#writer;
    writeSyncMarker(writer);
    out.appendFirst(writer.bytes, writer.length);
  }

  #reserve(count: number): void {
    if (this.#count + count <= this.#tokens.length) return;
    const grown = new Int32Array(2 * (this.#count + Math.ceil(count)));
    grown.set(this.#tokens);
    this.#tokens = grown;
  }
}
