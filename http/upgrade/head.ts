/**
 * Parses the head of an HTTP/1.1 request (RFC 9112 sections 2 to 5). The parser is
 * strict: it refuses a head that two readers could understand in different ways, so
 * that a request cannot be smuggled past a proxy.
 *
 * @module
 */

import { TOKEN } from "../platform/header_text.ts";
import { RequestRefusal } from "./refusal.ts";

/** The head of a request. */
export interface Http1RequestHead {
  readonly method: string;
  /** The complete URL of the request. */
  readonly url: URL;
  /** Minor version number: 0 for HTTP/1.0. */
  readonly minor: number;
  readonly headers: Headers;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DEL = 0x7f;

/**
 * Most header lines. The time to iterate over the platform's `Headers` grows with
 * the square of their number.
 */
const MAX_LINES = 256;
/** Methods that `Request` does not allow; an answer to them has special rules. */
const UNKNOWN_METHODS = /^(CONNECT|TRACE|TRACK)$/i;
/** Methods that `Request` writes in upper case. */
const NORMALIZED_METHODS = /^(DELETE|GET|HEAD|OPTIONS|POST|PUT)$/i;
/** Method, target and version, one space between them (RFC 9112 3). */
const REQUEST_LINE = /^(\S+) ([!-~]+) HTTP\/(\d)\.(\d)$/;
/** Name and value; no space before the colon (RFC 9112 5.1). */
const HEADER_LINE = /^([^\s:]+):(.*)$/;

/** The name and the value of a header line; `undefined` if it is not one. */
export function splitHeader(
  line: string,
): readonly [name: string, value: string] | undefined {
  // Rule: a header must not continue on the next line (RFC 9112 5.2).
  const match = HEADER_LINE.exec(line);
  return match !== null && TOKEN.test(match[1])
    ? [match[1], match[2]]
    : undefined;
}

/** A host and a port (RFC 3986 3.2), without the user name that a URL may have. */
const AUTHORITY =
  /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]+)(?::\d*)?$/;

/** Whether a text is the value of a `Host` header (RFC 9110 7.2). */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;
/** Bytes that are converted to text at a time. */
const TEXT_SIZE = 8192;

/** Whether a head, which may be invalid, is that of a HEAD request. Its empty lines come first. */
export function isHead(data: Uint8Array): boolean {
  return /^(?:\r\n)*HEAD /.test(toText(data.subarray(0, TEXT_SIZE)));
}

/** Finds the end of a head that arrives in pieces. */
export class HeadScanner {
  #position = 0;
  #begun = false;
  #lineIsEmpty = true;

