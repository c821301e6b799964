/** The largest prime below 2^16 (RFC 1950, section 8.2). */
const MODULUS = 65521;
/**
 * Bytes that can be summed before a reduction: with both sums at their largest,
 * `255 n (n + 1) / 2 + (n + 1) (MODULUS - 1)` stays below 2^31, so that the
 * sums stay machine integers.
 */
const RUN = 3800;

/**
 * Adler-32 of `data` (RFC 1950, section 8.2), the check at the end of a zlib
 * stream and the name of a preset dictionary.
 *
 * @param data The bytes to sum.
 * @param start The sum of the bytes before, to go on from; default 1, the sum of no bytes.
 * @returns The sum, 0..2^32-1.
 *
 * @example
 * ```ts
 * import { adler32 } from "@spdy/spdy/zlib";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const bytes = new TextEncoder().encode("Wikipedia");
 * assertEquals(adler32(bytes), 0x11e60398);
 * assertEquals(adler32(bytes.subarray(4), adler32(bytes.subarray(0, 4))), 0x11e60398);
 * ```
 */
export function adler32(data: Uint8Array, start = 1): number {
  return adler32Range(data, 0, data.length, start);
}

/** {@linkcode adler32} of `data[from..to)`: spares the hot paths a view. */
export function adler32Range(
  data: Uint8Array,
  from: number,
  to: number,
  start: number,
): number {
  let low = start & 0xffff;
  let high = start >>> 16;
  for (let index = from; index < to;) {
    const end = Math.min(index + RUN, to);
    for (const unrolled = end - 7; index < unrolled; index += 8) {
      high += low += data[index];
      high += low += data[index + 1];
      high += low += data[index + 2];
      high += low += data[index + 3];
      high += low += data[index + 4];
      high += low += data[index + 5];
      high += low += data[index + 6];
      high += low += data[index + 7];
    }
    for (; index < end; index++) high += low += data[index];
    low %= MODULUS;
    high %= MODULUS;
  }
  return ((high << 16) | low) >>> 0;
}
