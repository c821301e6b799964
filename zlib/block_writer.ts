/**
 * Writes a list of tokens as deflate blocks (RFC 1951, section 3.2.3).
 *
 * A token is one number. The token of a literal is the byte itself; the token of
 * a match of `length` (3..258) at `distance` (1..32768) is
 * `length << 16 | distance`, see {@linkcode matchToken}. This file neither
 * chooses matches nor keeps state between blocks, except for the pending bits of
 * the {@linkcode BitWriter}.
 *
 * @module
 */

import type { BitWriter } from "./bit_writer.ts";
import * as constants from "./constants.ts";
import {
  BLOCK_DYNAMIC,
  BLOCK_FIXED,
  BLOCK_STORED,
  CODE_LENGTH_ORDER,
  CODE_LENGTH_SYMBOLS,
  DISTANCE_SYMBOLS,
  LITERAL_SYMBOLS,
  MAX_CODE_BITS,
  MAX_CODE_LENGTH_BITS,
  MAX_STORED,
} from "./constants.ts";
import {
  buildCode,
  FIXED_DISTANCE_CODE,
  FIXED_LITERAL_CODE,
  type PrefixCode,
  prefixCode,
} from "./huffman.ts";

// Read for each token, and so constants of this file; see `symbol_decoder.ts`.
const {
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  distanceCode,
  END_OF_BLOCK,
  LENGTH_BASE,
  LENGTH_CODE,
  LENGTH_EXTRA,
} = constants;

/** Maximum size of an encoded token: 15 + 5 + 15 + 13 bits. */
const MAX_TOKEN_BYTES = 6;
/** Fewer tokens do not save the 30 bytes or more that the codes of a dynamic block take. */
const LEAST_DYNAMIC = 40;
/** Space for the head of a dynamic block, bytes: 3 + 14 + 19 * 3 + 316 * 14 bits, and a few more. */
const MAX_HEADER_BYTES = 568;

/** Added to the index in `distanceFrequencies` when the token is a literal. */
const NO_DISTANCE = 32;
/** The symbol of a match length (3..258); 0 for length 0, which literals have. */
const SYMBOL_OF_LENGTH = Uint16Array.from(
  LENGTH_CODE,
  (code, length) => length === 0 ? 0 : END_OF_BLOCK + 1 + code,
);

// Scratch memory, shared by all writers: used only within one synchronous call.
const literalFrequencies = new Int32Array(FIXED_LITERAL_CODE.lengths.length);
/** The upper half collects the counts of literals, which have no distance, and is ignored. */
const distanceFrequencies = new Int32Array(2 * NO_DISTANCE);
const runFrequencies = new Int32Array(CODE_LENGTH_SYMBOLS);
const literalCode = prefixCode(LITERAL_SYMBOLS);
const distanceCodes = prefixCode(DISTANCE_SYMBOLS);
const runCode = prefixCode(CODE_LENGTH_SYMBOLS);
/** Code lengths of both codes as runs: `symbol | extra value << 8`. */
const runs = new Uint16Array(LITERAL_SYMBOLS + DISTANCE_SYMBOLS);

/** Number of extra bits after the run symbols 16, 17 and 18. */
const RUN_EXTRA = Uint8Array.of(2, 3, 7);

/** The token of a match; a literal's token is the byte itself. */
export function matchToken(length: number, distance: number): number {
  return length << 16 | distance;
}

/**
 * Writes the tokens as one block of the type that is shortest: stored, fixed or
 * dynamic. The stored type may need several blocks; the dynamic type is
 * considered from 40 tokens on.
 *
 * @param tokens The first `count` elements are the tokens.
 * @param source Contains the bytes that the tokens encode: `source[from..to)`.
 * @param final Whether this is the last block of the stream.
 */
export function writeBlock(
  writer: BitWriter,
  tokens: Int32Array,
  count: number,
  source: Uint8Array,
  from: number,
  to: number,
  final: boolean,
): void {
  const extraBits = countSymbols(tokens, count);
  const fixedBits = extraBits +
    bitsOf(FIXED_LITERAL_CODE, literalFrequencies) +
    bitsOf(FIXED_DISTANCE_CODE, distanceFrequencies);
  const otherBits = Math.min(fixedBits, storedBits(writer, to - from));
  if (count >= LEAST_DYNAMIC) {
    buildCode(literalCode, literalFrequencies, MAX_CODE_BITS);
    buildCode(distanceCodes, distanceFrequencies, MAX_CODE_BITS);
    const runCount = packCodeLengths();
    const sentLengths = buildRunCode();
    const dynamicBits = 14 + sentLengths * 3 + runBits() + extraBits +
      bitsOf(literalCode, literalFrequencies) +
      bitsOf(distanceCodes, distanceFrequencies);
    if (dynamicBits < otherBits) {
      writer.reserve(MAX_HEADER_BYTES);
      writeBlockHeader(writer, BLOCK_DYNAMIC, final);
      writeCodes(writer, runCount, sentLengths);
      writeTokens(writer, tokens, count, literalCode, distanceCodes);
      return;
    }
  }
  if (fixedBits <= otherBits) writeFixed(writer, tokens, count, final);
  else writeStored(writer, source, from, to, final);
}

