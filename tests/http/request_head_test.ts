import type { NameValue } from "../../frame/types.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import {
  readPushedUrl,
  readRequestHead,
  writeRequestHead,
} from "../../http/message/request_head.ts";
import { assertEquals, assertThrows } from "../deps.ts";

const REQUEST: NameValue[] = [
  [":host", "example.org:8080"],
  [":method", "GET"],
  [":path", "/a?b=c"],
  [":scheme", "http"],
  [":version", "HTTP/1.1"],
];

function without(name: string): NameValue[] {
  return REQUEST.filter((pair) => pair[0] !== name);
}

function withPair(name: string, value: string): NameValue[] {
  return [...without(name), [name, value]];
}

/** The header list of a request, sorted, because the order of a list is that of its headers. */
function write(url: string, init?: RequestInit, length?: number): NameValue[] {
  const request = new Request(url, init);
  const nv = writeRequestHead(
    request.method,
    new URL(request.url),
    request.headers,
    length,
  );
  return nv.sort(([a], [b]) => a < b ? -1 : 1);
}

Deno.test("a request becomes the five required pairs and its headers", () => {
  assertEquals(
    write("https://example.org/p/?q=1#fragment", {
      method: "post",
      headers: { "X-One": "1", accept: "text/html" },
    }),
    [
      [":host", "example.org"],
      [":method", "POST"],
      [":path", "/p/?q=1"],
      [":scheme", "https"],
      [":version", "HTTP/1.1"],
      ["accept", "text/html"],
      ["x-one", "1"],
    ],
  );
});

Deno.test("a host header becomes :host, and hop-by-hop headers are not sent", () => {
  const nv = write("http://127.0.0.1:1/", {
    headers: {
      host: "virtual.example",
      connection: "close",
      "keep-alive": "timeout=5",
      "proxy-connection": "close",
      "transfer-encoding": "chunked",
    },
  });
  assertEquals(nv.length, 5);
  assertEquals(nv[0], [":host", "virtual.example"]);
});

Deno.test("content-length is sent once", () => {
  assertEquals(write("http://h/", { method: "PUT" }, 0).at(-1), [
    "content-length",
    "0",
  ]);
  const own = write("http://h/", {
    method: "PUT",
    headers: { "content-length": "7" },
  }, 7);
  assertEquals(own.filter(([name]) => name === "content-length"), [
    ["content-length", "7"],
  ]);
});

/** `:host` as handlers see it. */
const HOST: NameValue = ["host", "example.org:8080"];

Deno.test("the host is also a header, and a host header cannot name another host", () => {
  for (const same of ["example.org:8080", "Example.ORG:8080"]) {
    const { headers } = readRequestHead([...REQUEST, ["host", same]]);
    assertEquals(headers, [HOST]);
  }
  for (const other of ["example.org", "evil.example:8080", ""]) {
    assertThrows(
      () => readRequestHead([...REQUEST, ["host", other]]),
      HttpMessageError,
      "is not the :host",
    );
  }
});

Deno.test("a written request can be read", () => {
  const head = readRequestHead([
    ...REQUEST,
    ["accept", "a"],
    ["accept", "b"],
    ["content-length", "12"],
    [":other", "left out"],
  ]);
  assertEquals(
    { ...head },
    {
      method: "GET",
      url: "http://example.org:8080/a?b=c",
      scheme: "http",
      host: "example.org:8080",
      headers: [
        HOST,
        ["accept", "a"],
        ["accept", "b"],
        ["content-length", "12"],
      ],
      contentLength: 12,
      isPlain: true,
    },
  );
});

Deno.test("the error names each required pair that is missing or empty", () => {
  for (const [name] of REQUEST) {
    for (const nv of [without(name), withPair(name, "")]) {
      assertThrows(
        () => readRequestHead(nv),
        HttpMessageError,
        `the request has no ${name}`,
      );
    }
  }
});

Deno.test("hop-by-hop headers in a request are refused", () => {
  for (
    const name of [
      "connection",
      "keep-alive",
      "proxy-connection",
      "transfer-encoding",
    ]
  ) {
    assertThrows(
      () => readRequestHead(withPair(name, "x")),
      HttpMessageError,
      name,
    );
  }
});

