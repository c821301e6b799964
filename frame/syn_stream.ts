/**
 * SYN_STREAM, both directions, without its header block (SPDY/3 draft 2.6.1).
 *
 * @module
 */

import { checkWhole } from "../numbers.ts";
import { type ByteWriter, writeUint32 } from "./byte_writer.ts";
import { checkFlags, checkStreamId, checkStreamIdOrZero } from "./check.ts";
import { MAX_STREAM_ID, SYN_STREAM } from "./constants.ts";
import { writeControlHead } from "./frame_head.ts";
import type { NameValue, SynStreamFrame } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Payload bytes before the header block. */
export const SYN_STREAM_FIXED_LENGTH = 10;

/** Throws `InvalidArgumentError` when a field is out of range. */
export function checkSynStream(
  traits: VersionTraits,
  frame: SynStreamFrame,
): void {
  checkFlags(frame.flags);
  checkStreamId(frame.streamId);
  checkStreamIdOrZero("assocStreamId", frame.assocStreamId);
  checkWhole("pri", frame.pri, 0, traits.lowestPriority);
  checkWhole("slot", frame.slot, 0, traits.maxSlot);
}

/** Appends the head and the fixed part; the caller then appends the header block and calls `closeFrame`. */
export function writeSynStream(
  out: ByteWriter,
  traits: VersionTraits,
  frame: SynStreamFrame,
): void {
  writeControlHead(out, traits.wireVersion, SYN_STREAM, frame.flags, 0);
  out.reserve(SYN_STREAM_FIXED_LENGTH);
  const { bytes, length: at } = out;
  writeUint32(bytes, at, frame.streamId);
  writeUint32(bytes, at + 4, frame.assocStreamId);
  bytes[at + 8] = frame.pri << traits.priorityShift;
  bytes[at + 9] = frame.slot;
  out.length = at + SYN_STREAM_FIXED_LENGTH;
}

/** Creates the frame from the two words and the last two bytes of its fixed part, and its headers. */
export function readSynStream(
  traits: VersionTraits,
  flags: number,
  first: number,
  second: number,
  last: number,
  length: number,
  nv: NameValue[],
): SynStreamFrame {
  return {
    frameType: SYN_STREAM,
    version: traits.wireVersion,
    flags,
    length,
    streamId: first & MAX_STREAM_ID,
    assocStreamId: second & MAX_STREAM_ID,
    pri: last >>> 8 + traits.priorityShift,
    slot: traits.maxSlot === 0 ? 0 : last & 0xff,
    nv,
  };
}
