/**
 * Memory for bytes on their way, which the connections of the process use in turn.
 *
 * @module
 */

import { FRAME_HEAD_LENGTH } from "../../frame/frame_head.ts";
import { PLACES } from "./placement.ts";

/** Size of a small buffer, bytes. */
export const SMALL = 4096;
/** Number of unused small buffers that are kept: 256 KiB. */
const MOST_SMALL = 64;
/** The smallest size of large buffers, bytes; each further size is twice as large. */
const SMALLEST = 64 * 1024;
/** Additional bytes of each large buffer, for the heads of 128 DATA frames. */
export const HEADS: number = 128 * FRAME_HEAD_LENGTH;
/** Number of sizes whose memory is kept: up to 1 MiB. A larger buffer is allocated for each use. */
const SIZES = 5;
/** Most memory of unused buffers of one size that is kept, bytes: 10 MiB in all sizes together. */
const MOST_SPARE = 2 * 1024 * 1024;
/** Most memory in which connections may wait for input, bytes. */
const MOST_WAITING = 16 * 1024 * 1024;

const spares: Uint8Array<ArrayBuffer>[][] = Array.from(
  { length: SIZES },
  () => [],
);
const smallSpares: Uint8Array<ArrayBuffer>[] = [];
let waiting = 0;

/**
 * Returns a buffer of {@linkcode SMALL} bytes with arbitrary content. If each
 * connection had its own, 500 connections would hold 5 KiB more each.
 */
export function takeSmall(): Uint8Array<ArrayBuffer> {
  return smallSpares.pop() ?? new Uint8Array(SMALL);
}

/** Ends the use of a buffer of {@linkcode takeSmall}, as {@linkcode returnLarge} does for large ones. */
export function returnSmall(buffer: Uint8Array<ArrayBuffer>): void {
  if (smallSpares.length < MOST_SMALL) smallSpares.push(buffer);
}

/**
 * Returns a buffer of at least `size` bytes, with room for any place in its page.
 * Its content is arbitrary: only bytes that its user wrote may be read.
 *
 * A connection has one only while bytes are in it. If each connection kept its own,
 * 300 connections that had each moved 1 MiB would hold 520 KiB each until a silence, and
 * most of this memory would not return to the system.
 */
export function takeLarge(size: number): Uint8Array<ArrayBuffer> {
  const index = indexOf(size);
  return spares[index]?.pop() ??
    new Uint8Array(Math.max((SMALLEST << index) + HEADS, size) + PLACES);
}

/** Ends the use of a buffer of {@linkcode takeLarge}. Nothing may read or write it any more, not even a pending operation. */
export function returnLarge(buffer: Uint8Array<ArrayBuffer>): void {
  const size = buffer.length - PLACES;
  const list = spares[indexOf(size)];
  if (list !== undefined && list.length * size < MOST_SPARE) list.push(buffer);
  else free(buffer);
}

/**
 * Frees the memory of a buffer at once. V8 may let 32 MiB of unused buffers gather before
 * it frees them, and the system's allocator then keeps that memory.
 */
function free({ buffer }: Uint8Array<ArrayBuffer>): void {
  // Node 20 has no `transfer`.
  buffer.transfer?.(0);
}

/** Whether a connection may wait for input in `size` bytes of large memory; if so, {@linkcode endWait} has to follow. */
export function beginWait(size: number): boolean {
  if (waiting + size > MOST_WAITING) return false;
  waiting += size;
  return true;
}

/** Ends a wait: the input has arrived, or the connection has ended. */
export function endWait(size: number): void {
  waiting -= size;
}

/** For tests: bytes of buffers in which connections wait, and bytes kept for reuse. */
export function largeMemory(): {
  readonly waiting: number;
  readonly spare: number;
} {
  let spare = 0;
  for (const list of spares) for (const { length } of list) spare += length;
  return { waiting, spare };
}

/** The index of the smallest size that has room for `size` bytes. */
function indexOf(size: number): number {
  return Math.max(
    0,
    Math.ceil(Math.log2(Math.max(1, size - HEADS) / SMALLEST)),
  );
}
