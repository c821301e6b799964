/**
 * The headers of a request over HTTP/1.1.
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";

/** What `Headers` removes at both ends of a value, such as the line break of a token file. */
const BLANKS = /^[\t\n\r ]+|[\t\n\r ]+$/g;

/**
 * The header lines of a request. Each pair of a list has a line of its own: `Headers`
 * would join the values of one name with commas, and the API server of Kubernetes reads
 * "a, b" as one group. Reads `headers` once, because it may be an iterator.
 *
 * Throws `TypeError` for a name or value that is not allowed in a header.
 */
export function headerLines(headers: HeadersInit | undefined): NameValue[] {
  const checked = [...new Headers(headers)];
  return Array.isArray(headers)
    ? headers.map(([name, value]) => [name, `${value}`.replace(BLANKS, "")])
    : checked;
}
