/**
 * Files that a kubeconfig refers to, and values that replace them.
 *
 * @module
 */

import { concat } from "../../bytes.ts";
import type { Field } from "./document.ts";

/** Largest certificate, key or token file, bytes. */
export const MAX_FILE: number = 1024 * 1024;

/**
 * Reads a text file of at most `limit` bytes; stops reading at the limit, for
 * example for `/dev/zero`. The text is in UTF-8, or in UTF-16 with a byte order
 * mark, as PowerShell writes it. With `strict`, other bytes are an error; without,
 * they are replaced, because a comment before a certificate may have any encoding.
 *
 * Throws `Error`, or Deno's own error when the file cannot be opened.
 */
export async function readBounded(
  path: string,
  limit: number,
  strict: boolean = false,
): Promise<string> {
  using file = await Deno.open(path);
  const info = await file.stat();
  if (info.isDirectory) throw new Error("it is a directory");
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = new Uint8Array(65536);
    const count = await file.read(chunk);
    if (count === null) break;
    size += count;
    if (size > limit) throw new Error(`it has more than ${limit} bytes`);
    chunks.push(chunk.subarray(0, count));
  }
  return decodeText(concat(chunks), strict);
}

function decodeText(bytes: Uint8Array, fatal: boolean): string {
  const mark = `${bytes[0]},${bytes[1]}`;
  const encoding = mark === "255,254"
    ? "utf-16le"
    : mark === "254,255"
    ? "utf-16be"
    : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal }).decode(bytes);
  } catch (cause) {
    throw new Error(
      "it is neither in UTF-8 nor in UTF-16 with a byte order mark",
      { cause },
    );
  }
}

/** Reads the file whose path is in a field. An error contains the field and the path. */
export async function readFileOf(field: Field): Promise<string> {
  const path = field.path();
  try {
    return await readBounded(path, MAX_FILE);
  } catch (cause) {
    const { message } = cause as Error;
    throw field.error(`${path} cannot be read: ${message}`, cause);
  }
}

/**
 * The text of a `-data` field (base64), or of the file in the other field. As in
 * kubectl, data takes precedence.
 */
export async function dataOrFile(
  data: Field | undefined,
  file: Field | undefined,
): Promise<{ readonly text: string; readonly field: Field } | undefined> {
  if (data !== undefined) return { text: decodeData(data), field: data };
  if (file === undefined) return undefined;
  return { text: await readFileOf(file), field: file };
}

function decodeData(field: Field): string {
  try {
    const bytes = Uint8Array.fromBase64(field.text().replace(/\s/g, ""));
    return new TextDecoder().decode(bytes);
  } catch (cause) {
    throw field.error("this is not base64", cause);
  }
}
