/**
 * The name/value header block before compression, both directions (SPDY/3
 * draft 2.6.10): a count, then for each pair the length and bytes of its name
 * and of its value.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  ERR_INVALID_HEADER_BLOCK,
  InvalidArgumentError,
} from "../errors.ts";
import { readUint16, readUint32 } from "./byte_reader.ts";
import { type ByteWriter, writeUint32 } from "./byte_writer.ts";
import { fromSpdy2Names, sortByName } from "./header_list.ts";
import type { FrameLimits } from "./limits.ts";
import { PairMemory } from "./pair_memory.ts";
import type { NameValue } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Byte classes: what a byte means in a name and in a value. */
const BAD = 1;
const NUL = 2;
const NAME_CLASS = classify((byte) => {
  // Names are 0x20..0x7e without capitals (2.6.10, spdylay).
  const capital = byte >= 0x41 && byte <= 0x5a;
  return byte < 0x20 || byte > 0x7e || capital ? BAD : 0;
});
const VALUE_CLASS = classify((byte) => {
  if (byte === 0) return NUL;
  return byte < 0x20 && byte !== 0x09 || byte === 0x7f ? BAD : 0;
});

function classify(classOf: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => classOf(byte));
}

/** Never throws; what is not UTF-8 becomes U+FFFD, a byte order mark stays. */
const UTF8: TextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A header block that was read, or why it was not. */
export interface HeaderBlock {
  /** 0, or what is wrong with the block. */
  readonly errorCode:
    | 0
    | typeof ERR_INVALID_FRAME
    | typeof ERR_INVALID_HEADER_BLOCK
    | typeof ERR_FRAME_TOO_LARGE;
  /** The headers: sorted when all is well, as they came when their content is invalid, else empty. */
  readonly nv: NameValue[];
}

/**
 * Bytes of the block of `pairs`. Without `exact` it may say too much, but
 * looks at no character.
 */
export function headerBlockLength(
  pairs: readonly NameValue[],
  traits: VersionTraits,
  exact: boolean,
): number {
  let total = traits.lengthSize;
  for (const [name, value] of pairs) {
    total += 2 * traits.lengthSize + name.length +
      (exact ? utf8Length(value) : value.length * 3);
  }
  return total;
}

/**
 * Throws `InvalidArgumentError` when the count or a length does not fit the 16
 * bits that SPDY/2 has for it. The 32 bits of SPDY/3 hold more than a frame.
 */
export function checkLengthFields(
  pairs: readonly NameValue[],
  traits: VersionTraits,
): void {
  if (traits.lengthSize === 4) return;
  checkUint16("number of headers", pairs.length, traits);
  for (const [name, value] of pairs) {
    checkUint16("length of a header name", name.length, traits);
    if (value.length * 3 > 0xffff) {
      checkUint16(`length of header ${name}`, utf8Length(value), traits);
    }
  }
}

function checkUint16(what: string, value: number, traits: VersionTraits): void {
  if (value <= 0xffff) return;
  throw new InvalidArgumentError(
    `${what} is ${value}; ${traits.name} carries at most 65535`,
  );
}

function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // Each half of a surrogate pair stands for two of its four bytes.
    length += unit < 0x800 || unit >= 0xd800 && unit < 0xe000 ? 1 : 2;
  }
  return length;
}

/** Appends the block of `pairs`, which have been checked. */
export function writeHeaderBlock(
  out: ByteWriter,
  pairs: readonly NameValue[],
  lengthSize: 2 | 4,
): void {
  if (lengthSize === 2) out.uint16(pairs.length);
  else out.uint32(pairs.length);
  for (const [name, value] of pairs) {
    writeText(out, name, lengthSize);
    writeText(out, value, lengthSize);
  }
}

function writeText(out: ByteWriter, text: string, lengthSize: 2 | 4): void {
  const field = out.length;
  out.reserve(lengthSize);
  out.length += lengthSize;
  const length = out.text(text);
  if (lengthSize === 4) {
    writeUint32(out.bytes, field, length);
  } else {
    out.bytes[field] = length >>> 8;
    out.bytes[field + 1] = length;
  }
}

/**
 * Reads a whole block. `traits` are those of the frame's version field;
 * `rename` puts SPDY/2 names back into their colon names. `memory` has
 * the pairs of earlier blocks.
 */
export function readHeaderBlock(
  block: Uint8Array,
  traits: VersionTraits,
  limits: Required<FrameLimits>,
  rename: boolean,
  memory: PairMemory = new PairMemory(),
): HeaderBlock {
  const { lengthSize } = traits;
  const errorCode = checkStructure(block, lengthSize, limits);
  if (errorCode !== 0) return { errorCode, nv: [] };
  const nv: NameValue[] = [];
  const order = readPairs(block, lengthSize, limits.maxHeaderCount, nv, memory);
  // The parts of a value count each (a value of NULs is one entry a byte).
  if (nv.length > limits.maxHeaderCount) {
    return { errorCode: ERR_FRAME_TOO_LARGE, nv: [] };
  }
  if (order === "invalid") return { errorCode: ERR_INVALID_HEADER_BLOCK, nv };
  if (order === "unsorted") {
    sortByName(nv);
    // A name stands in a block once (2.6.10).
    if (countNames(nv) < readLength(block, 0, lengthSize)) {
      return { errorCode: ERR_INVALID_HEADER_BLOCK, nv };
    }
  }
  if (rename) fromSpdy2Names(nv);
  return { errorCode: 0, nv };
}

