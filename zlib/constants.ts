/**
 * The constants and tables of RFC 1951 (sections 3.2.5 and 3.2.7) that
 * compression and decompression share.
 *
 * @module
 */

/** Shortest match. */
export const MIN_MATCH = 3;
/** Longest match. */
export const MAX_MATCH = 258;
/** Literal/length symbol that ends a block. */
export const END_OF_BLOCK = 256;
/** Literal/length symbols in use: 0..285. */
export const LITERAL_SYMBOLS = 286;
/** Distance symbols in use: 0..29. */
export const DISTANCE_SYMBOLS = 30;
/** Symbols of the code for code lengths: 0..18. */
export const CODE_LENGTH_SYMBOLS = 19;
/** Longest literal/length or distance code, in bits. */
export const MAX_CODE_BITS = 15;
/** Longest code for a code length, in bits. */
export const MAX_CODE_LENGTH_BITS = 7;
/** Longest stored block, in bytes. */
export const MAX_STORED = 65535;
/** Size of deflate's largest window, in bytes, and so the longest distance of a match. */
export const WINDOW_SIZE = 32768;

/** Block type: uncompressed bytes. */
export const BLOCK_STORED = 0;
/** Block type: the codes of RFC 1951, section 3.2.6. */
export const BLOCK_FIXED = 1;
/** Block type: codes sent with the block. */
export const BLOCK_DYNAMIC = 2;

/** zlib header: FDICT, the bit of the second byte that announces a preset dictionary (RFC 1950, section 2.2). */
export const PRESET_DICTIONARY = 0x20;
/** zlib header: compression method 8, "deflate". */
export const METHOD_DEFLATE = 8;

/** Number of extra bits after a length symbol; index 0 is symbol 257. */
export const LENGTH_EXTRA: Uint8Array = Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2],
  ...[3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0],
);
/** Shortest length of a length symbol; index 0 is symbol 257. */
export const LENGTH_BASE: Uint16Array = bases(LENGTH_EXTRA, MIN_MATCH);
// Symbol 284 could encode 258 too, but 285 encodes it without extra bits.
LENGTH_BASE[28] = MAX_MATCH;

/** Number of extra bits after a distance symbol. */
export const DISTANCE_EXTRA: Uint8Array = Uint8Array.of(
  ...[0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6],
  ...[7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13],
);
/** Shortest distance of a distance symbol. */
export const DISTANCE_BASE: Uint16Array = bases(DISTANCE_EXTRA, 1);

/** The order in which a dynamic block sends the lengths of the code for code lengths. */
export const CODE_LENGTH_ORDER: Uint8Array = Uint8Array.of(
  ...[16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15],
);

/** The length symbol minus 257, indexed by match length (3..258). */
export const LENGTH_CODE: Uint8Array = lengthCodes();

/** The distance symbol of a distance, 1..32768. */
export function distanceCode(distance: number): number {
  // There are two symbols for each power of two; the bit below the highest one
  // selects between them.
  const beyond = distance - 1;
  const highest = 31 - Math.clz32(beyond | 1);
  return highest * 2 + (beyond >>> Math.max(highest - 1, 0) & 1);
}

function bases(extra: Uint8Array, first: number): Uint16Array {
  const table = new Uint16Array(extra.length);
  let base = first;
  extra.forEach((bits, code) => {
    table[code] = base;
    base += 1 << bits;
  });
  return table;
}

function lengthCodes(): Uint8Array {
  const table = new Uint8Array(MAX_MATCH + 1);
  for (let code = 0; code < LENGTH_BASE.length; code++) {
    table.fill(
      code,
      LENGTH_BASE[code],
      LENGTH_BASE[code] + (1 << LENGTH_EXTRA[code]),
    );
  }
  return table;
}
