/**
 * Tables that decode a prefix code by looking up several bits at once.
 *
 * The lowest bits of the input, as many as the table's root has, index an entry.
 * Codes longer than that share a root entry, which points to a second table for
 * the bits behind. An entry packs, from the lowest bit on:
 *
 *     5 bits   bits to drop: the code and the extra bits behind it
 *     5 bits   length of the code; of a pointer: index bits of the second table
 *     4 bits   kind: LITERAL, END, POINTER, INVALID; none of them: a base
 *     2 bits   unused
 *     15 bits  literal byte, base of a length or distance, or index of the second table
 *
 * The first two stand where they do because a shift takes the lowest five bits
 * of its right side: `hold >>> entry` drops a code with its extra bits.
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
/** Bits that index a table for code lengths: all they can have. */
export const CODE_LENGTH_ROOT = 7;
/** Entries that a literal/length table needs at most, as zlib's `enough 288 10 15` counts them. */
export const LITERAL_ENTRIES = 1334;
/** Entries that a distance table needs at most: `enough 32 8 15`. */
export const DISTANCE_ENTRIES = 402;
/** Entries of a table for code lengths. */
export const CODE_LENGTH_ENTRIES: number = 1 << CODE_LENGTH_ROOT;

/** What {@linkcode buildTable} makes of a list of code lengths. */
export type TableResult = "ok" | "over-subscribed" | "incomplete";

/** Entries of the literal/length symbols, without their code. 286 and 287 must not be used. */
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

/** Entries of the distance symbols, without their code. 30 and 31 must not be used. */
export const DISTANCE_KINDS: Int32Array = Int32Array.from(
  { length: DISTANCE_SYMBOLS + 2 },
  (_, symbol) =>
    symbol < DISTANCE_SYMBOLS
      ? DISTANCE_EXTRA[symbol] | DISTANCE_BASE[symbol] << 16
      : INVALID,
);

/** Entries of plain symbols, without their code. */
export const CODE_LENGTH_KINDS: Int32Array = Int32Array.from(
  { length: 19 },
  (_, symbol) => LITERAL | symbol << 16,
);

// Scratch of one synchronous call, shared: nothing in it outlives the call.
const counts = new Int32Array(MAX_CODE_BITS + 1);
const offsets = new Int32Array(MAX_CODE_BITS + 1);
const sorted = new Uint16Array(LITERAL_SYMBOLS + 2);

/**
 * Fills `table` for the canonical code with these lengths (RFC 1951, section
 * 3.2.2).
 *
 * A code must be complete, save that it may be a single symbol of one bit (RFC
 * 1951, section 3.2.7) or empty; what then has no symbol decodes as
 * {@linkcode INVALID}. Whether a code of neither kind is an error is for the
 * caller to say.
 *
 * @param root How many bits index the table.
 * @param lengths The length in bits of the code of symbol `i` is `lengths[from + i]`, 0 for none.
 * @param kinds The entry of each symbol, without its code: with the extra bits alone to drop.
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
  counts[0] = 0;
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

/** Puts the symbols of `sorted` into the table, the shortest codes first; uses up `counts`. */
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

/** Index bits of a second table that begins with a code of `bits`: as few as its codes fill. */
function bitsOfSecond(root: number, bits: number, longest: number): number {
  let size = bits - root;
  for (let space = 1 << size; root + size < longest; space <<= 1, size++) {
    space -= counts[root + size];
    if (space <= 0) break;
  }
  return size;
}

/** What a code of so many bits adds to an entry: to the bits to drop, and as the code's length. */
function codeOf(bits: number): number {
  return bits | bits << 5;
}

let fixedLiterals: Int32Array | undefined;
let fixedDistances: Int32Array | undefined;

/** The table of the fixed literal/length code, shared, made on first use. */
export function fixedLiteralTable(): Int32Array {
  if (fixedLiterals === undefined) {
    fixedLiterals = new Int32Array(1 << LITERAL_ROOT);
    const { lengths } = FIXED_LITERAL_CODE;
    buildTable(fixedLiterals, LITERAL_ROOT, lengths, 0, 288, LITERAL_KINDS);
  }
  return fixedLiterals;
}

/** The table of the fixed distance code, shared, made on first use. */
export function fixedDistanceTable(): Int32Array {
  if (fixedDistances === undefined) {
    fixedDistances = new Int32Array(1 << DISTANCE_ROOT);
    const lengths = new Uint8Array(32).fill(5);
    buildTable(fixedDistances, DISTANCE_ROOT, lengths, 0, 32, DISTANCE_KINDS);
  }
  return fixedDistances;
}
