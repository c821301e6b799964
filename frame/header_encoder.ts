/**
 * Header blocks, compressed for one direction of a connection.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { checkOptions, show } from "../values.ts";
import { ByteWriter } from "./byte_writer.ts";
import type { BlockCompressor } from "./compression/block_compressor.ts";
import { natureOf } from "./compression/nature.ts";
import { PlainCompressor } from "./compression/plain_compressor.ts";
import { SafeCompressor } from "./compression/safe_compressor.ts";

import { PROTO_SPDY3, type ProtocolVersion } from "./constants.ts";
import { headerBlockLength } from "./header_block.ts";
import { wirePairs } from "./header_list.ts";
import type { NameValue } from "./types.ts";
import { type VersionTraits, versionTraits } from "./version.ts";

/**
 * How header blocks are compressed, always as a zlib stream that any SPDY peer
 * inflates (SPDY/3 draft 2.6.10.1):
 *
 * - `"safe"`: cookies, credentials and the like, tokens in addresses and long
 *   values of unknown headers never take part in matching, so that the size of a
 *   block tells only their lengths, and whether a whole one was sent before.
 *   Anything else is compressed as zlib does.
 * - `"full"`: plain zlib, level 6. Who can put text into a header and sees
 *   sizes can guess the secrets of the connection (CRIME).
 * - `"none"`: stored blocks.
 *
 * `docs/security.md` says what `"safe"` promises and how that is tested.
 */
export type HeaderCompression = "safe" | "full" | "none";

/** What {@linkcode HeaderEncoder} and `FrameEncoder` take. */
export interface HeaderEncoderOptions {
  /** How to compress; default `"safe"`. */
  readonly headerCompression?: HeaderCompression;
  /**
   * Names treated as secret besides the built-in ones (`"safe"` only), in upper
   * or lower case; colon names in every version.
   */
  readonly sensitiveHeaders?: readonly string[];
}

/** Owns the header compression of one direction. */
export class HeaderEncoder {
  /** Keeps the code for compressing compiled while there is no other; see `zlib/deflate.ts`. */
  static readonly #kept: HeaderEncoder = HeaderEncoder.#make();

  readonly #traits: VersionTraits;
  readonly #policy: HeaderCompression;
  readonly #sensitive: ReadonlySet<string>;
  /** Made for the first block: a connection that sends none pays for none. */
  #compressor: BlockCompressor | undefined;

  /**
   * Makes an encoder at the start of its stream.
   *
   * Throws `UnsupportedVersionError` for an unknown version and
   * `InvalidArgumentError` for an unknown policy or a sensitive header that is
   * not a string.
   */
  constructor(version: ProtocolVersion, options: HeaderEncoderOptions = {}) {
    checkOptions("options", options);
    this.#traits = versionTraits(version);
    this.#policy = checkPolicy(options.headerCompression ?? "safe");
    this.#sensitive = wireNames(options.sensitiveHeaders ?? [], this.#traits);
  }

  /** Most bytes that a block of `blockLength` bytes can become by {@linkcode encode}. */
  maxEncodedLength(blockLength: number): number {
    return this.#open().maxCompressedLength(blockLength);
  }

  /**
   * Appends the compressed block of `pairs` to `out`, closed by a sync flush.
   *
   * `pairs` are wire pairs: names as on the wire (lower case, SPDY/2 names in
   * SPDY/2), each once, sorted; values with NUL between joined parts. They and
   * their sizes have been checked; this call cannot fail. The block is of
   * `atMost` bytes before compression, if not fewer.
   */
  encode(
    pairs: readonly NameValue[],
    out: ByteWriter,
    atMost: number = headerBlockLength(pairs, this.#traits, false),
  ): void {
    this.#open().compress(pairs, out, atMost);
  }

  static #make(): HeaderEncoder {
    const encoder = new HeaderEncoder(PROTO_SPDY3);
    encoder.encode([[":path", "/"], ["cookie", "a=b"]], new ByteWriter());
    return encoder;
  }

  #open(): BlockCompressor {
    return this.#compressor ??= this.#makeCompressor();
  }

  #makeCompressor(): BlockCompressor {
    const traits = this.#traits;
    const { dictionary } = traits;
    switch (this.#policy) {
      case "full":
        return new PlainCompressor(traits, dictionary, 6);
      case "none":
        return new PlainCompressor(traits, dictionary, 0);
      case "safe":
        return new SafeCompressor(
          traits,
          dictionary,
          (name) => this.#sensitive.has(name) ? "secret" : natureOf(name),
        );
    }
  }
}

function checkPolicy(policy: HeaderCompression): HeaderCompression {
  switch (policy) {
    case "safe":
    case "full":
    case "none":
      return policy;
    default:
      throw new InvalidArgumentError(
        `headerCompression ${show(policy)} is none of "safe", "full", "none"`,
      );
  }
}

/** The names as the compressor meets them: in lower case, and SPDY/2's own in SPDY/2. */
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
  return new Set(wirePairs(pairs, traits).map(([name]) => name));
}
