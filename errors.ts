/**
 * The error classes of this package and the error codes of spdylay. An error gets
 * its text where it is created, except that these files have the texts of several
 * places: `values.ts` and `numbers.ts` (arguments), `session/parse_failure.ts` (invalid
 * frames), `connection/end_errors.ts` (connections and streams that end),
 * `kubernetes/status.ts` (commands). The classes of other layers are beside the code that
 * throws them: `connection/errors.ts` and `kubernetes/errors.ts` have most of them.
 *
 * This file is the lowest layer: every file may import it, and it imports
 * nothing.
 *
 * @module
 */

/**
 * An argument is out of range, or the call is not allowed in this state.
 *
 * @category Error codes
 */
export const ERR_INVALID_ARGUMENT: -501 = -501;
/**
 * The zlib data is corrupt, or needs an unknown dictionary.
 *
 * @category Error codes
 */
export const ERR_ZLIB: -502 = -502;
/**
 * The version field of a frame is neither 2 nor 3.
 *
 * @category Error codes
 */
export const ERR_UNSUPPORTED_VERSION: -503 = -503;
/**
 * The transport cannot send or receive any byte at the moment.
 *
 * @category Error codes
 */
export const ERR_WOULDBLOCK: -504 = -504;
/**
 * General protocol error; spdylay never produces it.
 *
 * @category Error codes
 */
export const ERR_PROTO: -505 = -505;
/**
 * A frame's lengths or structure are wrong.
 *
 * @category Error codes
 */
export const ERR_INVALID_FRAME: -506 = -506;
/**
 * The peer closed the transport.
 *
 * @category Error codes
 */
export const ERR_EOF: -507 = -507;
/**
 * Returned by a read callback that has no data yet; see `Session.resumeData`.
 *
 * @category Error codes
 */
export const ERR_DEFERRED: -508 = -508;
/**
 * This side has used all of its stream ids (31 bits).
 *
 * @category Error codes
 */
export const ERR_STREAM_ID_NOT_AVAILABLE: -509 = -509;
/**
 * The stream does not exist or is closed.
 *
 * @category Error codes
 */
export const ERR_STREAM_CLOSED: -510 = -510;
/**
 * RST_STREAM is queued for the stream.
 *
 * @category Error codes
 */
export const ERR_STREAM_CLOSING: -511 = -511;
/**
 * This side has already sent FIN, or the peer opened the stream as unidirectional.
 *
 * @category Error codes
 */
export const ERR_STREAM_SHUT_WR: -512 = -512;
/**
 * The stream id is wrong for this frame: only the peer can send a SYN_REPLY for a stream that this side opened.
 *
 * @category Error codes
 */
export const ERR_INVALID_STREAM_ID: -513 = -513;
/**
 * The stream's state does not allow this frame.
 *
 * @category Error codes
 */
export const ERR_INVALID_STREAM_STATE: -514 = -514;
/**
 * Another DATA submission for this stream is deferred.
 *
 * @category Error codes
 */
export const ERR_DEFERRED_DATA_EXIST: -515 = -515;
/**
 * SYN_STREAM is not allowed after GOAWAY.
 *
 * @category Error codes
 */
export const ERR_SYN_STREAM_NOT_ALLOWED: -516 = -516;
/**
 * This side has already sent GOAWAY.
 *
 * @category Error codes
 */
export const ERR_GOAWAY_ALREADY_SENT: -517 = -517;
/**
 * A header block breaks the rules for names and values.
 *
 * @category Error codes
 */
export const ERR_INVALID_HEADER_BLOCK: -518 = -518;
/**
 * The session's state does not allow the call.
 *
 * @category Error codes
 */
export const ERR_INVALID_STATE: -519 = -519;
/**
 * A gzip body is corrupt.
 *
 * @category Error codes
 */
export const ERR_GZIP: -520 = -520;
/**
 * A read callback failed; only its stream is reset.
 *
 * @category Error codes
 */
export const ERR_TEMPORAL_CALLBACK_FAILURE: -521 = -521;
/**
 * A frame or header block exceeds its limit. In spdylay's C library; python-spdylay does not export it.
 *
 * @category Error codes
 */
export const ERR_FRAME_TOO_LARGE: -522 = -522;
/**
 * Codes numerically below this one end the session.
 *
 * @category Error codes
 */
export const ERR_FATAL: -900 = -900;
/**
 * Out of memory.
 *
 * @category Error codes
 */
export const ERR_NOMEM: -901 = -901;
/**
 * A callback failed.
 *
 * @category Error codes
 */
export const ERR_CALLBACK_FAILURE: -902 = -902;

