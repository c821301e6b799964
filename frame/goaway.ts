/**
 * GOAWAY, both directions (SPDY/3 draft 2.6.6). In SPDY/2 it has no status.
 *
 * @module
 */

import { readUint31, readUint32 } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { checkFlags, checkStreamIdOrZero, checkUint32 } from "./check.ts";
import { GOAWAY, GOAWAY_OK } from "./constants.ts";
import { writeControlHead } from "./frame_head.ts";
import type { GoawayFrame } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Appends the frame. Throws `InvalidArgumentError` before it writes anything. */
export function writeGoaway(
  out: ByteWriter,
  traits: VersionTraits,
  frame: GoawayFrame,
): void {
  checkFlags(frame.flags);
  checkStreamIdOrZero("lastGoodStreamId", frame.lastGoodStreamId);
  checkUint32("statusCode", frame.statusCode);
  const length = traits.goawayLength;
  writeControlHead(out, traits.wireVersion, GOAWAY, frame.flags, length);
  out.uint32(frame.lastGoodStreamId);
  if (length === 8) out.uint32(frame.statusCode);
}

/** Reads `length` payload bytes at `at`; `undefined` when the length is wrong. */
export function readGoaway(
  traits: VersionTraits,
  flags: number,
  payload: Uint8Array,
  at: number,
  length: number,
): GoawayFrame | undefined {
  // The length is 8 (2.6.6), or 4 in SPDY/2.
  if (length !== traits.goawayLength) return undefined;
  return {
    frameType: GOAWAY,
    version: traits.wireVersion,
    flags,
    length,
    lastGoodStreamId: readUint31(payload, at),
    statusCode: length === 8 ? readUint32(payload, at + 4) : GOAWAY_OK,
  };
}
