/**
 * `fetch` over a connection.
 *
 * @module
 */

import type { RawConnection } from "../../connection.ts";
import {
  createStream,
  stateOf,
  type Stream,
} from "../../connection/stream/stream.ts";
import type { StreamCore } from "../../connection/stream/stream_core.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { appendHeaders, sendable } from "../message/fields.ts";
import { readAhead } from "../message/read_ahead.ts";
import { checkLength, sendBytes, sendSource } from "../message/send_body.ts";
import { keepPlatform } from "../platform/warm_platform.ts";
import { traced } from "../telemetry/client_span.ts";
import type { FetchInit } from "./fetch_init.ts";
import { networkError } from "./network_error.ts";
import { type OutgoingRequest, prepareRequest } from "./outgoing_request.ts";
import { watchPlace } from "./place_watch.ts";
import { receivePush } from "./receive_push.ts";
import { receiveResponse } from "./receive_response.ts";
import { prepareResponses } from "./received_response.ts";
import { type Following, sendAndFollow } from "./redirect.ts";
import type { SpdyResponse } from "./spdy_response.ts";

/** What `fetch` needs of a connection. */
export interface StreamOpener {
  /** The origin that a path is relative to. */
  readonly origin: string | undefined;
  readonly version: ProtocolVersion;
  /** The connection on which the next stream opens, if this object is not a connection itself. */
  readonly connection?: RawConnection;
  openStream(
    nv: NameValue[],
    options: { pri?: number; fin?: boolean; signal?: AbortSignal },
  ): Promise<Stream>;
}

/** After this number of requests, the process probably runs for a while. */
const MANY_REQUESTS = 100;
let requests = 0;

/** Most pushed streams that wait for the application to iterate over the connection. */
const MOST_UNCLAIMED = 8;

/** Sends a request over a connection and resolves to the response's head. */
export function fetchOver(
  opener: StreamOpener,
  input: string | URL | Request,
  init?: FetchInit,
): Promise<SpdyResponse> {
  if (++requests === MANY_REQUESTS) {
    keepPlatform();
    prepareResponses();
  }
  let asked: OutgoingRequest | undefined;
  const following: Following = {
    mode: "manual",
    send: (request) => exchange(opener, request),
    check: sameOrigin,
  };
  const send = (request: OutgoingRequest): Promise<SpdyResponse> => {
    asked = request;
    return sendAndFollow(request, following);
  };
  const fail = (error: unknown): never => {
    throw networkError("fetch failed", error, asked?.signal);
  };
  try {
    const request = prepareRequest(input, init, opener.origin);
    // Awaited only if needed, because each turn of the microtask queue takes time.
    const response = request instanceof Promise
      ? request.then(send)
      : send(request);
    return response.catch(fail);
  } catch (error) {
    return Promise.reject(networkError("fetch failed", error));
  }
}

/** A connection leads to one server only. */
function sameOrigin(from: URL, to: URL): void {
  if (to.origin === from.origin) return;
  throw new TypeError(
    `fetch failed: ${from.href} redirects to another origin, ${to.origin}, which this connection cannot reach; fetch with a Client, or with redirect: "manual"`,
  );
}

/** Sends a prepared request. */
export function exchange(
  opener: StreamOpener,
  request: OutgoingRequest,
): Promise<SpdyResponse> {
  return traced(request, opener.version, (request) => send(opener, request));
}

async function send(
  opener: StreamOpener,
  request: OutgoingRequest,
): Promise<SpdyResponse> {
  const { body, init, nv, signal } = request;
  const opened = opener.openStream(sendable(nv, opener.version), {
    pri: init.pri,
    fin: body === undefined,
    signal,
  });
  watchPlace(opener.connection ?? opener, request.url, opened);
  const stream = await opened;
  const state = stateOf(stream);
  const { onPush } = init;
  if (onPush === undefined) state.mostWaiting = MOST_UNCLAIMED;
  else {
    state.onPush = (pushed) =>
      receivePush(createStream(pushed), request, onPush);
  }
  if (body !== undefined) {
    // Not awaited: if the body fails, the wait for the response reports it, and a
    // complete response is valid even if the server did not read the body.
    sendBody(state, body, request).catch(() => {});
  }
  return receiveResponse(stream, await stream.response, request);
}

async function sendBody(
  state: StreamCore,
  body: Uint8Array | ReadableStream<Uint8Array>,
  { init: { trailers }, announced }: OutgoingRequest,
): Promise<void> {
  const after = trailers === undefined
    ? undefined
    : async (): Promise<NameValue[]> => toPairs(await trailers);
  const source = body instanceof Uint8Array ? body : await readAhead(body);
  if (source instanceof Uint8Array) {
    checkLength(state, source.length, announced);
    await sendBytes(state, source, after);
  } else await sendSource(state, source, { trailers: after, announced });
}

function toPairs(init: HeadersInit): NameValue[] {
  const nv: NameValue[] = [];
  appendHeaders(nv, init);
  return nv;
}
