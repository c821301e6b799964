/**
 * Values of headers that contain credentials or names.
 *
 * @module
 */

/** Whether a value is allowed in a header line. */
export function isHeaderValue(value: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/[\x00-\x08\x0a-\x1f\x7f]/.test(value) && value.trim() === value;
}

/** Converts a value to a byte string; the API server decodes it as UTF-8. */
export function utf8(value: string): string {
  return Array.from(
    new TextEncoder().encode(value),
    (byte) => String.fromCharCode(byte),
  ).join("");
}

/** The `authorization` header of a bearer token (RFC 6750 2.1). */
export function bearer(token: string): string {
  return `Bearer ${utf8(token)}`;
}
