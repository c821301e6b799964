/**
 * Requests as SPDY header lists, both directions (SPDY/3 draft 3.2.1).
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import {
  appendHeaders,
  hasName,
  type PseudoHeaders,
  readFields,
} from "../message/fields.ts";
import { toByteString, TOKEN } from "../platform/header_text.ts";
import { HttpMessageError } from "../message/message_error.ts";

/** What the headers of a request say. */
export interface RequestHead {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  /** The ordinary headers, as `Headers` takes them. */
  readonly headers: NameValue[];
  /** Bytes the body announces; `undefined` when it does not. */
  readonly contentLength: number | undefined;
}

/** A host and port cannot hold what would begin another part of the URL. */
const HOST = /^[^\s/?#@\\]+$/;
const ABSOLUTE = /^https?:\/\//i;

/** The header list of a request. */
export function writeRequestHead(
  method: string,
  url: URL,
  headers: HeadersInit | undefined,
  contentLength: number | undefined,
): NameValue[] {
  const nv: NameValue[] = [
    [":host", url.host],
    [":method", method],
    [":path", writePath(method, url)],
    [":scheme", url.protocol.slice(0, -1)],
    [":version", "HTTP/1.1"],
  ];
  const host = headers === undefined ? undefined : appendHeaders(nv, headers);
  if (host !== undefined) nv[0][1] = host;
  if (contentLength !== undefined && !hasName(nv, "content-length")) {
    nv.push(["content-length", String(contentLength)]);
  }
  return nv;
}

/** OPTIONS of `/*` asks about the server as a whole, as {@linkcode readUrl} reads it (RFC 9110 9.3.7). */
function writePath(method: string, { pathname, search }: URL): string {
  return method === "OPTIONS" && pathname === "/*" ? "*" : pathname + search;
}

/**
 * Reads the header list of a request that a client sent.
 *
 * Throws {@linkcode HttpMessageError} for a list that is no request.
 */
export function readRequestHead(nv: readonly NameValue[]): RequestHead {
  const { pseudo, headers: others, contentLength } = readFields(nv, "refuse");
  const method = required(pseudo, "method", "request");
  required(pseudo, "version", "request");
  if (!TOKEN.test(method)) {
    throw new HttpMessageError(
      `:method ${JSON.stringify(method)} is no HTTP method`,
    );
  }
  const url = readUrl(pseudo, "request");
  const headers = withHost(
    others,
    toByteString(required(pseudo, "host", "request")),
  );
  return { method, url, headers, contentLength };
}

/**
 * The headers as a handler of HTTP/1.1 gets them: with `host`.
 *
 * Rule: a `host` header that names another host than the URL makes the request
 * malformed, as in RFC 9113 8.3.1: two readers would take it for two hosts.
 */
function withHost(headers: readonly NameValue[], host: string): NameValue[] {
  const all: NameValue[] = [["host", host]];
  for (const pair of headers) {
    if (pair[0] !== "host") all.push(pair);
    else if (pair[1].toLowerCase() !== host.toLowerCase()) {
      throw new HttpMessageError(
        `the header host ${JSON.stringify(pair[1])} is not the :host ${
          JSON.stringify(host)
        }`,
      );
    }
  }
  return all;
}

/**
 * The URL that a pushed stream is the answer to (draft 3.3.1), absolute and
 * without a fragment.
 *
 * Throws {@linkcode HttpMessageError} when the list names none.
 */
export function readPushedUrl(nv: readonly NameValue[]): string {
  const { pseudo } = readFields(nv, "drop");
  const { scheme, host, path = "" } = pseudo;
  // Jetty's push over SPDY/2 has the whole URL in `url`, and neither scheme nor host.
  const whole = scheme === undefined && host === undefined &&
    ABSOLUTE.test(path);
  const url = whole
    ? readWhole(path)
    : parseUrl(readUrl(pseudo, "pushed stream"), ":host");
  url.hash = "";
  return url.href;
}

function readUrl(pseudo: PseudoHeaders, what: string): string {
  const scheme = required(pseudo, "scheme", what);
  const host = required(pseudo, "host", what);
  const path = required(pseudo, "path", what);
  if (scheme !== "http" && scheme !== "https") {
    throw new HttpMessageError(`:scheme ${JSON.stringify(scheme)} is not HTTP`);
  }
  if (!HOST.test(host)) {
    throw new HttpMessageError(`:host ${JSON.stringify(host)} is no host`);
  }
  // SPDY/2's url, and a request to a proxy, may be absolute.
  if (ABSOLUTE.test(path)) return readAbsolute(path, scheme, host);
  if (path.startsWith("/")) return `${scheme}://${host}${path}`;
  // Rule: OPTIONS may be about the server as a whole (RFC 9110 9.3.7).
  if (path === "*") return `${scheme}://${host}/*`;
  throw new HttpMessageError(
    `:path ${JSON.stringify(path)} does not begin with "/"`,
  );
}

/**
 * A :path that is a URL may not lead elsewhere than :scheme and :host: whoever
 * looks at those, at the certificate or at the URL means the same place.
 */
function readAbsolute(path: string, scheme: string, host: string): string {
  const url = readWhole(path);
  const { origin } = parseUrl(`${scheme}://${host}`, ":host");
  if (url.origin !== origin) {
    throw new HttpMessageError(
      `:path leads to ${url.origin}, :scheme and :host to ${origin}`,
    );
  }
  return url.href;
}

/** A :path that is a URL. */
function readWhole(path: string): URL {
  const url = parseUrl(path, ":path");
  if (url.username !== "" || url.password !== "") {
    throw new HttpMessageError(`:path contains a user's name or password`);
  }
  return url;
}

/** The origin that the headers of a request name. Throws {@linkcode HttpMessageError} when they name none. */
export function originOf(nv: readonly NameValue[]): string {
  const { pseudo } = readFields(nv, "drop");
  return parseUrl(readUrl(pseudo, "request"), ":host").origin;
}

function parseUrl(text: string, what: string): URL {
  const url = URL.parse(text);
  if (url === null) {
    throw new HttpMessageError(`${what} makes no URL: ${JSON.stringify(text)}`);
  }
  return url;
}

/** Rule: a request holds all of :method :scheme :path :version :host (draft 3.2.1). */
function required(
  pseudo: PseudoHeaders,
  name: keyof PseudoHeaders,
  what: string,
): string {
  const value = pseudo[name];
  if (value === undefined || value === "") {
    throw new HttpMessageError(`the ${what} has no :${name}`);
  }
  return value;
}
