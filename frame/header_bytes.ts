/**
 * How much header compression saves in one direction.
 *
 * @module
 */

/** The total length of the header blocks of one direction so far. */
export interface HeaderBytes {
  /** Bytes before compression. */
  plain: number;
  /** Bytes after it, as sent. */
  compressed: number;
}

/** The lengths before the first block. */
export function noHeaderBytes(): HeaderBytes {
  return { plain: 0, compressed: 0 };
}
