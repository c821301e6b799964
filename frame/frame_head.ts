/**
 * The first eight bytes of every frame (SPDY/3 draft 2.2), and the bytes before a header
 * block.
 *
 * @module
 */

import type { ByteWriter } from "./byte_writer.ts";
import { writeUint32 } from "./byte_writer.ts";
import type { CtrlFrame } from "./types.ts";

/** Length of a frame's head, bytes. */
export const FRAME_HEAD_LENGTH = 8;

/** Writes the head of a control frame. */
export function writeControlHead(
  out: ByteWriter,
  wireVersion: number,
  type: CtrlFrame["frameType"],
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

/** The head of a received control frame of any version and type. */
export function controlHead(
  wireVersion: number,
  type: number,
  flags: number,
  length: number,
): Uint8Array {
  const head = new Uint8Array(FRAME_HEAD_LENGTH);
  writeUint32(head, 0, 0x80000000 | wireVersion << 16 | type);
  writeUint32(head, 4, flags << 24 | length);
  return head;
}

/**
 * The first `size` bytes, at most 10, of what a received SYN_STREAM, SYN_REPLY or HEADERS
 * has between its head and its header block: the words at 0 and 4, and two bytes at 8.
 */
export function fixedPartOf(
  size: number,
  first: number,
  second: number,
  last: number,
): Uint8Array {
  const part = new Uint8Array(10);
  writeUint32(part, 0, first);
  writeUint32(part, 4, second);
  part[8] = last >>> 8;
  part[9] = last;
  return part.slice(0, size);
}

/**
 * Writes the head of a DATA frame with `length` payload bytes. The caller appends
 * the payload, and must check the range of the numbers.
 */
export function writeDataHead(
  out: ByteWriter,
  streamId: number,
  flags: number,
  length: number,
): void {
  out.reserve(FRAME_HEAD_LENGTH);
  putDataHead(out.bytes, out.length, streamId, flags, length);
  out.length += FRAME_HEAD_LENGTH;
}

/** Puts the head of a DATA frame at `bytes[at]`; see {@linkcode writeDataHead}. */
export function putDataHead(
  bytes: Uint8Array,
  at: number,
  streamId: number,
  flags: number,
  length: number,
): void {
  writeUint32(bytes, at, streamId);
  writeUint32(bytes, at + 4, flags << 24 | length);
}

/** Sets the length in the head at `start`, for a frame that ends at the end of `out`. */
export function closeFrame(out: ByteWriter, start: number): void {
  const length = out.length - start - FRAME_HEAD_LENGTH;
  out.bytes[start + 5] = length >>> 16;
  out.bytes[start + 6] = length >>> 8;
  out.bytes[start + 7] = length;
}
