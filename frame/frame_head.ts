/**
 * The first eight bytes of every frame (SPDY/3 draft 2.2).
 *
 * @module
 */

import type { ByteWriter } from "./byte_writer.ts";
import { writeUint32 } from "./byte_writer.ts";

/** Bytes before the payload of any frame. */
export const FRAME_HEAD_LENGTH = 8;

/** Writes the head of a control frame. */
export function writeControlHead(
  out: ByteWriter,
  wireVersion: number,
  type: number,
  flags: number,
  length: number,
): void {
  out.reserve(FRAME_HEAD_LENGTH);
  const { bytes, length: at } = out;
  bytes[at] = 0x80;
  bytes[at + 1] = wireVersion;
  bytes[at + 2] = 0;
  bytes[at + 3] = type;
  writeUint32(bytes, at + 4, flags << 24 | length);
  out.length = at + FRAME_HEAD_LENGTH;
}

/**
 * Writes the head of a DATA frame of `length` payload bytes; the payload is to
 * follow. The numbers are taken as they are.
 */
export function writeDataHead(
  out: ByteWriter,
  streamId: number,
  flags: number,
  length: number,
): void {
  out.reserve(FRAME_HEAD_LENGTH);
  const { bytes, length: at } = out;
  writeUint32(bytes, at, streamId);
  writeUint32(bytes, at + 4, flags << 24 | length);
  out.length = at + FRAME_HEAD_LENGTH;
}

/** Writes into the head at `start` that the frame ends where `out` ends now. */
export function closeFrame(out: ByteWriter, start: number): void {
  const length = out.length - start - FRAME_HEAD_LENGTH;
  out.bytes[start + 5] = length >>> 16;
  out.bytes[start + 6] = length >>> 8;
  out.bytes[start + 7] = length;
}
