/**
 * How much header compression saves in one direction.
 *
 * @module
 */

/** The header blocks of one direction so far. */
export interface HeaderBytes {
  /** Bytes before compression. */
  plain: number;
  /** Bytes after it, as sent. */
  compressed: number;
}

/** No block yet. */
export function noHeaderBytes(): HeaderBytes {
  return { plain: 0, compressed: 0 };
}
