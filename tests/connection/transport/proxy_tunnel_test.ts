/** The request for a tunnel and its answer, to the byte. */

import { ProxyError } from "../../../connection/errors.ts";
import { readProxy } from "../../../connection/transport/proxy_settings.ts";
import { openTunnel } from "../../../connection/transport/proxy_tunnel.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import { ERR_EOF, ERR_PROTO } from "../../../errors.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

const PROXY = readProxy({ url: "http://proxy.example:3128" });
const TARGET = { hostname: "example.org", port: 443 };
const MOST = 16 * 1024;

/** A connection to a proxy that answers with this text, one read for each part. */
class FakeProxy implements ByteConn {
  readonly #answer: number[];
  readonly #largest: number;
  /** How reads settle after the answer: with an error, never, or with the end of input. */
  readonly end: Error | "silent" | undefined;
  sent = "";
  open = true;

  constructor(answer: string, largest = 4, end?: Error | "silent") {
    this.#answer = Array.from(answer, (each) => each.charCodeAt(0));
    this.#largest = largest;
    this.end = end;
  }

  get left(): number {
    return this.#answer.length;
  }

  read(into: Uint8Array): Promise<number | null> {
    const part = this.#answer.splice(0, Math.min(into.length, this.#largest));
    into.set(part);
    if (part.length > 0) return Promise.resolve(part.length);
    if (this.end === "silent") return new Promise(() => {});
    return this.end === undefined
      ? Promise.resolve(null)
      : Promise.reject(this.end);
  }

