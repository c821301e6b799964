/**
 * What `fetch` over SPDY takes besides what `fetch` takes.
 *
 * @module
 */

import type { SpdyResponse } from "./spdy_response.ts";

/**
 * What `Connection.fetch` and `Client.fetch` take besides what `fetch` takes.
 *
 * @category Client
 */
export interface FetchInit extends RequestInit {
  /**
   * What to do with a redirect: `"follow"` it, which is the default of `Client` and
   * of every `Request`; `"manual"`: give it to the caller, the default of
   * `Connection` for a URL; `"error"`: reject. At most 20 are followed (Fetch
   * standard, "HTTP-redirect fetch").
   */
  readonly redirect?: RequestRedirect;
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7; default 0. */
  readonly pri?: number;
  /** Headers to send after the body. The request must have one. */
  readonly trailers?: HeadersInit | Promise<HeadersInit>;
  /**
   * Called with each response that the server pushes along. Without it they
   * come out of iterating over the connection, as raw streams; eight may wait
   * there, more are refused.
   */
  readonly onPush?: (push: PushedResponse) => void;
  /**
   * What becomes of a response whose body is shorter or longer than its
   * `content-length` says. `"check"`, the default: reading it fails with
   * `HttpMessageError`, so that a part does not pass for the whole. `"ignore"`:
   * nothing, as the SPDY/3 draft has it (3.2.2), for servers that say it wrong.
   */
  readonly contentLength?: "check" | "ignore";
  /**
   * False leaves a body as its `content-encoding` says it is coded, as a proxy
   * needs it; default true: gzip and deflate are decoded.
   */
  readonly decompress?: boolean;
  /**
   * True is `contentLength: "check"`, false `contentLength: "ignore"`.
   *
   * @deprecated Use {@linkcode FetchInit.contentLength}.
   */
  readonly strictContentLength?: boolean;
}

/** Whether a body has to keep to its `content-length`. */
export function checksLength(
  { contentLength, strictContentLength }: FetchInit,
): boolean {
  if (contentLength === undefined) return strictContentLength !== false;
  return contentLength === "check";
}

/** Throws `TypeError` when an option is none of those there are. */
export function checkFetchInit({ contentLength }: FetchInit): void {
  if (
    contentLength !== undefined && contentLength !== "check" &&
    contentLength !== "ignore"
  ) {
    throw new TypeError(
      `contentLength is ${
        JSON.stringify(contentLength)
      }, neither "check" nor "ignore"`,
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
  /** What it is the answer to, as if GET had asked for it; absolute. */
  readonly url: string;
  /** The response. Rejects when the stream ends before the head has arrived. */
  readonly response: Promise<SpdyResponse>;
  /** Tells the server that it is not wanted (RST_STREAM CANCEL). */
  cancel(): void;
}
