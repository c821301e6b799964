/**
 * Makes a `Response` of a header list and a stream.
 *
 * @module
 */

import { type Stream, streamCoreOf } from "../../connection/stream/stream.ts";
import type { StreamCore } from "../../connection/stream/stream_core.ts";
import { PROTOCOL_ERROR } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { toByteStream } from "../message/byte_stream.ts";
import { bodyDecoder, isDecodable } from "../message/content_coding.ts";
import { wrongLength } from "../message/content_length.ts";
import { markDecoded } from "../message/decoded_body.ts";
import { asMessageError } from "../message/fields.ts";
import { isNullBodyStatus } from "../message/null_body.ts";
import {
  readResponseHead,
  type ResponseHead,
} from "../message/response_head.ts";
import { checksLength, type FetchInit } from "./fetch_init.ts";
import { networkError } from "./network_error.ts";
import {
  type ResponseOrigin,
  type SpdyResponse,
  spdyResponse,
} from "./spdy_response.ts";

/** How a response is read. */
export interface AskedFor {
  readonly url: string;
  readonly method: string;
  readonly init: FetchInit;
  /** Whether the URL is the result of a redirect. */
  readonly redirected: boolean;
  readonly signal: AbortSignal | undefined;
}

/** An object of a class, not a literal: see `frame/pair.ts`. It keeps the stream alive. */
class Origin implements ResponseOrigin {
  readonly url: string;
  readonly redirected: boolean;
  readonly stream: Stream;
  readonly trailers: ResponseOrigin["trailers"];
  readonly signal: AbortSignal | undefined;

  constructor(
    url: string,
    redirected: boolean,
    stream: Stream,
    trailers: ResponseOrigin["trailers"],
    signal: AbortSignal | undefined,
  ) {
    this.url = url;
    this.redirected = redirected;
    this.stream = stream;
    this.trailers = trailers;
    this.signal = signal;
  }
}

/** Creates a response whose head has arrived. The body arrives while it is read. */
export function receiveResponse(
  stream: Stream,
  nv: readonly NameValue[],
  asked: AskedFor,
  trailers?: ResponseOrigin["trailers"],
): SpdyResponse {
  const core = streamCoreOf(stream);
  try {
    const head = readResponseHead(nv);
    const coding = asked.init.decompress === false
      ? undefined
      : codings(head.headers);
    const { body, isDecoded } = receiveBody(core, head, coding, asked);
    const { url, redirected, signal } = asked;
    const origin = new Origin(url, redirected, stream, trailers, signal);
    const response = spdyResponse(body, head, origin);
    if (isDecoded) markDecoded(response);
    return response;
  } catch (error) {
    // Rule: an invalid response is reset with PROTOCOL_ERROR (draft 3.2.2).
    const reason = asMessageError(error);
    core.reset(PROTOCOL_ERROR, reason);
    throw reason;
  }
}

/** All values of `content-encoding` in order (RFC 9110 5.3). */
function codings(nv: readonly NameValue[]): string | undefined {
  let all: string | undefined;
  for (const [name, value] of nv) {
    if (name !== "content-encoding") continue;
    all = all === undefined ? value : `${all},${value}`;
  }
  return all;
}

// The receive buffer keeps the functions that these two create. If they were closures in
// `receiveBody`, they would keep the body alive, and it could never be collected.

/** The length counts the encoded bytes as they are sent (RFC 9110 8.6). */
function expectLength(core: StreamCore, length: number): void {
  core.receiveBuffer.expect(length, (arrived) => {
    const error = wrongLength(length, arrived);
    if (arrived === "more") core.reset(PROTOCOL_ERROR, error);
    return error;
  });
}

function readingErrors(
  signal: AbortSignal | undefined,
): (error: unknown) => unknown {
  return (error) => networkError("reading the response failed", error, signal);
}

function receiveBody(
  core: StreamCore,
  head: ResponseHead,
  coding: string | undefined,
  { method, init, signal }: AskedFor,
): { body: BodyInit | null; isDecoded: boolean } {
  if (method === "HEAD" || isNullBodyStatus(head.status)) {
    const why = method === "HEAD" ? "to HEAD" : `with status ${head.status}`;
    core.dropBody(`a response ${why} has no body`);
    // Its headers are those of a response with a body.
    return { body: null, isDecoded: isDecodable(coding) };
  }
  const announced = head.contentLength;
  if (
    announced !== undefined && checksLength(init) &&
    !core.receiveBuffer.isWhole(announced)
  ) {
    expectLength(core, announced);
  }
  if (coding === undefined) {
    // A small response has often arrived completely with its head. Reading it
    // through a web stream of the platform would take a third of the time of a
    // response.
    const bytes = core.receiveBuffer.takeAll();
    if (bytes !== undefined) return { body: bytes, isDecoded: false };
  }
  const errorFor = readingErrors(signal);
  core.receiveBuffer.presentBody(errorFor, signal);
  const body = core.receiveBuffer.readable;
  const decode = coding === undefined ? undefined : bodyDecoder(coding);
  if (decode === undefined) return { body, isDecoded: false };
  // A decoder reads ahead, but an unread response must not be read.
  const decoded = toByteStream(() => decode(body), errorFor, signal);
  return { body: decoded, isDecoded: true };
}