  write(data: Uint8Array): Promise<number> {
    const part = data.subarray(0, 10);
    this.sent += String.fromCharCode(...part);
    return Promise.resolve(part.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.open = false;
  }
}

function tunnel(proxy: FakeProxy, settings = PROXY): Promise<ByteConn> {
  return openTunnel(
    settings,
    TARGET,
    () => Promise.resolve(proxy),
    undefined,
    undefined,
  );
}

/** An answer of this status whose head has `length` bytes. */
function answerOf(status: number, length: number): string {
  const begin = `HTTP/1.1 ${status} x\r\na: `;
  return begin + "b".repeat(length - begin.length - 4) + "\r\n\r\n";
}

Deno.test("proxy tunnel: the request has the target twice, and the headers of the option", async () => {
  using _time = virtualTime();
  const proxy = new FakeProxy("HTTP/1.1 200 OK\r\n\r\n");
  const url = "http://proxy.example:3128";
  await tunnel(proxy, readProxy({ url, headers: { "x-a": "b" } }));
  assertEquals(
    proxy.sent,
    "CONNECT example.org:443 HTTP/1.1\r\nhost: example.org:443\r\nx-a: b\r\n\r\n",
  );
  assertEquals(proxy.open, true);
});

Deno.test("proxy tunnel: not one byte after the answer is read, however its bytes arrive", async () => {
  using _time = virtualTime();
  for (const largest of [1, 2, 3, 4]) {
    for (
      const head of [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 299\r\na: \r\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
      ]
    ) {
      const proxy = new FakeProxy(`${head}SPDY`, largest);
      await tunnel(proxy);
      assertEquals(proxy.left, 4, JSON.stringify([head, largest]));
    }
  }
});

Deno.test("proxy tunnel: all heads of an answer together have 16 KiB", async () => {
  using _time = virtualTime();
  for (
    const fitting of [
      answerOf(200, MOST),
      answerOf(100, MOST - 100) + answerOf(200, 100),
    ]
  ) await tunnel(new FakeProxy(fitting));
  for (
    const long of [
      answerOf(200, MOST + 1),
      answerOf(100, MOST - 100) + answerOf(200, 101),
    ]
  ) {
    const proxy = new FakeProxy(long);
    const error = await assertRejects(() => tunnel(proxy), ProxyError);
    assertEquals(
      error.message,
      "the answer of the proxy http://proxy.example:3128 is longer than 16384 bytes",
    );
    assertEquals([error.code, proxy.open], [ERR_PROTO, false]);
  }
});

Deno.test("proxy tunnel: which statuses open a tunnel, and which refuse it", async () => {
  using _time = virtualTime();
  for (const status of [200, 204, 299]) {
    await tunnel(new FakeProxy(answerOf(status, 100)));
  }
  for (const status of [101, 300, 404, 999]) {
    const proxy = new FakeProxy(`HTTP/1.1 ${status}\r\n\r\n`);
    const error = await assertRejects(() => tunnel(proxy), ProxyError);
    assertEquals(
      error.message,
      `the proxy http://proxy.example:3128 refused to open a tunnel to example.org:443: ${status}`,
    );
    assertEquals([error.status, proxy.open], [status, false]);
  }
});

Deno.test("proxy tunnel: what is no HTTP is an error with its first bytes, as soon as they are known", async () => {
  using _time = virtualTime();
  const begin =
    "the proxy http://proxy.example:3128 does not answer in HTTP/1.1, but with";
  for (
    const [answer, text] of [
      ["X", `${begin} "X"`],
      ["HTT-", `${begin} "HTT-"`],
      ["HTTP/2.", `${begin} "HTTP/2."`],
      [
        `HTTP/1.1 2000 ${"y".repeat(100)}\r\n\r\n`,
        `the proxy http://proxy.example:3128 does not answer in HTTP/1.1, but with "HTTP/1.1 2000 ${
          "y".repeat(26)
        }"`,
      ],
    ]
  ) {
    const proxy = new FakeProxy(answer, 4, "silent");
    const error = await assertRejects(() => tunnel(proxy), ProxyError);
    assertEquals([error.message, error.status], [text, undefined]);
    assertEquals(proxy.open, false);
  }
});

Deno.test("proxy tunnel: a proxy that leaves or fails before its answer is closed, and the error says so", async () => {
  using _time = virtualTime();
  const left = new FakeProxy("HTTP/1.1 200 OK\r\n\r");
  const error = await assertRejects(() => tunnel(left), ProxyError);
  assertEquals(
    [error.message, error.code, left.open],
    [
      "the proxy http://proxy.example:3128 closed the connection before it answered",
      ERR_EOF,
      false,
    ],
  );
  const reset = new Error("reset");
  const failed = new FakeProxy("HTTP", 4, reset);
  const failure = await assertRejects(() => tunnel(failed), ProxyError);
  assertEquals(
    [failure.message, failure.code, failure.cause, failed.open],
    [
      "the proxy http://proxy.example:3128 did not answer: reset",
      ERR_EOF,
      reset,
      false,
    ],
  );
  const refused = await assertRejects(
    () =>
      openTunnel(
        PROXY,
        TARGET,
        () => Promise.reject(reset),
        undefined,
        undefined,
      ),
    ProxyError,
    "the proxy http://proxy.example:3128 could not be reached: reset",
  );
  assertEquals(refused.code, ERR_EOF);
});

Deno.test("proxy tunnel: a silent proxy has 30 s by default, and is closed; an open tunnel has no timer", async () => {
  using time = virtualTime();
  const silent = new FakeProxy("HTTP/1.1 200 OK\r\n\r\n", 4, "silent");
  await tunnel(silent);
  assertEquals(time.timers, 0);
  await time.advance(60_000);
  assertEquals(silent.open, true);
  const hanging = new FakeProxy("HTTP/1.1 200", 4, "silent");
  tunnel(hanging).catch(() => {});
  await time.advance(29_999);
  assertEquals(hanging.open, true);
  await time.advance(1);
  assertEquals([hanging.open, time.timers], [false, 0]);
});

Deno.test("proxy tunnel: a connection that exists only after the abort is closed", async () => {
  using _time = virtualTime();
  const abort = new AbortController();
  const proxy = new FakeProxy("HTTP/1.1 200 OK\r\n\r\n");
  const opened = Promise.withResolvers<ByteConn>();
  const opening = openTunnel(
    PROXY,
    TARGET,
    () => opened.promise,
    undefined,
    abort.signal,
  );
  abort.abort(new Error("not wanted"));
  opened.resolve(proxy);
  await assertRejects(() => opening, Error, "not wanted");
  await turn();
  assertEquals([proxy.open, proxy.sent], [false, ""]);
});
