/**
 * One request and the head of its response on the client's side.
 *
 * @module
 */

import { coreOf, type RawConnection } from "../../connection.ts";
import {
  Deferred,
  type Listener,
  promiseOf,
} from "../../connection/deferred.ts";
import { Opening } from "../../connection/stream/pending_streams.ts";
import { createStream } from "../../connection/stream/stream.ts";
import type { StreamCore, Task } from "../../connection/stream/stream_core.ts";
import { StreamInit } from "../../connection/stream/stream_init.ts";
import type { NameValue } from "../../frame/types.ts";
import { appendHeaders, sendable } from "../message/fields.ts";
import { readAhead } from "../message/read_ahead.ts";
import {
  checkLength,
  resetLater,
  sendBytes,
  sendSource,
} from "../message/send_body.ts";
import { type ClientSpan, clientSpan } from "../telemetry/client_span.ts";
import type { OutgoingRequest } from "./outgoing_request.ts";
import { receivePush } from "./receive_push.ts";
import { receiveResponse } from "./receive_response.ts";
import type { SpdyResponse } from "./spdy_response.ts";
import { warnOfStreamWait } from "./stream_wait_warning.ts";

/** Most pushed streams that wait for the application to iterate over the connection. */
const MOST_UNCLAIMED = 8;

const NO_HEADERS: readonly NameValue[] = [];

/** How a request that waits for a stream moves to another connection; see `OriginPool`. */
export interface Moving {
  /** The pool, which only moves its own requests. */
  readonly pool: object;
  /** The connection on which the request is sent instead, if an error says so. */
  readonly to: (error: unknown) => RawConnection | undefined;
}

/** Sends a request and resolves to the head of its response. */
export function exchange(
  connection: RawConnection,
  request: OutgoingRequest,
  moving?: Moving,
): Promise<SpdyResponse> {
  const response = new Deferred<SpdyResponse>();
  new Exchange(connection, request, response, moving);
  return response.promise;
}

/**
 * Sends a request. The stream and the response are reported by method calls, because a
 * promise for each step would take a tenth of what a request allocates.
 */
export class Exchange extends Opening
  implements Listener<readonly NameValue[]>, Task {
  protected readonly request: OutgoingRequest;
  readonly #span: ClientSpan | undefined;
  readonly #moving: Moving | undefined;
  /**
   * Receives the response. Dropped once it is settled: otherwise the listener of the
   * signal would keep a dropped response alive.
   */
  #response: Deferred<SpdyResponse> | undefined;
  #nv: readonly NameValue[] = NO_HEADERS;
  /** Whether the stream was not opened. */
  #isOver = false;
  #stopWatching: (() => void) | undefined;

  /**
   * Sends the request on `connection`; with `moving`, perhaps on another one. `response`
   * is settled with the head of the response.
   */
  constructor(
    connection: RawConnection,
    request: OutgoingRequest,
    response: Deferred<SpdyResponse>,
    moving?: Moving,
  ) {
    super(request.signal, moving?.pool);
    this.#response = response;
    this.request = request;
    this.#moving = moving;
    this.#span = clientSpan(request, connection.version);
    this.#open(connection);
  }

  #open(connection: RawConnection): void {
    const { body, init, url, nv } = this.request;
    const streamInit = new StreamInit(
      true,
      sendable(this.#span?.nv ?? nv, connection.version),
      init.pri ?? 0,
      0,
      false,
      body === undefined,
    );
    try {
      coreOf(connection).open(streamInit, this);
    } catch (error) {
      this.failed(error);
      return;
    }
    if (!this.#isOver && !this.delivered) {
      this.#stopWatching = warnOfStreamWait(connection, url);
    }
  }

  override opened(core: StreamCore): void {
    this.#stopWatching?.();
    if (this.#isOver) return;
    const request = this.request;
    const { onPush } = request.init;
    if (!onPush) core.mostWaiting = MOST_UNCLAIMED;
    else {
      core.onPush = (pushed) =>
        receivePush(createStream(pushed), request, onPush);
    }
    // Not awaited: if the body fails, the wait for the response reports it, and a
    // complete response is valid even if the server did not read the body.
    if (request.body !== undefined) sendBody(core, request).catch(() => {});
    core.receiveBuffer.isTakenWhole = true;
    core.awaitResponse(this);
  }

  override failed(error: unknown): void {
    this.#stopWatching?.();
    if (this.#isOver) return;
    const connection = this.#moving?.to(error);
    if (connection !== undefined) return this.#open(connection);
    this.#isOver = true;
    this.rejected(error);
  }

  /** The head has arrived. The body may be in the same read, and is then in memory afterwards. */
  resolved(nv: readonly NameValue[]): void {
    this.#nv = nv;
    this.core.later(this);
  }

  run(): void {
    const nv = this.#nv;
    this.#nv = NO_HEADERS;
    let response: SpdyResponse;
    try {
      response = receiveResponse(createStream(this.core), nv, this.request);
    } catch (error) {
      this.rejected(error);
      return;
    }
    this.#span?.received(response.status);
    this.received(response);
  }

  rejected(error: unknown): void {
    this.#span?.failed(error);
    this.fail(error);
  }

  /** Called with the response. */
  protected received(response: SpdyResponse): void {
    this.#response?.resolve(response);
    this.#response = undefined;
  }

  /** Called with the reason why there is no response. */
  protected fail(error: unknown): void {
    this.#response?.reject(error);
    this.#response = undefined;
  }
}

async function sendBody(
  core: StreamCore,
  { body, init: { trailers }, announced }: OutgoingRequest,
): Promise<void> {
  // The session is still sending the SYN_STREAM.
  await undefined;
  if (body === undefined) return;
  const after = trailers === undefined
    ? undefined
    : async (): Promise<NameValue[]> => toPairs(await trailers);
  if (!(body instanceof Uint8Array) && body.locked) {
    // Without the reset, the server would wait for the body, and the caller for the
    // response.
    const error = new TypeError(
      "the body is a stream that is locked: another request or reader uses it; give each request a stream of its own",
    );
    await resetLater(core, error);
    throw error;
  }
  const source = body instanceof Uint8Array ? body : await readAhead(body);
  if (source instanceof Uint8Array) {
    checkLength(core, source.length, announced);
    await promiseOf(sendBytes(core, source, after));
  } else await sendSource(core, source, { trailers: () => after, announced });
}

function toPairs(init: HeadersInit): NameValue[] {
  const nv: NameValue[] = [];
  appendHeaders(nv, init);
  return nv;
}