/** Writes the tokens as one block with the fixed codes. */
export function writeFixed(
  writer: BitWriter,
  tokens: Int32Array,
  count: number,
  final: boolean,
): void {
  writer.reserve(1);
  writeBlockHeader(writer, BLOCK_FIXED, final);
  writeTokens(
    writer,
    tokens,
    count,
    FIXED_LITERAL_CODE,
    FIXED_DISTANCE_CODE,
  );
}

/** Writes `source[from..to)` as one or more stored blocks. */
export function writeStored(
  writer: BitWriter,
  source: Uint8Array,
  from: number,
  to: number,
  final: boolean,
): void {
  do {
    const end = Math.min(from + MAX_STORED, to);
    writer.reserve(6);
    writeBlockHeader(writer, BLOCK_STORED, final && end === to);
    writer.align();
    writer.reserve(4);
    writer.write(end - from, 16);
    writer.write(~(end - from) & 0xffff, 16);
    if (from < end) writer.writeBytes(source, from, end);
    from = end;
  } while (from < to);
}

/** Writes the end of a sync flush: an empty stored block, which ends at a byte boundary. */
export function writeSyncMarker(writer: BitWriter): void {
  writeStored(writer, NOTHING, 0, 0, false);
}

const NOTHING = new Uint8Array(0);

/** Size of the stored type in bits, padding included. */
function storedBits(writer: BitWriter, length: number): number {
  const blocks = Math.max(1, Math.ceil(length / MAX_STORED));
  const filling = -(writer.held + 3) & 7;
  return filling + (length + 4 * blocks) * 8 + (blocks - 1) * 8;
}

function writeBlockHeader(
  writer: BitWriter,
  type: typeof BLOCK_STORED | typeof BLOCK_FIXED | typeof BLOCK_DYNAMIC,
  final: boolean,
): void {
  writer.write((final ? 1 : 0) | type << 1, 3);
}

/** Counts the symbols of the tokens and the end of the block; returns the total of their extra bits. */
function countSymbols(tokens: Int32Array, count: number): number {
  literalFrequencies.fill(0);
  distanceFrequencies.fill(0);
  // Without a branch, because the processor cannot predict whether the next
  // token is a literal or a match.
  for (let index = 0; index < count; index++) {
    const token = tokens[index];
    const length = token >>> 16;
    const isLiteral = (length - 1) >> 31;
    literalFrequencies[SYMBOL_OF_LENGTH[length] + (token & isLiteral)]++;
    const code = distanceCode(token & 0xffff);
    distanceFrequencies[code | isLiteral & NO_DISTANCE]++;
  }
  literalFrequencies[END_OF_BLOCK] = 1;
  let extraBits = 0;
  for (let code = 0; code < LENGTH_EXTRA.length; code++) {
    extraBits += literalFrequencies[END_OF_BLOCK + 1 + code] *
      LENGTH_EXTRA[code];
  }
  for (let code = 0; code < DISTANCE_SYMBOLS; code++) {
    extraBits += distanceFrequencies[code] * DISTANCE_EXTRA[code];
  }
  return extraBits;
}

function bitsOf(code: PrefixCode, frequencies: Int32Array): number {
  let bits = 0;
  for (let symbol = 0; symbol < code.lengths.length; symbol++) {
    bits += code.lengths[symbol] * frequencies[symbol];
  }
  return bits;
}

/** Number of lengths to send: without the unused symbols at the end, but at least `least`. */
function usedSymbols(lengths: Uint8Array, least: number): number {
  let used = lengths.length;
  while (used > least && lengths[used - 1] === 0) used--;
  return used;
}

