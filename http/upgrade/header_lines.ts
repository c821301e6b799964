/**
 * The headers of a request over HTTP/1.1.
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";

/**
 * The header lines of a request. The pairs of a list are sent as they are: `Headers`
 * would join the values of one name with commas, and the API server of Kubernetes reads
 * "a, b" as one group. Reads `headers` once, because it may be an iterator.
 *
 * Throws `TypeError` for a name or value that is not allowed in a header.
 */
export function headerLines(headers: HeadersInit | undefined): NameValue[] {
  const checked = [...new Headers(headers)];
  return Array.isArray(headers)
    ? headers.map(([name, value]) => [name, value])
    : checked;
}
