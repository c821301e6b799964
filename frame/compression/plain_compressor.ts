/**
 * The policy `"full"`; see "The other policies" in `README.md`.
 *
 * @module
 */

import { Deflate } from "../../zlib/deflate.ts";
import { ByteWriter } from "../byte_writer.ts";
import { writeHeaderBlock } from "../header_block.ts";
import type { NameValue } from "../types.ts";
import type { VersionTraits } from "../version.ts";
import type { BlockCompressor } from "./block_compressor.ts";

/** Compresses header blocks as zlib does, at level 6. */
export class PlainCompressor implements BlockCompressor {
  readonly #traits: VersionTraits;
  readonly #deflate: Deflate;
  readonly #block: ByteWriter = new ByteWriter(1024);

  /** Creates a compressor at the start of its zlib stream. */
  constructor(traits: VersionTraits, dictionary: Uint8Array) {
    this.#traits = traits;
    this.#deflate = new Deflate({ level: 6, dictionary });
  }

  compress(pairs: readonly NameValue[], out: ByteWriter): number {
    this.#block.length = 0;
    writeHeaderBlock(this.#block, pairs, this.#traits.lengthSize);
    out.append(this.#deflate.pushView(this.#block.view(), "sync"));
    return this.#block.length;
  }

  maxCompressedLength(blockLength: number): number {
    // Each stored block, of at least 16 KiB except the last, takes 5 more bytes; the
    // zlib header and the sync flush together take at most 16.
    return blockLength + 5 * Math.ceil(blockLength / 16384) + 16;
  }
}
