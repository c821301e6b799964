/**
 * Reads the uncompressed name/value header block (SPDY/3 draft 2.6.10), which
 * `header_block.ts` writes.
 *
 * @module
 */

import { keepCompiledCode } from "../compiled_code.ts";
import {
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  ERR_INVALID_HEADER_BLOCK,
} from "../errors.ts";
import type { OutputMemory } from "../zlib/output_window.ts";
import { keepExact } from "./escaped_text.ts";
import { fromSpdy2Names, sortByName } from "./header_list.ts";
import type { FrameLimits } from "./limits.ts";
import { type KnownPair, PairMemory } from "./pair_memory.ts";
import { makeList, makePair } from "./pair.ts";
import type { NameValue } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Classes of bytes: `BAD` bytes are not allowed, `NUL` separates the parts of a value, `HIGH` bytes are not ASCII. */
const BAD = 1;
const NUL = 2;
const HIGH = 4;
const NAME_CLASS = classify((byte) => {
  // Names consist of 0x20..0x7e without capitals (2.6.10, spdylay).
  const capital = byte >= 0x41 && byte <= 0x5a;
  return byte < 0x20 || byte > 0x7e || capital ? BAD : 0;
});
const VALUE_CLASS = classify((byte) => {
  if (byte === 0) return NUL;
  if (byte >= 0x80) return HIGH;
  return byte < 0x20 && byte !== 0x09 || byte === 0x7f ? BAD : 0;
});

function classify(classOf: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => classOf(byte));
}

/** Never throws: invalid UTF-8 becomes U+FFFD, and {@linkcode keepExact} has its bytes. Keeps a byte order mark. */
const UTF8: TextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Replaces bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/** Up to this length V8 concatenates strings by copying, and so builds no tree of strings. */
const SHORT = 12;

/**
 * Up to this length a string is made of a list of its characters: a request with a new
 * path of 45 bytes is decoded in 12 % less time than with a `TextDecoder`.
 */
const MEDIUM = 64;
/** By their length, lists for the characters of such strings. Changing the length of a list takes longer than filling one. */
const lists: (number[] | undefined)[] = Array(MEDIUM + 1).fill(undefined);

/** A header block that was read, or the error. */
export interface HeaderBlock {
  /** 0, or the error in the block. */
  readonly errorCode:
    | 0
    | typeof ERR_INVALID_FRAME
    | typeof ERR_INVALID_HEADER_BLOCK
    | typeof ERR_FRAME_TOO_LARGE;
  /** The headers: sorted if the block is valid or repeats a name, in wire order if a name or value is invalid, otherwise empty. */
  readonly nv: NameValue[];
}

/** Reads a block that fills `block`; see {@linkcode readBlockIn}. */
export function readHeaderBlock(
  block: Uint8Array,
  traits: VersionTraits,
  limits: Required<FrameLimits>,
  rename: boolean,
  memory: PairMemory = new PairMemory(),
): HeaderBlock {
  const { buffer, byteOffset, length } = block;
  const words = new DataView(buffer, byteOffset, length);
  const whole = {
    bytes: block,
    words,
    start: 0,
    end: length,
    copyFrom: 0,
    copyEnd: -1,
  };
  return readBlockIn(whole, traits, limits, rename, memory);
}

/**
 * Reads a complete block. `traits` are those of the frame's version field; with
 * `rename`, SPDY/2 names are replaced by the colon names. `memory` holds the pairs
 * of earlier blocks.
 */
export function readBlockIn(
  block: OutputMemory,
  traits: VersionTraits,
  limits: Required<FrameLimits>,
  rename: boolean,
  memory: PairMemory,
): HeaderBlock {
  const { lengthSize } = traits;
  const nv: NameValue[] = makeList();
  const order = readPairs(block, lengthSize, limits, nv, memory);
  if (order === "wrong") {
    return { errorCode: checkStructure(block, lengthSize), nv: [] };
  }
  if (order === "invalid") return { errorCode: ERR_INVALID_HEADER_BLOCK, nv };
  if (order === "unsorted") {
    sortByName(nv);
    // A block must not contain a name twice (2.6.10).
    if (countNames(nv) < readLength(block.words, block.start, lengthSize)) {
      return { errorCode: ERR_INVALID_HEADER_BLOCK, nv };
    }
  }
  if (rename) fromSpdy2Names(nv);
  return { errorCode: 0, nv };
}

/**
 * The error of a block that {@linkcode readPairs} calls wrong: `ERR_INVALID_FRAME` if its
 * lengths do not fill it exactly, even if a limit is exceeded, too; otherwise
 * `ERR_FRAME_TOO_LARGE`.
 */
