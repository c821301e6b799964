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
 * (RFC 9110 8.4). With a coding among them that it does not know, it leaves the
 * body as it is, as Deno's `fetch` does: a body that is decoded in part matches
 * no header. Decodes as the body is read, so that what a few bytes decode to is
 * never held as a whole.
 *
 * Throws {@linkcode HttpMessageError} for more than five codings.
 */
export function decodeBody(
  body: ReadableStream<Uint8Array>,
  header: string,
): ReadableStream<Uint8Array> {
  const names = namesOf(header);
  if (names.length > MAX_CODINGS) {
    throw new HttpMessageError(
      `content-encoding lists ${names.length} codings, at most ${MAX_CODINGS} are undone`,
    );
  }
  const encodings = names.map((name) => ENCODINGS.get(name));
  if (!encodings.every((encoding) => encoding !== undefined)) return body;
  let decoded = body;
  for (const encoding of encodings.reverse()) {
    decoded = decompressStream(decoded, encoding);
  }
  return decoded;
}

/** Whether {@linkcode decodeBody} decodes the body. */
export function undoesAll(header: string): boolean {
  const names = namesOf(header);
  return names.length > 0 && names.every((name) => ENCODINGS.has(name));
}

function namesOf(header: string): string[] {
  return header.split(",").map((part) => part.trim().toLowerCase())
    .filter((name) => name !== "identity" && name !== "");
}
