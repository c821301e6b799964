/**
 * Reads big-endian numbers from bytes, without a DataView.
 *
 * @module
 */

import { MAX_INT32 } from "../numbers.ts";

/** Two bytes at `offset`, 0..2^16-1. */
export function readUint16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] << 8 | bytes[offset + 1];
}

/** Three bytes at `offset`, 0..2^24-1. */
export function readUint24(bytes: Uint8Array, offset: number): number {
  return bytes[offset] << 16 | bytes[offset + 1] << 8 | bytes[offset + 2];
}

/** Four bytes at `offset`, 0..2^32-1. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return readInt32(bytes, offset) >>> 0;
}

/** Four bytes at `offset` without the reserved top bit, 0..2^31-1. */
export function readUint31(bytes: Uint8Array, offset: number): number {
  return readInt32(bytes, offset) & MAX_INT32;
}

/** Four bytes at `offset`, -2^31..2^31-1. */
export function readInt32(bytes: Uint8Array, offset: number): number {
  return bytes[offset] << 24 | bytes[offset + 1] << 16 |
    bytes[offset + 2] << 8 | bytes[offset + 3];
}
