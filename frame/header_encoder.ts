/**
 * Header blocks, compressed for one direction of a connection.
 *
 * @module
 */

import { SPDY2_DICTIONARY, SPDY3_DICTIONARY } from "../zlib/dictionaries.ts";
import { Deflate } from "../zlib/deflate.ts";
import { ByteWriter } from "./byte_writer.ts";
import { writeHeaderBlock } from "./header_block.ts";
import type { NameValue } from "./types.ts";
import type { ProtocolVersion } from "./constants.ts";
import { type VersionTraits, versionTraits } from "./version.ts";
import { InvalidArgumentError } from "../errors.ts";

/**
 * How header blocks are compressed: `"safe"` keeps secrets out of matching,
 * `"full"` is plain zlib, `"none"` stores.
 */
export type HeaderCompression = "safe" | "full" | "none";

/** What {@linkcode HeaderEncoder} and `FrameEncoder` take. */
export interface HeaderEncoderOptions {
  /** How to compress; default `"safe"`. */
  readonly headerCompression?: HeaderCompression;
  /** Names treated as secret besides the built-in ones (`"safe"` only). */
  readonly sensitiveHeaders?: readonly string[];
}

/** Owns the header compression of one direction. */
export class HeaderEncoder {
  readonly #traits: VersionTraits;
  readonly #deflate: Deflate;
  readonly #block: ByteWriter = new ByteWriter(1024);

  /**
   * Makes an encoder at the start of its stream.
   *
   * Throws `InvalidArgumentError` for an unknown version or policy.
   */
  constructor(version: ProtocolVersion, options: HeaderEncoderOptions = {}) {
    this.#traits = versionTraits(version);
    this.#deflate = new Deflate({
      level: levelOf(options.headerCompression ?? "safe"),
      windowBits: 15,
      dictionary: this.#traits.wireVersion === 2
        ? SPDY2_DICTIONARY
        : SPDY3_DICTIONARY,
    });
  }

  /**
   * Most bytes that `pairs` header pairs of `blockLength` bytes in all can
   * become by {@linkcode encode}.
   */
  maxEncodedLength(blockLength: number, _pairs: number): number {
    // Stored blocks of at most 65535 bytes take 5 bytes more each; the zlib
    // header and the sync flush together 16 at most.
    return blockLength + 5 * Math.ceil(blockLength / 16384) + 16;
  }

  /**
   * Appends the compressed block of `pairs` to `out`, closed by a sync flush.
   *
   * `pairs` are wire pairs: names as on the wire (lower case, SPDY/2 names in
   * SPDY/2), each once, sorted; values with NUL between joined parts. They and
   * their sizes have been checked; this call cannot fail.
   */
  encode(pairs: readonly NameValue[], out: ByteWriter): void {
    this.#block.length = 0;
    writeHeaderBlock(this.#block, pairs, this.#traits.lengthSize);
    out.append(this.#deflate.push(this.#block.view(), "sync"));
  }
}

function levelOf(policy: HeaderCompression): number {
  switch (policy) {
    case "full":
      return 6;
    case "safe":
    case "none":
      return 0;
    default:
      throw new InvalidArgumentError(
        `headerCompression ${policy} is none of "safe", "full", "none"`,
      );
  }
}
