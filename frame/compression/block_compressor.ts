/**
 * The interface of all compression policies; see "The other policies" in
 * `README.md`.
 *
 * @module
 */

import type { ByteWriter } from "../byte_writer.ts";
import type { NameValue } from "../types.ts";

/** Compresses the header blocks of one direction, by one policy. */
export interface BlockCompressor {
  /**
   * Appends the block of `pairs`, compressed and ended by a sync flush.
   *
   * `pairs` are wire pairs: sorted, each name once, values with NUL between joined
   * parts. They have been checked, so this call cannot fail, and they never change: the
   * next block is compared with them. `atMost` is an upper
   * bound of the block's length in bytes. Returns that length.
   */
  compress(
    pairs: readonly NameValue[],
    out: ByteWriter,
    atMost: number,
  ): number;

  /** Upper bound of the compressed length of a block of `blockLength` bytes. */
  maxCompressedLength(blockLength: number): number;

  /**
   * Releases most of the memory, between two blocks. The next block refers only to the
   * block before it, and so may become longer.
   */
  shrink(): void;
}