  /**
   * Scans the bytes that arrived since the last call; `data` starts at the
   * beginning of the head. Returns the length of the head with its empty line;
   * `undefined` if it is not complete.
   *
   * Throws {@linkcode RequestRefusal} for a byte that a head must not contain.
   */
  scan(data: Uint8Array): number | undefined {
    const { length } = data;
    for (let i = this.#position; i < length; i++) {
      const byte = data[i];
      if (byte >= SPACE && byte !== DEL || byte === TAB) {
        this.#lineIsEmpty = false;
        this.#begun = true;
        continue;
      }
      if (byte === CR && i + 1 === length) {
        this.#position = i;
        return undefined;
      }
      // Rule: a line ends with CR LF. Some readers take a lone CR or LF for the end
      // of a line, and others do not (RFC 9112 2.2).
      if (byte !== CR || data[i + 1] !== LF) {
        throw new RequestRefusal(
          400,
          byte === CR || byte === LF
            ? "the head has a CR or LF that is not part of CR LF"
            : `the head has the control character ${byte}`,
        );
      }
      i++;
      // Rule: empty lines before a request are skipped (RFC 9112 2.2).
      if (this.#lineIsEmpty && this.#begun) return i + 1;
      this.#lineIsEmpty = true;
    }
    this.#position = length;
    return undefined;
  }
}

/**
 * Parses a complete head with its empty line. `scheme` is that of the connection.
 *
 * Throws {@linkcode RequestRefusal} for an invalid head.
 */
export function parseHead(data: Uint8Array, scheme: string): Http1RequestHead {
  const lines = toText(data).replace(/^(?:\r\n)+/, "").split("\r\n");
  // Removes the text after the last header line, and the empty line.
  lines.length -= 2;
  const [first = "", ...rest] = lines;
  const match = REQUEST_LINE.exec(first);
  if (match === null || !TOKEN.test(match[1])) {
    throw new RequestRefusal(
      400,
      "the request line is not a valid HTTP/1.1 request line",
    );
  }
  const [, method, target, major, minor] = match;
  if (major !== "1") {
    throw new RequestRefusal(
      505,
      `this server speaks HTTP/1.1, not HTTP/${major}.${minor}`,
    );
  }
  // Rule: methods are case-sensitive (RFC 9110 9.1). `Request` would turn "head" into
  // HEAD, whose answer has no body, and a proxy in between would not.
  const isMiswritten = NORMALIZED_METHODS.test(method) &&
    method !== method.toUpperCase();
  if (UNKNOWN_METHODS.test(method) || isMiswritten) {
    throw new RequestRefusal(501, `the method ${method} is not supported`);
  }
  const headers = parseHeaders(rest);
  const url = targetUrl(method, target, scheme, hostOf(rest, headers, minor));
  // Rule: the host of an absolute target replaces the header (RFC 9112 3.2.2).
  const authority = ABSOLUTE.exec(target)?.[1];
  if (authority !== undefined) headers.set("host", authority);
  return { method, url, minor: Number(minor), headers };
}

function parseHeaders(lines: readonly string[]): Headers {
  if (lines.length > MAX_LINES) {
    throw new RequestRefusal(
      431,
      `the head has ${lines.length} headers, more than ${MAX_LINES}`,
    );
  }
  const headers = new Headers();
  for (const line of lines) {
    const header = splitHeader(line);
    if (header === undefined) {
      throw new RequestRefusal(400, "the head has a line that is not a header");
    }
    headers.append(...header);
  }
  return headers;
}

/** Rule: there is exactly one `Host`; HTTP/1.0 may leave it out (RFC 9112 3.2). */
function hostOf(
  lines: readonly string[],
  headers: Headers,
  minor: string,
): string {
  const count = lines.filter((line) => /^host:/i.test(line)).length;
  if (count > 1 || count === 0 && minor !== "0") {
    throw new RequestRefusal(
      400,
      count === 0
        ? "the request has no Host header"
        : "the request has several Host headers",
    );
  }
  // `host` is empty if the URL of the request has no host.
  const host = headers.get("host") || "localhost";
  if (!AUTHORITY.test(host)) {
    throw new RequestRefusal(400, "the request's Host is not a valid host");
  }
  return host;
}

/**
 * The URL of a request target in origin form, absolute form or asterisk form (RFC
 * 9112 3.2, 3.3).
 */
function targetUrl(
  method: string,
  target: string,
  scheme: string,
  host: string,
): URL {
  const absolute = ABSOLUTE.exec(target);
  const authority = absolute === null ? host : absolute[1];
  const path = absolute === null ? target : absolute[2];
  // Rule: `*` is only valid for OPTIONS, and host:port only for CONNECT (RFC 9112
  // 3.2.3, 3.2.4).
  const isPath = path.startsWith("/") ||
    absolute !== null && (path === "" || path.startsWith("?")) ||
    target === "*" && method === "OPTIONS";
  if (!isPath || path.includes("#")) {
    throw new RequestRefusal(
      400,
      "the request's target is neither a path nor a URL",
    );
  }
  // The path is appended to the host and not resolved against it, because a path
  // with two slashes at its start would name another host.
  const slash = path.startsWith("/") || path.startsWith("?") ? "" : "/";
  const url = `${scheme}://${authority}${slash}${path}`;
  if (!AUTHORITY.test(authority) || !URL.canParse(url)) {
    throw new RequestRefusal(400, "the request's host is not valid");
  }
  return new URL(url);
}

/** Decodes bytes as one character each. */
function toText(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += TEXT_SIZE) {
    text += String.fromCharCode(...data.subarray(at, at + TEXT_SIZE));
  }
  return text;
}
