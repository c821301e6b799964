/**
 * Compresses the header blocks of one direction of a connection; how is in
 * `compression/README.md`.
 *
 * @module
 */

import { keepCompiledCode } from "../compiled_code.ts";
import { InvalidArgumentError } from "../errors.ts";
import { checkNames, checkOneOf, type Names, show } from "../values.ts";
import { ByteWriter } from "./byte_writer.ts";
import type { BlockCompressor } from "./compression/block_compressor.ts";
import { PlainCompressor } from "./compression/plain_compressor.ts";
import {
  MOST_BLOCKS,
  PooledCompressor,
} from "./compression/pooled_compressor.ts";
import { sensitivityOf } from "./compression/secret_names.ts";
import { StoredCompressor } from "./compression/stored_compressor.ts";
import { PROTO_SPDY3, type ProtocolVersion } from "./constants.ts";
import { LengthBound } from "./header_block.ts";
import { type HeaderBytes, noHeaderBytes } from "./header_bytes.ts";
import { wirePairs } from "./header_list.ts";
import type { NameValue } from "./types.ts";
import { type VersionTraits, versionTraits } from "./version.ts";

/**
 * How header blocks are compressed. Each policy produces a zlib stream that any
 * SPDY peer can read (SPDY/3 draft 2.6.10.1):
 *
 * - `"safe"`: no secret byte is compared with others to find matches. Cookies,
 *   credentials, tokens in addresses and long values of unknown headers are secret.
 *   The size of a block shows only their lengths, and whether a whole secret was sent
 *   before. All other bytes are compressed with matches, as in zlib.
 * - `"full"`: plain zlib, level 6. An attacker who can add text to a header and
 *   observe sizes can guess the secrets of the connection (CRIME).
 * - `"none"`: stored blocks, no compression.
 *
 * `docs/security.md` says what `"safe"` guarantees and how that is tested.
 *
 * @category Frames
 */
export type HeaderCompression = "safe" | "full" | "none";

const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];

/**
 * The options of {@linkcode HeaderEncoder} and `FrameEncoder`.
 *
 * @category Frames
 */
export interface HeaderEncoderOptions {
  /** How to compress; default `"safe"`. */
  readonly headerCompression?: HeaderCompression;
  /**
   * Additional names whose values are secret (`"safe"` only), in upper or lower
   * case. Use the colon names in every version.
   */
  readonly sensitiveHeaders?: readonly string[];
}

const ENCODER_NAMES: Names<HeaderEncoderOptions> = {
  headerCompression: true,
  sensitiveHeaders: true,
};

/** The header compression of one direction of a connection. */
export class HeaderEncoder {
  /**
   * Compressors that were created. The second one keeps the compiled code: in a program
   * with one connection, that of the connection is enough, and the code is compiled when
   * it is needed and not at the start.
   */
  static #compressors = 0;

  /** What was encoded. */
  readonly bytes: HeaderBytes = noHeaderBytes();
  readonly #traits: VersionTraits;
  readonly #policy: HeaderCompression;
  readonly #sensitive: ReadonlySet<string>;
  readonly #bound = new LengthBound();
  /** Created for the first block, so that a connection without headers does not pay for it. */
  #compressor: BlockCompressor | undefined;

  /**
   * Creates an encoder at the start of its stream.
   *
   * Throws `UnsupportedVersionError` for an unknown version and
   * `InvalidArgumentError` for an unknown policy or option, or a sensitive header that is
   * not a string.
   */
  constructor(version: ProtocolVersion, options: HeaderEncoderOptions = {}) {
    checkNames("a FrameEncoder", options, ENCODER_NAMES);
    this.#traits = versionTraits(version);
    const { headerCompression = "safe" } = options;
    checkOneOf("headerCompression", headerCompression, POLICIES);
    this.#policy = headerCompression;
    this.#sensitive = wireNames(options.sensitiveHeaders ?? [], this.#traits);
  }

  /** An upper bound of the length of the block of `pairs` before compression, bytes. */
  boundLength(pairs: readonly NameValue[]): number {
    return this.#bound.of(pairs, this.#traits);
  }

  /** Maximum length of a block of `blockLength` bytes after {@linkcode encode}. */
  maxEncodedLength(blockLength: number): number {
    return this.#open().maxCompressedLength(blockLength);
  }

  /**
   * Appends the compressed block of `pairs` to `out`, ended by a sync flush.
   *
   * `pairs` must be wire pairs: names as on the wire (lower case, SPDY/2 names in
   * SPDY/2), unique and sorted; values with NUL between joined parts. The caller
   * has checked them and their sizes, so this call cannot fail. `atMost` is an
   * upper bound of the block's length before compression, bytes. The pairs never change
   * afterwards: the next block is compared with them.
   */
  encode(
    pairs: readonly NameValue[],
    out: ByteWriter,
    atMost: number = this.boundLength(pairs),
  ): void {
    const before = out.length;
    this.bytes.plain += this.#open().compress(pairs, out, atMost);
    this.bytes.compressed += out.length - before;
  }

  /**
   * Releases the memory for what was sent, except for the last block. The next block
   * may become longer, and takes 50 to 75 us more.
   */
  shrink(): void {
    this.#compressor?.shrink();
  }

  static #make(): HeaderEncoder {
    const encoder = new HeaderEncoder(PROTO_SPDY3);
    // So many blocks that it has a compressor of its own. Other streams would take a
    // compressor of the pool, which might then have none.
    for (let block = 0; block <= MOST_BLOCKS; block++) {
      const path = `/${block}`;
      encoder.encode([[":path", path], ["cookie", "a=b"]], new ByteWriter());
    }
    return encoder;
  }

  #open(): BlockCompressor {
    if (this.#compressor !== undefined) return this.#compressor;
    if (++HeaderEncoder.#compressors === 2) {
      keepCompiledCode(HeaderEncoder.#make());
    }
    return this.#compressor = this.#makeCompressor();
  }

  #makeCompressor(): BlockCompressor {
    const traits = this.#traits;
    const { dictionary } = traits;
    switch (this.#policy) {
      case "full":
        return new PlainCompressor(traits, dictionary);
      case "none":
        return new StoredCompressor(traits, dictionary);
      case "safe":
        return new PooledCompressor(
          traits,
          this.#sensitive === NO_NAMES
            ? sensitivityOf
            : (name) =>
              this.#sensitive.has(name) ? "secret" : sensitivityOf(name),
        );
    }
  }
}

const NO_NAMES: ReadonlySet<string> = new Set();

/** The names as on the wire: in lower case, and SPDY/2's own names in SPDY/2. */
function wireNames(
  names: readonly string[],
  traits: VersionTraits,
): ReadonlySet<string> {
  if (!Array.isArray(names)) {
    throw new InvalidArgumentError("sensitiveHeaders is not a list of strings");
  }
  const pairs = names.map((name): NameValue => {
    if (typeof name === "string") return [name.toLowerCase(), ""];
    throw new InvalidArgumentError(
      `sensitive header ${show(name)} is not a string`,
    );
  });
  if (pairs.length === 0) return NO_NAMES;
  return new Set(wirePairs(pairs, traits).map(([name]) => name));
}
