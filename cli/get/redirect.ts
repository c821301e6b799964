/**
 * The redirects of `get -L`.
 *
 * @module
 */

import { readTarget, type Target, targetBehind } from "../target.ts";

/** Most redirects for one URL, as in the Fetch standard. */
export const MOST_REDIRECTS = 20;

/** The part of a request that a redirect can change. */
export interface Redirectable {
  readonly target: Target;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whether the body is sent again. */
  readonly hasBody: boolean;
}

const OF_BODY = /^(content-|transfer-encoding$)/i;
const OF_USER = /^(authorization|cookie|proxy-authorization)$/i;

/**
 * The request that follows `response`; `undefined` if that is not a redirect. POST
 * becomes GET after 301, 302 and 303 (Fetch standard, HTTP-redirect fetch).
 * Credentials are only sent to the server for which they were given.
 */
export function redirected(
  request: Redirectable,
  response: Response,
): Redirectable | undefined {
  const location = response.headers.get("location");
  if (![301, 302, 303, 307, 308].includes(response.status) || !location) {
    return undefined;
  }
  const { method, target } = request;
  const next = /^spdys?(\+upgrade)?:/.test(location)
    ? readTarget(location)
    : targetBehind(target, location);
  const getsOnly = response.status === 303 && method !== "HEAD" ||
    (response.status === 301 || response.status === 302) && method === "POST";
  const isElsewhere = next.origin !== target.origin;
  return {
    target: next,
    method: getsOnly ? "GET" : method,
    hasBody: request.hasBody && !getsOnly,
    headers: request.headers.filter(([name]) =>
      !(getsOnly && OF_BODY.test(name)) && !(isElsewhere && OF_USER.test(name))
    ),
  };
}
