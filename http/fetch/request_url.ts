/**
 * The URL of a request.
 *
 * @module
 */

import type { RequestUrl } from "../message/request_head.ts";

/**
 * A path with characters that no parser changes, and without segments that begin with a
 * dot. It may have a query, but no fragment.
 */
const UNCHANGED =
  /^(?:\/(?!\.)[\w.~!$&()+,;:@=-]*)+(?:\?[\w.~!$&()+,;:@=/?-]+)?$/;

/** The origin of the last URL that was parsed. */
let last = { origin: "", host: "", protocol: "" };

class KnownUrl implements RequestUrl {
  readonly href: string;
  readonly host = last.host;
  readonly protocol = last.protocol;
  readonly pathname: string;
  readonly search = "";

  constructor(href: string, path: string) {
    this.href = href;
    this.pathname = path;
  }
}

/**
 * Reads a URL; one that begins with `/` is relative to `base`. If it has the same origin
 * as the last one and a path that certainly does not change, it is not parsed, which
 * saves 1 us: `pathname` then contains the query as well.
 *
 * Throws `TypeError` for a URL that `fetch` does not accept.
 */
export function readRequestUrl(url: string | URL, base?: string): RequestUrl {
  if (typeof url === "string" && last.origin !== "") {
    const { origin } = last;
    if (
      url.length > origin.length && url.charCodeAt(origin.length) === SLASH &&
      url.startsWith(origin)
    ) {
      const path = url.slice(origin.length);
      if (UNCHANGED.test(path)) return new KnownUrl(url, path);
    } else if (
      base === origin && url.charCodeAt(0) === SLASH &&
      url.charCodeAt(1) !== SLASH && UNCHANGED.test(url)
    ) return new KnownUrl(origin + url, url);
  }
  const parsed = typeof url === "string" && base !== undefined &&
      url.startsWith("/")
    ? new URL(url, base)
    : new URL(url);
  check(parsed);
  const { origin, host, protocol } = parsed;
  last = { origin, host, protocol };
  return parsed;
}

const SLASH = 0x2f;

function check(url: URL): void {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`${url.href} is not an http: or https: URL`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(
      `the URL of a request must not contain a user name or password`,
    );
  }
  // An empty fragment is in `href` only.
  if (url.hash !== "" || url.href.endsWith("#")) url.hash = "";
}
