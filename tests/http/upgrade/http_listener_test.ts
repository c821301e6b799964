/**
 * The HTTP/1.1 listener on a transport that the test controls: what it answers,
 * in which order, and when it ends.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../deps.ts";
import {
  Client,
  decode,
  encode,
  listener,
} from "../../helpers/http1_client.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

const GET = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const UPGRADE =
  "GET /b HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";

Deno.test("listener: pipelined requests are answered in order, and an upgrade after them is returned", async () => {
  const { listener: http, heard } = listener();
  const client = new Client(GET + GET + UPGRADE + "\r\nrest");
  const call = await http.take(client);
  assertEquals(heard.urls, ["http://h/a", "http://h/a"]);
  assertEquals(client.received.match(/^HTTP\/1\.1 200 OK/gm)?.length, 2);
  assertEquals(call?.request.url, "http://h/b");
  const buffer = new Uint8Array(10);
  const size = await call?.conn.read(buffer);
  assertEquals(decode(buffer.subarray(0, size ?? 0)), "rest");
  assertEquals(client.closed, false);
});

Deno.test("listener: requests can be cut at every byte", async () => {
  const post =
    "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";
  const whole = GET + post + UPGRADE + "\r\n";
  for (let cut = 1; cut < whole.length; cut++) {
    const { listener: http } = listener();
    const client = new Client([whole.slice(0, cut), whole.slice(cut)]);
    const call = await http.take(client);
    assertEquals(call?.request.url, "http://h/b", `cut at ${cut}`);
    assertStringIncludes(client.received, "got abc0123456789");
    const short = new Client(whole.slice(0, cut), true);
    assertEquals(await http.take(short), undefined);
    assertEquals(short.closed, true);
  }
  const { listener: http } = listener();
  assert(await http.take(new Client([...whole])) !== undefined);
});

Deno.test("listener: after a refusal nothing more is read as a request", async () => {
  for (
    const [head, status] of [
      ["GET / HTTP/1.1\r\n\r\n", 400],
      [
        "TRACE / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        501,
      ],
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
      ["\x16\x03\x01\x02\x00", 400],
      [`GET / HTTP/1.1\r\nX: ${"y".repeat(2000)}`, 431],
      [`GET /${"y".repeat(2000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 431],
      ["POST / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n", 417],
      [`${UPGRADE}Content-Length: 1\r\n\r\nx`, 400],
      [`${UPGRADE}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
      [`${UPGRADE.replace("GET", "PUT")}\r\n`, 405],
      [`${UPGRADE.replace("GET", "HEAD")}\r\n`, 405],
      [`${UPGRADE}Origin: http://evil.example\r\n\r\n`, 403],
    ] as const
  ) {
    const { listener: http, heard } = listener();
    const client = new Client([head, GET], true);
    assertEquals(await http.take(client), undefined);
    assertMatch(client.received, new RegExp(`^HTTP/1\\.1 ${status} `));
    assertMatch(client.received, /\r\nconnection: close\r\n/);
    assertEquals(client.received.match(/^HTTP\//gm)?.length, 1, head);
    assertEquals(heard.urls, [], head);
    assertEquals(heard.errors.length, 1, head);
    assertEquals(client.closed, true);
  }
});

Deno.test("listener: pages of the same host or of an allowed origin may ask for an upgrade", async () => {
  const allowed = ["https://board.example"];
  for (
    const [host, origin, passes] of [
      ["h", "http://h", true],
      ["h", "https://h", true],
      ["h:443", "https://h", true],
      ["h:8080", "http://h:8080", true],
      ["h", "https://board.example", true],
      ["h", "https://board.example:444", false],
      ["h", "http://h:8080", false],
      ["h", "http://g.h", false],
      ["h", "null", false],
      ["h", "file://", false],
      ["h", "", false],
    ] as const
  ) {
    const { listener: http } = listener({ allowedOrigins: allowed });
    const head = UPGRADE.replace("Host: h", `Host: ${host}`);
    const client = new Client(`${head}Origin: ${origin}\r\n\r\n`, true);
    const call = await http.take(client);
    assertEquals(call !== undefined, passes, `${origin} asks ${host}`);
  }
});

Deno.test("listener: an unknown upgrade, one without Connection, and one of HTTP/1.0 are ignored", async () => {
  for (
    const head of [
      UPGRADE.replace("SPDY/3.1", "h2c"),
      UPGRADE.replace("Connection: Upgrade", "Connection: keep-alive"),
      UPGRADE.replace("HTTP/1.1", "HTTP/1.0"),
    ]
  ) {
    const { listener: http, heard } = listener();
    assertEquals(await http.take(new Client(`${head}\r\n`, true)), undefined);
    assertEquals(heard, { urls: ["http://h/b"], errors: [] });
  }
});

Deno.test("listener: answers are framed correctly, and the connection stays open if possible", async () => {
  const cases: [head: string, answer: Response, pattern: RegExp][] = [
    [
      GET,
      new Response(null, { status: 204 }),
      /^HTTP\/1\.1 204 No Content\r\ndate: [^\r]+\r\n\r\n$/,
    ],
    [GET, new Response(null), /\r\ncontent-length: 0\r\n\r\n$/],
    [
      GET,
      new Response("abc"),
      /\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/,
    ],
    [GET.replace("GET", "HEAD"), new Response("abc"), /[^\n]\r\n\r\n$/],
    [
      GET.replace("1.1", "1.0"),
      new Response("abc"),
      /\r\nconnection: close\r\n\r\nabc$/,
    ],
    [
      GET,
      new Response("a", { headers: { connection: "close" } }),
      /\r\nconnection: close\r\n\r\n1\r\na/,
    ],
    [
      GET.replace("\r\n\r\n", "\r\nConnection: x, Close\r\n\r\n"),
      new Response("a"),
      /\r\nconnection: close\r\n\r\n1\r\na/,
    ],
    [
      GET,
      new Response("a", {
        headers: { "transfer-encoding": "gzip", "content-length": "1" },
      }),
      /^(?!.*gzip).*\r\ncontent-length: 1\r\n\r\na$/s,
    ],
    [
      GET,
      new Response("a", { headers: { "x-a": "\xe9" }, statusText: "Fine" }),
      /^HTTP\/1\.1 200 Fine\r\n(.*\r\n)*x-a: \xe9\r\n/,
    ],
  ];
  for (const [head, answer, pattern] of cases) {
    const { listener: http } = listener({ request: () => answer });
    const client = new Client(head, true);
    await http.take(client);
    assertMatch(client.received, pattern);
  }
});

Deno.test("listener: a handler that fails is answered with 500 and reported", async () => {
  const used = new Response("x");
  await used.text();
  for (
    const request of [
      () => {
        throw new Error("no");
      },
      () => Promise.reject(new Error("no")),
      () => undefined as unknown as Response,
      () => used,
      () => Response.error(),
    ]
  ) {
    const { listener: http, heard } = listener({ request });
    const client = new Client(GET + GET, true);
    assertEquals(await http.take(client), undefined);
    assertEquals(client.received.match(/^HTTP\/1\.1 500 /gm)?.length, 2);
    assertEquals(heard.errors.length, 2);
  }
  // Its body fails in the middle, so the announced length is not reached.
  const { listener: http, heard } = listener({
    request: () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(encode("part"));
            controller.error(new Error("no more"));
          },
        }),
      ),
  });
  const client = new Client(GET + GET, true);
  await http.take(client);
  assert(!client.received.includes("\r\n0\r\n"));
  assertEquals(heard.errors.length, 1);
});

Deno.test("listener: a truncated or malformed body fails for its reader", async () => {
  const post = "POST / HTTP/1.1\r\nHost: h\r\n";
  for (
    const rest of [
      "Content-Length: 5\r\n\r\nabc",
      "Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
      `Transfer-Encoding: chunked\r\n\r\n${"f".repeat(15)}\r\n`,
      `Transfer-Encoding: chunked\r\n\r\n3;${"x".repeat(5000)}\r\nabc`,
      "Transfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n0\r\nx: y\r\n z: a\r\n\r\n",
      `Transfer-Encoding: chunked\r\n\r\n0\r\n${"x: y\r\n".repeat(1000)}\r\n`,
    ]
  ) {
    let outcome: string | undefined;
    const { listener: http } = listener({
      request: async (request) => {
        outcome = await request.text().catch((error) => error.name);
        return new Response();
      },
    });
    const client = new Client(`${post}${rest}`, true);
    assertEquals(await http.take(client), undefined);
    assertEquals(outcome, "HttpMessageError", rest.slice(0, 60));
    assertEquals(client.closed, true);
  }
});

Deno.test("listener: a short unread body is skipped, and a long one ends the connection", async () => {
  for (const [length, answers] of [[60_000, 2], [600_000, 1]]) {
    const { listener: http } = listener({ request: () => new Response() });
    const post =
      `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n`;
    const client = new Client([post, "x".repeat(length), GET], true);
    await http.take(client);
    assertEquals(client.received.match(/^HTTP/gm)?.length, answers);
  }
});

Deno.test("listener: 100 Continue is sent to a client that waits for it", async () => {
  const { listener: http } = listener();
  const client = new Client([
    "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    "abc",
  ], true);
  await http.take(client);
  assertMatch(
    client.received,
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /,
  );
});

Deno.test("listener: waits for the client are limited, and waits for a handler are not", async () => {
  using time = virtualTime();
  const answer = Promise.withResolvers<Response>();
  const { listener: http } = listener({ request: () => answer.promise });
  const silent = new Client("GET / HT");
  const slow = new Client(GET);
  const upload = new Client(
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na",
  );
  const taken = [silent, slow].map((client) => http.take(client));
  await time.advance(9_999);
  assertEquals(silent.closed, false);
  await time.advance(1);
  assertEquals(silent.closed, true);
  await time.advance(100_000);
  assertEquals(slow.closed, false);
  answer.resolve(new Response("late"));
  await turn();
  assertMatch(slow.received, /late/);
  await time.advance(10_000);
  assertEquals(slow.closed, true);
  await Promise.all(taken);
  // The same between the pieces of a body.
  const reading = listener().listener.take(upload);
  await time.advance(10_000);
  await reading;
  assertEquals(upload.closed, true);
  assertEquals(time.next, undefined);
});

Deno.test("listener: a client may have left when it is answered", async () => {
  for (const input of [GET, "nonsense\r\n\r\n", GET + GET + UPGRADE]) {
    const { listener: http, heard } = listener();
    const client = new Client(input);
    client.broken = true;
    assertEquals(await http.take(client), undefined);
    assertEquals(client.closed, true);
    assertEquals(heard.errors.length, input === "nonsense\r\n\r\n" ? 1 : 0);
  }
});

Deno.test("listener: close ends open connections and accepts no more", async () => {
  const { listener: http } = listener();
  const open = new Client("GET");
  const taken = http.take(open);
  await turn();
  http.close();
  assertEquals(await taken, undefined);
  assertEquals(open.closed, true);
  const late = new Client(GET);
  assertEquals(await http.take(late), undefined);
  assertEquals([late.closed, late.received], [true, ""]);
});

Deno.test("listener: an exception in error ends nothing", async () => {
  const { listener: http } = listener({
    error: () => {
      throw new Error("cannot be told");
    },
  });
  const client = new Client("nonsense\r\n\r\n", true);
  assertEquals(await http.take(client), undefined);
  assertMatch(client.received, /^HTTP\/1\.1 400 /);
});
