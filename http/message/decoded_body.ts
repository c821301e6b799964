/**
 * Marks responses whose bodies `fetch` has decoded. `fetch` does not change their
 * headers, so when such a response is sent again, the headers about the coding are
 * wrong.
 *
 * @module
 */

/** Headers that describe the encoded body. */
const OF_CODING: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
]);

const DECODED = new WeakSet<Response>();
/** The result of {@linkcode findKey}. */
let found: { readonly key: symbol | undefined } | undefined;

/** Records that this module's `fetch` has decoded the body of a response. */
export function markDecoded(response: Response): void {
  DECODED.add(response);
}

/**
 * Whether this module's or the platform's `fetch` has decoded the body of a
 * response. Deno keeps this in an internal field, and `Deno.serve` removes the same
 * headers.
 */
export function isDecoded(response: Response): boolean {
  if (DECODED.has(response)) return true;
  if (Object.getPrototypeOf(response) !== Response.prototype) return false;
  const { key } = found ??= { key: findKey() };
  if (key === undefined) return false;
  const inner: { bodyDecoded?: unknown } | undefined = Reflect.get(
    response,
    key,
  );
  return inner?.bodyDecoded === true;
}

/** The key under which Deno keeps its record of a response. */
function findKey(): symbol | undefined {
  return Object.getOwnPropertySymbols(new Response())
    .find(({ description }) => description === "response");
}

/** The headers without those that describe the encoded body. */
export function withoutCoding(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of OF_CODING) kept.delete(name);
  return kept;
}
