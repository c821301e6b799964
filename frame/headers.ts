/**
 * HEADERS, the receiving direction (SPDY/3 draft 2.6.7). `writeSynReply` writes the
 * frame, which differs from SYN_REPLY only in its type.
 *
 * @module
 */

import { readUint31 } from "./byte_reader.ts";
import { HEADERS } from "./constants.ts";
import type { HeadersFrame, NameValue } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Creates the frame from its fixed part and its headers. */
export function readHeaders(
  traits: VersionTraits,
  flags: number,
  fixed: Uint8Array,
  length: number,
  nv: NameValue[],
): HeadersFrame {
  return {
    frameType: HEADERS,
    version: traits.wireVersion,
    flags,
    length,
    streamId: readUint31(fixed, 0),
    nv,
  };
}
