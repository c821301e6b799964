/**
 * The brackets that an IPv6 address has in a URL.
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

/** A host as a URL writes it: an IPv6 address, which alone has colons, gets brackets. */
export function withBrackets(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
