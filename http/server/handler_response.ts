/**
 * Checks the responses of handlers, and creates those of the server itself.
 *
 * @module
 */

import type { HttpMessageError } from "../message/message_error.ts";
import { isLocked } from "../platform/take_body.ts";

/**
 * Returns a handler's response if it can be sent. Otherwise throws a `TypeError`, with
 * the message of `Deno.serve` where there is one.
 */
export function checked(response: Response): Response {
  if (!(response instanceof Response)) {
    throw new TypeError(
      "Return value from serve handler must be a response or a promise resolving to a response",
    );
  }
  if (typeOf(response) === "error") {
    throw new TypeError(
      "Return value from serve handler must not be an error response (like Response.error())",
    );
  }
  // Deno accepts 101 for its WebSocket upgrade; a SPDY response has a final status.
  if (response.status < 200) {
    throw new TypeError(
      `Return value from serve handler must not have the status ${response.status}: a SPDY stream cannot change to another protocol`,
    );
  }
  if (response.bodyUsed) {
    throw new TypeError(
      "The body of the Response returned from the serve handler has already been consumed",
    );
  }
  if (isLocked(response)) {
    throw new TypeError(
      "The body of the Response returned from the serve handler is locked to a reader",
    );
  }
  return response;
}

/** Cancels the body of a response that is not sent, because it may hold a file open. */
export function dropUnsent(response: Response | undefined): void {
  if (response?.body?.locked === false) response.body.cancel().catch(() => {});
}

/** An object can have the prototype of `Response` without being one. */
function typeOf(response: Response): ResponseType {
  try {
    return response.type;
  } catch {
    throw new TypeError(
      "Return value from serve handler must be a Response constructed via the Response constructor in this realm",
    );
  }
}

const INTERNAL_SERVER_ERROR = new TextEncoder().encode("Internal Server Error");

/**
 * The response if a handler fails and there is no `onError`, or if `onError` fails as
 * well. As in `Deno.serve`, it has no `content-type`.
 */
export function internalServerError(): Response {
  return new Response(INTERNAL_SERVER_ERROR.slice(), { status: 500 });
}

/** The response to a request that breaks the rules. */
export function badRequest(reason: HttpMessageError): Response {
  return new Response(`Bad Request: ${reason.message}`, { status: 400 });
}

/** The response to a method that `Request` does not allow. */
export function notImplemented(): Response {
  return new Response("Not Implemented", { status: 501 });
}
