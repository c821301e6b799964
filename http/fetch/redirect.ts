/**
 * Follows redirects as the Fetch standard requires ("HTTP-redirect fetch").
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import { valueOf } from "../message/fields.ts";
import {
  becomesGet,
  isRedirect,
  isSentAgain,
  MOST_REDIRECTS,
} from "../message/redirect_rules.ts";
import { pathOf } from "../message/request_head.ts";
import type { OutgoingRequest } from "./outgoing_request.ts";
import type { SpdyResponse } from "./spdy_response.ts";

/** How redirects are followed. */
export interface Following {
  /** Used if the caller does not set `redirect`. */
  readonly mode: RequestRedirect;
  /** Sends a request; resolves to the head of its response. */
  send(request: OutgoingRequest): Promise<SpdyResponse>;
  /** Throws if this client cannot follow a redirect to the URL. */
  check?(from: URL, to: URL): void;
}

/** Sends a request and follows its redirects. */
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

/** Follows the redirect in `response`, and those in the responses after it. */
export async function follow(
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

/** Cancels the body of a redirect that is followed. */
function drop(response: SpdyResponse): void {
  response.body?.cancel().catch(() => {});
}

/** The request that follows a redirect. Throws `TypeError` if there is none. */
function redirected(
  request: OutgoingRequest,
  status: number,
  location: string,
  following: Following,
): OutgoingRequest {
  const from = new URL(request.url);
  const to = targetOf(location, from);
  following.check?.(from, to);
  const dropsBody = becomesGet(status, request.method);
  // Fetch standard, HTTP-redirect fetch: also if the next request would have no body.
  if (status !== 303 && request.body instanceof ReadableStream) {
    throw new TypeError(
      `fetch failed: ${from.href} redirects with status ${status}, and the body, which is a stream, cannot be sent again`,
    );
  }
  const isElsewhere = to.origin !== from.origin;
  const method = dropsBody ? "GET" : request.method;
  const nv: NameValue[] = [
    [":host", to.host],
    [":method", method],
    [":path", pathOf(to)],
    [":scheme", to.protocol.slice(0, -1)],
    [":version", valueOf(request.nv, ":version") ?? "HTTP/1.1"],
  ];
  for (const pair of request.nv) {
    const [name] = pair;
    if (name.startsWith(":")) continue;
    if (isSentAgain(name, dropsBody, isElsewhere)) nv.push(pair);
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

/** The target of a `location` header, without fragment and credentials. */
function targetOf(location: string, from: URL): URL {
  const to = URL.parse(location, from);
  if (to === null || to.protocol !== "http:" && to.protocol !== "https:") {
    throw new TypeError(
      `fetch failed: ${from.href} redirects to ${
        JSON.stringify(location)
      }, which is not an http: or https: URL`,
    );
  }
  to.hash = "";
  to.username = "";
  to.password = "";
  return to;
}
