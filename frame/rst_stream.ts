/**
 * RST_STREAM, both directions (SPDY/3 draft 2.6.3).
 *
 * @module
 */

import { readUint31, readUint32 } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { checkFlags, checkStreamIdOrZero, checkUint32 } from "./check.ts";
import { RST_STREAM } from "./constants.ts";
import { writeControlHead } from "./frame_head.ts";
import type { RstStreamFrame } from "./types.ts";
import type { VersionTraits } from "./version.ts";

const LENGTH = 8;

/** Appends the frame. Throws `InvalidArgumentError` before it writes anything. */
export function writeRstStream(
  out: ByteWriter,
  traits: VersionTraits,
  frame: RstStreamFrame,
): void {
  checkFlags(frame.flags);
  // 0 is allowed: a RST_STREAM is the only answer to a SYN_STREAM with stream id 0.
  checkStreamIdOrZero("streamId", frame.streamId);
  checkUint32("statusCode", frame.statusCode);
  writeControlHead(out, traits.wireVersion, RST_STREAM, frame.flags, LENGTH);
  out.uint32(frame.streamId);
  out.uint32(frame.statusCode);
}

/** Reads `length` payload bytes at `at`; `undefined` when the length is wrong. */
export function readRstStream(
  version: number,
  flags: number,
  payload: Uint8Array,
  at: number,
  length: number,
): RstStreamFrame | undefined {
  // The length is 8 (2.6.3).
  if (length !== LENGTH) return undefined;
  return {
    frameType: RST_STREAM,
    version,
    flags,
    length,
    streamId: readUint31(payload, at),
    statusCode: readUint32(payload, at + 4),
  };
}
