/**
 * Joins bytes.
 *
 * This file is in the lowest layer, with `errors.ts`, where the standard library is
 * not available.
 *
 * @module
 */

/** The bytes of all parts, in an array of their own. */
export function concat(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const part of parts) size += part.length;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/**
 * Reads a source to its end; resolves to all bytes. If there are more than `limit`,
 * stops reading and rejects with the error that `tooMuch` returns.
 */
export async function collect(
  source: AsyncIterable<Uint8Array>,
  limit: number,
  tooMuch: () => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > limit) throw tooMuch();
    chunks.push(chunk);
  }
  return concat(chunks);
}
