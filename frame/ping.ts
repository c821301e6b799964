/**
 * PING, both directions (SPDY/3 draft 2.6.5).
 *
 * @module
 */

import { readUint32 } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { checkFlags, checkUint32 } from "./check.ts";
import { PING } from "./constants.ts";
import { writeControlHead } from "./frame_head.ts";
import type { PingFrame } from "./types.ts";
import type { VersionTraits } from "./version.ts";

const LENGTH = 4;

/** Appends the frame. Throws `InvalidArgumentError` before it writes anything. */
export function writePing(
  out: ByteWriter,
  traits: VersionTraits,
  frame: PingFrame,
): void {
  checkFlags(frame.flags);
  checkUint32("uniqueId", frame.uniqueId);
  writeControlHead(out, traits.wireVersion, PING, frame.flags, LENGTH);
  out.uint32(frame.uniqueId);
}

/** Reads `length` payload bytes at `at`; `undefined` when the length is wrong. */
export function readPing(
  version: number,
  flags: number,
  payload: Uint8Array,
  at: number,
  length: number,
): PingFrame | undefined {
  // The length is 4 (2.6.5).
  if (length !== LENGTH) return undefined;
  return {
    frameType: PING,
    version,
    flags,
    length,
    uniqueId: readUint32(payload, at),
  };
}
