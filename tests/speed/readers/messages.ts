/**
 * What reads the headers of HTTP messages.
 *
 * @module
 */

import { isUnchanged } from "../../../cli/conditional.ts";
import { requestedRanges } from "../../../cli/ranges.ts";
import { printable } from "../../../cli/terminal.ts";
import { bodyDecoder } from "../../../http/message/content_coding.ts";
import { toHeaders } from "../../../http/message/fields.ts";
import {
  readPushedUrl,
  readRequestHead,
} from "../../../http/message/request_head.ts";
import { readResponseHead } from "../../../http/message/response_head.ts";
import { receivedRequest } from "../../../http/server/received_request.ts";
import type { NameValue } from "../../../mod.ts";
import { full, KIB, type Reader, Readers } from "./reader.ts";

const readers = new Readers();

/** The readers of HTTP headers. */
export const messageReaders: readonly Reader[] = readers.all;

/** The headers of a request, in which `value` replaces the usual value of `name`. */
export function request(name: string, value: string): NameValue[] {
  const usual: NameValue[] = [
    [":host", "example.org"],
    [":method", "GET"],
    [":path", "/"],
    [":scheme", "http"],
    [":version", "HTTP/1.1"],
  ];
  return [...usual.filter((pair) => pair[0] !== name), [name, value]];
}

/** What a handler, or the file server, does with every header of a request. */
export function readAll(request: Pick<Request, "headers" | "url">): void {
  [...request.headers];
  new URL(request.url).searchParams.get("page");
  isUnchanged(request.headers, { tag: 'W/"1-x"', mtime: new Date(0) });
  requestedRanges(request.headers, 1000);
  printable(request.url);
}

/** What `serve` and a handler do with the headers of a request. */
function handle(nv: NameValue[]): void {
  const signal = () => new AbortController().signal;
  readAll(receivedRequest(readRequestHead(nv), null, signal));
}

const VALUE = 64 * KIB;

for (
  const name of [
    ":host",
    ":method",
    ":path",
    ":scheme",
    ":version",
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "cookie",
    "if-modified-since",
    "if-none-match",
    "range",
    "x-other",
  ]
) {
  readers.addFilled(
    `request: ${name}`,
    VALUE,
    (value) => handle(request(name, value)),
    name === ":path"
      ? (text) => `/${text}`
      : name === "range"
      ? (text) => `bytes=${text}-`
      : undefined,
  );
}
readers.addFilled(
  "request: absolute :path",
  VALUE,
  (value) => handle(request(":path", value)),
  (text) => `http://example.org/${text}`,
);
readers.addFilled(
  "request: name",
  4 * KIB,
  (name) => handle([...request(":path", "/"), [name, "x"]]),
);
readers.add(
  "request: crumbs of a cookie",
  1024,
  (count) => Array.from({ length: count }, (): NameValue => ["cookie", "a=b"]),
  (nv) => handle([...request(":path", "/"), ...nv]),
);
readers.add(
  "request: headers",
  1024,
  (count) =>
    Array.from({ length: count }, (_, i): NameValue => [`x-${i}`, "v"]),
  (nv) => handle([...request(":path", "/"), ...nv]),
);
readers.add(
  "request: values of one header",
  1024,
  (count) => Array.from({ length: count }, (): NameValue => ["x", "v"]),
  (nv) => handle([...request(":path", "/"), ...nv]),
);
readers.addFilled(
  "push: :path",
  VALUE,
  (value) => readPushedUrl(request(":path", value)),
  (text) => `/${text}`,
);
for (const name of [":status", ":version", "content-length", "location"]) {
  readers.addFilled(
    `response: ${name}`,
    VALUE,
    (value) =>
      readResponseHead([[":status", "200"], [":version", "x"], [name, value]]),
  );
}
readers.addFilled(
  "response: reason",
  VALUE,
  (value) => readResponseHead([[":status", value], [":version", "HTTP/1.1"]]),
  (text) => `200 ${text}`,
);
for (const filling of ["gzip,", "identity,", ",", " , ", "br,"]) {
  readers.add(
    `response: content-encoding full of ${JSON.stringify(filling)}`,
    VALUE,
    (size) => full(filling, size),
    (value) => bodyDecoder(value),
  );
}
readers.add(
  "trailers",
  1024,
  (count) =>
    Array.from({ length: count }, (_, i): NameValue => [`x-${i}`, "v"]),
  (nv) => [...toHeaders(nv)],
);
