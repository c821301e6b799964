/**
 * The error for an HTTP message that breaks a rule of SPDY.
 *
 * @module
 */

import { ERR_PROTO, SpdyError, type SpdyErrorOptions } from "../../errors.ts";

/**
 * An HTTP message breaks a rule of SPDY's HTTP layer (SPDY/3 draft 3.2): for
 * example, a required header is missing, a hop-by-hop header is present, or the
 * length of the body differs from `content-length`. Code `ERR_PROTO`; the default
 * of `initiator` is `"remote"`. The stream is reset, and the connection continues.
 *
 * @example
 * ```ts
 * import { HttpMessageError } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const error = new HttpMessageError("the request has no :path");
 * assertEquals(error.initiator, "remote");
 * ```
 *
 * @category Errors
 */
export class HttpMessageError extends SpdyError {
  /** Creates the error. */
  constructor(message: string, options: SpdyErrorOptions = {}) {
    super(message, ERR_PROTO, { initiator: "remote", ...options });
  }
}

/** Whether this side's message broke a rule. */
export function isLocalFault(error: unknown): error is HttpMessageError {
  return error instanceof HttpMessageError && error.initiator === "local";
}
