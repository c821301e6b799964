/**
 * WINDOW_UPDATE, both directions (SPDY/3 draft 2.6.8). Not part of SPDY/2.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { checkWhole, MAX_INT32 } from "../numbers.ts";
import { readUint31 } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { checkFlags, checkStreamIdOrZero } from "./check.ts";
import { WINDOW_UPDATE } from "./constants.ts";
import { writeControlHead } from "./frame_head.ts";
import type { WindowUpdateFrame } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Largest flow-control window and largest `deltaWindowSize`, bytes (2.6.8). */
export const MAX_FLOW_WINDOW: number = MAX_INT32;

const LENGTH = 8;

/**
 * Appends the frame. Stream 0 is the whole session (SPDY/3.1).
 * Throws `InvalidArgumentError` before it writes anything.
 */
export function writeWindowUpdate(
  out: ByteWriter,
  traits: VersionTraits,
  frame: WindowUpdateFrame,
): void {
  if (!traits.windowUpdate) {
    throw new InvalidArgumentError(`${traits.name} has no WINDOW_UPDATE`);
  }
  checkFlags(frame.flags);
  checkStreamIdOrZero("streamId", frame.streamId);
  // The delta is 1 to 2^31-1 (2.6.8).
  checkWhole("deltaWindowSize", frame.deltaWindowSize, 1, MAX_FLOW_WINDOW);
  writeControlHead(out, traits.wireVersion, WINDOW_UPDATE, frame.flags, LENGTH);
  out.uint32(frame.streamId);
  out.uint32(frame.deltaWindowSize);
}

/** Reads `length` payload bytes at `at`; `undefined` when the length is wrong. */
export function readWindowUpdate(
  version: number,
  flags: number,
  payload: Uint8Array,
  at: number,
  length: number,
): WindowUpdateFrame | undefined {
  // The length is 8 (2.6.8).
  if (length !== LENGTH) return undefined;
  return {
    frameType: WINDOW_UPDATE,
    version,
    flags,
    length,
    streamId: readUint31(payload, at),
    deltaWindowSize: readUint31(payload, at + 4),
  };
}
