/**
 * Prepares the request that the caller passed to `fetch`, so that it can be sent
 * once or several times.
 *
 * @module
 */

import { handled } from "../../connection/deferred.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { makePair } from "../../frame/pair.ts";
import type { NameValue } from "../../frame/types.ts";
import { bytesOf } from "../message/body_bytes.ts";
import { announcedLength } from "../message/content_length.ts";
import { hasName } from "../message/fields.ts";
import { type RequestUrl, writeRequestHead } from "../message/request_head.ts";
import { hasBufferedBody } from "../platform/buffered_body.ts";
import { type PlainInit, plainInit } from "../platform/plain_init.ts";
import { checkFetchInit, type FetchInit } from "./fetch_init.ts";
import { readRequestUrl } from "./request_url.ts";

/** A request that can be sent. */
export class OutgoingRequest {
  readonly url: string;
  readonly method: string;
  readonly nv: NameValue[];
  /** A stream can be sent only once, bytes several times. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | undefined;
  /** Length of the body according to its `content-length`, bytes; `undefined` without one. */
  readonly announced: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** How to handle a redirect; `undefined` if the caller did not set it. */
  readonly redirect: RequestRedirect | undefined;
  /** Whether it is the result of a redirect. */
  readonly redirected: boolean = false;
  readonly init: FetchInit;

  /** Creates a request that is not the result of a redirect. */
  constructor(
    url: string,
    method: string,
    nv: NameValue[],
    body: OutgoingRequest["body"],
    announced: number | undefined,
    signal: AbortSignal | undefined,
    redirect: RequestRedirect | undefined,
    init: FetchInit,
  ) {
    this.url = url;
    this.method = method;
    this.nv = nv;
    this.body = body;
    this.announced = announced;
    this.signal = signal;
    this.redirect = redirect;
    this.init = init;
  }
}

/**
 * Cancels the body of a request that has failed before it was read, so that its source
 * is released (Fetch, "abort a fetch() call").
 */
export function cancelBody(
  { body }: Pick<OutgoingRequest, "body">,
  reason: unknown,
): void {
  if (!(body instanceof ReadableStream) || body.locked) return;
  body.cancel(reason).catch(() => {});
}

/**
 * Also a promise of another realm, such as a context of node:vm. Other objects with
 * `then` may begin their work only when it is called, so that it must be called once.
 */
function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise ||
    Object.prototype.toString.call(value) === "[object Promise]";
}

const ABSOLUTE = /^https?:\/\//i;
const EMPTY_INIT: FetchInit = {};

/**
 * Reads the arguments of `fetch`. A body in memory becomes bytes with a
 * `content-length`; a stream remains a stream. A relative URL is resolved against
 * `base`. Returns a promise only if it has to wait for a body.
 *
 * Throws or rejects with `TypeError` for arguments that `fetch` does not accept.
 */
export function prepareRequest(
  input: string | URL | Request,
  given?: FetchInit | null,
  base?: string,
): OutgoingRequest | Promise<OutgoingRequest> {
  const init = given ?? EMPTY_INIT;
  // They are awaited when the body has been sent, which may never happen.
  if (isPromise(init.trailers)) handled(Promise.resolve(init.trailers));
  checkFetchInit(init);
  const isRelative = typeof input === "string" && base !== undefined &&
    input.startsWith("/");
  // Deno takes 1 ms to load `Request`, which a program that only has URLs never needs.
  const source = typeof input !== "string" && input instanceof Request
    ? input
    : undefined;
  // `null` detaches a request from the signal of the `Request` in `input`.
  const signal = init.signal === undefined
    ? source?.signal
    : init.signal ?? undefined;
  const redirect = init.redirect ?? source?.redirect;
  // `new Request` would add a tenth to the time of a small request.
  const plain = plainInit(init);
  if (
    plain !== undefined && (isRelative || isWhole(input, plain.method))
  ) {
    try {
      const target = readRequestUrl(
        input as string | URL,
        isRelative ? base : undefined,
      );
      return prepare(target, plain, init.headers, signal, redirect, init);
    } catch (error) {
      // If the platform rejects it too, its error takes precedence.
      if (plain.method !== "GET") {
        new Request(isRelative ? new URL(input, base) : input, init);
      }
      throw error;
    }
  }
  const request = new Request(isRelative ? new URL(input, base) : input, init);
  const withBody = (body: OutgoingRequest["body"]): OutgoingRequest => {
    const { url, method, headers } = request;
    const parts = { method, body, contentType: undefined };
    return prepare(readRequestUrl(url), parts, headers, signal, redirect, init);
  };
  return hasBufferedBody(request, init.body)
    // The platform returns bytes of another realm as they are.
    ? request.bytes().then((bytes) => withBody(bytesOf(bytes)))
    : withBody(request.body ?? undefined);
}