/** Packs the lengths of both codes into `runs` (RFC 1951, section 3.2.7) and counts the run symbols. */
function packCodeLengths(): number {
  const literals = usedSymbols(literalCode.lengths, 257);
  const distances = usedSymbols(distanceCodes.lengths, 1);
  const lengthAt = (index: number): number =>
    index < literals
      ? literalCode.lengths[index]
      : distanceCodes.lengths[index - literals];
  const total = literals + distances;
  runFrequencies.fill(0);
  let packed = 0;
  const add = (symbol: number, extra: number): void => {
    runs[packed++] = symbol | extra << 8;
    runFrequencies[symbol]++;
  };
  for (let index = 0; index < total;) {
    const length = lengthAt(index);
    let run = 1;
    while (index + run < total && lengthAt(index + run) === length) run++;
    index += run;
    if (length === 0) {
      for (; run >= 11; run -= Math.min(run, 138)) {
        add(18, Math.min(run, 138) - 11);
      }
      if (run >= 3) {
        add(17, run - 3);
        run = 0;
      }
    } else {
      add(length, 0);
      for (run--; run >= 3; run -= Math.min(run, 6)) {
        add(16, Math.min(run, 6) - 3);
      }
    }
    for (; run > 0; run--) add(length, 0);
  }
  return packed;
}

/** Builds the code for the run symbols; returns the number of its lengths to send. */
function buildRunCode(): number {
  buildCode(runCode, runFrequencies, MAX_CODE_LENGTH_BITS);
  let sent = CODE_LENGTH_SYMBOLS;
  while (sent > 4 && runCode.lengths[CODE_LENGTH_ORDER[sent - 1]] === 0) sent--;
  return sent;
}

function runBits(): number {
  return bitsOf(runCode, runFrequencies) + runFrequencies[16] * RUN_EXTRA[0] +
    runFrequencies[17] * RUN_EXTRA[1] + runFrequencies[18] * RUN_EXTRA[2];
}

/** Writes the two codes of a dynamic block (RFC 1951, section 3.2.7). */
function writeCodes(
  writer: BitWriter,
  runCount: number,
  sentLengths: number,
): void {
  writer.write(usedSymbols(literalCode.lengths, 257) - 257, 5);
  writer.write(usedSymbols(distanceCodes.lengths, 1) - 1, 5);
  writer.write(sentLengths - 4, 4);
  for (let index = 0; index < sentLengths; index++) {
    writer.write(runCode.lengths[CODE_LENGTH_ORDER[index]], 3);
  }
  for (let index = 0; index < runCount; index++) {
    const symbol = runs[index] & 0xff;
    const code = runCode.packed[symbol];
    writer.write(code & 0xffff, code >>> 16);
    if (symbol >= 16) writer.write(runs[index] >>> 8, RUN_EXTRA[symbol - 16]);
  }
}

/**
 * Writes the tokens and the end of the block. Copying the writer's fields into
 * local variables and packing the codes makes it 1.4 times as fast.
 */
function writeTokens(
  writer: BitWriter,
  tokens: Int32Array,
  count: number,
  literals: PrefixCode,
  distances: PrefixCode,
): void {
  writer.reserve(count * MAX_TOKEN_BYTES + 2);
  const { words } = writer;
  let { length, hold, held } = writer;
  for (let index = 0; index < count; index++) {
    const token = tokens[index];
    if (token < 256) {
      const code = literals.packed[token];
      hold |= (code & 0xffff) << held;
      held += code >>> 16;
    } else {
      const matched = token >>> 16;
      const lengthCode = LENGTH_CODE[matched];
      let code = literals.packed[END_OF_BLOCK + 1 + lengthCode];
      hold |= (code & 0xffff) << held;
      held += code >>> 16;
      hold |= matched - LENGTH_BASE[lengthCode] << held;
      held += LENGTH_EXTRA[lengthCode];
      words.setInt32(length, hold, true);
      length += held >>> 3;
      hold = hold >>> (held & 24) | 0;
      held &= 7;

      const distance = token & 0xffff;
      const distanceSymbol = distanceCode(distance);
      code = distances.packed[distanceSymbol];
      hold |= (code & 0xffff) << held;
      held += code >>> 16;
      words.setInt32(length, hold, true);
      length += held >>> 3;
      hold = hold >>> (held & 24) | 0;
      held &= 7;
      hold |= distance - DISTANCE_BASE[distanceSymbol] << held;
      held += DISTANCE_EXTRA[distanceSymbol];
    }
    words.setInt32(length, hold, true);
    length += held >>> 3;
    hold = hold >>> (held & 24) | 0;
    held &= 7;
  }
  writer.length = length;
  writer.hold = hold;
  writer.held = held;
  const last = literals.packed[END_OF_BLOCK];
  writer.write(last & 0xffff, last >>> 16);
}
