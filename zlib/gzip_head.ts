/**
 * The head of a gzip member (RFC 1952, section 2.3).
 *
 * @module
 */

const HAS_CHECKSUM = 2;
const HAS_EXTRA = 4;
const HAS_NAME = 8;
const HAS_COMMENT = 16;

/** ID1, ID2, and the compression method deflate. */
export const GZIP_MAGIC: readonly number[] = [0x1f, 0x8b, 8];

/** Index after the head of the member at `at`; -1 if it is not complete. */
export function gzipHeadEnd(bytes: Uint8Array, at: number): number {
  if (bytes.length < at + 10) return -1;
  const flags = bytes[at + 3];
  let end = at + 10;
  if (flags & HAS_EXTRA) {
    if (bytes.length < end + 2) return -1;
    end += 2 + (bytes[end] | bytes[end + 1] << 8);
  }
  for (const flag of [HAS_NAME, HAS_COMMENT]) {
    if ((flags & flag) === 0) continue;
    const zero = bytes.indexOf(0, end);
    if (zero < 0) return -1;
    end = zero + 1;
  }
  if (flags & HAS_CHECKSUM) end += 2;
  return end <= bytes.length ? end : -1;
}