function checkStructure(
  { words, start, end }: OutputMemory,
  lengthSize: 2 | 4,
): typeof ERR_INVALID_FRAME | typeof ERR_FRAME_TOO_LARGE {
  if (end - start < lengthSize) return ERR_INVALID_FRAME;
  const count = readLength(words, start, lengthSize);
  let at = start + lengthSize;
  // Each iteration consumes at least two length fields, so a false count cannot
  // make the loop run past the end of the block.
  for (let text = 0; text < 2 * count; text++) {
    if (end - at < lengthSize) return ERR_INVALID_FRAME;
    at += lengthSize + readLength(words, at, lengthSize);
    if (at > end) return ERR_INVALID_FRAME;
  }
  return at === end ? ERR_FRAME_TOO_LARGE : ERR_INVALID_FRAME;
}

/** The limit that was exceeded when {@linkcode readBlockIn} returned `ERR_FRAME_TOO_LARGE` for the block. */
export function exceededLimit(
  { words, start }: OutputMemory,
  { lengthSize }: VersionTraits,
  limits: Required<FrameLimits>,
): keyof FrameLimits {
  const count = readLength(words, start, lengthSize);
  if (count > limits.maxHeaderCount) return "maxHeaderCount";
  let at = start + lengthSize;
  for (let text = 0; text < 2 * count; text++) {
    const length = readLength(words, at, lengthSize);
    const limit = text % 2 === 0
      ? "maxHeaderNameLength"
      : "maxHeaderValueLength";
    if (length > limits[limit]) return limit;
    at += lengthSize + length;
  }
  // The parts of the values count as well.
  return "maxHeaderCount";
}

/** What reading the pairs of a block has found out. */
class Reading {
  static {
    keepCompiledCode(new Reading());
  }

  /** Where the next pair starts. */
  at = 0;
  /** The pair before it, if it is in the memory. */
  before: KnownPair | undefined = undefined;
  /** The name of the pair before it, if that is not in the memory. */
  previous = "";
  /** Whether each pair has the name and the length of the expected one. */
  isLike = true;
  /** Whether each pair is the `next` of the one before it. */
  isChained = true;
  /** Whether the names ascend. */
  sorted = true;
  /** Whether names and values have only allowed bytes. */
  valid = true;
}

/**
 * Appends the pairs of a block to `nv`. `"wrong"`: the lengths do not fill the block
 * exactly, or something exceeds a limit; {@linkcode checkStructure} finds out which. In
 * that case, `nv` has at most `maxHeaderCount + 1` pairs.
 */
function readPairs(
  block: OutputMemory,
  lengthSize: 2 | 4,
  limits: Required<FrameLimits>,
  nv: NameValue[],
  memory: PairMemory,
): "sorted" | "unsorted" | "invalid" | "wrong" {
  const { bytes, words, start, end } = block;
  const { last } = memory;
  const { length: lastLength, count: lastCount } = last;
  // The next block does not follow the last one directly, but this one, and this one may
  // be invalid.
  last.forget();
  if (end - start < lengthSize) return "wrong";
  const count = readLength(words, start, lengthSize);
  if (count > limits.maxHeaderCount) return "wrong";
  // Whether all pairs so far have the places of those of the last block.
  let isLike = lastLength === end - start && lastCount === count;
  // If so, the bytes from this index on are those of the last block.
  let sameFrom = isLike ? last.sameFrom(block) : end + 1;
  // Where the last pair ends that differs from the last block.
  let changedEnd = start + lengthSize;
  let reading: Reading | undefined;
  // The pair before the current one, if it is in `memory`.
  let before: KnownPair | undefined = memory.begin(lengthSize);
  let at = start + lengthSize;
  for (let index = 0; index < count; index++) {
    // A pair with the same bytes as an earlier valid pair needs no other check. If it
    // also follows the same pair as before, it needs no look-up: 12 headers of 690 bytes,
    // one of them new, take 0.8 us, 1.5 us if each is looked up, and 6.5 us if all
    // are decoded again. If it was copied from the last block, its bytes need no
    // comparison: decoding the blocks of native zlib takes 8 % less time.
    const expected: KnownPair | undefined = before?.next;
    if (expected !== undefined) {
      let value: string | undefined;
      if (at >= sameFrom || memory.isAt(expected, words, at, end)) {
        value = expected.value ?? keptValue(expected, bytes, at);
      } else {
        value = changedValue(expected, block, at, memory);
        if (value !== undefined) changedEnd = at + expected.length;
      }
      if (value !== undefined) {
        nv.push(makePair(expected.name, value));
        at += expected.length;
        before = expected;
        continue;
      }
    }
    reading ??= new Reading();
    reading.at = at;
    reading.before = before;
    if (!readPair(reading, block, lengthSize, limits, nv, memory)) {
      return "wrong";
    }
    at = changedEnd = reading.at;
    before = reading.before;
    if (!reading.isLike) {
      isLike = false;
      sameFrom = end + 1;
    }
  }
  if (at !== end || nv.length > limits.maxHeaderCount) return "wrong";
  if (reading !== undefined) {
    if (!reading.valid) return "invalid";
    if (!reading.sorted) return "unsorted";
  }
  if (reading === undefined || reading.isChained) {
    last.set(end - start, count, isLike ? end - changedEnd : -1);
  }
  return "sorted";
}

