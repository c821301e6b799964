/**
 * Responses whose bodies `fetch` has decoded. `fetch` leaves their headers as they
 * arrived, so the headers about the coding are wrong when such a response is sent on.
 *
 * @module
 */

/** Headers that describe the coded body. */
const OF_CODING: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
]);

const DECODED = new WeakSet<Response>();
const KEY = Object.getOwnPropertySymbols(new Response())
  .find(({ description }) => description === "response");

/** The body of a response of this module's `fetch` was decoded. */
export function markDecoded(response: Response): void {
  DECODED.add(response);
}

/**
 * Whether `fetch`, of this module or of the platform, has decoded the body of the
 * response. Deno keeps this in an internal field, and `Deno.serve` removes the same
 * headers.
 */
export function isDecoded(response: Response): boolean {
  if (DECODED.has(response)) return true;
  if (
    KEY === undefined || Object.getPrototypeOf(response) !== Response.prototype
  ) return false;
  const inner: { bodyDecoded?: unknown } | undefined = Reflect.get(
    response,
    KEY,
  );
  return inner?.bodyDecoded === true;
}

/** The headers without those that describe the coded body. */
export function withoutCoding(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of OF_CODING) kept.delete(name);
  return kept;
}
