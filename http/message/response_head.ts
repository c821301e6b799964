/**
 * Responses as SPDY header lists, reading and writing (SPDY/3 draft 3.2.2).
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import { fromByteString, toByteString } from "../platform/header_text.ts";
import { appendHeaders, hasName, readFields } from "./fields.ts";
import { HttpMessageError } from "./message_error.ts";
import { reasonOf } from "./reasons.ts";

/** The head of a response. */
export interface ResponseHead {
  /** 200 to 599. */
  readonly status: number;
  /** The reason phrase of the server, or else the standard one. */
  readonly statusText: string;
  /** All headers that are not pseudo-headers, as `Headers` accepts them. */
  readonly headers: NameValue[];
  /** Length of the body according to `content-length`, bytes; `undefined` without one. */
  readonly contentLength: number | undefined;
}

/** The code, alone or with a reason phrase: "200", "200 OK" (draft 3.2.2). */
const STATUS = /^([2-5]\d\d)(?: (.*))?$/;

/**
 * The header list of a response. Adds `date` if the handler did not set it. Adds
 * `contentLength` if the headers have no `content-length`; if `keepsLength` is
 * false, it replaces theirs.
 */
export function writeResponseHead(
  response: Pick<Response, "status" | "statusText" | "headers">,
  contentLength: number | undefined,
  date: string,
  keepsLength = false,
): NameValue[] {
  const { status, statusText, headers } = response;
  const nv: NameValue[] = [
    [
      ":status",
      statusText === ""
        ? String(status)
        : `${status} ${fromByteString(statusText)}`,
    ],
    [":version", "HTTP/1.1"],
  ];
  appendHeaders(nv, headers);
  if (contentLength !== undefined) setLength(nv, contentLength, keepsLength);
  if (!hasName(nv, "date")) nv.push(["date", date]);
  return nv;
}

function setLength(
  nv: NameValue[],
  contentLength: number,
  keepsLength: boolean,
): void {
  const given = nv.find(([name]) => name === "content-length");
  if (given === undefined) nv.push(["content-length", String(contentLength)]);
  else if (!keepsLength) given[1] = String(contentLength);
}

/**
 * Reads the header list of a response that a server sent.
 *
 * Throws {@linkcode HttpMessageError} for a list that is not a response.
 */
export function readResponseHead(nv: readonly NameValue[]): ResponseHead {
  // Hop-by-hop headers are dropped and not refused: some servers send them, and
  // dropping them is harmless.
  const { pseudo, headers, contentLength } = readFields(nv, "drop");
  // Rule: a response has :status and :version (draft 3.2.2).
  if (pseudo.status === undefined) {
    throw new HttpMessageError("the response has no :status");
  }
  if (pseudo.version === undefined) {
    throw new HttpMessageError("the response has no :version");
  }
  const match = STATUS.exec(pseudo.status);
  if (match === null) {
    throw new HttpMessageError(
      `:status ${
        JSON.stringify(pseudo.status)
      } is not a final HTTP status, 200 to 599`,
    );
  }
  return {
    status: Number(match[1]),
    statusText: match[2] === undefined
      ? reasonOf(Number(match[1]))
      : toByteString(match[2]),
    headers,
    contentLength,
  };
}

/** Whether a response with this status never has a body (RFC 9110 6.4.1). */
export function isNullBodyStatus(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