Deno.test("a pair with an invalid value is refused", () => {
  const wrong: NameValue[] = [
    [":method", "GE T"],
    [":scheme", "ftp"],
    [":scheme", "javascript"],
    [":host", "a/b"],
    [":host", "user@host"],
    [":host", "a b"],
    [":host", "a?b"],
    [":path", "relative"],
    [":path", "?x"],
    ["content-length", "-1"],
    ["content-length", "1e3"],
    ["content-length", "99999999999999999999"],
    ["content-length", ""],
  ];
  for (const [name, value] of wrong) {
    assertThrows(
      () => readRequestHead(withPair(name, value)),
      HttpMessageError,
      name,
    );
  }
  assertThrows(
    () => readRequestHead([...REQUEST, [":path", "/second"]]),
    HttpMessageError,
    ":path has more than one value",
  );
  assertThrows(
    () =>
      readRequestHead([
        ...REQUEST,
        ["content-length", "1"],
        ["content-length", "2"],
      ]),
    HttpMessageError,
    "there are two different values of content-length, 1 and 2",
  );
});

Deno.test("a repeated content-length with the same value counts once", () => {
  const head = readRequestHead([
    ...REQUEST,
    ["content-length", "3"],
    ["content-length", "3"],
  ]);
  assertEquals(head.headers, [HOST, ["content-length", "3"]]);
});

Deno.test("paths can be absolute URLs (SPDY/2, proxies), a star, or begin with two slashes", () => {
  const url = (path: string): string =>
    readRequestHead(withPair(":path", path)).url;
  assertEquals(url("http://example.org:8080/x"), "http://example.org:8080/x");
  assertEquals(url("*"), "http://example.org:8080/*");
  assertEquals(url("//other/x"), "http://example.org:8080//other/x");
});

Deno.test("cookie crumbs are joined with semicolons", () => {
  const head = readRequestHead([
    ...REQUEST,
    ["cookie", "a=1"],
    ["cookie", "b=2"],
    ["cookie", "c=3"],
  ]);
  assertEquals(head.headers, [HOST, ["cookie", "a=1; b=2; c=3"]]);
});

Deno.test("the caller's header list is not changed", () => {
  const crumbs: NameValue[] = [...REQUEST, ["cookie", "a"], ["cookie", "b"]];
  readRequestHead(crumbs);
  assertEquals(crumbs.slice(-2), [["cookie", "a"], ["cookie", "b"]]);
});

Deno.test("values outside ASCII keep their bytes in both directions", () => {
  const bytes = "caf\xc3\xa9"; // the UTF-8 of "caf" and e acute, byte by byte
  const nv = write("http://h/", { headers: { "x-name": bytes } });
  assertEquals(nv.at(-1), ["x-name", "caf\u00e9"]);
  assertEquals(readRequestHead(nv).headers.at(-1), ["x-name", bytes]);
  const latin1 = write("http://h/", { headers: { "x-name": "caf\xe9" } });
  // A byte that is not UTF-8 is escaped, and is sent unchanged.
  assertEquals(latin1.at(-1), ["x-name", "caf\udce9"]);
  assertEquals(readRequestHead(latin1).headers.at(-1), ["x-name", "caf\xe9"]);
});

Deno.test("the URL of a pushed stream is in three pairs", () => {
  assertEquals(
    readPushedUrl([[":scheme", "https"], [":host", "h"], [":path", "/a b"]]),
    "https://h/a%20b",
  );
  for (const name of [":scheme", ":host", ":path"]) {
    assertThrows(
      () => readPushedUrl(without(name)),
      HttpMessageError,
      `the pushed stream has no ${name}`,
    );
  }
  assertThrows(
    () => readPushedUrl(withPair(":host", "h:port")),
    HttpMessageError,
  );
});

