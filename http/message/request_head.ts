/**
 * Requests as SPDY header lists, reading and writing (SPDY/3 draft 3.2.1).
 *
 * @module
 */

import { makeList, makePair } from "../../frame/pair.ts";
import type { NameValue } from "../../frame/types.ts";
import { isPlain, toByteString, TOKEN } from "../platform/header_text.ts";
import { appendHeaders, type Fields, hasName, readFields } from "./fields.ts";
import { HttpMessageError } from "./message_error.ts";

/** The head of a request. */
export class RequestHead {
  readonly method: string;
  /** The absolute URL. */
  readonly url: string;
  /** Value of `:scheme`. */
  readonly scheme: string;
  /** Value of `:host`. */
  readonly host: string;
  /** All headers that are not pseudo-headers, as `Headers` accepts them. */
  readonly headers: NameValue[];
  /** Length of the body according to `content-length`, bytes; `undefined` without one. */
  readonly contentLength: number | undefined;
  /** Whether `Headers` certainly accepts the headers. */
  readonly isPlain: boolean;

  /** Creates the head of a request. */
  constructor(
    method: string,
    url: string,
    scheme: string,
    host: string,
    headers: NameValue[],
    contentLength: number | undefined,
    isPlain: boolean,
  ) {
    this.method = method;
    this.url = url;
    this.scheme = scheme;
    this.host = host;
    this.headers = headers;
    this.contentLength = contentLength;
    this.isPlain = isPlain;
  }
}

/** The parts of a URL that the head of a request needs. */
export interface RequestUrl {
  readonly href: string;
  readonly host: string;
  /** `"http:"` or `"https:"`. */
  readonly protocol: string;
  readonly pathname: string;
  readonly search: string;
}

