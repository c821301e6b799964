/**
 * The header of a zlib stream (RFC 1950, section 2.2), in step 4 of the worked example
 * in `README.md`.
 *
 * @module
 */

import { adler32 } from "../../zlib/adler32.ts";
import { METHOD_DEFLATE, PRESET_DICTIONARY } from "../../zlib/constants.ts";

/**
 * The first bytes of a stream with a preset dictionary.
 *
 * @param windowBits Window size, as a power of two, 8..15.
 * @param level The effort that is announced, 0..3; no decoder uses it.
 */
export function zlibHeader(
  dictionary: Uint8Array,
  windowBits: number,
  level: number,
): Uint8Array<ArrayBuffer> {
  const method = METHOD_DEFLATE | (windowBits - 8) << 4;
  const flags = PRESET_DICTIONARY | level << 6;
  const check = 31 - (method << 8 | flags) % 31;
  const checksum = adler32(dictionary);
  return Uint8Array.of(
    method,
    flags | check,
    checksum >>> 24,
    checksum >>> 16,
    checksum >>> 8,
    checksum,
  );
}
