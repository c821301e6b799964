/**
 * Compares the bytes of a body with its `content-length`.
 *
 * @module
 */

import type { Initiator } from "../../errors.ts";
import type { NameValue } from "../../frame/types.ts";
import { HttpMessageError } from "./message_error.ts";

/**
 * The error for a body whose length differs from `content-length`. `arrived` describes
 * the actual length, such as "only 3" or "more". `initiator` is the side that sent
 * the body.
 */
export function wrongLength(
  announced: number,
  arrived: string,
  initiator: Initiator = "remote",
): HttpMessageError {
  const what = initiator === "remote"
    ? "bytes arrived"
    : "bytes are in the body";
  return new HttpMessageError(
    `content-length is ${announced}, but ${arrived} ${what}`,
    { initiator },
  );
}

/**
 * The `content-length` in a header list, bytes; `undefined` without one.
 *
 * Throws {@linkcode HttpMessageError} with initiator `"local"` if it is not a
 * number.
 */
export function announcedLength(
  nv: readonly NameValue[],
): number | undefined {
  for (const [name, value] of nv) {
    if (name === "content-length") {
      return parseContentLength(value, "local");
    }
  }
  return undefined;
}

/** Rule: content-length is decimal digits (RFC 9110 8.6). */
export function parseContentLength(
  value: string,
  initiator: Initiator,
): number {
  const size = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
  if (Number.isNaN(size)) {
    throw new HttpMessageError(
      `content-length ${JSON.stringify(value)} is not a number of bytes`,
      { initiator },
    );
  }
  return size;
}
