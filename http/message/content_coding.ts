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

/** Decodes a body as it is read, so that what a few bytes decode to is never held as a whole. */
export type BodyDecoder = (
  body: ReadableStream<Uint8Array>,
) => ReadableStream<Uint8Array>;

/**
 * What undoes the codings that a `content-encoding` header lists, the last first
 * (RFC 9110 8.4); `undefined` when there are none, or one among them is not known. The
 * body then stays as it is, as with Deno's `fetch`: a body that is decoded in part
 * matches no header.
 *
 * Throws {@linkcode HttpMessageError} for more than five codings.
 */
export function bodyDecoder(header: string): BodyDecoder | undefined {
  const names = namesOf(header);
  if (names.length > MAX_CODINGS) {
    throw new HttpMessageError(
      `content-encoding lists ${names.length} codings, at most ${MAX_CODINGS} are undone`,
    );
  }
  const encodings = names.map((name) => ENCODINGS.get(name)).reverse();
  if (
    encodings.length === 0 ||
    !encodings.every((encoding) => encoding !== undefined)
  ) return undefined;
  return (body) =>
    encodings.reduce(
      (decoded, encoding) => decompressStream(decoded, encoding),
      body,
    );
}

function namesOf(header: string): string[] {
  return header.split(",").map((part) => part.trim().toLowerCase())
    .filter((name) => name !== "identity" && name !== "");
}