/**
 * Who broke the rule: this program (`local`) or the peer (`remote`).
 *
 * @category Errors
 */
export type Initiator = "local" | "remote";

/**
 * The options of every error constructor in this module.
 *
 * @category Errors
 */
export interface SpdyErrorOptions extends ErrorOptions {
  /** Who broke the rule; default `"local"`. */
  readonly initiator?: Initiator;
}

/**
 * Base class of all errors in this package.
 *
 * @example
 * ```ts
 * import { InvalidArgumentError, SpdyError } from "@spdy/spdy";
 * import { assert } from "jsr:@std/assert@1";
 *
 * const error = new InvalidArgumentError("pri 9 is above 7");
 * assert(error instanceof SpdyError);
 * assert(error.code === -501 && error.initiator === "local");
 * ```
 *
 * @category Errors
 */
export class SpdyError extends Error {
  /** One of the `ERR_*` numbers. */
  readonly code: number;
  /** Who broke the rule. */
  readonly initiator: Initiator;

  /** Creates an error with one of the `ERR_*` numbers as `code`. */
  constructor(message: string, code: number, options: SpdyErrorOptions = {}) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.initiator = options.initiator ?? "local";
  }
}

/**
 * The input has ended: a `recv` callback throws it, and `Session.recv()` rethrows it. Code {@linkcode ERR_EOF}.
 *
 * @category Errors
 */
export class EOFError extends SpdyError {
  /** Creates the error; the default message is "end of input". */
  constructor(message = "end of input", options?: SpdyErrorOptions) {
    super(message, ERR_EOF, options);
  }
}

/**
 * A callback failed, so the session failed. Code {@linkcode ERR_CALLBACK_FAILURE}.
 *
 * @category Errors
 */
export class CallbackFailureError extends SpdyError {
  /** Creates the error; the default message is "callback failed". */
  constructor(message = "callback failed", options?: SpdyErrorOptions) {
    super(message, ERR_CALLBACK_FAILURE, options);
  }
}

/**
 * A read callback failed; the session resets only its stream. Code {@linkcode ERR_TEMPORAL_CALLBACK_FAILURE}.
 *
 * @category Errors
 */
export class TemporalCallbackFailureError extends SpdyError {
  /** Creates the error; the default message is "callback failed for this stream". */
  constructor(
    message = "callback failed for this stream",
    options?: SpdyErrorOptions,
  ) {
    super(message, ERR_TEMPORAL_CALLBACK_FAILURE, options);
  }
}

/**
 * An argument is out of range, or the call is not allowed in this state. Code {@linkcode ERR_INVALID_ARGUMENT}.
 *
 * @category Errors
 */
export class InvalidArgumentError extends SpdyError {
  /** Creates the error; the default message is "invalid argument". */
  constructor(message = "invalid argument", options?: SpdyErrorOptions) {
    super(message, ERR_INVALID_ARGUMENT, options);
  }
}

/**
 * The options of the {@linkcode ZlibError} constructor.
 *
 * @category Errors
 */
export interface ZlibErrorOptions extends SpdyErrorOptions {
  /** Where the error is: an offset in bytes from the start of the compressed input. */
  readonly offset?: number;
}

/**
 * Compressed data is corrupt, or its output is larger than a limit. Code {@linkcode ERR_ZLIB}.
 *
 * @category Errors
 */
export class ZlibError extends SpdyError {
  /** Where the error is: an offset in bytes from the start of the compressed input; `undefined` where none applies. */
  readonly offset: number | undefined;

  /** Creates the error; the default message is "zlib error". */
  constructor(message = "zlib error", options: ZlibErrorOptions = {}) {
    super(message, ERR_ZLIB, options);
    this.offset = options.offset;
  }
}

/**
 * The version is not one of SPDY/2, SPDY/3, SPDY/3.1. Code {@linkcode ERR_UNSUPPORTED_VERSION}.
 *
 * @category Errors
 */
export class UnsupportedVersionError extends SpdyError {
  /** Creates the error; the default message is "unsupported version". */
  constructor(message = "unsupported version", options?: SpdyErrorOptions) {
    super(message, ERR_UNSUPPORTED_VERSION, options);
  }
}

/**
 * The stream does not exist or is closed. Code {@linkcode ERR_STREAM_CLOSED}.
 *
 * @category Errors
 */
export class StreamClosedError extends SpdyError {
  /** Creates the error; the default message is "stream closed". */
  constructor(message = "stream closed", options?: SpdyErrorOptions) {
    super(message, ERR_STREAM_CLOSED, options);
  }
}
