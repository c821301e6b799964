/**
 * The headers of a request over HTTP/1.1.
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";

/** What `Headers` removes at both ends of a value, such as the line break of a token file. */
const BLANKS = /^[\t\n\r ]+|[\t\n\r ]+$/g;

/**
 * The same headers in a form that can be read again: pairs that an iterator gives are
 * read here, into a list. All others remain the caller's object.
 */
export function rereadable<Init extends HeadersInit | undefined>(
  headers: Init,
): Init | [string, string][] {
  if (typeof headers !== "object" || headers === null) return headers;
  if (Array.isArray(headers) || headers instanceof Headers) return headers;
  return Symbol.iterator in headers
    ? [...headers as Iterable<[string, string]>]
    : headers;
}

/**
 * The header lines of a request. Each pair of a list has a line of its own: `Headers`
 * would join the values of one name with commas, and the API server of Kubernetes reads
 * "a, b" as one group.
 *
 * Throws `TypeError` for a name or value that is not allowed in a header.
 */
export function headerLines(headers: HeadersInit | undefined): NameValue[] {
  const own = rereadable(headers);
  const checked = [...new Headers(own)];
  return Array.isArray(own)
    ? own.map(([name, value]) => [name, `${value}`.replace(BLANKS, "")])
    : checked;
}
