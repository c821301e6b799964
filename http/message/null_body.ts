/**
 * Responses without a body.
 *
 * @module
 */

/**
 * Whether a response with this status never has a body (RFC 9110 6.4.1). The
 * platform's `Response` accepts none for these either (Fetch standard, "null body
 * status"); 101 and 103, which it lists as well, are not final statuses.
 */
export function isNullBodyStatus(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
