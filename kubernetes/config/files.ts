/**
 * Files that a kubeconfig names, and values that it holds instead of them.
 *
 * @module
 */

import type { Field } from "./document.ts";

/** Largest certificate, key or token file, bytes. */
export const MAX_FILE: number = 1024 * 1024;

/**
 * Reads a text file of at most `limit` bytes. What has no end, such as
 * `/dev/zero`, is not read on.
 *
 * Throws `Error`, or Deno's own error when the file cannot be opened.
 */
export async function readBounded(
  path: string,
  limit: number,
): Promise<string> {
  using file = await Deno.open(path);
  const info = await file.stat();
  if (info.isDirectory) throw new Error("it is a directory");
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const chunk = new Uint8Array(65536);
    const count = await file.read(chunk);
    if (count === null) break;
    size += count;
    if (size > limit) throw new Error(`it has more than ${limit} bytes`);
    chunks.push(chunk.subarray(0, count));
  }
  return await new Blob(chunks).text();
}

/** Reads the file that a field names. The error names the field and the file. */
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
 * The text of a `-data` field (base64), or else of the file that the other field
 * names; data counts more, as for kubectl.
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

/** Certificates in PEM. */
export async function certificatesOf(
  data: Field | undefined,
  file: Field | undefined,
): Promise<string | undefined> {
  const found = await dataOrFile(data, file);
  if (found === undefined) return undefined;
  if (!found.text.includes("-----BEGIN CERTIFICATE-----")) {
    throw found.field.error("there is no certificate in PEM in it");
  }
  return found.text;
}