Deno.test("the URL of a pushed stream can be in :path alone, if that is an absolute URL", () => {
  assertEquals(
    readPushedUrl([[":path", "https://own.example/a?b#c"]]),
    "https://own.example/a?b",
  );
  const refused: NameValue[][] = [
    [[":path", "/a"]],
    [[":path", "//own.example/a"]],
    [[":path", "https://user:word@own.example/a"]],
    [[":path", "https://"]],
    [[":path", "ftp://own.example/a"]],
    [[":path", "https://own.example/a"], [":scheme", "https"]],
    [[":path", "https://own.example/a"], [":host", "own.example"]],
  ];
  for (const nv of refused) {
    assertThrows(() => readPushedUrl(nv), HttpMessageError);
  }
  assertThrows(
    () =>
      readRequestHead([
        [":method", "GET"],
        [":path", "https://own.example/a"],
        [":version", "HTTP/1.1"],
      ]),
    HttpMessageError,
    "the request has no :scheme",
  );
});

/** URLs that a :path must not lead to, with `:scheme` https and `:host` own.example. */
const ELSEWHERE = [
  "https://bank.example/login.js",
  "http://own.example/x",
  "https://own.example:444/x",
  "https://own.example./x",
  "https://own.example@bank.example/x",
  "https://user@own.example/x",
  "https://user:word@own.example/x",
  "https://bank.example\\@own.example/x",
  "https:\\\\bank.example/x",
  "https://\tbank.example/x",
  "HTTPS://BANK.EXAMPLE/x",
  "https://xn--bnk-ela.example/x",
  "https://own.example:port/x",
  "https://",
  "ftp://own.example/x",
  "bank.example/x",
  "@bank.example/x",
  "\\\\bank.example/x",
  "\t//bank.example/x",
  "",
];
/** The URL that it leads to. */
const HERE: [path: string, url: string][] = [
  ["/x", "https://own.example/x"],
  ["//bank.example/x", "https://own.example//bank.example/x"],
  ["/\\bank.example/x", "https://own.example//bank.example/x"],
  ["/\t/bank.example/x", "https://own.example//bank.example/x"],
  ["/@bank.example/x", "https://own.example/@bank.example/x"],
  ["/x?https://bank.example/", "https://own.example/x?https://bank.example/"],
  ["https://own.example/x", "https://own.example/x"],
  ["HTTPS://OWN.EXAMPLE:443/x", "https://own.example/x"],
  [
    "https://own.example\\@bank.example/x",
    "https://own.example/@bank.example/x",
  ],
  ["https://own%2eexample/x", "https://own.example/x"],
];

Deno.test("a :path has the origin of :scheme and :host, in requests and in pushes", () => {
  const list = (path: string, host = "own.example"): NameValue[] => [
    [":host", host],
    [":method", "GET"],
    [":path", path],
    [":scheme", "https"],
    [":version", "HTTP/1.1"],
  ];
  for (const path of ELSEWHERE) {
    for (const read of [readRequestHead, readPushedUrl]) {
      assertThrows(() => read(list(path)), HttpMessageError, ":path", path);
    }
  }
  for (const [path, expected] of HERE) {
    assertEquals(new URL(readRequestHead(list(path)).url).href, expected, path);
    assertEquals(readPushedUrl(list(path)), expected, path);
  }
  for (const host of ["bank.example/", "a@b", "a\\b", "a b", "a#", "a?b", ""]) {
    for (const read of [readRequestHead, readPushedUrl]) {
      assertThrows(
        () => read(list("/x", host)),
        HttpMessageError,
        ":host",
        host,
      );
    }
  }
  assertEquals(readPushedUrl(list("/x#part")), "https://own.example/x");
});

Deno.test("an empty query is sent, and a fragment is not", () => {
  const paths = [
    ["/a?", "/a?"],
    ["/a??", "/a??"],
    ["/a?b?", "/a?b?"],
    ["/a#?", "/a"],
    ["/a?#?", "/a?"],
  ];
  for (const [given, sent] of paths) {
    const nv = writeRequestHead(
      "GET",
      new URL(given, "http://h"),
      undefined,
      undefined,
    );
    assertEquals(nv[2], [":path", sent], given);
  }
});