/** Walks the lengths: they must fill the block exactly, and keep to the limits. */
function checkStructure(
  block: Uint8Array,
  lengthSize: 2 | 4,
  limits: Required<FrameLimits>,
): 0 | typeof ERR_INVALID_FRAME | typeof ERR_FRAME_TOO_LARGE {
  const end = block.length;
  if (end < lengthSize) return ERR_INVALID_FRAME;
  const count = readLength(block, 0, lengthSize);
  const maxName = limits.maxHeaderNameLength;
  const maxValue = limits.maxHeaderValueLength;
  let tooLarge = count > limits.maxHeaderCount;
  let at = lengthSize;
  // Every pass takes at least two length fields off the block, so a count that
  // lies ends the loop at the block's end.
  for (let pair = 0; pair < count; pair++) {
    if (end - at < lengthSize) return ERR_INVALID_FRAME;
    const nameLength = readLength(block, at, lengthSize);
    at += lengthSize + nameLength;
    if (end - at < lengthSize) return ERR_INVALID_FRAME;
    const valueLength = readLength(block, at, lengthSize);
    at += lengthSize + valueLength;
    if (at > end) return ERR_INVALID_FRAME;
    if (nameLength > maxName || valueLength > maxValue) tooLarge = true;
  }
  if (at !== end) return ERR_INVALID_FRAME;
  return tooLarge ? ERR_FRAME_TOO_LARGE : 0;
}

/**
 * Pushes the pairs of a block whose structure has been checked, at most one
 * more than `maxCount`.
 */
function readPairs(
  block: Uint8Array,
  lengthSize: 2 | 4,
  maxCount: number,
  nv: NameValue[],
  memory: PairMemory,
): "sorted" | "unsorted" | "invalid" {
  let sorted = true;
  let valid = true;
  let previous = "";
  for (let at = lengthSize; at < block.length && nv.length <= maxCount;) {
    const nameAt = at + lengthSize;
    const nameLength = readLength(block, at, lengthSize);
    const valueAt = nameAt + nameLength + lengthSize;
    const valueLength = readLength(block, nameAt + nameLength, lengthSize);
    at = valueAt + valueLength;

    // What equals a pair that was good needs no other check: 12 headers of 690
    // bytes, two of them new, take 1.1 us, and 4.2 us if all are read anew.
    const known = memory.find(block, nameAt, nameLength);
    const name = known?.name ?? textOf(block, nameAt, nameLength);
    if (name <= previous) sorted = false;
    previous = name;
    if (
      known !== undefined && memory.hasValue(known, block, valueAt, valueLength)
    ) {
      nv.push([name, known.value]);
      continue;
    }
    const value = textOf(block, valueAt, valueLength);
    const nameClass = classOf(block, nameAt, nameLength, NAME_CLASS);
    const valueClass = classOf(block, valueAt, valueLength, VALUE_CLASS);
    // A name has at least one byte, all of them allowed ones (2.6.10).
    if (nameLength === 0 || ((nameClass | valueClass) & BAD) !== 0) {
      valid = false;
    }
    if ((valueClass & NUL) !== 0) {
      if (!splitInto(nv, name, value, maxCount)) valid = false;
      continue;
    }
    nv.push([name, value]);
    if (valid) memory.keep(name, value, block, nameAt, valueAt, at);
  }
  if (!valid) return "invalid";
  return sorted ? "sorted" : "unsorted";
}

/** How many names a sorted list has. */
function countNames(nv: readonly NameValue[]): number {
  let count = 0;
  for (let index = 0; index < nv.length; index++) {
    if (index === 0 || nv[index][0] !== nv[index - 1][0]) count++;
  }
  return count;
}

/**
 * Pushes a pair for each NUL-separated part, at most one more than `maxCount`
 * in all; false when a part is empty (2.6.10).
 */
function splitInto(
  nv: NameValue[],
  name: string,
  value: string,
  maxCount: number,
): boolean {
  let valid = true;
  for (let at = 0; at <= value.length && nv.length <= maxCount;) {
    const nul = value.indexOf("\0", at);
    const end = nul < 0 ? value.length : nul;
    if (end === at) valid = false;
    nv.push([name, value.slice(at, end)]);
    at = end + 1;
  }
  return valid;
}

function readLength(
  block: Uint8Array,
  at: number,
  lengthSize: 2 | 4,
): number {
  return lengthSize === 4 ? readUint32(block, at) : readUint16(block, at);
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
  return UTF8.decode(block.subarray(at, at + length));
}
