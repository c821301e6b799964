/**
 * SYN_REPLY without its header block, both directions (SPDY/3 draft 2.6.2).
 * HEADERS has the same layout and uses the same functions.
 *
 * @module
 */

import type { ByteWriter } from "./byte_writer.ts";
import { checkFlags, checkStreamId } from "./check.ts";
import { MAX_STREAM_ID, SYN_REPLY } from "./constants.ts";
import { writeControlHead } from "./frame_head.ts";
import type { HeadersFrame, NameValue, SynReplyFrame } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Throws `InvalidArgumentError` when a field cannot be sent. */
export function checkSynReply(frame: SynReplyFrame | HeadersFrame): void {
  checkFlags(frame.flags);
  checkStreamId(frame.streamId);
}

/** Appends the head and the fixed part. The caller appends the header block and calls `closeFrame`. */
export function writeSynReply(
  out: ByteWriter,
  traits: VersionTraits,
  frame: SynReplyFrame | HeadersFrame,
): void {
  writeControlHead(out, traits.wireVersion, frame.frameType, frame.flags, 0);
  out.uint32(frame.streamId);
  if (traits.replyFixedLength === 6) out.uint16(0);
}

/** Creates the frame from the first word of its fixed part, and its headers. */
export function readSynReply(
  traits: VersionTraits,
  flags: number,
  first: number,
  length: number,
  nv: NameValue[],
): SynReplyFrame {
  return {
    frameType: SYN_REPLY,
    version: traits.wireVersion,
    flags,
    length,
    streamId: first & MAX_STREAM_ID,
    nv,
  };
}
