/**
 * The policy `"full"`; see "The other policies" in `README.md`.
 *
 * @module
 */

import { Deflate } from "../../zlib/deflate.ts";
import type { ByteWriter } from "../byte_writer.ts";
import type { NameValue } from "../types.ts";
import type { VersionTraits } from "../version.ts";
import type { BlockCompressor } from "./block_compressor.ts";
import { KeptBlock } from "./kept_block.ts";
import { zlibHeader } from "./zlib_header.ts";

/** Compresses header blocks as zlib does, at level 6. */
export class PlainCompressor implements BlockCompressor {
  readonly #block: KeptBlock;
  /**
   * Raw deflate, without the header and the checksum of zlib: the stream never ends, so
   * the checksum, which takes time, is never sent.
   */
  #deflate: Deflate;
  /** The first bytes of the stream, until they have been written. */
  #header: Uint8Array | undefined;

  /** Creates a compressor at the start of its zlib stream. */
  constructor(traits: VersionTraits, dictionary: Uint8Array) {
    this.#block = new KeptBlock(traits.lengthSize);
    this.#deflate = makeDeflate(dictionary);
    this.#header = zlibHeader(dictionary, 15, 2);
  }

  compress(pairs: readonly NameValue[], out: ByteWriter): number {
    const block = this.#block.change(pairs);
    if (this.#header !== undefined) out.append(this.#header);
    this.#header = undefined;
    out.append(this.#deflate.pushView(block.view(), "sync"));
    const { length } = block;
    this.#block.release();
    return length;
  }

  maxCompressedLength(blockLength: number): number {
    // Each stored block, of at least 16 KiB except the last, takes 5 more bytes; the
    // zlib header and the sync flush together take at most 16.
    return blockLength + 5 * Math.ceil(blockLength / 16384) + 16;
  }

  shrink(): void {
    // The stream is at the end of a sync flush, so that another deflater can continue it.
    if (this.#header === undefined) {
      this.#deflate = makeDeflate(this.#block.last());
    }
  }
}

/** A deflater whose output can refer to `dictionary` as to the bytes before it. */
function makeDeflate(dictionary: Uint8Array): Deflate {
  return new Deflate({ format: "raw", level: 6, dictionary });
}
