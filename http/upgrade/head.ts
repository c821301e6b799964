/**
 * The head of an HTTP/1.1 request (RFC 9112 sections 2 to 5), read strictly:
 * where two readers could understand a head in two ways, it is refused, so that
 * nothing can be smuggled past a proxy in front.
 *
 * @module
 */

import { TOKEN } from "../platform/header_text.ts";
import { RequestRefusal } from "./refusal.ts";

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  /** The whole URL asked for. */
  readonly url: URL;
  /** Minor number of the version: 0 for HTTP/1.0. */
  readonly minor: number;
  readonly headers: Headers;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DEL = 0x7f;

/** Most header lines: the platform's `Headers` takes a time that grows with the square of their number. */
const MAX_LINES = 256;
/** Methods that a `Request` cannot have; no answer of ours would fit them either. */
const UNKNOWN_METHODS = /^(CONNECT|TRACE|TRACK)$/i;
/** Method, target and version, one space between them (RFC 9112 3). */
const REQUEST_LINE = /^(\S+) ([!-~]+) HTTP\/(\d)\.(\d)$/;
/** Name and value; no space before the colon (RFC 9112 5.1). */
const HEADER_LINE = /^([^\s:]+):(.*)$/;
/** A host and a port (RFC 3986 3.2), without the user that may stand in a URL. */
const AUTHORITY =
  /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]+)(?::\d*)?$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;
/** Characters turned to text at a time. */
const TEXT_SIZE = 8192;

/** Finds the end of a head as its bytes come. */
export class HeadScanner {
  #position = 0;
  #begun = false;
  #lineIsEmpty = true;

  /**
   * Looks at the bytes that came since the last call; `data` begins where the
   * head does. Resolves to the head's length with its empty line; `undefined`
   * when it is not complete.
   *
   * Throws {@linkcode RequestRefusal} for a byte that no head has.
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
      // Rule: a line ends with CR LF; a bare CR or LF is seen as its end by some and not by others (RFC 9112 2.2).
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
 * Reads a whole head, empty line included. `scheme` is that of the connection.
 *
 * Throws {@linkcode RequestRefusal} for a head that is not allowed.
 */
export function parseHead(data: Uint8Array, scheme: string): RequestHead {
  const lines = toText(data).replace(/^(?:\r\n)+/, "").split("\r\n");
  // The end of the last header line, and the empty line.
  lines.length -= 2;
  const [first = "", ...rest] = lines;
  const match = REQUEST_LINE.exec(first);
  if (match === null || !TOKEN.test(match[1])) {
    throw new RequestRefusal(400, "the request line is not one of HTTP/1.1");
  }
  const [, method, target, major, minor] = match;
  if (major !== "1") {
    throw new RequestRefusal(
      505,
      `this server speaks HTTP/1.1, not HTTP/${major}.${minor}`,
    );
  }
  if (UNKNOWN_METHODS.test(method)) {
    throw new RequestRefusal(501, `this server knows no ${method}`);
  }
  const headers = parseHeaders(rest);
  const url = targetUrl(method, target, scheme, hostOf(rest, headers, minor));
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
    // Rule: no line continues the one before it (RFC 9112 5.2).
    const match = HEADER_LINE.exec(line);
    if (match === null || !TOKEN.test(match[1])) {
      throw new RequestRefusal(400, "the head has a line that is no header");
    }
    headers.append(match[1], match[2]);
  }
  return headers;
}

/** Rule: one `Host`, which HTTP/1.0 may leave out (RFC 9112 3.2). */
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
        ? "the request names no host"
        : "the request has several Host headers",
    );
  }
  // Empty when the target names no host.
  const host = headers.get("host") || "localhost";
  if (!AUTHORITY.test(host)) {
    throw new RequestRefusal(400, "the request's Host is no host");
  }
  return host;
}

/** The URL of a target in origin form, absolute form or asterisk form (RFC 9112 3.2, 3.3). */
function targetUrl(
  method: string,
  target: string,
  scheme: string,
  host: string,
): URL {
  const absolute = ABSOLUTE.exec(target);
  // Rule: the host in an absolute target counts, not the header (RFC 9112 3.2.2).
  const authority = absolute === null ? host : absolute[1];
  const path = absolute === null ? target : absolute[2];
  // Rule: `*` is for OPTIONS, and host:port for CONNECT, alone (RFC 9112 3.2.3, 3.2.4).
  const isPath = path.startsWith("/") ||
    absolute !== null && (path === "" || path.startsWith("?")) ||
    target === "*" && method === "OPTIONS";
  if (!isPath || path.includes("#")) {
    throw new RequestRefusal(400, "the request's target is no path and no URL");
  }
  // The path is put behind the host, not resolved against it: one that begins
  // with two slashes would name another host.
  const slash = path.startsWith("/") || path.startsWith("?") ? "" : "/";
  const url = `${scheme}://${authority}${slash}${path}`;
  if (!AUTHORITY.test(authority) || !URL.canParse(url)) {
    throw new RequestRefusal(400, "the request's host is none");
  }
  return new URL(url);
}

/** One character a byte. */
function toText(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += TEXT_SIZE) {
    text += String.fromCharCode(...data.subarray(at, at + TEXT_SIZE));
  }
  return text;
}
