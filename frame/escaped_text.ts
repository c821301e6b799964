/**
 * Header values that are not UTF-8, as text and back without loss.
 *
 * SPDY does not define the encoding of a value, and HTTP treats a value as bytes. In
 * *escaped text*, each byte that is not part of valid UTF-8 is a lone surrogate,
 * U+DC80 for the byte 0x80 to U+DCFF for 0xFF, as in Python's "surrogateescape"
 * (PEP 383). Applications see U+FFFD instead; the HTTP layer asks for the bytes.
 *
 * @module
 */

import type { NameValue } from "./types.ts";

/** A byte plus this number is its surrogate. */
const ESCAPE = 0xdc00;
const FIRST_ESCAPE = 0xdc80;
const LAST_ESCAPE = 0xdcff;
const ENCODER: TextEncoder = new TextEncoder();
/** Never throws: invalid UTF-8 becomes U+FFFD. Keeps a byte order mark. */
const LENIENT: TextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The escaped text of received pairs whose value is not UTF-8. */
const exactTexts = new WeakMap<NameValue, string>();

/** Remembers the bytes of a received value whose text contains U+FFFD. */
export function keepExact(pair: NameValue, bytes: Uint8Array): void {
  const exact = decodeEscaped(bytes);
  if (exact !== pair[1]) exactTexts.set(pair, exact);
}

/** The value of a received pair, as escaped text if it is not UTF-8. */
export function exactValue(pair: NameValue): string {
  return exactTexts.get(pair) ?? pair[1];
}

/** Decodes UTF-8 and escapes every byte that is not part of it. */
export function decodeEscaped(bytes: Uint8Array): string {
  let text = "";
  let from = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += LENIENT.decode(bytes.subarray(from, at));
    text += String.fromCharCode(ESCAPE + bytes[at]);
    from = ++at;
  }
  return text + LENIENT.decode(bytes.subarray(from));
}

/** Length of the UTF-8 sequence at `at`, 0 if there is no valid one (RFC 3629 section 4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < 0x80) return 1;
  // Neither overlong forms nor surrogates nor code points above U+10FFFF.
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[at + 1];
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (!(second >= low && second <= high)) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let index = 2; index < length; index++) {
    if ((bytes[at + index] & 0xc0) !== 0x80) return 0;
  }
  return length;
}

/** Whether every lone surrogate of the text represents a byte. */
export function isEscaped(text: string): boolean {
  return text.isWellFormed() || withoutEscapes(text).isWellFormed();
}

/** Length of the bytes of escaped text. */
export function escapedLength(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) length++;
    // A surrogate pair has four bytes: two more for its first half. A second half
    // alone is an escaped byte.
    else if (unit < 0xdc00 || unit > 0xdfff) length += 2;
  }
  return length;
}

/**
 * Writes the bytes of escaped text to the beginning of `target`, which must have
 * room for three bytes a UTF-16 unit; returns how many there are.
 */
export function encodeEscaped(text: string, target: Uint8Array): number {
  if (text.isWellFormed()) return ENCODER.encodeInto(text, target).written;
  let at = 0;
  eachPart(text, (part) => {
    at += ENCODER.encodeInto(part, target.subarray(at)).written;
  }, (byte) => {
    target[at++] = byte;
  });
  return at;
}

/** Calls back for each part of the text and each byte, in order. */
function eachPart(
  text: string,
  onText: (part: string) => void,
  onByte: (byte: number) => void,
): void {
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit < 0xdc00) {
      // The second half of a pair is no escape.
      at++;
    } else if (unit >= FIRST_ESCAPE && unit <= LAST_ESCAPE) {
      if (at > from) onText(text.slice(from, at));
      onByte(unit - ESCAPE);
      from = at + 1;
    }
  }
  if (from < text.length) onText(text.slice(from));
}

function withoutEscapes(text: string): string {
  let rest = "";
  eachPart(text, (part) => rest += part, () => {});
  return rest;
}
