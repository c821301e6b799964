/**
 * One request and its response on the server's side.
 *
 * @module
 */

import { keepCompiledCode } from "../../compiled_code.ts";
import {
  handled,
  LazyPromise,
  type Listener,
} from "../../connection/deferred.ts";
import { logError } from "../../connection/error_log.ts";
import { StreamResetError } from "../../connection/errors.ts";
import { KEPT_STREAM } from "../../connection/kept_stream.ts";
import {
  createStream,
  type Stream,
  streamCoreOf,
} from "../../connection/stream/stream.ts";
import type { StreamCore, Task } from "../../connection/stream/stream_core.ts";
import type { ProxyHead } from "../../connection/transport/proxy_protocol.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  INTERNAL_ERROR,
  PROTO_SPDY3_1,
  PROTOCOL_ERROR,
  type ProtocolVersion,
} from "../../frame/constants.ts";
import { statusName } from "../../frame/names.ts";
import type { NameValue } from "../../frame/types.ts";
import { wrongLength } from "../message/content_length.ts";
import { appendHeaders, asMessageError, toHeaders } from "../message/fields.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { readRequestHead } from "../message/request_head.ts";
import type { TrailersCallback } from "../message/send_body.ts";
import { keepPlatform } from "../platform/kept_platform.ts";
import { type ServerSpan, serverSpan } from "../telemetry/server_span.ts";
import { clientLeft, isDeparture } from "./departure.ts";
import {
  badRequest,
  checked,
  dropUnsent,
  internalServerError,
  notImplemented,
} from "./handler_response.ts";
import { letUploadEnd } from "./linger.ts";
import { prepareRequests, receivedRequest } from "./received_request.ts";
import { ReportedError } from "./reported_error.ts";
import { sendResponse, type SendResponseOptions } from "./send_response.ts";
import type { PushInit, ServeHandler, ServeInfo } from "./serve_options.ts";
import { pushedInfo, pushResponse } from "./server_push.ts";

/** What all requests of a server share. */
export interface ExchangeHost<Addr extends Deno.Addr | undefined> {
  readonly handler: ServeHandler<Addr>;
  /**
   * Creates the response if the handler fails. Also called when the body of a response
   * fails; its result is then not sent. Without it, the error is logged.
   */
  readonly onError:
    | ((error: unknown) => Response | Promise<Response>)
    | undefined;
}

/** The client that sent a request. */
export interface Peer<Addr extends Deno.Addr | undefined>
  extends Pick<ServeInfo<Addr>, "remoteAddr" | "proxyHead"> {
  /** Version of the connection. */
  readonly version: ProtocolVersion;
}

/** Methods that `Request` does not allow. */
const NO_REQUEST: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Does what takes time once, before the first request. */
export function prepareExchanges(): void {
  prepareRequests();
  keepPlatform();
}

/** Answers the request on a stream. Calls `ended` when that is over; never throws. */
export function handleStream<Addr extends Deno.Addr | undefined>(
  stream: Stream,
  peer: Peer<Addr>,
  host: ExchangeHost<Addr>,
  ended: () => void,
): void {
  begin(new ServerExchange(stream, peer, host, ended));
}

// An exchange is the `info` of its handler, so these are not methods of it.
// deno-lint-ignore no-explicit-any -- the kind of address does not matter
type AnyExchange = ServerExchange<any>;
let begin: (exchange: AnyExchange) => void;
let complete: (exchange: AnyExchange) => void;
let fail: (exchange: AnyExchange, error: unknown) => void;

/** Waits until a response was sent. */
class Sending implements Listener<void>, Task {
  readonly #exchange: AnyExchange;
  readonly #core: StreamCore;

  constructor(exchange: AnyExchange, core: StreamCore) {
    this.#exchange = exchange;
    this.#core = core;
  }

  resolved(): void {
    this.#core.later(this);
  }

