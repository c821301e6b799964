/**
 * The error for an HTTP message that SPDY's rules do not allow.
 *
 * @module
 */

import { ERR_PROTO, SpdyError, type SpdyErrorOptions } from "../../errors.ts";

/**
 * An HTTP message breaks a rule of SPDY's HTTP layer (SPDY/3 draft 3.2): a
 * required header is missing, a hop-by-hop header is there, the body is longer
 * or shorter than `content-length` says. Code `ERR_PROTO`; `initiator` is
 * `"remote"` unless said otherwise. The stream dies of it, the connection not.
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
  /** Makes the error. */
  constructor(message: string, options: SpdyErrorOptions = {}) {
    super(message, ERR_PROTO, { initiator: "remote", ...options });
  }
}

/** Whether a message of this side broke a rule. */
export function isLocalFault(error: unknown): error is HttpMessageError {
  return error instanceof HttpMessageError && error.initiator === "local";
}
