/**
 * What the caller of `fetch` gave, made ready to be sent, once or again.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import type { NameValue } from "../../frame/types.ts";
import type { FetchInit } from "./fetch_init.ts";
import { hasName } from "./fields.ts";
import { writeRequestHead } from "./request_head.ts";

/** A request that can be sent. */
export interface OutgoingRequest {
  readonly url: string;
  readonly method: string;
  readonly nv: NameValue[];
  /** Bytes can be sent a second time, a stream cannot. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | undefined;
  readonly signal: AbortSignal | undefined;
  readonly init: FetchInit;
}

const EMPTY_INIT: FetchInit = {};

/**
 * Reads what `fetch` was given. A body in memory is taken as bytes and announced
 * with content-length; a stream stays a stream. `base` is what a URL that is
 * not absolute stands beside.
 */
export async function prepareRequest(
  input: string | URL | Request,
  init: FetchInit = EMPTY_INIT,
  base?: string,
): Promise<OutgoingRequest> {
  const target = typeof input === "string" && base !== undefined &&
      input.startsWith("/")
    ? new URL(input, base)
    : input;
  // A plain GET is what its URL and headers say: `new Request` would add a
  // tenth to what a small one costs, and nothing else.
  const request = isPlainGet(target, init)
    ? undefined
    : new Request(target, init);
  const url = readUrl(request?.url ?? target as string | URL);
  const method = request?.method ?? "GET";
  const headers = request?.headers ??
    (init.headers === undefined ? undefined : new Headers(init.headers));
  const body = request && isInMemory(init.body)
    ? await request.bytes()
    : request?.body ?? undefined;
  if (body === undefined && init.trailers !== undefined) {
    throw new InvalidArgumentError("trailers come after a body; there is none");
  }
  const nv = writeRequestHead(
    method,
    url,
    headers,
    contentLength(method, body),
  );
  return {
    url: url.href,
    method,
    nv: withDefaults(nv),
    body,
    signal: init.signal ??
      (input instanceof Request ? input.signal : undefined),
    init,
  };
}

function isPlainGet(
  target: string | URL | Request,
  { method = "GET", body }: FetchInit,
): boolean {
  return !(target instanceof Request) && method === "GET" &&
    (body === undefined || body === null);
}

/** Throws `TypeError` for what `fetch` does not take either. */
function readUrl(text: string | URL): URL {
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`${url.href} is no URL of HTTP`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(`the URL of a request must not hold credentials`);
  }
  if (url.hash !== "") url.hash = "";
  return url;
}

/** Bodies that the platform turns into bytes at once. */
function isInMemory(body: FetchInit["body"]): boolean {
  return typeof body === "string" || body instanceof Uint8Array ||
    body instanceof URLSearchParams || body instanceof FormData ||
    body instanceof Blob || body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body);
}

/** Rule: a method that usually has a body says so when it has none (RFC 9110 8.6). */
function contentLength(
  method: string,
  body: OutgoingRequest["body"],
): number | undefined {
  if (body instanceof Uint8Array) return body.length;
  if (body !== undefined) return undefined;
  return method === "POST" || method === "PUT" ? 0 : undefined;
}

/**
 * What `fetch` says of itself. Gzip goes without saying in SPDY (draft 3.2.1),
 * but not every server knows.
 */
const DEFAULTS: readonly NameValue[] = [
  ["accept", "*/*"],
  ["accept-encoding", "gzip, deflate"],
  // Node 20 has no navigator.
  ["user-agent", globalThis.navigator?.userAgent ?? "spdy"],
];

function withDefaults(nv: NameValue[]): NameValue[] {
  for (const pair of DEFAULTS) {
    if (!hasName(nv, pair[0])) nv.push(pair);
  }
  return nv;
}
