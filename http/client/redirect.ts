/**
 * Redirects, followed as the Fetch standard says ("HTTP-redirect fetch").
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import { valueOf } from "../message/fields.ts";
import type { OutgoingRequest } from "./outgoing_request.ts";
import type { SpdyResponse } from "./spdy_response.ts";

/** How many redirects one call of `fetch` follows at most. */
const MOST_REDIRECTS = 20;
/** Headers about a body, which a request without one does not send ("request-body-header name"). */
const OF_BODY: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
]);
/** Headers that are secrets between the user and one origin. */
const OF_ORIGIN: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
]);

/** How redirects are followed. */
export interface Following {
  /** What happens when the caller does not say. */
  readonly mode: RequestRedirect;
  /** Sends a request; resolves to the head of its response. */
  send(request: OutgoingRequest): Promise<SpdyResponse>;
  /** Throws when this kind of client cannot go to the URL. */
  check?(from: URL, to: URL): void;
}

/** Sends a request and follows the redirects that it meets. */
export function sendAndFollow(
  request: OutgoingRequest,
  following: Following,
): Promise<SpdyResponse> {
  return following.send(request).then((response) =>
    isRedirect(response.status)
      ? follow(request, response, following)
      : response
  );
}

async function follow(
  request: OutgoingRequest,
  response: SpdyResponse,
  following: Following,
): Promise<SpdyResponse> {
  const mode = request.redirect ?? following.mode;
  for (let count = 1; isRedirect(response.status); count++) {
    if (mode === "manual") return response;
    const from = request.url;
    if (mode === "error") {
      drop(response);
      throw new TypeError(
        `fetch failed: ${from} redirects (status ${response.status}), and redirect is "error"`,
      );
    }
    const location = response.headers.get("location");
    if (location === null) return response;
    drop(response);
    if (count > MOST_REDIRECTS) {
      throw new TypeError(
        `fetch failed: more than ${MOST_REDIRECTS} redirects, the last one from ${from}`,
      );
    }
    request = redirected(request, response.status, location, following);
    response = await following.send(request);
  }
  return response;
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 ||
    status === 307 || status === 308;
}

/** Nobody reads the body of a redirect that is followed. */
function drop(response: SpdyResponse): void {
  response.body?.cancel().catch(() => {});
}

/** The request that a redirect asks for. Throws `TypeError` when there is none. */
function redirected(
  request: OutgoingRequest,
  status: number,
  location: string,
  following: Following,
): OutgoingRequest {
  const from = new URL(request.url);
  const to = targetOf(location, from);
  following.check?.(from, to);
  const dropsBody = status === 303
    ? request.method !== "GET" && request.method !== "HEAD"
    : (status === 301 || status === 302) && request.method === "POST";
  if (!dropsBody && request.body instanceof ReadableStream) {
    throw new TypeError(
      `fetch failed: ${from.href} redirects with status ${status}, and the body, which is a stream, cannot be sent again`,
    );
  }
  const isElsewhere = to.origin !== from.origin;
  const method = dropsBody ? "GET" : request.method;
  const nv: NameValue[] = [
    [":host", to.host],
    [":method", method],
    [":path", to.pathname + to.search],
    [":scheme", to.protocol.slice(0, -1)],
    [":version", valueOf(request.nv, ":version") ?? "HTTP/1.1"],
  ];
  for (const pair of request.nv) {
    const [name] = pair;
    const leaves = name.startsWith(":") || dropsBody && OF_BODY.has(name) ||
      isElsewhere && OF_ORIGIN.has(name);
    if (!leaves) nv.push(pair);
  }
  const { trailers: _, ...init } = request.init;
  return {
    ...request,
    url: to.href,
    method,
    nv,
    body: dropsBody ? undefined : request.body,
    announced: dropsBody ? undefined : request.announced,
    redirected: true,
    init: dropsBody ? init : request.init,
  };
}

/** Where a `location` header leads, without fragment and credentials. */
function targetOf(location: string, from: URL): URL {
  const to = URL.parse(location, from);
  if (to === null || to.protocol !== "http:" && to.protocol !== "https:") {
    throw new TypeError(
      `fetch failed: ${from.href} redirects to ${
        JSON.stringify(location)
      }, which is no URL of HTTP`,
    );
  }
  to.hash = "";
  to.username = "";
  to.password = "";
  return to;
}