/**
 * Reads a pair that is not the expected one; false if its lengths are wrong or exceed the
 * limits. It is a function of its own so that V8 compiles the usual case together.
 */
function readPair(
  reading: Reading,
  block: OutputMemory,
  lengthSize: 2 | 4,
  limits: Required<FrameLimits>,
  nv: NameValue[],
  memory: PairMemory,
): boolean {
  const { bytes, words, end } = block;
  const { maxHeaderCount, maxHeaderNameLength, maxHeaderValueLength } = limits;
  const { at: from, before } = reading;
  const nameAt = from + lengthSize;
  if (nameAt > end) return false;
  const nameLength = readLength(words, from, lengthSize);
  const lengthAt = nameAt + nameLength;
  const valueAt = lengthAt + lengthSize;
  if (valueAt > end) return false;
  const valueLength = readLength(words, lengthAt, lengthSize);
  const at = valueAt + valueLength;
  if (
    at > end || nameLength > maxHeaderNameLength ||
    valueLength > maxHeaderValueLength
  ) return false;
  reading.at = at;

  let known = memory.find(words, nameAt, nameLength);
  if (
    known === undefined || known !== before?.next || known.length !== at - from
  ) reading.isLike = false;
  const name = known?.name ?? textOf(bytes, nameAt, nameLength);
  // The names of a chain ascend. Comparing them would take 3 % of the time for a block
  // with a new value.
  const ascends = known !== undefined && known === before?.next ||
    name > (before?.name ?? reading.previous);
  if (!ascends) reading.sorted = false;
  reading.previous = name;
  if (
    known !== undefined && memory.hasValue(known, words, valueAt, valueLength)
  ) {
    nv.push(makePair(name, known.value ?? keptValue(known, bytes, from)));
  } else {
    const units = listOf(valueLength);
    const valueClass = units === undefined
      ? classOf(bytes, valueAt, valueLength, VALUE_CLASS)
      : takeUnits(bytes, valueAt, units);
    const isHigh = (valueClass & HIGH) !== 0;
    const value = isHigh
      ? UTF8.decode(bytes.subarray(valueAt, at))
      : units === undefined
      ? asciiOf(bytes, valueAt, valueLength)
      : String.fromCharCode.apply(null, units);
    // A name has at least one byte, and only allowed ones (2.6.10).
    if (
      (valueClass & BAD) !== 0 ||
      known === undefined && !isName(bytes, nameAt, nameLength)
    ) reading.valid = false;
    if ((valueClass & NUL) !== 0) {
      const parts = bytes.subarray(valueAt, at);
      if (!splitInto(nv, name, value, parts, maxHeaderCount)) {
        reading.valid = false;
      }
      reading.before = undefined;
      reading.isLike = reading.isChained = false;
      // Each part of a value counts: a value of NULs has one entry per byte.
      return nv.length <= maxHeaderCount;
    }
    const pair = makePair(name, value);
    nv.push(pair);
    const isExact = !isHigh || !value.includes(REPLACEMENT);
    if (!isExact) keepExact(pair, bytes.subarray(valueAt, at));
    known = reading.valid && isExact
      ? memory.keep(known, name, value, words, from, valueAt, at)
      : undefined;
  }
  if (before === undefined || !ascends || known === undefined) {
    reading.isChained = false;
  }
  if (before !== undefined && ascends && before.next !== known) {
    before.next = known;
  }
  reading.before = known;
  return true;
}

/** Keeps the text of the value of `pair`, whose bytes are at `at`, and returns it. */
function keptValue(pair: KnownPair, bytes: Uint8Array, at: number): string {
  const { valueOffset } = pair;
  return pair.value = textOf(
    bytes,
    at + valueOffset,
    pair.length - valueOffset,
  );
}

