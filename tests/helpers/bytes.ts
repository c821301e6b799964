/**
 * Byte arrays for tests.
 *
 * @module
 */

/** An array of these bytes. */
export function bytes(...values: number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values);
}
