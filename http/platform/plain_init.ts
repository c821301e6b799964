/**
 * What `Request` makes of an init, without making one, where that is certain.
 *
 * @module
 */

import type { FetchInit } from "../client/fetch_init.ts";

/** What an init says of method and body. */
export interface PlainInit {
  readonly method: string;
  readonly body: Uint8Array | undefined;
  /** Goes without saying with such a body; what the headers say counts more. */
  readonly contentType: string | undefined;
}

const PLAIN_GET: PlainInit = {
  method: "GET",
  body: undefined,
  contentType: undefined,
};

/** Methods with a body, that the platform takes as they are. */
const WITH_BODY: ReadonlySet<unknown> = new Set([
  "DELETE",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
]);

/** What `Request` does not look at, or nothing comes of. */
const PLAIN_KEYS: ReadonlySet<string> = new Set([
  "body",
  "contentLength",
  "headers",
  "method",
  "onPush",
  "pri",
  "redirect",
  "signal",
  "strictContentLength",
  "trailers",
]);

const REDIRECTS: ReadonlySet<unknown> = new Set(["error", "follow", "manual"]);

const ENCODER = new TextEncoder();

/**
 * Reads an init; `undefined` when only `Request` can say what comes of it. A
 * small POST is prepared in 2.7 us this way, in 12 by `Request`.
 */
export function plainInit(init: FetchInit): PlainInit | undefined {
  const { method = "GET", body } = init;
  if (!hasPlainKeys(init)) return undefined;
  if (method === "GET" && (body === undefined || body === null)) {
    return PLAIN_GET;
  }
  if (!WITH_BODY.has(method)) return undefined;
  if (typeof body === "string") {
    return {
      method,
      body: ENCODER.encode(body),
      contentType: "text/plain;charset=UTF-8",
    };
  }
  const bytes: unknown = body;
  if (!isOrdinary(bytes)) return undefined;
  // A copy: the caller may write to it before it has left. Not by slice(): that
  // of a node `Buffer` copies nothing.
  return { method, body: new Uint8Array(bytes), contentType: undefined };
}

function hasPlainKeys(init: FetchInit): boolean {
  for (const key in init) if (!PLAIN_KEYS.has(key)) return false;
  const { signal, redirect } = init;
  return Object.getPrototypeOf(init) === Object.prototype &&
    (redirect === undefined || REDIRECTS.has(redirect)) &&
    (signal === undefined || signal === null || signal instanceof AbortSignal);
}

/** Bytes in memory that only this thread has, of a length that stays. */
function isOrdinary(body: unknown): body is Uint8Array<ArrayBuffer> {
  return body instanceof Uint8Array && body.buffer instanceof ArrayBuffer &&
    !body.buffer.resizable && !body.buffer.detached;
}
