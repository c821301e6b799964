/**
 * Bodies that both sides of an interop test can generate and check, without
 * storing them.
 *
 * @module
 */

import { encodeHex } from "../deps.ts";

/** Each of the two terms of {@linkcode patternAt} repeats after this many bytes. */
const PERIOD = 0x10000;
const DOUBLED = Uint8Array.from(
  { length: 2 * PERIOD },
  (_, index) => patternAt(index),
);

/** Byte `index` of the pattern; the Go programs compute the same. */
export function patternAt(index: number): number {
  return (index * 31 + (index >>> 8)) & 0xff;
}

/** The first `size` bytes of the pattern, in chunks of at most 32 KiB. */
export function* patternChunks(size: number): Generator<Uint8Array> {
  const step = 0x8000;
  for (let offset = 0; offset < size; offset += step) {
    const start = offset % PERIOD;
    yield DOUBLED.slice(start, start + Math.min(step, size - offset));
  }
}

/** The first `size` bytes of the pattern as a stream. */
export function patternStream(size: number): ReadableStream<Uint8Array> {
  return ReadableStream.from(patternChunks(size));
}

/** `"<length> <sha256>"` of the pattern's first `size` bytes. */
export async function patternDigest(size: number): Promise<string> {
  return await digest(patternChunks(size));
}

/** `"<length> <sha256>"` of a body, taken chunk by chunk. */
export async function digest(
  body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    size += chunk.length;
  }
  return `${size} ${encodeHex(hash.digest())}`;
}
