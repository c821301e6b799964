/**
 * Converts header values between SPDY and `Headers`. SPDY's side uses text, which
 * is UTF-8 on the wire. A `Headers` object uses byte strings, with one character
 * for each byte (Fetch standard, "byte string"). The bytes on the wire are the
 * same. On SPDY's side, a value that is not UTF-8 is escaped text
 * (`frame/escaped_text.ts`).
 *
 * @module
 */

import { decodeEscaped, encodeEscaped } from "../../frame/escaped_text.ts";
import type { NameValue } from "../../frame/types.ts";

/** Tab and printable ASCII, which are the same in both forms. */
const PLAIN = /^[\t\x20-\x7e]*$/;
/** A token (RFC 9110 5.6.2). */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A token in lower case. */
export const LOWER_TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** Characters that are converted at a time, because each is an argument of a call. */
const TEXT_SIZE = 4096;

/** Whether text is the same in both forms. */
export function isPlain(text: string): boolean {
  return PLAIN.test(text);
}

/** Whether `Headers` certainly accepts a list. Other lists have to be tried. */
export function isPlainList(nv: readonly NameValue[]): boolean {
  for (const [name, value] of nv) {
    if (!LOWER_TOKEN.test(name) || !PLAIN.test(value)) return false;
  }
  return true;
}

/** Text as a byte string, with one character for each byte on the wire. */
export function toByteString(text: string): string {
  if (PLAIN.test(text)) return text;
  let bytes = "";
  const memory = new Uint8Array(text.length * 3);
  const encoded = memory.subarray(0, encodeEscaped(text, memory));
  for (let at = 0; at < encoded.length; at += TEXT_SIZE) {
    const part = encoded.subarray(at, at + TEXT_SIZE);
    bytes += String.fromCharCode(...part);
  }
  return bytes;
}

/** A byte string as text with the same bytes on the wire. */
export function fromByteString(bytes: string): string {
  if (PLAIN.test(bytes)) return bytes;
  const encoded = new Uint8Array(bytes.length);
  for (let index = 0; index < bytes.length; index++) {
    encoded[index] = bytes.charCodeAt(index);
  }
  return decodeEscaped(encoded);
}
