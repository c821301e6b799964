/**
 * Prefix codes for the writer: computes lengths from frequencies and codes from
 * lengths, and defines the fixed codes of RFC 1951, section 3.2.6.
 *
 * @module
 */

import { DISTANCE_SYMBOLS, MAX_CODE_BITS } from "./constants.ts";

/** A prefix code whose bits are in the order of {@linkcode BitWriter}: the first bit is the lowest. */
export interface PrefixCode {
  /** Length of each symbol's code in bits, 0..15. */
  readonly lengths: Uint8Array;
  /** Each symbol's code; the first bit is the lowest. */
  readonly codes: Uint16Array;
  /** Both in one number for the writing loops: `code | length << 16`. */
  readonly packed: Int32Array;
}

/** Creates a code for `symbols` symbols, all unused. */
export function prefixCode(symbols: number): PrefixCode {
  return {
    lengths: new Uint8Array(symbols),
    codes: new Uint16Array(symbols),
    packed: new Int32Array(symbols),
  };
}

const SYMBOL_BITS = 9;
const SYMBOL_MASK = (1 << SYMBOL_BITS) - 1;
// Scratch memory, shared by all writers: used only within one synchronous call.
const leaves = new Int32Array(1 << SYMBOL_BITS);
const nodes = new Int32Array(1 << SYMBOL_BITS);
const lengthCounts = new Int32Array(MAX_CODE_BITS + 1);
const nextCodes = new Int32Array(MAX_CODE_BITS + 1);

/**
 * Sets `code` to the shortest code for the frequencies whose symbols have at most
 * `maxBits` bits.
 *
 * Like zlib, it gives a code to at least two symbols: the code is then complete,
 * and some decoders reject an incomplete one.
 *
 * @param frequencies Number of occurrences of each symbol; each below 2^22.
 */
export function buildCode(
  code: PrefixCode,
  frequencies: Int32Array,
  maxBits: number,
): void {
  const { lengths } = code;
  lengths.fill(0);
  const used = sortLeaves(frequencies, lengths.length);
  if (used < 2) {
    const only = used === 1 ? leaves[0] & SYMBOL_MASK : 0;
    lengths[only] = 1;
    lengths[only === 0 ? 1 : 0] = 1;
  } else {
    buildDepths(used);
    countLengths(used, maxBits);
    // The rarest symbols are first and get the longest codes.
    let leaf = 0;
    for (let bits = maxBits; bits > 0; bits--) {
      for (let left = lengthCounts[bits]; left > 0; left--) {
        lengths[leaves[leaf++] & SYMBOL_MASK] = bits;
      }
    }
  }
  assignCodes(code);
}

/** Sorts the used symbols into `leaves` as `frequency << 9 | symbol`, rarest first. */
function sortLeaves(frequencies: Int32Array, symbols: number): number {
  let used = 0;
  for (let symbol = 0; symbol < symbols; symbol++) {
    if (frequencies[symbol] > 0) {
      leaves[used++] = frequencies[symbol] << SYMBOL_BITS | symbol;
    }
  }
  leaves.subarray(0, used).sort();
  return used;
}

/**
 * Builds the Huffman tree in place (the algorithm of Moffat and Katajainen).
 * Afterwards `nodes[0..used-1)` contains the depth of each inner node, the root
 * last.
 */
function buildDepths(used: number): void {
  let leaf = 0;
  let node = 0;
  for (let next = 0; next < used - 1; next++) {
    let weight = 0;
    for (let child = 0; child < 2; child++) {
      const leafWeight = leaf < used ? leaves[leaf] >>> SYMBOL_BITS : -1;
      if (node >= next || (leafWeight >= 0 && leafWeight <= nodes[node])) {
        weight += leafWeight;
        leaf++;
      } else {
        weight += nodes[node];
        nodes[node++] = next;
      }
    }
    nodes[next] = weight;
  }
  nodes[used - 2] = 0;
  for (let index = used - 3; index >= 0; index--) {
    nodes[index] = nodes[nodes[index]] + 1;
  }
}

/**
 * Counts the leaves at each depth in `lengthCounts`, with no leaf deeper than
 * `maxBits`. Each inner node replaces one leaf at its depth by two leaves one
 * level below; if that depth is too deep or has no leaf, it replaces a leaf of
 * the next higher level that has one.
 */
function countLengths(used: number, maxBits: number): void {
  lengthCounts.fill(0);
  lengthCounts[1] = 2;
  for (let index = used - 3; index >= 0; index--) {
    let depth = nodes[index];
    if (depth >= maxBits) depth = maxBits - 1;
    while (lengthCounts[depth] === 0) depth--;
    lengthCounts[depth]--;
    lengthCounts[depth + 1] += 2;
  }
}

/** Sets the canonical codes that belong to the lengths (RFC 1951, section 3.2.2). */
export function assignCodes({ lengths, codes, packed }: PrefixCode): void {
  lengthCounts.fill(0);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    lengthCounts[lengths[symbol]]++;
  }
  lengthCounts[0] = 0;
  let next = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    next = (next + lengthCounts[bits - 1]) << 1;
    nextCodes[bits] = next;
  }
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const bits = lengths[symbol];
    if (bits > 0) codes[symbol] = reverseBits(nextCodes[bits]++, bits);
    packed[symbol] = codes[symbol] | bits << 16;
  }
}

/** Reverses the lowest `count` bits (1..15) of `value`. */
export function reverseBits(value: number, count: number): number {
  let mirrored = (value & 0x5555) << 1 | (value >>> 1) & 0x5555;
  mirrored = (mirrored & 0x3333) << 2 | (mirrored >>> 2) & 0x3333;
  mirrored = (mirrored & 0x0f0f) << 4 | (mirrored >>> 4) & 0x0f0f;
  mirrored = (mirrored & 0x00ff) << 8 | mirrored >>> 8;
  return mirrored >>> (16 - count);
}

/** Lengths of the fixed literal/length code, 288 symbols (RFC 1951, section 3.2.6). */
function fixedLiteralLengths(lengths: Uint8Array): void {
  lengths.fill(8).fill(7, 256, 280).fill(9, 144, 256);
}

/** The fixed literal/length code. Symbols 286 and 287 have codes but are reserved. */
export const FIXED_LITERAL_CODE: PrefixCode = prefixCode(288);
fixedLiteralLengths(FIXED_LITERAL_CODE.lengths);
assignCodes(FIXED_LITERAL_CODE);

/** The fixed distance code: five bits for each symbol. */
export const FIXED_DISTANCE_CODE: PrefixCode = prefixCode(DISTANCE_SYMBOLS);
FIXED_DISTANCE_CODE.lengths.fill(5);
assignCodes(FIXED_DISTANCE_CODE);
