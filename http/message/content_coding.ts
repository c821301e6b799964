/**
 * Decodes bodies with a `content-encoding`.
 *
 * @module
 */

import { HttpMessageError } from "./message_error.ts";
import { type BodyEncoding, decodeStream } from "../../zlib/body.ts";

const ENCODINGS: ReadonlyMap<string, BodyEncoding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/**
 * Most codings of a body. No real message has more than two. Each one keeps a
 * window and buffers, and may expand a byte to a thousand.
 */
const MAX_CODINGS = 5;

/** Decodes a body while it is read, so that the decoded body is never held in memory as a whole. */
export type BodyDecoder = (
  body: ReadableStream<Uint8Array>,
) => ReadableStream<Uint8Array>;

/**
 * The decoder for a `content-encoding` header; it undoes the listed codings, the
 * last one first (RFC 9110 8.4). `undefined` if there are none or if one is
 * unknown. Such a body is not decoded at all, as in Deno's `fetch`, because a
 * partly decoded body would match no header.
 *
 * Throws {@linkcode HttpMessageError} for more than five codings.
 */
export function bodyDecoder(header: string): BodyDecoder | undefined {
  const names = namesOf(header);
  if (names.length > MAX_CODINGS) {
    throw new HttpMessageError(
      `content-encoding lists ${names.length} codings, but at most ${MAX_CODINGS} are supported`,
    );
  }
  const encodings = names.map((name) => ENCODINGS.get(name)).reverse();
  if (
    encodings.length === 0 ||
    !encodings.every((encoding) => encoding !== undefined)
  ) return undefined;
  return (body) =>
    encodings.reduce(
      // Some servers name a coding although the body is empty. It is valid in Deno's
      // `fetch`.
      (decoded, encoding) => decodeStream(decoded, encoding, true),
      body,
    );
}

/** Whether a body with this `content-encoding` is decoded. */
export function isDecodable(header: string | undefined): boolean {
  if (header === undefined) return false;
  const names = namesOf(header);
  return names.length > 0 && names.every((name) => ENCODINGS.has(name));
}

function namesOf(header: string): string[] {
  return header.split(",").map((part) => part.trim().toLowerCase())
    .filter((name) => name !== "identity" && name !== "");
}
