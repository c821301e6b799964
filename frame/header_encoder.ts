/**
 * Header blocks, compressed for one direction of a connection.
 *
 * @module
 */

import type { ProtocolVersion } from "./constants.ts";
import type { ByteWriter } from "./byte_writer.ts";
import type { NameValue } from "./types.ts";

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
  /** Makes an encoder at the start of its stream. */
  constructor(_version: ProtocolVersion, _options: HeaderEncoderOptions = {}) {}

  /**
   * Appends the compressed block of `pairs` to `out`, closed by a sync flush.
   *
   * `pairs` are wire pairs: names as on the wire (lower case, SPDY/2 names in
   * SPDY/2), each once, sorted; values with NUL between joined parts. They and
   * their sizes have been checked; this call cannot fail.
   */
  encode(_pairs: readonly NameValue[], _out: ByteWriter): void {}
}
