/**
 * HEADERS, the receiving direction (SPDY/3 draft 2.6.7). Sending is
 * `writeSynReply`: but for its type the frame is laid out as SYN_REPLY.
 *
 * @module
 */

import { readUint31 } from "./byte_reader.ts";
import { HEADERS } from "./constants.ts";
import type { HeadersFrame, NameValue } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Makes the frame of its fixed part and its headers. */
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
