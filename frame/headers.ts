/**
 * HEADERS, the receiving direction (SPDY/3 draft 2.6.7). `writeSynReply` writes the
 * frame, which differs from SYN_REPLY only in its type.
 *
 * @module
 */

import { HEADERS, MAX_STREAM_ID } from "./constants.ts";
import type { HeadersFrame, NameValue } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Creates the frame from the first word of its fixed part, and its headers. */
export function readHeaders(
  traits: VersionTraits,
  flags: number,
  first: number,
  length: number,
  nv: NameValue[],
): HeadersFrame {
  return {
    frameType: HEADERS,
    version: traits.wireVersion,
    flags,
    length,
    streamId: first & MAX_STREAM_ID,
    nv,
  };
}
