/**
 * Bodies as `content-encoding` says they are coded.
 *
 * @module
 */

import { type BodyEncoding, decompressStream } from "../../zlib/mod.ts";

const ENCODINGS: ReadonlyMap<string, BodyEncoding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/**
 * Undoes the codings that a `content-encoding` header lists, the last first
 * (RFC 9110 8.4). Leaves the body as it is from the first one it does not know.
 */
export function decodeBody(
  body: ReadableStream<Uint8Array>,
  header: string,
): ReadableStream<Uint8Array> {
  let decoded = body;
  for (const part of header.split(",").reverse()) {
    const name = part.trim().toLowerCase();
    if (name === "identity" || name === "") continue;
    const encoding = ENCODINGS.get(name);
    if (encoding === undefined) break;
    decoded = decompressStream(decoded, encoding);
  }
  return decoded;
}
