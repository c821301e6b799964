import { HeadScanner, parseHead } from "../../../http/upgrade/head.ts";
import { framingOf } from "../../../http/upgrade/framing.ts";
import { RequestRefusal } from "../../../http/upgrade/refusal.ts";
import { assertEquals, assertThrows } from "../../deps.ts";

const bytes = (text: string) =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));

/** Reads a complete head: its parts, or the status with which it is refused. */
function read(text: string): Record<string, unknown> | number {
  const data = bytes(text);
  try {
    const length = new HeadScanner().scan(data);
    if (length === undefined) return { incomplete: true };
    const head = parseHead(data.subarray(0, length), "http");
    const { method, url, minor, headers } = head;
    const framing = framingOf(head);
    return { method, url: url.href, minor, headers: [...headers], framing };
  } catch (error) {
    if (!(error instanceof RequestRefusal)) throw error;
    return error.status;
  }
}

function field(name: string, text: string): unknown {
  const head = read(text);
  return typeof head === "number" ? head : head[name];
}

const H = "Host: h\r\n";

Deno.test("heads: each target becomes a URL", () => {
  const targets: [target: string, url: string | number][] = [
    ["/", "http://h/"],
    ["/a/../b?c=%20+d", "http://h/b?c=%20+d"],
    // A path with two slashes does not name another host.
    ["//evil.example/x", "http://h//evil.example/x"],
    ["/\\evil.example/x", "http://h//evil.example/x"],
    ["http://other:81/x?y", "http://other:81/x?y"],
    ["HTTPS://other/x", "http://other/x"],
    ["http://other", "http://other/"],
    ["http://other?x", "http://other/?x"],
    ["http://user:pw@other/x", 400],
    ["http:///x", 400],
    ["ftp://other/x", 400],
    ["h:80", 400],
    ["*", 400],
    ["x", 400],
    ["?x", 400],
    ["/#x", 400],
    ["/\xe9", 400],
  ];
  for (const [target, url] of targets) {
    const head = `GET ${target} HTTP/1.1\r\n${H}\r\n`;
    assertEquals(field("url", head), url, target);
  }
  assertEquals(
    field("url", `OPTIONS * HTTP/1.1\r\n${H}\r\n`),
    "http://h/*",
  );
});

Deno.test("heads: the host of an absolute target replaces the header", () => {
  const data = bytes(`GET http://Other:80/x HTTP/1.1\r\n${H}\r\n`);
  const { headers } = parseHead(data, "http");
  assertEquals(headers.get("host"), "Other:80");
});

Deno.test("heads: an invalid head is refused with a status", () => {
  const cases: [head: string, status: number][] = [
    ["nonsense\r\n\r\n", 400],
    ["GET /\r\n\r\n", 400],
    ["GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    [" GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400],
    ["GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["GET / http/1.1\r\nHost: h\r\n\r\n", 400],
    ["GET / HTTP/11\r\nHost: h\r\n\r\n", 400],
    // HTTP/2 without TLS.
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    ["GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505],
    ["CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501],
    ["TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501],
    ["trace / HTTP/1.1\r\nHost: h\r\n\r\n", 501],
    // `Request` would write these in upper case.
    ["get / HTTP/1.1\r\nHost: h\r\n\r\n", 501],
    ["Head / HTTP/1.1\r\nHost: h\r\n\r\n", 501],
    ["TRACK / HTTP/1.1\r\nHost: h\r\n\r\n", 501],
    // A TLS ClientHello.
    ["\x16\x03\x01\x02\x00\x01\x00", 400],
    ["GET / HTTP/1.1\nHost: h\n\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\r\nX: a\x7fb\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\r\nnothing\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\r\na b: c\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h\r\nhOST: g\r\n\r\n", 400],
    ["GET http://x/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400],
    ["GET http://x/ HTTP/1.1\r\n\r\n", 400],
    ["GET http://x/ HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: [\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: h:99999\r\n\r\n", 400],
    [
      `GET / HTTP/1.1\r\nHost: h\r\n${"a: b\r\n".repeat(256)}\r\n`,
      431,
    ],
  ];
  for (const [head, status] of cases) {
    assertEquals(read(head), status, JSON.stringify(head.slice(0, 60)));
  }
});

Deno.test("heads: an ambiguous length of the body is refused", () => {
  const post = `POST / HTTP/1.1\r\n${H}`;
  const cases: [headers: string, framing: number | string][] = [
    ["", 0],
    ["Content-Length: 0\r\n", 0],
    ["Content-Length: 17\r\n", 17],
    ["Transfer-Encoding: chunked\r\n", "chunked"],
    ["Transfer-Encoding: Chunked\r\n", "chunked"],
  ];
  for (const [headers, framing] of cases) {
    const head = `${post}${headers}\r\n`;
    assertEquals(field("framing", head), framing, headers);
  }
  const refused: [headers: string, status: number][] = [
    ["Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400],
    ["Content-Length: 3\r\nContent-Length: 4\r\n", 400],
    ["Content-Length: 3\r\nContent-Length: 3\r\n", 400],
    ["Content-Length: 3, 3\r\n", 400],
    ["Content-Length: +3\r\n", 400],
    ["Content-Length: -3\r\n", 400],
    ["Content-Length: 0x3\r\n", 400],
    ["Content-Length: 3 4\r\n", 400],
    ["Content-Length:\r\n", 400],
    ["Content-Length: 9007199254740993\r\n", 400],
    ["Transfer-Encoding: chunked, chunked\r\n", 501],
    ["Transfer-Encoding: gzip, chunked\r\n", 501],
    ["Transfer-Encoding: chunks\r\n", 501],
    ["Transfer-Encoding: identity\r\n", 501],
    ["Transfer-Encoding:\r\n", 501],
  ];
  for (const [headers, status] of refused) {
    assertEquals(read(`${post}${headers}\r\n`), status, headers);
  }
  assertEquals(
    read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    400,
  );
});

Deno.test("heads: unusual valid heads are accepted", () => {
  assertEquals(read("\r\n\r\nGET / HTTP/1.1\r\nhost:\r\n\r\n"), {
    method: "GET",
    url: "http://localhost/",
    minor: 1,
    headers: [["host", ""]],
    framing: 0,
  });
  assertEquals(read("GET /x HTTP/1.0\r\n\r\n"), {
    method: "GET",
    url: "http://localhost/x",
    minor: 0,
    headers: [],
    framing: 0,
  });
  assertEquals(
    read("GET / HTTP/1.1\r\nHost: [::1]:8\r\nX:\t a\xe9 \tb \r\nx:c\r\n\r\n"),
    {
      method: "GET",
      url: "http://[::1]:8/",
      minor: 1,
      headers: [["host", "[::1]:8"], ["x", "a\xe9 \tb, c"]],
      framing: 0,
    },
  );
});

Deno.test("heads: cut anywhere they are incomplete, and byte by byte they give the same result", () => {
  const data = bytes(`\r\nGET / HTTP/1.1\r\n${H}X: y\r\n\r\nrest`);
  const scanner = new HeadScanner();
  for (let length = 0; length < data.length - 4; length++) {
    assertEquals(scanner.scan(data.subarray(0, length)), undefined);
    assertEquals(new HeadScanner().scan(data.subarray(0, length)), undefined);
  }
  assertEquals(scanner.scan(data), data.length - 4);
});

Deno.test("heads: an invalid byte is refused before the head is complete", () => {
  for (const text of ["GET / HTTP/1.1\nHo", "\x16\x03\x01"]) {
    assertThrows(() => new HeadScanner().scan(bytes(text)), RequestRefusal);
  }
});
