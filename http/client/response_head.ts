/**
 * Responses as SPDY header lists, both directions (SPDY/3 draft 3.2.2).
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import { appendHeaders, hasName, readFields } from "../message/fields.ts";
import { fromByteString, toByteString } from "../platform/header_text.ts";
import { reasonOf } from "../message/reasons.ts";
import { HttpMessageError } from "../message/message_error.ts";

/** What the headers of a response say. */
export interface ResponseHead {
  /** 200 to 599. */
  readonly status: number;
  /** The reason that the server gave, or else the usual one. */
  readonly statusText: string;
  /** The ordinary headers, as `Headers` takes them. */
  readonly headers: NameValue[];
  /** Bytes the body announces; `undefined` when it does not. */
  readonly contentLength: number | undefined;
}

/** The code alone, or with its reason: "200", "200 OK" (draft 3.2.2). */
const STATUS = /^([2-5]\d\d)(?: (.*))?$/;

/**
 * The header list of a response; `date` is put in where the handler gave none.
 * `contentLength` is put in where they do not name one, and without
 * `keepsLength` also in place of the one they name.
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
 * Throws {@linkcode HttpMessageError} for a list that is no response.
 */
export function readResponseHead(nv: readonly NameValue[]): ResponseHead {
  // Hop-by-hop headers are left out, not refused: sloppy servers send them,
  // and dropping them harms nobody.
  const { pseudo, headers, contentLength } = readFields(nv, "drop");
  // Rule: a response holds :status and :version (draft 3.2.2).
  if (pseudo.status === undefined) {
    throw new HttpMessageError("the response has no :status");
  }
  if (pseudo.version === undefined) {
    throw new HttpMessageError("the response has no :version");
  }
  const match = STATUS.exec(pseudo.status);
  if (match === null) {
    throw new HttpMessageError(
      `:status ${JSON.stringify(pseudo.status)} is no final HTTP status`,
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

/** Whether a response with this status has no body, whatever its headers say (RFC 9110 6.4.1). */
export function isNullBodyStatus(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
