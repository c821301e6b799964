/**
 * Host names as URLs write them.
 *
 * @module
 */

/**
 * A host name without the brackets of an IPv6 address. A URL has them, and so may what
 * a user writes; the functions that connect and listen expect the address alone.
 */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}
