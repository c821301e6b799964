/**
 * What a redirect changes in a request (Fetch standard, "HTTP-redirect fetch").
 * `fetch` and `spdy get -L` follow these rules.
 *
 * @module
 */

/** Most redirects that are followed for one request. */
export const MOST_REDIRECTS = 20;
/**
 * Headers that describe a body; a request without a body must not have them
 * ("request-body-header name").
 */
const OF_BODY: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
]);
/** Headers that are meant for one origin, most of them with secrets. */
const OF_ORIGIN: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "host",
  "proxy-authorization",
]);

/** Whether a response with this status is a redirect. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 ||
    status === 307 || status === 308;
}

/** Whether the next request is a GET without a body. */
export function becomesGet(status: number, method: string): boolean {
  return status === 303
    ? method !== "GET" && method !== "HEAD"
    : (status === 301 || status === 302) && method === "POST";
}

/**
 * Whether the next request has the header again.
 *
 * @param name in lower case
 * @param dropsBody whether this request may have had a body that the next one lacks
 * @param isElsewhere whether the next request goes to another origin
 */
export function isSentAgain(
  name: string,
  dropsBody: boolean,
  isElsewhere: boolean,
): boolean {
  return !(dropsBody && OF_BODY.has(name)) &&
    !(isElsewhere && OF_ORIGIN.has(name));
}
