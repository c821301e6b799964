/**
 * Tables that decode a prefix code by looking up several bits at once.
 *
 * The lowest `root` bits of the input are the index of an entry. Codes longer
 * than that share an entry, which points to a second table for their remaining
 * bits. An entry packs these fields, from the lowest bit on:
 *
 *     5 bits   number of bits to drop: the code and its extra bits
 *     5 bits   length of the code; for a pointer: index bits of the second table
 *     4 bits   kind: LITERAL, END, POINTER, INVALID; zero for a length or distance
 *     2 bits   unused
 *     15 bits  literal byte, base of a length or distance, or index of the second table
 *
 * The number of bits to drop is in the lowest five bits because a JavaScript
 * shift uses only those of its right operand: `hold >>> entry` drops a code and
 * its extra bits.
 *
 * @module
 */

import {
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  DISTANCE_SYMBOLS,
  END_OF_BLOCK,
  LENGTH_BASE,
  LENGTH_EXTRA,
  LITERAL_SYMBOLS,
  MAX_CODE_BITS,
} from "./constants.ts";
import { FIXED_LITERAL_CODE, reverseBits } from "./huffman.ts";

/** Kind: the value is a byte of output, or a plain symbol. */
export const LITERAL = 0x400;
/** Kind: the end of the block. */
export const END = 0x800;
/** Kind: the value is the index of a second table. */
export const POINTER = 0x1000;
/** Kind: no symbol has this code. */
export const INVALID = 0x2000;

/** Bits that index a literal/length table. */
export const LITERAL_ROOT = 10;
/** Bits that index a distance table. */
export const DISTANCE_ROOT = 8;
/** Bits that index a table for code lengths: the maximum length of their codes. */
export const CODE_LENGTH_ROOT = 7;
/** Maximum number of entries in a literal/length table, computed by zlib's `enough 288 10 15`. */
export const LITERAL_ENTRIES = 1334;
/** Maximum number of entries in a distance table: `enough 32 8 15`. */
export const DISTANCE_ENTRIES = 402;
/** Number of entries in a table for code lengths. */
export const CODE_LENGTH_ENTRIES: number = 1 << CODE_LENGTH_ROOT;

/** Result of {@linkcode buildTable}: whether the code lengths are a valid code. */
export type TableResult = "ok" | "over-subscribed" | "incomplete";

/** Entries of the literal/length symbols before the code is added. Symbols 286 and 287 are reserved. */
export const LITERAL_KINDS: Int32Array = Int32Array.from(
  { length: LITERAL_SYMBOLS + 2 },
  (_, symbol) => {
    if (symbol < END_OF_BLOCK) return LITERAL | symbol << 16;
    if (symbol === END_OF_BLOCK) return END;
    const code = symbol - END_OF_BLOCK - 1;
    return symbol < LITERAL_SYMBOLS
      ? LENGTH_EXTRA[code] | LENGTH_BASE[code] << 16
      : INVALID;
  },
);

/** Entries of the distance symbols before the code is added. Symbols 30 and 31 are reserved. */
export const DISTANCE_KINDS: Int32Array = Int32Array.from(
  { length: DISTANCE_SYMBOLS + 2 },
  (_, symbol) =>
    symbol < DISTANCE_SYMBOLS
      ? DISTANCE_EXTRA[symbol] | DISTANCE_BASE[symbol] << 16
      : INVALID,
);

/** Entries of the code-length symbols before the code is added. */
export const CODE_LENGTH_KINDS: Int32Array = Int32Array.from(
  { length: 19 },
  (_, symbol) => LITERAL | symbol << 16,
);

// Scratch memory, shared by all decoders: used only within one synchronous call.
const counts = new Int32Array(MAX_CODE_BITS + 1);
const offsets = new Int32Array(MAX_CODE_BITS + 1);
const sorted = new Uint16Array(LITERAL_SYMBOLS + 2);

