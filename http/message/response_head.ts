/**
 * Responses as SPDY header lists, reading and writing (SPDY/3 draft 3.2.2).
 *
 * @module
 */

import { makeList, makePair } from "../../frame/pair.ts";
import type { NameValue } from "../../frame/types.ts";
import { fromByteString, toByteString } from "../platform/header_text.ts";
import { appendHeaders, hasName, readFields } from "./fields.ts";
import { HttpMessageError } from "./message_error.ts";
import { reasonPhrase } from "./reason_phrases.ts";

/** The head of a response. */
export class ResponseHead {
  /** 200 to 599. */
  readonly status: number;
  /** The reason phrase of the server, or else the standard one. */
  readonly statusText: string;
  /** All headers that are not pseudo-headers, as `Headers` accepts them. */
  readonly headers: NameValue[];
  /** Length of the body according to `content-length`, bytes; `undefined` without one. */
  readonly contentLength: number | undefined;
  /** Whether `Headers` certainly accepts the headers. */
  readonly isPlain: boolean;

  /** Creates the head of a response. */
  constructor(
    status: number,
    statusText: string,
    headers: NameValue[],
    contentLength: number | undefined,
    isPlain: boolean,
  ) {
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
    this.contentLength = contentLength;
    this.isPlain = isPlain;
  }
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
  const nv = makeList(
    makePair(
      ":status",
      statusText === ""
        ? String(status)
        : `${status} ${fromByteString(statusText)}`,
    ),
    makePair(":version", "HTTP/1.1"),
  );
  appendHeaders(nv, headers);
  if (contentLength !== undefined) setLength(nv, contentLength, keepsLength);
  if (!hasName(nv, "date")) nv.push(makePair("date", date));
  return nv;
}

function setLength(
  nv: NameValue[],
  contentLength: number,
  keepsLength: boolean,
): void {
  for (const pair of nv) {
    if (pair[0] !== "content-length") continue;
    if (!keepsLength) pair[1] = String(contentLength);
    return;
  }
  nv.push(makePair("content-length", String(contentLength)));
}

/**
 * Reads the header list of a response that a server sent.
 *
 * Throws {@linkcode HttpMessageError} for a list that is not a response.
 */
export function readResponseHead(nv: readonly NameValue[]): ResponseHead {
  // Hop-by-hop headers are dropped and not refused: some servers send them, and
  // dropping them is harmless.
  const fields = readFields(nv, "drop");
  const { status } = fields;
  // Rule: a response has :status and :version (draft 3.2.2).
  if (status === undefined) {
    throw new HttpMessageError("the response has no :status");
  }
  if (fields.version === undefined) {
    throw new HttpMessageError("the response has no :version");
  }
  const { code, text } = lastStatus.line === status
    ? lastStatus
    : readStatus(status);
  return new ResponseHead(
    code,
    text,
    fields.headers,
    fields.contentLength,
    fields.isPlain,
  );
}

interface Status {
  /** Value of `:status`. */
  readonly line: string;
  readonly code: number;
  readonly text: string;
}

/** The last one, because most are alike. */
let lastStatus: Status = { line: "200", code: 200, text: reasonPhrase(200) };
/**
 * Longest `:status` that is remembered, characters. A longer one would keep its memory
 * until another status arrives.
 */
const LONGEST_REMEMBERED = 64;

function readStatus(line: string): Status {
  const match = STATUS.exec(line);
  if (match === null) {
    throw new HttpMessageError(
      `:status ${JSON.stringify(line)} is not a final HTTP status, 200 to 599`,
    );
  }
  const code = Number(match[1]);
  const text = match[2] === undefined
    ? reasonPhrase(code)
    : toByteString(match[2]);
  const read = { line, code, text };
  if (line.length <= LONGEST_REMEMBERED) lastStatus = read;
  return read;
}
