/** Headers without `Headers`, and requests without `Request`: the result is the same. */

import { Buffer } from "node:buffer";
import type { FetchInit } from "../../http/fetch/fetch_init.ts";
import { appendHeaders } from "../../http/message/fields.ts";
import { prepareRequest } from "../../http/fetch/outgoing_request.ts";
import { plainHeaders } from "../../http/platform/plain_headers.ts";
import { takeBody } from "../../http/platform/take_body.ts";
import { assert, assertEquals, assertThrows } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { withStandIns } from "../helpers/with_stand_ins.ts";

const NAMES = [
  "a",
  "A",
  "content-type",
  "Content-Type",
  "x-b",
  "host",
  "",
  "b c",
];
const VALUES = [
  "",
  "x",
  " x",
  "x\t",
  "a b",
  "\u00e9",
  "a\nb",
  "\u0100",
  "\x7f",
];

function sorted(pairs: Iterable<[string, string]>): [string, string][] {
  return [...pairs].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
}

Deno.test("plain headers equal the result of Headers", () => {
  const random = new Random(20);
  let plain = 0;
  for (let round = 0; round < 5000; round++) {
    const pairs = Array.from(
      { length: random.int(0, 4) },
      (): [string, string] => [random.pick(NAMES), random.pick(VALUES)],
    );
    for (const init of [pairs, Object.fromEntries(pairs)]) {
      const found = plainHeaders(init);
      if (found === undefined) continue;
      plain++;
      assertEquals(sorted(found), sorted(new Headers(init)));
    }
  }
  assert(plain > 1000, `${plain}`);
});

Deno.test("other headers are left to Headers", () => {
  const others: unknown[] = [
    new Headers(),
    new Map([["a", "b"]]),
    new (class {
      a = "b";
    })(),
    { a: 1 },
    { a: undefined },
    { [Symbol("a")]: "b" },
    { [Symbol.iterator]: () => [["a", "b"]].values() },
    [["a"]],
    [["a", "b", "c"]],
    ["ab"],
    [new Set(["a", "b"])],
    [["a", 1]],
    undefined,
    null,
    { a: "x", A: "y" },
    [["a", "x"], ["a", "y"]],
    { "\u212a": "x" },
  ];
  for (const init of others) {
    assertEquals(plainHeaders(init as HeadersInit), undefined);
  }
  assertEquals(plainHeaders({ "X-A": "b", c: "" }), [["x-a", "b"], ["c", ""]]);
  assertEquals(plainHeaders(Object.assign(Object.create(null), { a: "b" })), [
    ["a", "b"],
  ]);
});

/** The result of a request, without `Request` if possible, and with it. */
async function prepared(url: string, init: FetchInit): Promise<unknown> {
  try {
    const request = await prepareRequest(url, init, "http://localhost:81");
    const { body, nv, method, signal } = request;
    return {
      url: request.url,
      method,
      nv: sorted(nv as [string, string][]),
      signal,
      body: body && await new Response(body as BodyInit).text(),
    };
  } catch (error) {
    return String(error);
  }
}

Deno.test("a request is the same with and without Request", async () => {
  const urls = [
    "http://localhost/",
    "/a/../b?c#d",
    "HTTP://LocalHost:80/%7Ea b",
    "https://x\u00e4.example/",
    "http://user@localhost/",
    "ftp://localhost/",
    "http://[",
    "nowhere",
  ];
  const controller = new AbortController();
  const inits: FetchInit[] = [
    { method: "POST" },
    { method: "POST", body: null },
    { method: "POST", body: "" },
    { method: "POST", body: "text \ud800" },
    { method: "PUT", body: "x", headers: { "Content-Type": "a/b" } },
    { method: "PUT", body: "x", headers: { "content-length": "1" } },
    { method: "PATCH", body: new Uint8Array([65]) },
    { method: "PATCH", body: new Uint8Array([65, 66]).subarray(1) },
    { method: "post", body: "x" },
    { method: "patch", body: "x" },
    { method: "REPORT", body: "x" },
    { method: "TRACE", body: "x" },
    { method: "GET", body: "x" },
    { method: "HEAD" },
    { method: "HEAD", body: "x" },
    { method: "DELETE", signal: controller.signal },
    { method: "DELETE", signal: null },
    { method: "POST", body: new URLSearchParams("a=b") },
    { method: "POST", body: new Blob(["x"], { type: "c/d" }) },
    { method: "POST", body: new ArrayBuffer(2) },
    { method: "POST", body: "x", headers: [["a", "1"], ["A", "2"]] },
    { method: "POST", body: "x", headers: [["host", "other"]] },
    { method: "POST", body: "x", headers: { connection: "close" } },
    { method: "POST", body: "x", headers: { "b c": "1" } },
    { method: "POST", body: "x", headers: { a: "\u0100" } },
    ...[null, "", 0, false].map((none) => (
      { method: "POST", body: "x", headers: none as unknown as HeadersInit }
    )),
    { method: "POST", trailers: {} },
    { method: "POST", body: 1 as unknown as string },
    { method: "POST", signal: {} as AbortSignal },
    { method: "POST", mode: "navigate" },
  ];
  for (const url of urls) {
    for (const init of inits) {
      // A member that only `Request` supports makes it use `Request`.
      const byRequest = { keepalive: false, ...init };
      assertEquals(
        await prepared(url, init),
        await prepared(url, byRequest),
        `${url} ${Deno.inspect(init)}`,
      );
    }
  }
});

Deno.test("invalid headers are refused, also for a plain GET", () => {
  for (const none of [null, "", 0, false]) {
    const headers = none as unknown as HeadersInit;
    assertThrows(() => prepareRequest("http://a/", { headers }), TypeError);
  }
  // In the form of `Headers`.
  const nv: [string, string][] = [];
  appendHeaders(nv, undefined as unknown as HeadersInit);
  assertEquals(nv, []);
});

Deno.test("a body in memory is copied", async () => {
  // The slice() of a node Buffer copies nothing.
  for (const body of [new Uint8Array([1, 2, 3]), Buffer.from([1, 2, 3])]) {
    const request = await prepareRequest("http://a/", { method: "POST", body });
    body.fill(0);
    assertEquals(request.body, new Uint8Array([1, 2, 3]));
  }
});

withStandIns.test("a response's body is taken in the form in which it was given", async () => {
  const text = new TextEncoder().encode("a=b");
  const inMemory: BodyInit[] = [
    "a=b",
    text,
    text.buffer,
    new DataView(text.buffer),
    new URLSearchParams("a=b"),
  ];
  for (const body of inMemory) {
    const response = new Response(body);
    assertEquals(takeBody(response), text);
    assert(response.bodyUsed);
    assert(response.body?.locked);
  }
  const json = Response.json({ a: 1 });
  assertEquals(takeBody(json), new TextEncoder().encode('{"a":1}'));
  assert(json.bodyUsed);
  assertEquals(takeBody(new Response()), null);
  const stream = new ReadableStream<Uint8Array>();
  assertEquals(takeBody(new Response(stream)), stream);
  const blob = takeBody(new Response(new Blob(["x"])));
  assert(blob instanceof ReadableStream);
  assertEquals(await new Response(blob as BodyInit).text(), "x");
});

Deno.test("a response that overrides its body is read through that override", () => {
  const own = new ReadableStream<Uint8Array>();
  class Own extends Response {
    override get body(): ReadableStream<Uint8Array<ArrayBuffer>> {
      return own as ReadableStream<Uint8Array<ArrayBuffer>>;
    }
  }
  assertEquals(takeBody(new Own("text")), own);
});
