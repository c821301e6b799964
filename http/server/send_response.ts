/**
 * Sends responses.
 *
 * @module
 */

import { type LazyPromise, promiseOf } from "../../connection/deferred.ts";
import type { StreamCore } from "../../connection/stream/stream_core.ts";
import type { NameValue } from "../../frame/types.ts";
import { announcedLength } from "../message/content_length.ts";
import { httpDate } from "../message/date.ts";
import { isDecoded, withoutCoding } from "../message/decoded_body.ts";
import { sendable } from "../message/fields.ts";
import { isNullBodyStatus } from "../message/null_body.ts";
import { readAhead, type StartedBody } from "../message/read_ahead.ts";
import { writeResponseHead } from "../message/response_head.ts";
import {
  checkLength,
  type Failed,
  sendBytes,
  sendSource,
  sendTrailers,
  type TrailersCallback,
} from "../message/send_body.ts";
import { takeBody } from "../platform/take_body.ts";

interface Head extends Pick<Response, "status" | "statusText" | "headers"> {
  /** Whether the body was decoded. If it is not sent, its length is not known. */
  readonly isDecoded?: boolean;
}

/** How a response is sent. */
export interface SendResponseOptions {
  /** Method of the request. */
  readonly method: string;
  /**
   * Sends the head; with `fin`, it ends the response. The body is sent after the
   * returned promise, if there is one.
   */
  sendHead(nv: NameValue[], fin: boolean): Promise<void> | undefined;
  /** Headers to send after the body; may be set until {@linkcode isEnding} is true. */
  trailers: TrailersCallback | undefined;
  /**
   * Set when the end of the response is sent, with trailers or without. Stays false if
   * the body is a stream that is not sent: its source cannot know that, and later
   * trailers are ignored.
   */
  isEnding: boolean;
  /** See {@linkcode Failed}. */
  readonly failed: Failed;
}

/**
 * Sends a complete response; resolves when its end was sent. Throws or rejects if the
 * response cannot be sent. A body in memory is submitted at once, so that it leaves
 * together with the head.
 */
export function sendResponse(
  core: StreamCore,
  response: Response,
  options: SendResponseOptions,
): Promise<void> | LazyPromise<void> {
  const body = takeBody(response);
  if (body instanceof Uint8Array) {
    return send(core, response, body, body.length, options);
  }
  // A body that `fetch` decoded is a stream. The response to HEAD has none, but its
  // headers are those of the response to GET.
  const { status, statusText, headers } = response;
  const head: Head = isDecoded(response)
    ? { status, statusText, headers: withoutCoding(headers), isDecoded: true }
    : response;
  if (body === null) return send(core, head, EMPTY, 0, options);
  return readAhead(body).then((read) => sendRead(core, head, read, options));
}

/** Sends a response. Cancels its body if it cannot be sent, because it may hold a file open. */
async function sendRead(
  core: StreamCore,
  head: Head,
  body: Uint8Array | StartedBody,
  options: SendResponseOptions,
): Promise<void> {
  try {
    // A stream whose length differs from `content-length` counts as truncated.
    await promiseOf(send(core, head, body, undefined, options));
  } catch (error) {
    if (!(body instanceof Uint8Array)) {
      body.reader.cancel(error).catch(() => {});
    }
    throw error;
  }
}

/** `known` is the length of a body in memory; it replaces the `content-length` of the headers. */
function send(
  core: StreamCore,
  response: Head,
  body: Uint8Array | StartedBody,
  known: number | undefined,
  options: SendResponseOptions,
): Promise<void> | LazyPromise<void> {
  const { method } = options;
  const length = body instanceof Uint8Array ? body.length : undefined;
  const bodyless = isNullBodyStatus(response.status);
  const bare = method === "HEAD" || bodyless;
  if (bare && !(body instanceof Uint8Array)) {
    // Rule: a response to HEAD or with such a status has no body, even if the
    // handler set one (RFC 9110 6.4.1).
    body.reader.cancel().catch(() => {});
  }
  const nv = writeResponseHead(
    response,
    bodyless || bare && response.isDecoded ? undefined : length,
    httpDate(),
    known === undefined || bare && namesLength(response.headers),
  );
  // A response without a body has the content-length of the response to GET.
  const announced = bare || known !== undefined
    ? undefined
    : readAnnounced(nv, body);
  if (length !== undefined) checkLength(core, length, announced);
  const rest = bare || length === 0 ? undefined : body;
  // Without a body, FIN is on the head. A body in memory is submitted together with it.
  if (body instanceof Uint8Array) options.isEnding = true;
  const { trailers } = options;
  const head = options.sendHead(
    sendable(nv, core.version),
    rest === undefined && trailers === undefined,
  );
  const next = () => sendRest(core, rest, announced, trailers, options);
  return head === undefined ? next() : head.then(() => promiseOf(next()));
}

/** Whether a response without a body has a `content-length`, that of the response to GET. */
function namesLength(headers: Headers): boolean {
  return /^\d+$/.test(headers.get("content-length") ?? "");
}

function readAnnounced(
  nv: readonly NameValue[],
  body: Uint8Array | StartedBody,
): number | undefined {
  try {
    return announcedLength(nv);
  } catch (error) {
    if (!(body instanceof Uint8Array)) {
      body.reader.cancel(error).catch(() => {});
    }
    throw error;
  }
}

/** Sends the body and the trailers. `trailers` are those that were set before the head was sent. */
function sendRest(
  core: StreamCore,
  body: Uint8Array | StartedBody | undefined,
  announced: number | undefined,
  trailers: TrailersCallback | undefined,
  options: SendResponseOptions,
): Promise<void> | LazyPromise<void> {
  const { failed } = options;
  if (body instanceof Uint8Array) {
    return sendBytes(core, body, trailers, failed);
  }
  if (body !== undefined) {
    return sendSource(core, body, {
      trailers: () => {
        options.isEnding = true;
        return options.trailers;
      },
      announced,
      failed,
    });
  }
  return trailers === undefined
    ? Promise.resolve()
    : sendTrailers(core, trailers, failed);
}

const EMPTY = new Uint8Array(0);