/**
 * Fills `table` for the canonical code with these lengths (RFC 1951, section
 * 3.2.2).
 *
 * The code must be complete. Two incomplete codes are accepted: a single symbol
 * of one bit (RFC 1951, section 3.2.7) and the empty code; bits without a symbol
 * decode as {@linkcode INVALID}. For any other code the result says what is
 * wrong, and the caller decides whether to throw.
 *
 * @param root Number of bits that index the table.
 * @param lengths The code of symbol `i` has `lengths[from + i]` bits, 0 for none.
 * @param kinds The entry of each symbol before the code is added: its bits to drop are the extra bits only.
 */
export function buildTable(
  table: Int32Array,
  root: number,
  lengths: Uint8Array,
  from: number,
  to: number,
  kinds: Int32Array,
): TableResult {
  counts.fill(0);
  for (let index = from; index < to; index++) counts[lengths[index]]++;
  let longest = MAX_CODE_BITS;
  while (longest > 0 && counts[longest] === 0) longest--;
  let space = 1;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    space = space * 2 - counts[bits];
    if (space < 0) return "over-subscribed";
  }
  if (space > 0) {
    if (longest > 1) return "incomplete";
    table.fill(INVALID | codeOf(1), 0, 1 << root);
  }

  offsets[1] = 0;
  for (let bits = 1; bits < MAX_CODE_BITS; bits++) {
    offsets[bits + 1] = offsets[bits] + counts[bits];
  }
  for (let index = from; index < to; index++) {
    if (lengths[index] > 0) sorted[offsets[lengths[index]]++] = index - from;
  }
  fillTable(table, root, longest, kinds);
  return "ok";
}

/** Enters the symbols of `sorted` into the table, shortest codes first; leaves `counts` at zero. */
function fillTable(
  table: Int32Array,
  root: number,
  longest: number,
  kinds: Int32Array,
): void {
  const rootSize = 1 << root;
  let code = 0;
  let next = 0;
  let free = rootSize;
  let prefix = -1;
  let second = 0;
  let secondSize = 0;
  for (let bits = 1; bits <= longest; bits++, code <<= 1) {
    for (; counts[bits] > 0; counts[bits]--, code++) {
      const reversed = reverseBits(code, bits);
      const entry = kinds[sorted[next++]] + codeOf(bits);
      if (bits <= root) {
        for (let index = reversed; index < rootSize; index += 1 << bits) {
          table[index] = entry;
        }
        continue;
      }
      if ((reversed & (rootSize - 1)) !== prefix) {
        prefix = reversed & (rootSize - 1);
        const secondBits = bitsOfSecond(root, bits, longest);
        second = free;
        secondSize = 1 << secondBits;
        free += secondSize;
        table[prefix] = POINTER | secondBits << 5 | second << 16;
      }
      const step = 1 << (bits - root);
      for (let index = reversed >>> root; index < secondSize; index += step) {
        table[second + index] = entry;
      }
    }
  }
}

/** Index bits of a second table whose first code has `bits` bits: the fewest that hold its codes. */
function bitsOfSecond(root: number, bits: number, longest: number): number {
  let size = bits - root;
  for (let space = 1 << size; root + size < longest; space <<= 1, size++) {
    space -= counts[root + size];
    if (space <= 0) break;
  }
  return size;
}

/** The part of an entry for a code of `bits` bits: added to the bits to drop, and the code's length. */
function codeOf(bits: number): number {
  return bits | bits << 5;
}

let fixedLiterals: Int32Array | undefined;
let fixedDistances: Int32Array | undefined;

/** The shared table of the fixed literal/length code, created on first use. */
export function fixedLiteralTable(): Int32Array {
  if (fixedLiterals === undefined) {
    fixedLiterals = new Int32Array(1 << LITERAL_ROOT);
    const { lengths } = FIXED_LITERAL_CODE;
    buildTable(fixedLiterals, LITERAL_ROOT, lengths, 0, 288, LITERAL_KINDS);
  }
  return fixedLiterals;
}

/** The shared table of the fixed distance code, created on first use. */
export function fixedDistanceTable(): Int32Array {
  if (fixedDistances === undefined) {
    fixedDistances = new Int32Array(1 << DISTANCE_ROOT);
    const lengths = new Uint8Array(32).fill(5);
    buildTable(fixedDistances, DISTANCE_ROOT, lengths, 0, 32, DISTANCE_KINDS);
  }
  return fixedDistances;
}
