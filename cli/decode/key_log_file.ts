/**
 * The file with the TLS secrets of a capture.
 *
 * @module
 */

import { KeyLog } from "../../capture/mod.ts";

/**
 * The key log of the option or of SSLKEYLOGFILE. If it lacks the secrets of a connection
 * and has changed since it was read, it is read again.
 */
export async function openKeyLog(option: string | undefined): Promise<KeyLog> {
  const name = option ?? await environmentKeyLog();
  if (name === undefined) return new KeyLog();
  const read = readerOf(name);
  try {
    return new KeyLog(await read(), read);
  } catch (error) {
    // The variable may be meant for other programs, so an error is ignored.
    if (option === undefined) return new KeyLog();
    throw error;
  }
}

/**
 * Reads the file, or nothing if it is the same as before: it is called for each
 * connection whose secrets are missing, and a capture may have thousands of them.
 */
function readerOf(name: string): () => Promise<string> {
  let last: string | undefined;
  return async () => {
    const { isFile, size, mtime } = await Deno.stat(name);
    // A pipe can be read only once.
    const state = isFile ? `${size} ${mtime?.getTime()}` : "";
    if (state === last) return "";
    last = state;
    return await Deno.readTextFile(name);
  };
}

/** The value of the variable, if it can be read without a permission prompt. */
async function environmentKeyLog(): Promise<string | undefined> {
  const { state } = await Deno.permissions.query({
    name: "env",
    variable: "SSLKEYLOGFILE",
  });
  return state === "granted"
    ? Deno.env.get("SSLKEYLOGFILE") || undefined
    : undefined;
}
