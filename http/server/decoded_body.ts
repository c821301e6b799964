/**
 * Responses of a `fetch` that decoded their bodies and left the headers as they
 * were: what those say of the coding holds no more when they are sent on.
 *
 * @module
 */

/** Headers about the body as it was coded. */
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
 * Whether a response came out of a `fetch` that decoded its body: this
 * module's, or the platform's. Deno notes that beside the headers, and
 * `Deno.serve` leaves these out, too.
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

/** The headers of such a response that hold for its body as it is now. */
export function withoutCoding(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of OF_CODING) kept.delete(name);
  return kept;
}