/** The parts of a request that `plainInit` reads; the body may be a stream as well. */
type Parts = Omit<PlainInit, "body"> & Pick<OutgoingRequest, "body">;

function prepare(
  target: RequestUrl,
  { method, body, contentType }: Parts,
  headers: HeadersInit | undefined,
  signal: AbortSignal | undefined,
  redirect: RequestRedirect | undefined,
  init: FetchInit,
): OutgoingRequest {
  if (body === undefined && init.trailers !== undefined) {
    throw new InvalidArgumentError(
      "the request has trailers but no body: trailers are sent after a body",
    );
  }
  const length = contentLength(method, body);
  const nv = writeRequestHead(method, target, headers, length);
  // Not a comparison with `ReadableStream`, which would load the web streams.
  const inMemory = body === undefined || body instanceof Uint8Array;
  const announced = inMemory ? setLength(nv, length) : readAnnounced(nv);
  if (contentType !== undefined && !hasName(nv, "content-type")) {
    nv.push(makePair("content-type", contentType));
  }
  withDefaults(nv);
  return new OutgoingRequest(
    target.href,
    method,
    nv,
    body,
    announced,
    signal,
    redirect,
    init,
  );
}

/** The length that the headers announce for a stream. Throws `TypeError` if it is not a number. */
function readAnnounced(nv: readonly NameValue[]): number | undefined {
  try {
    return announcedLength(nv);
  } catch (error) {
    throw new TypeError((error as Error).message, { cause: error });
  }
}

/**
 * Sets the actual length of a body in memory, whatever the caller's headers say, as
 * `fetch` does: they are often those of another request. Returns it.
 */
function setLength(
  nv: NameValue[],
  length: number | undefined,
): number | undefined {
  const at = nv.findIndex(([name]) => name === "content-length");
  if (at === -1) return length;
  if (length === undefined) nv.splice(at, 1);
  else nv[at] = makePair("content-length", String(length));
  return length;
}

/**
 * Whether the request can be prepared from its URL without a `Request`: only
 * `Request` can resolve a relative URL (`--location`).
 */
function isWhole(
  url: string | URL | Request,
  method: string,
): url is string | URL {
  if (typeof url === "string") return method === "GET" || ABSOLUTE.test(url);
  return url instanceof URL;
}

/** Rule: a method that usually has a body sends `content-length: 0` when it has none (RFC 9110 8.6). */
function contentLength(
  method: string,
  body: OutgoingRequest["body"],
): number | undefined {
  if (body instanceof Uint8Array) return body.length;
  if (body !== undefined) return undefined;
  return method === "POST" || method === "PUT" ? 0 : undefined;
}

/**
 * Headers that `fetch` adds. SPDY clients always accept gzip (draft 3.2.1), but not
 * every server knows that.
 */
const DEFAULTS: readonly NameValue[] = [
  ["accept", "*/*"],
  ["accept-encoding", "gzip, deflate"],
  // Node 20 has no `navigator`.
  ["user-agent", globalThis.navigator?.userAgent ?? "spdy"],
];

function withDefaults(nv: NameValue[]): void {
  // A part of a compressed body cannot be decoded (Fetch, HTTP-network-or-cache fetch).
  if (hasName(nv, "range") && !hasName(nv, "accept-encoding")) {
    nv.push(["accept-encoding", "identity"]);
  }
  for (const pair of DEFAULTS) {
    if (!hasName(nv, pair[0])) nv.push(pair);
  }
}