  run(): void {
    complete(this.#exchange);
  }

  rejected(error: unknown): void {
    // The stream is still being ended.
    Promise.resolve().then(() => fail(this.#exchange, error));
  }
}

class ServerExchange<Addr extends Deno.Addr | undefined>
  implements ServeInfo<Addr> {
  static {
    keepCompiledCode(
      new ServerExchange(
        KEPT_STREAM,
        { remoteAddr: undefined, version: PROTO_SPDY3_1 },
        {
          handler: () => new Response(),
          onError: undefined,
        },
        () => {},
      ),
    );
    begin = (exchange) => exchange.#begin();
    complete = (exchange) => exchange.#complete();
    fail = (exchange, error) => exchange.#fail(error);
  }

  readonly stream: Stream;
  readonly #peer: Peer<Addr>;
  readonly #core: StreamCore;
  readonly #host: ExchangeHost<Addr>;
  readonly #completed = new LazyPromise<void>();
  #method = "GET";
  #url = "";
  #abort: AbortController | undefined;
  #trailers: TrailersCallback | undefined;
  /** Exists when the response is being sent. */
  #sending: SendResponseOptions | undefined;
  /** The handler's response was replaced by another one. */
  #isReplaced = false;
  /** The response was sent completely. */
  #isSent = false;
  /** The failure of the response was reported. */
  #isReported = false;
  #span: ServerSpan | undefined;
  #wrongLength: HttpMessageError | undefined;
  #request: Request | undefined;
  /** Status of the answer to a request that the handler does not get. */
  #refusal: number | undefined;
  readonly #ended: () => void;

  constructor(
    stream: Stream,
    peer: Peer<Addr>,
    host: ExchangeHost<Addr>,
    ended: () => void,
  ) {
    this.#ended = ended;
    this.stream = stream;
    this.#peer = peer;
    this.#core = streamCoreOf(stream);
    this.#host = host;
  }

  get remoteAddr(): Addr {
    return this.#peer.remoteAddr;
  }

  get proxyHead(): ProxyHead | undefined {
    return this.#peer.proxyHead;
  }

  get completed(): Promise<void> {
    return this.#completed.promise;
  }

  get trailers(): Promise<Headers> {
    const { trailers } = this.#core;
    return handled(this.#core.promiseOf(trailers).then(toHeaders));
  }

  readonly sendTrailers: ServeInfo["sendTrailers"] = (trailers) => {
    const made = async (): Promise<NameValue[]> => {
      const nv: NameValue[] = [];
      const init = typeof trailers === "function" ? await trailers() : trailers;
      appendHeaders(nv, init);
      return nv;
    };
    // The body of a replaced response may not know yet that it was dropped.
    if (this.#isReplaced) return;
    const sending = this.#sending;
    if (sending === undefined) this.#trailers = made;
    else if (!sending.isEnding) sending.trailers = made;
    else if (this.#core.failure === undefined) {
      // Not if the client has left: that is not a fault of the handler.
      throw new InvalidArgumentError(
        `sendTrailers was called too late: the response on stream ${this.#core.id} has no trailers any more; call it before the handler returns, with a function if they are not known yet, or before the end of a body that is a stream`,
      );
    }
  };

  // Not every handler awaits it, and any client can make it reject.
  readonly push: ServeInfo["push"] = (path, init = {}) =>
    handled(this.#push(path, init));

  async #push(path: string, init: PushInit): Promise<Stream> {
    return createStream(
      await pushResponse(this.#core, this.#url, path, init, (url, headers) => {
        headers.set("host", new URL(url).host);
        const head = { method: "GET", url, headers: [...headers] };
        const request = receivedRequest(head, null, this.#signal);
        return this.#answer(request, pushedInfo(this));
      }, (error) => this.#report(error)),
    );
  }

  /** Answers the request. Awaits only what takes time, because each turn of the microtask queue does as well. */
  #begin(): void {
    const core = this.#core;
    // Cancelling the request's body must not reset the stream, which still carries
    // the response.
    core.keepOnCancel = true;
    core.addUser();
    try {
      const request = this.#readRequest();
      if (request instanceof Response) {
        this.#refusal = request.status;
        this.#respond(request);
        return;
      }
      this.#request = request;
      const answer = this.#span === undefined
        ? this.#answer(request, this)
        : this.#span.run(() => this.#answer(request, this));
      if (answer instanceof Promise) this.#respondLater(answer);
      else this.#respond(answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #respondLater(answer: Promise<Response>): Promise<void> {
    try {
      this.#respond(await answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  #respond(response: Response): void {
    if (this.#wrongLength !== undefined) {
      this.#isReplaced = true;
      response.body?.cancel(this.#wrongLength).catch(() => {});
      response = badRequest(this.#wrongLength);
    }
    const sent = this.#send(response);
    // Without a promise, 4 % less is allocated.
    if (sent instanceof LazyPromise) {
      sent.listen(new Sending(this, this.#core));
    } else sent.then(() => this.#complete(), (error) => this.#fail(error));
  }

  /** The response was sent. */
  #complete(): void {
    try {
      this.#span?.end();
      this.#isSent = true;
      this.#completed.resolve();
      const core = this.#core;
      // A request that was answered without the handler has no reader.
      if (this.#refusal !== undefined) {
        core.dropBody(`it was answered with ${this.#refusal}`);
      }
      if (!core.remoteEnded) letUploadEnd(core, () => this.#isTaken);
    } catch (error) {
      return this.#fail(error);
    }
    this.#end();
  }

  /** Whether the handler has begun to read the body of the request, or has passed it on. */
  get #isTaken(): boolean {
    const request = this.#request;
    return request !== undefined &&
      (request.bodyUsed || request.body?.locked === true);
  }

  /** The response cannot be sent. */
  #fail(error: unknown): void {
    const core = this.#core;
    this.#span?.end(error);
    this.#completed.reject(error);
    // The client has left, or the handler's body or headers are invalid.
    if (!isDeparture(error)) {
      if (!this.#isReported) this.#report(error);
      if (!core.sendBuffer.ended) core.reset(INTERNAL_ERROR, error);
    }
    this.#end();
  }

  #end(): void {
    this.#core.removeUser();
    this.#ended();
  }

  /**
   * Reports that a response of the handler cannot be sent: to `onError`, or else in the
   * log, as `Deno.serve` does.
   */
  #report(error: unknown): void {
    if (error instanceof ReportedError) return;
    const { onError } = this.#host;
    if (onError === undefined) {
      logError(error);
      return;
    }
    Promise.try(onError, error).then(dropUnsent).catch(logNested);
  }

  /** Aborts if the stream ends before the response was sent. */
  readonly #signal = (): AbortSignal => {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      const { id, closed } = this.#core;
      // It must not count as a waiting application: see `StreamCore.wait`.
      closed.observed.then((statusCode) => {
        if (this.#completed.settled || statusCode === 0) return;
        const reason = `stream ${id} was reset with ${statusName(statusCode)}`;
        abort.abort(
          clientLeft(
            new StreamResetError(reason, {
              streamId: id,
              statusCode,
              initiator: "remote",
            }),
          ),
        );
      }, (error) => {
        // An upload can continue after its response has been sent. A failed response
        // settles `completed` as well, but that one was not sent.
        if (!this.#isSent) abort.abort(clientLeft(error));
      });
      this.#abort = abort;
    }
    return this.#abort.signal;
  };

  /** Reads the request. Returns a response instead if it is invalid. */
  #readRequest(): Request | Response {
    try {
      const head = readRequestHead(this.stream.headers);
      const { method, url, contentLength } = head;
      this.#method = method;
      this.#url = url;
      this.#span = serverSpan(head, this.#peer);
      if (NO_REQUEST.has(method)) return notImplemented();
      const body = this.#readBody(method, contentLength);
      const signal = this.#signal;
      return receivedRequest(head, body, signal);
    } catch (error) {
      const reason = asMessageError(error);
      if (!(reason instanceof HttpMessageError)) throw reason;
      // Rule: a request that breaks the rules is answered with 400 (draft 3.2.1).
      return badRequest(reason);
    }
  }

  #readBody(
    method: string,
    announced: number | undefined,
  ): ReadableStream<Uint8Array> | Uint8Array | null {
    const { receiveBuffer } = this.#core;
    // Rule: a `Request` with one of these methods has no body (Fetch standard 5.4).
    if (method === "GET" || method === "HEAD") {
      this.#core.dropBody(`a request with ${method} has no body`);
      return null;
    }
    if (announced !== undefined && !receiveBuffer.isWhole(announced)) {
      receiveBuffer.expect(announced, (arrived) => {
        const error = wrongLength(announced, arrived);
        this.#wrongLength = error;
        if (this.#sending) this.#core.reset(PROTOCOL_ERROR, error);
        return error;
      });
      if (this.#wrongLength !== undefined) throw this.#wrongLength;
    }
    const bytes = receiveBuffer.takeAll();
    if (bytes === undefined) {
      receiveBuffer.presentBytes();
      return receiveBuffer.readable;
    }
    return bytes;
  }

  /**
   * Calls the handler. Never rejects for an error of the handler; returns a promise
   * only if the handler does.
   */
  #answer(
    request: Request,
    info: ServeInfo<Addr>,
  ): Response | Promise<Response> {
    try {
      // Not as a method, whose `this` would be the host.
      const { handler } = this.#host;
      const response = handler(request, info);
      return response instanceof Response
        ? checked(response)
        : this.#checkLater(response, info);
    } catch (error) {
      return this.#answerError(error, info);
    }
  }

  async #checkLater(
    response: Promise<Response>,
    info: ServeInfo<Addr>,
  ): Promise<Response> {
    try {
      return checked(await response);
    } catch (error) {
      return await this.#answerError(error, info);
    }
  }

  async #answerError(
    error: unknown,
    info: ServeInfo<Addr>,
  ): Promise<Response> {
    // The handler of a push has an object of its own.
    if (info === this) this.#isReplaced = true;
    if (this.#wrongLength !== undefined) return badRequest(this.#wrongLength);
    // The client has left, which is not an error of the handler.
    if (this.#core.ended && isDeparture(error)) throw error;
    const { onError } = this.#host;
    if (onError === undefined) {
      logError(error);
      return internalServerError();
    }
    try {
      return checked(await onError(error));
    } catch (nested) {
      logNested(nested);
      return internalServerError();
    }
  }

  #send(response: Response): Promise<void> | LazyPromise<void> {
    const core = this.#core;
    this.#span?.responding(response.status);
    const sending: SendResponseOptions = {
      method: this.#method,
      sendHead: (nv, fin) => {
        core.sender.submitReply(nv, fin);
        return fin ? core.sender.whenReplySent() : undefined;
      },
      trailers: this.#trailers,
      isEnding: false,
      failed: (error) => {
        this.#isReported = true;
        this.#report(error);
      },
    };
    this.#sending = sending;
    return sendResponse(core, response, sending);
  }
}

function logNested(error: unknown): void {
  logError(error, "Exception in onError while handling exception");
}
