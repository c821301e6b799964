/**
 * The interface of all policies: see "The other policies" in `README.md`.
 *
 * @module
 */

import type { ByteWriter } from "../byte_writer.ts";
import type { NameValue } from "../types.ts";

/** Compresses the header blocks of one direction, by one policy. */
export interface BlockCompressor {
  /**
   * Appends the block of `pairs`, compressed and closed by a sync flush.
   *
   * `pairs` are wire pairs: each name once, sorted, values with NUL between
   * joined parts. They have been checked; this call cannot fail. The block is of
   * `atMost` bytes, if not fewer.
   */
  compress(
    pairs: readonly NameValue[],
    out: ByteWriter,
    atMost: number,
  ): void;

  /** Most bytes that a block of `blockLength` bytes can become. */
  maxCompressedLength(blockLength: number): number;
}