/**
 * If the pair at `at` has the name of `pair` and a value of the same length, gives that
 * value to `pair` and returns it. Otherwise returns `undefined`, and also if the value is
 * not valid ASCII without NUL of 13 to 64 characters.
 *
 * This is the usual change of a header, such as a path or a time: decoding a block with
 * one such change takes 6 % less time. Half of that is saved because the text is not
 * kept: V8 has to note each new object that an old one refers to.
 */
function changedValue(
  pair: KnownPair,
  block: OutputMemory,
  at: number,
  memory: PairMemory,
): string | undefined {
  const { bytes, words, end } = block;
  const units = listOf(pair.length - pair.valueOffset);
  if (units === undefined || !memory.hasHead(pair, words, at, end)) {
    return undefined;
  }
  const valueAt = at + pair.valueOffset;
  if (takeUnits(bytes, valueAt, units) !== 0) return undefined;
  memory.change(pair, words, valueAt);
  return String.fromCharCode.apply(null, units);
}

/** Number of different names in a sorted list. */
function countNames(nv: readonly NameValue[]): number {
  let count = 0;
  for (let index = 0; index < nv.length; index++) {
    if (index === 0 || nv[index][0] !== nv[index - 1][0]) count++;
  }
  return count;
}

/**
 * Appends a pair for each NUL-separated part, until `nv` has `maxCount + 1` pairs;
 * false when a part is empty (2.6.10).
 */
function splitInto(
  nv: NameValue[],
  name: string,
  value: string,
  bytes: Uint8Array,
  maxCount: number,
): boolean {
  let valid = true;
  let byteAt = 0;
  for (let at = 0; at <= value.length && nv.length <= maxCount;) {
    const nul = value.indexOf("\0", at);
    const end = nul < 0 ? value.length : nul;
    if (end === at) valid = false;
    const pair = makePair(name, value.slice(at, end));
    nv.push(pair);
    const nulByte = bytes.indexOf(0, byteAt);
    const byteEnd = nulByte < 0 ? bytes.length : nulByte;
    if (pair[1].includes(REPLACEMENT)) {
      keepExact(pair, bytes.subarray(byteAt, byteEnd));
    }
    at = end + 1;
    byteAt = byteEnd + 1;
  }
  return valid;
}

function readLength(words: DataView, at: number, lengthSize: 2 | 4): number {
  return lengthSize === 4 ? words.getUint32(at) : words.getUint16(at);
}

function isName(block: Uint8Array, at: number, length: number): boolean {
  return length > 0 && (classOf(block, at, length, NAME_CLASS) & BAD) === 0;
}

function classOf(
  block: Uint8Array,
  at: number,
  length: number,
  classes: Uint8Array,
): number {
  let found = 0;
  for (let index = 0; index < length; index++) {
    found |= classes[block[at + index]];
  }
  return found;
}

/** The text of the `length` bytes at `at`. */
function textOf(block: Uint8Array, at: number, length: number): string {
  let all = 0;
  for (let index = 0; index < length; index++) all |= block[at + index];
  return all < 0x80
    ? asciiOf(block, at, length)
    : UTF8.decode(block.subarray(at, at + length));
}

/** ASCII text. */
function asciiOf(block: Uint8Array, at: number, length: number): string {
  if (length <= SHORT) return shortTextOf(block, at, length);
  const units = listOf(length);
  if (units === undefined) return UTF8.decode(block.subarray(at, at + length));
  takeUnits(block, at, units);
  return String.fromCharCode.apply(null, units);
}

/** The list for the characters of a string of that length, if such a string is made of one. */
function listOf(length: number): number[] | undefined {
  return length > SHORT && length <= MEDIUM
    ? lists[length] ??= Array.from({ length }, () => 0)
    : undefined;
}

/** Fills `units` with the bytes from `at` on, and returns the classes of a value that they have. */
function takeUnits(block: Uint8Array, at: number, units: number[]): number {
  let found = 0;
  for (let index = 0; index < units.length; index++) {
    const byte = block[at + index];
    units[index] = byte;
    found |= VALUE_CLASS[byte];
  }
  return found;
}

/** ASCII text, in a quarter of the time that a `TextDecoder` takes. */
function shortTextOf(block: Uint8Array, at: number, length: number): string {
  let text = "";
  let index = at;
  for (const end = at + length - 3; index < end; index += 4) {
    text += String.fromCharCode(
      block[index],
      block[index + 1],
      block[index + 2],
      block[index + 3],
    );
  }
  for (; index < at + length; index++) {
    text += String.fromCharCode(block[index]);
  }
  return text;
}
