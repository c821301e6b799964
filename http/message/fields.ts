/**
 * The rules for headers that requests and responses share.
 *
 * @module
 */

import type { ProtocolVersion } from "../../frame/constants.ts";
import { exactValue } from "../../frame/escaped_text.ts";
import { makeList, makePair } from "../../frame/pair.ts";
import type { NameValue } from "../../frame/types.ts";
import { versionTraits } from "../../frame/version.ts";
import { HeaderCache } from "../platform/header_cache.ts";
import {
  fromByteString,
  isPlain,
  LOWER_TOKEN,
  toByteString,
} from "../platform/header_text.ts";
import { setLinearIterators } from "../platform/linear_iterators.ts";
import { listedHeaders, pairsOf } from "../platform/listed_headers.ts";
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

// Kinds of names.
const PSEUDO = 0;
const HOP = 1;
const LENGTH = 2;
const COOKIE = 3;
const HOST = 4;
const OTHER = 5;
/** A name that is not a token in lower case. `Headers` may reject it. */
const ODD = 6;

function kindOf(name: string): number {
  if (name.startsWith(":")) return PSEUDO;
  if (HOP_BY_HOP.has(name)) return HOP;
  if (name === "content-length") return LENGTH;
  if (name === "cookie") return COOKIE;
  if (name === "host") return HOST;
  return LOWER_TOKEN.test(name) ? OTHER : ODD;
}

/** The last request and the last response that were read. */
const MEMORY = {
  refuse: new HeaderCache(kindOf),
  drop: new HeaderCache(kindOf),
};

/** A received header list after {@linkcode readFields}. */
export class Fields {
  // The values of pseudo-headers, whose names begin with a colon.
  host: string | undefined;
  method: string | undefined;
  path: string | undefined;
  scheme: string | undefined;
  status: string | undefined;
  version: string | undefined;
  /** All headers that are not pseudo-headers, as `Headers` accepts them. */
  readonly headers: NameValue[];
  /** Length of the body according to `content-length`, bytes; `undefined` without one. */
  contentLength: number | undefined;
  /** Whether `Headers` certainly accepts all of them. */
  isPlain = true;
  /** Whether a header `host` is among them. */
  hasHost = false;

  /** Creates the fields of a message whose list begins with `headers`. */
  constructor(headers: NameValue[]) {
    this.headers = headers;
  }
}

/**
 * Reads a received header list. For a hop-by-hop header, `"refuse"` throws and
 * `"drop"` leaves it out. The headers are added to `headers`.
 *
 * Throws {@linkcode HttpMessageError} for a list that is not a message.
 */
export function readFields(
  nv: readonly NameValue[],
  hopByHop: "refuse" | "drop",
  headers: NameValue[] = makeList(),
): Fields {
  const memory = MEMORY[hopByHop];
  const fields = new Fields(headers);
  let cookieAt = -1;
  for (let index = 0; index < nv.length; index++) {
    const pair = nv[index];
    const name = pair[0];
    const value = pair[1];
    const kind = memory.kindOf(index, name);
    if (kind === PSEUDO) {
      // A reason phrase may contain any bytes; other pseudo-headers are text.
      setPseudo(fields, name, name === ":status" ? textOf(pair) : value);
      continue;
    }
    if (kind === HOP) {
      // Rule: these "are not valid and MUST not be sent" (draft 3.2.1).
      if (hopByHop === "refuse") {
        throw new HttpMessageError(`the header ${name} is not allowed in SPDY`);
      }
      continue;
    }
    if (kind === LENGTH) {
      const size = parseContentLength(value, "remote");
      const { contentLength } = fields;
      if (contentLength === undefined) headers.push(pair);
      else if (contentLength !== size) {
        throw new HttpMessageError(
          `there are two different values of content-length, ${contentLength} and ${size}`,
        );
      }
      fields.contentLength = size;
      continue;
    }
    const isSame = memory.isPlain(index, value);
    const bytes = isSame ? value : bytesOf(pair);
    if (kind === ODD || !isSame) fields.isPlain = false;
    if (kind === HOST) fields.hasHost = true;
    else if (kind === COOKIE) {
      // The parts of a cookie are joined by "; ", never by "," (RFC 6265 5.4).
      if (cookieAt >= 0) {
        const before = headers[cookieAt][1];
        headers[cookieAt] = makePair(name, `${before}; ${bytes}`);
        continue;
      }
      cookieAt = headers.length;
    }
    headers.push(isSame ? pair : makePair(name, bytes));
  }
  return fields;
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
  const plain = plainHeaders(init);
  if (plain !== undefined) return appendPlain(nv, plain);
  const headers = init instanceof Headers ? init : new Headers(init);
  const listed = listedHeaders(headers);
  if (listed !== undefined) return appendPlain(nv, listed);
  let host: string | undefined;
  headers.forEach((value, name) => {
    if (name === "host") host = value;
    else if (name === "cookie") {
      const pairs = Array.isArray(init) ? init : pairsOf(headers);
      const all = pairs === undefined ? value : joinedCookies(pairs);
      nv.push(makePair(name, fromByteString(all)));
    } else if (!HOP_BY_HOP.has(name)) {
      nv.push(makePair(name, fromByteString(value)));
    }
  });
  return host;
}

/** `Headers` joins them with ", ", which no server separates again (RFC 6265 5.4). */
function joinedCookies(
  pairs: readonly (readonly [string, string])[],
): string {
  return pairs.filter(([name]) => `${name}`.toLowerCase() === "cookie")
    .map(([, value]) => new Headers({ cookie: value }).get("cookie")).join(
      "; ",
    );
}

function appendPlain(
  nv: NameValue[],
  plain: readonly NameValue[],
): string | undefined {
  let host: string | undefined;
  for (let index = 0; index < plain.length; index++) {
    const pair = plain[index];
    if (pair[0] === "host") host = pair[1];
    else if (!HOP_BY_HOP.has(pair[0])) nv.push(pair);
  }
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
  return versionTraits(version).emptyValues
    ? nv
    : nv.filter(([, value]) => value !== "");
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

/** Trailers as `Headers`. */
export function toHeaders(nv: readonly NameValue[]): Headers {
  try {
    const { headers } = readFields(nv, "drop");
    return setLinearIterators(new Headers(headers), headers.length);
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

function setPseudo(fields: Fields, name: string, value: string): void {
  switch (name) {
    case ":host":
      fields.host = once(fields.host, name, value);
      break;
    case ":method":
      fields.method = once(fields.method, name, value);
      break;
    case ":path":
      fields.path = once(fields.path, name, value);
      break;
    case ":scheme":
      fields.scheme = once(fields.scheme, name, value);
      break;
    case ":status":
      fields.status = once(fields.status, name, value);
      break;
    case ":version":
      fields.version = once(fields.version, name, value);
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