/** A host and port, without characters that begin another part of a URL. */
const HOST = /^[^\s/?#@\\]+$/;
const ABSOLUTE = /^https?:\/\//i;

/** The header list of a request. */
export function writeRequestHead(
  method: string,
  url: RequestUrl,
  headers: HeadersInit | undefined,
  contentLength: number | undefined,
): NameValue[] {
  const nv = makeList(
    makePair(":host", url.host),
    makePair(":method", method),
    makePair(":path", writePath(method, url)),
    makePair(":scheme", url.protocol === "http:" ? "http" : "https"),
    makePair(":version", "HTTP/1.1"),
  );
  const host = headers === undefined ? undefined : appendHeaders(nv, headers);
  if (host !== undefined) nv[0][1] = host;
  if (contentLength !== undefined && !hasName(nv, "content-length")) {
    nv.push(makePair("content-length", String(contentLength)));
  }
  return nv;
}

/**
 * The path of a request. OPTIONS with `/*` becomes `*`, which asks about the server
 * as a whole; {@linkcode readUrl} does the reverse (RFC 9110 9.3.7).
 */
function writePath(method: string, url: RequestUrl): string {
  const path = pathOf(url);
  return method === "OPTIONS" && path === "/*" ? "*" : path;
}

/**
 * The path and the query of a URL. `search` is also empty for an empty query, which
 * only `href` shows; a server gets its "?", as from the platform's `fetch`.
 */
export function pathOf(
  { href, pathname, search }: Pick<RequestUrl, "href" | "pathname" | "search">,
): string {
  const path = pathname + search;
  const fragment = href.indexOf("#");
  const last = (fragment === -1 ? href.length : fragment) - 1;
  return href[last] === "?" && !path.endsWith("?") ? `${path}?` : path;
}

/**
 * Reads the header list of a request that a client sent.
 *
 * Throws {@linkcode HttpMessageError} for a list that is not a request.
 */
export function readRequestHead(nv: readonly NameValue[]): RequestHead {
  // An HTTP/1.1 handler gets the headers with `host`.
  const own = makePair("host", "");
  const fields = readFields(nv, "refuse", makeList(own));
  const method = required(fields, "method", "request");
  required(fields, "version", "request");
  if (method !== "GET" && !TOKEN.test(method)) {
    throw new HttpMessageError(
      `:method ${JSON.stringify(method)} is not an HTTP method`,
    );
  }
  const url = readUrl(fields, "request");
  const name = required(fields, "host", "request");
  const host = toByteString(name);
  own[1] = host;
  const headers = fields.hasHost
    ? withoutHost(fields.headers, host)
    : fields.headers;
  return new RequestHead(
    method,
    url,
    required(fields, "scheme", "request"),
    name,
    headers,
    fields.contentLength,
    fields.isPlain && isPlain(host),
  );
}

/**
 * The headers without those named `host`, except the first one, which was made of
 * `:host`.
 *
 * Rule: a request with a `host` header for another host than that of the URL is
 * malformed, as in RFC 9113 8.3.1, because two readers could understand it
 * differently.
 */
function withoutHost(headers: readonly NameValue[], host: string): NameValue[] {
  const [own, ...others] = headers;
  const all = [own];
  for (const pair of others) {
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
 * The absolute URL that a pushed stream answers (draft 3.3.1), without a fragment.
 *
 * Throws {@linkcode HttpMessageError} if the list contains none.
 */
export function readPushedUrl(nv: readonly NameValue[]): string {
  const fields = readFields(nv, "drop");
  const { scheme, host, path = "" } = fields;
  // In SPDY/2, Jetty's push has the whole URL in `url`, without scheme and host.
  const whole = scheme === undefined && host === undefined &&
    ABSOLUTE.test(path);
  const url = whole
    ? readWhole(path)
    : parseUrl(readUrl(fields, "pushed stream"), ":host");
  url.hash = "";
  return url.href;
}

function readUrl(fields: Fields, what: string): string {
  const scheme = required(fields, "scheme", what);
  const host = required(fields, "host", what);
  const path = required(fields, "path", what);
  if (scheme !== "http" && scheme !== "https") {
    throw new HttpMessageError(
      `:scheme ${JSON.stringify(scheme)} is not http or https`,
    );
  }
  if (!HOST.test(host)) {
    throw new HttpMessageError(`:host ${JSON.stringify(host)} is not a host`);
  }
  // In SPDY/2, and in a request to a proxy, the path may be an absolute URL.
  if (ABSOLUTE.test(path)) return readAbsolute(path, scheme, host);
  if (path.startsWith("/")) return `${scheme}://${host}${path}`;
  // Rule: OPTIONS may ask about the server as a whole (RFC 9110 9.3.7).
  if (path === "*") return `${scheme}://${host}/*`;
  throw new HttpMessageError(
    `:path ${JSON.stringify(path)} does not begin with "/"`,
  );
}

/**
 * Reads a :path that is an absolute URL. It must have the same origin as :scheme
 * and :host, so that checks of either one, or of the certificate, apply to the same
 * server.
 */
function readAbsolute(path: string, scheme: string, host: string): string {
  const url = readWhole(path);
  const { origin } = parseUrl(`${scheme}://${host}`, ":host");
  if (url.origin !== origin) {
    throw new HttpMessageError(
      `:path names the origin ${url.origin}, but :scheme and :host name ${origin}`,
    );
  }
  return url.href;
}

/** Parses a :path that is an absolute URL. */
function readWhole(path: string): URL {
  const url = parseUrl(path, ":path");
  if (url.username !== "" || url.password !== "") {
    throw new HttpMessageError(`:path contains a user name or password`);
  }
  return url;
}

/**
 * The origin in the headers of a request. Throws {@linkcode HttpMessageError} if
 * they contain none.
 */
export function originOf(nv: readonly NameValue[]): string {
  const fields = readFields(nv, "drop");
  return parseUrl(readUrl(fields, "request"), ":host").origin;
}

function parseUrl(text: string, what: string): URL {
  const url = URL.parse(text);
  if (url === null) {
    throw new HttpMessageError(
      `${what} does not form a valid URL: ${JSON.stringify(text)}`,
    );
  }
  return url;
}

/** Rule: a request has :method, :scheme, :path, :version and :host (draft 3.2.1). */
function required(
  fields: Fields,
  name: "host" | "method" | "path" | "scheme" | "version",
  what: string,
): string {
  const value = fields[name];
  if (value === undefined || value === "") {
    throw new HttpMessageError(`the ${what} has no :${name}`);
  }
  return value;
}
