/**
 * Parses headers of requests.
 *
 * @module
 */

import { UsageError } from "./command.ts";

/** Parses `--header "name: value"`. */
export function readHeader(line: string): [name: string, value: string] {
  const match = /^([^:\s]+):\s*(.*)$/.exec(line);
  if (match) return [match[1], match[2]];
  throw new UsageError(`--header "${line}": write it as "name: value"`);
}

/** Basic authentication (RFC 7617) for `NAME:PASSWORD`; no header for `undefined`. */
export function authorization(
  user: string | undefined,
): [name: string, value: string][] {
  if (user === undefined) return [];
  const pair = user.includes(":") ? user : `${user}:`;
  const code = new TextEncoder().encode(pair).toBase64();
  return [["authorization", `Basic ${code}`]];
}
