/**
 * Reads PEM files; an error contains the path.
 *
 * @module
 */

import { UsageError } from "./command.ts";

/** Reads certificates (PEM). Throws {@linkcode UsageError} for a file without one. */
export function readCertificates(path: string): Promise<string> {
  return readPem(path, "CERTIFICATE", "certificate");
}

/** Reads a private key (PEM). Throws {@linkcode UsageError} for a file without one. */
export function readKey(path: string): Promise<string> {
  return readPem(path, "PRIVATE KEY", "private key");
}

async function readPem(
  path: string,
  label: string,
  what: string,
): Promise<string> {
  const text = await Deno.readTextFile(path).catch((error) => {
    throw new UsageError(`${path}: ${(error as Error).message}`);
  });
  if (new RegExp(`-----BEGIN (\\w+ )*${label}-----`).test(text)) return text;
  throw new UsageError(
    `${path} contains no ${what} in PEM ("-----BEGIN ... ${label}-----")`,
  );
}
