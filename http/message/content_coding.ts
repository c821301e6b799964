/**
 * Bodies as `content-encoding` says they are coded.
 *
 * @module
 */

import { HttpMessageError } from "./message_error.ts";
import { type BodyEncoding, decompressStream } from "../../zlib/mod.ts";

const ENCODINGS: ReadonlyMap<string, BodyEncoding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/**
 * Codings undone of a body, at most. Nobody needs more than two; each keeps a
 * window and buffers of its own, and may make a thousand bytes of one.
 */
const MAX_CODINGS = 5;

/**
 * Undoes the codings that a `content-encoding` header lists, the last first
 * (RFC 9110 8.4). Leaves the body as it is from the first one it does not know.
 * The body comes as it is read, so that what a few bytes decode to is never
 * held as a whole.
 *
 * Throws {@linkcode HttpMessageError} for more than five codings.
 */
export function decodeBody(
  body: ReadableStream<Uint8Array>,
  header: string,
): ReadableStream<Uint8Array> {
  let decoded = body;
  const names = namesOf(header);
  if (names.length > MAX_CODINGS) {
    throw new HttpMessageError(
      `content-encoding lists ${names.length} codings, at most ${MAX_CODINGS} are undone`,
    );
  }
  for (const name of names.reverse()) {
    const encoding = ENCODINGS.get(name);
    if (encoding === undefined) break;
    decoded = decompressStream(decoded, encoding);
  }
  return decoded;
}

/** Whether nothing is left of a body's codings when {@linkcode decodeBody} is through. */
export function undoesAll(header: string): boolean {
  const names = namesOf(header);
  return names.length > 0 && names.every((name) => ENCODINGS.has(name));
}

function namesOf(header: string): string[] {
  return header.split(",").map((part) => part.trim().toLowerCase())
    .filter((name) => name !== "identity" && name !== "");
}
