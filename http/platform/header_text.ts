/**
 * Header values between SPDY and `Headers`. SPDY's side has text, which is
 * UTF-8 on the wire; a `Headers` object has byte strings, one character a
 * byte. Both ways the bytes on the wire stay what they are.
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";

/** Tab and printable ASCII: the same bytes in every reading. */
const PLAIN = /^[\t\x20-\x7e]*$/;
/** A token (RFC 9110 5.6.2). */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** The same in lower case. */
export const LOWER_TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const ENCODER = new TextEncoder();
/** Characters made at a time: each is an argument of a call. */
const TEXT_SIZE = 4096;
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether text is the same in every reading. */
export function isPlain(text: string): boolean {
  return PLAIN.test(text);
}

/** Whether `Headers` certainly takes a list: for others it has to be asked. */
export function isPlainList(nv: readonly NameValue[]): boolean {
  for (const [name, value] of nv) {
    if (!LOWER_TOKEN.test(name) || !PLAIN.test(value)) return false;
  }
  return true;
}

/** Text as `Headers` takes it: a character for each byte of its UTF-8 form. */
export function toByteString(text: string): string {
  if (PLAIN.test(text)) return text;
  let bytes = "";
  const encoded = ENCODER.encode(text);
  for (let at = 0; at < encoded.length; at += TEXT_SIZE) {
    const part = encoded.subarray(at, at + TEXT_SIZE);
    bytes += String.fromCharCode(...part);
  }
  return bytes;
}

/**
 * A value out of `Headers` as text. Bytes that are no UTF-8 are taken for
 * Latin-1, which is what older HTTP meant by them.
 */
export function fromByteString(bytes: string): string {
  if (PLAIN.test(bytes)) return bytes;
  try {
    return DECODER.decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
  } catch {
    return bytes;
  }
}
