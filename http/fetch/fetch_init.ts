/**
 * The options of `fetch` over SPDY.
 *
 * @module
 */

import { show } from "../../values.ts";
import type { SpdyResponse } from "./spdy_response.ts";

/**
 * The options of `Connection.fetch` and `Client.fetch` in addition to those of
 * `fetch`.
 *
 * @category Client
 */
export interface FetchInit extends RequestInit {
  /**
   * How to handle a redirect. `"follow"` is the default of `Client` and of every
   * `Request`. `"manual"` returns the redirect to the caller, and is the default of
   * `Connection` for a URL. `"error"` rejects. At most 20 redirects are followed
   * (Fetch standard, "HTTP-redirect fetch").
   */
  readonly redirect?: RequestRedirect;
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7; default 0. */
  readonly pri?: number;
  /** Headers to send after the body. Requires a body. */
  readonly trailers?: HeadersInit | Promise<HeadersInit>;
  /**
   * Called with each response that the server pushes with this one. Without it,
   * iterating over the connection returns the pushes as raw streams; at most eight
   * wait there, and more are refused.
   */
  readonly onPush?: (push: PushedResponse) => void;
  /**
   * What happens to a response whose body is shorter or longer than its
   * `content-length`. With `"check"`, the default, reading the body fails with
   * `HttpMessageError`, so that a truncated body is never mistaken for a complete
   * one. `"ignore"` accepts the body, as in the SPDY/3 draft (3.2.2), for servers
   * that send a wrong length.
   */
  readonly contentLength?: "check" | "ignore";
  /**
   * Whether to decode a body with the `content-encoding` gzip or deflate; default
   * true. A proxy sets false. A request with `range` asks for a body without a
   * coding, because a part of an encoded body cannot be decoded.
   */
  readonly decompress?: boolean;
  /**
   * True means `contentLength: "check"`, and false means `contentLength: "ignore"`.
   *
   * @deprecated Use {@linkcode FetchInit.contentLength}.
   */
  readonly strictContentLength?: boolean;
}

/** Whether the length of a body must equal its `content-length`. */
export function checksLength(
  { contentLength, strictContentLength }: FetchInit,
): boolean {
  if (contentLength === undefined) return strictContentLength !== false;
  return contentLength === "check";
}

/** Throws `TypeError` for an invalid option. */
export function checkFetchInit(init: FetchInit): void {
  const { contentLength, onPush, client }: FetchInit & { client?: unknown } =
    init;
  if (onPush && typeof onPush !== "function") {
    throw new TypeError(
      `onPush is not a function, but of type ${typeof onPush}`,
    );
  }
  // An option of Deno's `fetch`, which takes `null` for none. If it were ignored, the
  // request would bypass the proxy that it sets.
  if (client !== undefined && client !== null) {
    throw new TypeError(
      "fetch over SPDY has no option client: set proxy and tls in the options of Client or connect",
    );
  }
  if (
    contentLength !== undefined && contentLength !== "check" &&
    contentLength !== "ignore"
  ) {
    throw new TypeError(
      `contentLength is ${show(contentLength)}, it must be "check" or "ignore"`,
    );
  }
}

/**
 * A response that the server sent without a request (server push).
 *
 * @example
 * ```ts
 * import { connect, type PushedResponse, serve } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serve({ port: 0, onListen() {} }, async (request, info) => {
 *   const { pathname } = new URL(request.url);
 *   if (pathname === "/style.css") return new Response("body {}");
 *   await info.push("/style.css");
 *   return new Response("<link rel=stylesheet href=/style.css>");
 * });
 * await using connection = await connect({ port: server.addr.port });
 *
 * const pushes: PushedResponse[] = [];
 * const page = await connection.fetch("http://localhost/", {
 *   onPush: (push) => pushes.push(push),
 * });
 * await page.text();
 * assertEquals(pushes[0].url, "http://localhost/style.css");
 * assertEquals(await (await pushes[0].response).text(), "body {}");
 * ```
 *
 * @category Client
 */
export interface PushedResponse {
  /** Absolute URL of the GET request that this response answers. */
  readonly url: string;
  /** The response. Rejects when the stream ends before the head has arrived. */
  readonly response: Promise<SpdyResponse>;
  /** Tells the server to stop sending the response (RST_STREAM CANCEL). */
  cancel(): void;
}
