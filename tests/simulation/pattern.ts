/**
 * Bytes that show where they belong: each body has a salt, and each position in
 * it has its own byte.
 *
 * @module
 */

const SIZE = 1 << 19;
const MASK = SIZE - 1;

/** The pattern twice, so that a slice never has to wrap around. */
const TABLE = new Uint8Array(2 * SIZE);
{
  let state = 12345;
  for (let index = 0; index < SIZE; index++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    TABLE[index] = TABLE[index + SIZE] = state >>> 16;
  }
}

function start(salt: number, offset: number): number {
  return (offset + salt * 7919) & MASK;
}

/** A copy of the bytes from `offset` on; at most 512 KiB. */
export function pattern(
  salt: number,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const from = start(salt, offset);
  return TABLE.slice(from, from + length);
}

/** Whether these are the bytes from `offset` on. */
export function matches(
  salt: number,
  offset: number,
  bytes: Uint8Array,
): boolean {
  const from = start(salt, offset);
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] !== TABLE[from + (index & MASK)]) return false;
  }
  return true;
}
