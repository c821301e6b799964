/**
 * How the body of an HTTP/1.1 request is framed (RFC 9112 section 6).
 *
 * @module
 */

import type { Http1RequestHead } from "./head.ts";
import { RequestRefusal } from "./refusal.ts";

/** The length of a body in bytes, or `"chunked"`. */
export type Framing = number | "chunked";

/**
 * Determines the length of the body; 0 if there is none.
 *
 * Throws {@linkcode RequestRefusal} if different readers could see different
 * lengths.
 */
export function framingOf({ headers, minor }: Http1RequestHead): Framing {
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (coding !== null) {
    // Rule: a message with both headers may be an attempt at request smuggling (RFC
    // 9112 6.1, 11.2).
    if (length !== null || minor === 0) {
      throw new RequestRefusal(
        400,
        length !== null
          ? "the request has both Transfer-Encoding and Content-Length"
          : "an HTTP/1.0 request must not have Transfer-Encoding",
      );
    }
    if (coding.toLowerCase() === "chunked") return "chunked";
    throw new RequestRefusal(
      501,
      "the only supported Transfer-Encoding is chunked",
    );
  }
  if (length === null) return 0;
  // Repeated headers are joined by a comma and refused, even if the values are
  // equal.
  const value = /^\d+$/.test(length) ? Number(length) : NaN;
  if (!Number.isSafeInteger(value)) {
    throw new RequestRefusal(
      400,
      "the request's Content-Length is not a number",
    );
  }
  return value;
}
