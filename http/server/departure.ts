/**
 * The errors of a client that left before its response was sent.
 *
 * @module
 */

import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { HttpMessageError, isLocalFault } from "../message/message_error.ts";

/**
 * The reason of `request.signal`, which `fetch` and other functions of the platform
 * throw when they are aborted.
 */
export function clientLeft(cause: Error): DOMException {
  const error = new DOMException(
    `the client left before the response was sent: ${cause.message}`,
    "AbortError",
  );
  return Object.defineProperty(error, "cause", {
    value: cause,
    writable: true,
    configurable: true,
  });
}

/** Whether the error only says that the stream or the connection has ended. */
export function isDeparture(error: unknown): boolean {
  return error instanceof StreamResetError ||
    error instanceof ConnectionClosedError ||
    error instanceof HttpMessageError && !isLocalFault(error) ||
    // The reason of `request.signal`, thrown by a function that was aborted.
    error instanceof DOMException && error.name === "AbortError" &&
      isDeparture(error.cause);
}
