/**
 * The errors of connections and streams that end early, and of proxies that open no
 * tunnel: their classes. They say which side is at fault, and why. Most texts are in
 * `end_errors.ts`, those of proxies in `transport/`.
 *
 * @module
 */

import {
  ERR_EOF,
  ERR_PROTO,
  SpdyError,
  type SpdyErrorOptions,
  StreamClosedError,
} from "../errors.ts";
import { REFUSED_STREAM } from "../frame/constants.ts";

/**
 * The options of {@linkcode ConnectionClosedError}.
 *
 * @category Errors
 */
export interface ConnectionClosedErrorOptions extends SpdyErrorOptions {
  /** One of the `ERR_*` numbers; default `ERR_EOF`. */
  readonly code?: number;
  /** Status of the GOAWAY that ended the connection, when there was one. */
  readonly statusCode?: number;
  /** Whether it is certain that the peer did not process the request; default false. */
  readonly unprocessed?: boolean;
}

/**
 * The connection ended before the operation was complete. `initiator` says which
 * side ended it; `cause` is the transport's own error, if there was one.
 *
 * @example
 * ```ts
 * import { ConnectionClosedError } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const error = new ConnectionClosedError("the peer closed the transport", {
 *   initiator: "remote",
 * });
 * assertEquals(error.initiator, "remote");
 * assertEquals(error.unprocessed, false);
 * ```
 *
 * @category Errors
 */
export class ConnectionClosedError extends SpdyError {
  /** Status of the GOAWAY that ended the connection, `undefined` when there was none. */
  readonly statusCode: number | undefined;
  /** True when it is certain that the peer did not process the request, so that it may be sent again. */
  readonly unprocessed: boolean;

  /** Creates the error. */
  constructor(
    message = "the connection is closed",
    options: ConnectionClosedErrorOptions = {},
  ) {
    super(message, options.code ?? ERR_EOF, options);
    this.statusCode = options.statusCode;
    this.unprocessed = options.unprocessed ?? false;
  }
}

/**
 * The options of {@linkcode StreamResetError}.
 *
 * @category Errors
 */
export interface StreamResetErrorOptions extends SpdyErrorOptions {
  /** The stream's id; 0 for a stream whose SYN_STREAM was not sent. */
  readonly streamId: number;
  /** Status of the RST_STREAM (SPDY/3 draft 2.6.3). */
  readonly statusCode: number;
  /** Whether it is certain that the peer did not process the stream; by default true for REFUSED_STREAM. */
  readonly unprocessed?: boolean;
}

/**
 * A stream ended by RST_STREAM, from either side (`initiator`).
 *
 * @example
 * ```ts
 * import { REFUSED_STREAM, StreamResetError } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const error = new StreamResetError("refused", {
 *   streamId: 1,
 *   statusCode: REFUSED_STREAM,
 *   initiator: "remote",
 * });
 * assertEquals(error.unprocessed, true);
 * ```
 *
 * @category Errors
 */
export class StreamResetError extends StreamClosedError {
  /** The stream's id; 0 for a stream whose SYN_STREAM was not sent. */
  readonly streamId: number;
  /** Status of the RST_STREAM. */
  readonly statusCode: number;
  /** True when it is certain that the peer did not process the stream, so that it may be sent again. */
  readonly unprocessed: boolean;

  /** Creates the error. */
  constructor(message: string, options: StreamResetErrorOptions) {
    super(message, options);
    this.streamId = options.streamId;
    this.statusCode = options.statusCode;
    this.unprocessed = options.unprocessed ??
      options.statusCode === REFUSED_STREAM;
  }
}

/**
 * The options of {@linkcode ProxyError}.
 *
 * @category Errors
 */
export interface ProxyErrorOptions extends SpdyErrorOptions {
  /** One of the `ERR_*` numbers; default `ERR_PROTO`. */
  readonly code?: number;
  /** Status of the HTTP proxy's answer, when there was one. */
  readonly status?: number;
}

/**
 * An HTTP or SOCKS proxy could not be reached, refused to open a tunnel, or did not answer
 * like a proxy. `initiator` is `"remote"`; `cause` is the transport's own error, if
 * there was one.
 *
 * @example
 * ```ts
 * import { connect, ProxyError } from "@spdy/spdy";
 * import { assertEquals, assertRejects } from "jsr:@std/assert@1";
 *
 * await using proxy = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => new Response(null, { status: 407 }),
 * );
 * const error = await assertRejects(
 *   () =>
 *     connect({
 *       hostname: "example.org",
 *       port: 443,
 *       tls: true,
 *       proxy: { url: `http://localhost:${proxy.addr.port}` },
 *     }),
 *   ProxyError,
 * );
 * assertEquals(error.status, 407);
 * ```
 *
 * @category Errors
 */
export class ProxyError extends SpdyError {
  /** Status of the HTTP proxy's answer; `undefined` when there was none. */
  readonly status: number | undefined;

  /** Creates the error. */
  constructor(message: string, options: ProxyErrorOptions = {}) {
    super(message, options.code ?? ERR_PROTO, {
      initiator: "remote",
      ...options,
    });
    this.status = options.status;
  }
}
