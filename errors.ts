/**
 * Every error this module throws or reports, and the numbers spdylay gave them.
 *
 * This file is the lowest layer: everything may import it, it imports nothing.
 *
 * @module
 */

/** An argument was outside its range, or a call was made in a wrong state. */
export const ERR_INVALID_ARGUMENT: -501 = -501;
/** zlib data was corrupt, or asked for an unknown dictionary. */
export const ERR_ZLIB: -502 = -502;
/** The version field of a frame is neither 2 nor 3. */
export const ERR_UNSUPPORTED_VERSION: -503 = -503;
/** The transport took or gave no byte for now. */
export const ERR_WOULDBLOCK: -504 = -504;
/** General protocol error; spdylay never produces it. */
export const ERR_PROTO: -505 = -505;
/** A frame's lengths or structure are wrong. */
export const ERR_INVALID_FRAME: -506 = -506;
/** The peer closed the transport. */
export const ERR_EOF: -507 = -507;
/** Returned by a read callback that has no data yet; see `Session.resumeData`. */
export const ERR_DEFERRED: -508 = -508;
/** The ids of this side (31 bits) are used up. */
export const ERR_STREAM_ID_NOT_AVAILABLE: -509 = -509;
/** The stream does not exist, or no longer. */
export const ERR_STREAM_CLOSED: -510 = -510;
/** RST_STREAM is queued for the stream. */
export const ERR_STREAM_CLOSING: -511 = -511;
/** This side already sent FIN, or the stream is the peer's unidirectional one. */
export const ERR_STREAM_SHUT_WR: -512 = -512;
/** The stream id is wrong for this frame, such as SYN_REPLY on an own stream. */
export const ERR_INVALID_STREAM_ID: -513 = -513;
/** The stream's state does not allow this frame. */
export const ERR_INVALID_STREAM_STATE: -514 = -514;
/** Another DATA of this stream is deferred. */
export const ERR_DEFERRED_DATA_EXIST: -515 = -515;
/** SYN_STREAM after GOAWAY. */
export const ERR_SYN_STREAM_NOT_ALLOWED: -516 = -516;
/** A GOAWAY was already sent. */
export const ERR_GOAWAY_ALREADY_SENT: -517 = -517;
/** A header block breaks the rules for names and values. */
export const ERR_INVALID_HEADER_BLOCK: -518 = -518;
/** The session's state does not allow the call. */
export const ERR_INVALID_STATE: -519 = -519;
/** A gzip body was corrupt. */
export const ERR_GZIP: -520 = -520;
/** A read callback failed for its stream only. */
export const ERR_TEMPORAL_CALLBACK_FAILURE: -521 = -521;
/** A frame or header block is longer than the limit (spdylay's library only). */
export const ERR_FRAME_TOO_LARGE: -522 = -522;
/** Codes numerically below this one end the session. */
export const ERR_FATAL: -900 = -900;
/** Out of memory. */
export const ERR_NOMEM: -901 = -901;
/** A callback failed. */
export const ERR_CALLBACK_FAILURE: -902 = -902;

/** Who broke the rule: this program (`local`) or the peer (`remote`). */
export type Initiator = "local" | "remote";

/** What every error constructor of this module takes after the message. */
export interface SpdyErrorOptions extends ErrorOptions {
  /** Who broke the rule; default `"local"`. */
  readonly initiator?: Initiator;
}

/**
 * Base of every error of this module.
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
 */
export class SpdyError extends Error {
  /** One of the `ERR_*` numbers. */
  readonly code: number;
  /** Who broke the rule. */
  readonly initiator: Initiator;

  /** Makes an error with one of the `ERR_*` numbers as `code`. */
  constructor(message: string, code: number, options: SpdyErrorOptions = {}) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.initiator = options.initiator ?? "local";
  }
}

/** End of input: thrown by a `recv` callback, and out of `Session.recv()`. Code {@linkcode ERR_EOF}. */
export class EOFError extends SpdyError {
  /** Makes the error; the message defaults to "end of input". */
  constructor(message = "end of input", options?: SpdyErrorOptions) {
    super(message, ERR_EOF, options);
  }
}

/** A callback failed, and the session with it. Code {@linkcode ERR_CALLBACK_FAILURE}. */
export class CallbackFailureError extends SpdyError {
  /** Makes the error; the message defaults to "callback failed". */
  constructor(message = "callback failed", options?: SpdyErrorOptions) {
    super(message, ERR_CALLBACK_FAILURE, options);
  }
}

/** A read callback failed, and its stream with it. Code {@linkcode ERR_TEMPORAL_CALLBACK_FAILURE}. */
export class TemporalCallbackFailureError extends SpdyError {
  /** Makes the error; the message defaults to "callback failed for this stream". */
  constructor(
    message = "callback failed for this stream",
    options?: SpdyErrorOptions,
  ) {
    super(message, ERR_TEMPORAL_CALLBACK_FAILURE, options);
  }
}

/** An argument was outside its range. Code {@linkcode ERR_INVALID_ARGUMENT}. */
export class InvalidArgumentError extends SpdyError {
  /** Makes the error. */
  constructor(message = "invalid argument", options?: SpdyErrorOptions) {
    super(message, ERR_INVALID_ARGUMENT, options);
  }
}

/** What {@linkcode ZlibError} takes after the message. */
export interface ZlibErrorOptions extends SpdyErrorOptions {
  /** Offset in the compressed input, in bytes since its start, at which the error stands. */
  readonly offset?: number;
}

/** Compressed data was corrupt. Code {@linkcode ERR_ZLIB}. */
export class ZlibError extends SpdyError {
  /** Offset in the compressed input, in bytes since its start; `undefined` where none applies. */
  readonly offset: number | undefined;

  /** Makes the error. */
  constructor(message = "zlib error", options: ZlibErrorOptions = {}) {
    super(message, ERR_ZLIB, options);
    this.offset = options.offset;
  }
}

/** The version is not one of SPDY/2, SPDY/3, SPDY/3.1. Code {@linkcode ERR_UNSUPPORTED_VERSION}. */
export class UnsupportedVersionError extends SpdyError {
  /** Makes the error. */
  constructor(message = "unsupported version", options?: SpdyErrorOptions) {
    super(message, ERR_UNSUPPORTED_VERSION, options);
  }
}

/** The stream does not exist, or no longer. Code {@linkcode ERR_STREAM_CLOSED}. */
export class StreamClosedError extends SpdyError {
  /** Makes the error. */
  constructor(message = "stream closed", options?: SpdyErrorOptions) {
    super(message, ERR_STREAM_CLOSED, options);
  }
}
