/**
 * What the headers of requests and responses share.
 *
 * @module
 */

import { PROTO_SPDY2, type ProtocolVersion } from "../../frame/constants.ts";
import { exactValue } from "../../frame/escaped_text.ts";
import type { NameValue } from "../../frame/types.ts";
import {
  fromByteString,
  isPlain,
  toByteString,
} from "../platform/header_text.ts";
import { easeIteration } from "../platform/many_headers.ts";
import { plainHeaders } from "../platform/plain_headers.ts";
import { parseContentLength } from "./content_length.ts";
import { HttpMessageError } from "./message_error.ts";

/**
 * Headers for one HTTP/1.1 hop, which a SPDY message must not contain (SPDY/3 draft
 * 3.2.1 and 3.2.2).
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
]);

/** The values of pseudo-headers, whose names begin with a colon. */
export interface PseudoHeaders {
  host: string | undefined;
  method: string | undefined;
  path: string | undefined;
  scheme: string | undefined;
  status: string | undefined;
  version: string | undefined;
}

/** A received header list after {@linkcode readFields}. */
export interface Fields {
  readonly pseudo: PseudoHeaders;
  /** All headers that are not pseudo-headers, as `Headers` accepts them. */
  readonly headers: NameValue[];
  /** Length of the body according to `content-length`, bytes; `undefined` without one. */
  readonly contentLength: number | undefined;
}

/**
 * Reads a received header list. For a hop-by-hop header, `"refuse"` throws and
 * `"drop"` leaves it out.
 *
 * Throws {@linkcode HttpMessageError} for a list that is not a message.
 */
export function readFields(
  nv: readonly NameValue[],
  hopByHop: "refuse" | "drop",
): Fields {
  // All fields are set here so that every object has the same shape.
  const pseudo: PseudoHeaders = {
    host: undefined,
    method: undefined,
    path: undefined,
    scheme: undefined,
    status: undefined,
    version: undefined,
  };
  const headers: NameValue[] = [];
  let contentLength: number | undefined;
  let cookie: NameValue | undefined;
  for (const pair of nv) {
    const [name, value] = pair;
    if (name.startsWith(":")) {
      // A reason phrase may contain any bytes; other pseudo-headers are text.
      setPseudo(pseudo, name, name === ":status" ? textOf(pair) : value);
    } else if (HOP_BY_HOP.has(name)) {
      // Rule: these "are not valid and MUST not be sent" (draft 3.2.1).
      if (hopByHop === "refuse") {
        throw new HttpMessageError(`the header ${name} is not allowed in SPDY`);
      }
    } else if (name === "content-length") {
      const size = parseContentLength(value, "remote");
      if (contentLength === undefined) headers.push(pair);
      else if (contentLength !== size) {
        throw new HttpMessageError(
          `there are two different values of content-length, ${contentLength} and ${size}`,
        );
      }
      contentLength = size;
    } else if (name === "cookie" && cookie !== undefined) {
      // The parts of a cookie are joined by "; ", never by "," (RFC 6265 5.4).
      cookie[1] += `; ${bytesOf(pair)}`;
    } else {
      const bytes = bytesOf(pair);
      const kept: NameValue = bytes === value && name !== "cookie"
        ? pair
        : [name, bytes];
      if (name === "cookie") cookie = kept;
      headers.push(kept);
    }
  }
  return { pseudo, headers, contentLength };
}

/**
 * Appends the headers that SPDY allows. Returns the value of `host`, for which SPDY
 * has a pseudo-header.
 *
 * Throws `TypeError` for headers that `Headers` does not accept.
 */
export function appendHeaders(
  nv: NameValue[],
  init: HeadersInit,
): string | undefined {
  let host: string | undefined;
  const plain = plainHeaders(init);
  if (plain !== undefined) {
    for (const pair of plain) {
      if (pair[0] === "host") host = pair[1];
      else if (!HOP_BY_HOP.has(pair[0])) nv.push(pair);
    }
    return host;
  }
  const headers = init instanceof Headers ? init : new Headers(init);
  headers.forEach((value, name) => {
    if (name === "host") host = value;
    else if (!HOP_BY_HOP.has(name)) nv.push([name, fromByteString(value)]);
  });
  return host;
}

/**
 * The headers that may be sent in this version of SPDY. SPDY/2 does not allow empty
 * values, and Jetty ends the connection for one, so these headers are left out.
 */
export function sendable(
  nv: NameValue[],
  version: ProtocolVersion,
): NameValue[] {
  return version === PROTO_SPDY2 ? nv.filter(([, value]) => value !== "") : nv;
}

/** Whether a list contains a header of this name. */
export function hasName(nv: readonly NameValue[], name: string): boolean {
  for (const pair of nv) {
    if (pair[0] === name) return true;
  }
  return false;
}

/** The first value of a header in a list. */
export function valueOf(
  nv: readonly NameValue[],
  name: string,
): string | undefined {
  for (const pair of nv) {
    if (pair[0] === name) return pair[1];
  }
  return undefined;
}

/** Headers that arrived after the body, or before the head of a push. */
export function toHeaders(nv: readonly NameValue[]): Headers {
  try {
    const { headers } = readFields(nv, "drop");
    return easeIteration(new Headers(headers), headers.length);
  } catch (error) {
    throw asMessageError(error);
  }
}

/** Converts an error of the platform's own checks, such as for an invalid name. */
export function asMessageError(error: unknown): unknown {
  return error instanceof TypeError
    ? new HttpMessageError(error.message, { cause: error })
    : error;
}

/** The value as a byte string, which `Headers` uses. */
function bytesOf(pair: NameValue): string {
  const value = pair[1];
  return isPlain(value) ? value : toByteString(exactValue(pair));
}

/** The value as escaped text. An ASCII value is the same in both forms. */
function textOf(pair: NameValue): string {
  return isPlain(pair[1]) ? pair[1] : exactValue(pair);
}

function setPseudo(pseudo: PseudoHeaders, name: string, value: string): void {
  switch (name) {
    case ":host":
      pseudo.host = once(pseudo.host, name, value);
      break;
    case ":method":
      pseudo.method = once(pseudo.method, name, value);
      break;
    case ":path":
      pseudo.path = once(pseudo.path, name, value);
      break;
    case ":scheme":
      pseudo.scheme = once(pseudo.scheme, name, value);
      break;
    case ":status":
      pseudo.status = once(pseudo.status, name, value);
      break;
    case ":version":
      pseudo.version = once(pseudo.version, name, value);
      break;
      // Other pseudo-headers are left out, because the draft does not define them.
  }
}

function once(
  before: string | undefined,
  name: string,
  value: string,
): string {
  if (before !== undefined) {
    throw new HttpMessageError(`${name} has more than one value`);
  }
  return value;
}
