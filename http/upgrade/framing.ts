/**
 * How the body of an HTTP/1.1 request is framed (RFC 9112 section 6).
 *
 * @module
 */

import type { RequestHead } from "./head.ts";
import { RequestRefusal } from "./refusal.ts";

/** The length of a body in bytes, or that it consists of chunks, each with its length. */
export type Framing = number | "chunked";

/**
 * Says how long the body is; 0 when there is none.
 *
 * Throws {@linkcode RequestRefusal} where readers might disagree.
 */
export function framingOf({ headers, minor }: RequestHead): Framing {
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (coding !== null) {
    // Rule: a message with both is an attempt at smuggling (RFC 9112 6.1, 11.2).
    if (length !== null || minor === 0) {
      throw new RequestRefusal(
        400,
        length !== null
          ? "the request has both Transfer-Encoding and Content-Length"
          : "a request of HTTP/1.0 has a Transfer-Encoding",
      );
    }
    if (coding.toLowerCase() === "chunked") return "chunked";
    throw new RequestRefusal(501, "this server knows no coding but chunked");
  }
  if (length === null) return 0;
  // Several lengths, also equal ones, come joined by a comma.
  const value = /^\d+$/.test(length) ? Number(length) : NaN;
  if (!Number.isSafeInteger(value)) {
    throw new RequestRefusal(400, "the request's Content-Length is no length");
  }
  return value;
}
