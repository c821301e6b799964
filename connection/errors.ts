/**
 * What ends a connection or a stream early, as errors that say who ended it
 * and why.
 *
 * @module
 */

import {
  ERR_EOF,
  SpdyError,
  type SpdyErrorOptions,
  StreamClosedError,
} from "../errors.ts";
import { REFUSED_STREAM } from "../frame/constants.ts";

/** What {@linkcode ConnectionClosedError} takes after the message. */
export interface ConnectionClosedErrorOptions extends SpdyErrorOptions {
  /** One of the `ERR_*` numbers; default `ERR_EOF`. */
  readonly code?: number;
  /** Status of the GOAWAY that ended the connection, when there was one. */
  readonly statusCode?: number;
  /** Whether the peer certainly did not process what was asked; default false. */
  readonly unprocessed?: boolean;
}

/**
 * The connection ended before what was waited for came. `initiator` says which
 * side ended it, `cause` holds the transport's own error when there was one.
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
 */
export class ConnectionClosedError extends SpdyError {
  /** Status of the GOAWAY that ended the connection, `undefined` when there was none. */
  readonly statusCode: number | undefined;
  /** True when the peer certainly did not process the request, so that it may be repeated elsewhere. */
  readonly unprocessed: boolean;

  /** Makes the error. */
  constructor(
    message = "the connection is closed",
    options: ConnectionClosedErrorOptions = {},
  ) {
    super(message, options.code ?? ERR_EOF, options);
    this.statusCode = options.statusCode;
    this.unprocessed = options.unprocessed ?? false;
  }
}

/** What {@linkcode StreamResetError} takes after the message. */
export interface StreamResetErrorOptions extends SpdyErrorOptions {
  /** The stream's id; 0 for a stream that never left. */
  readonly streamId: number;
  /** Status of the RST_STREAM (SPDY/3 draft 2.6.3). */
  readonly statusCode: number;
  /** Whether the peer certainly did not process the stream; default: whether the status is REFUSED_STREAM. */
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
 */
export class StreamResetError extends StreamClosedError {
  /** The stream's id; 0 for a stream that never left. */
  readonly streamId: number;
  /** Status of the RST_STREAM. */
  readonly statusCode: number;
  /** True when the peer certainly did not process the stream, so that it may be repeated elsewhere. */
  readonly unprocessed: boolean;

  /** Makes the error. */
  constructor(message: string, options: StreamResetErrorOptions) {
    super(message, options);
    this.streamId = options.streamId;
    this.statusCode = options.statusCode;
    this.unprocessed = options.unprocessed ??
      options.statusCode === REFUSED_STREAM;
  }
}
