/**
 * Parses methods and headers of requests.
 *
 * @module
 */

import { UsageError } from "./command.ts";

/** Parses `--header "name: value"`. */
export function readHeader(line: string): [name: string, value: string] {
  const match = /^([^:\s]+):\s*(.*)$/.exec(line);
  if (match === null) {
    throw new UsageError(`--header "${line}": write it as "name: value"`);
  }
  const [, name, value] = match;
  try {
    new Headers([[name, value]]);
  } catch {
    throw new UsageError(
      `--header "${line}": a name consists of letters, digits and !#$%&'*+-.^_\`|~; a value has characters up to U+00FF`,
    );
  }
  return [name, value];
}

/** Checks `--method`; `otherwise` if it is not given. */
export function readMethod(
  method: string | undefined,
  otherwise: string,
): string {
  if (method === undefined) return otherwise;
  try {
    // The platform has the list of methods that fetch does not send.
    new Request("http://localhost/", { method });
  } catch {
    throw new UsageError(`--method "${method}" cannot be sent`);
  }
  return method;
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
