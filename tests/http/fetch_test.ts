/** `Connection.fetch`, against servers that answer frame by frame. */

import { StreamResetError } from "../../connection/errors.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import { ZlibError } from "../../errors.ts";
import {
  CANCEL,
  INTERNAL_ERROR,
  PROTOCOL_ERROR,
} from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { Client } from "../../http/client/client.ts";
import type { FetchInit } from "../../http/fetch/fetch_init.ts";
import { connect } from "../../http/connect.ts";
import type { Connection } from "../../http/connection.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import { serve } from "../../http/server/serve.ts";
import { compress } from "../../zlib/mod.ts";
import { assert, assertEquals, assertRejects } from "../deps.ts";
import { memoryPair, type Pair, tcpPair } from "../helpers/connections.ts";
import { waitFor } from "../helpers/deadline.ts";
import {
  assertFetchFails,
  httpPair,
  nextStream,
  readBody,
  RESPONSE,
  valueOf,
  VERSIONS,
  writeBody,
} from "../helpers/http.ts";
import { versionName } from "../helpers/version_name.ts";

async function writeBytes(stream: Stream, bytes: Uint8Array): Promise<void> {
  const writer = stream.writable.getWriter();
  await writer.write(bytes);
  await writer.close();
}

/** Answers the next stream with a head and a body. */
async function answer(
  server: Connection,
  nv: readonly NameValue[],
  body: string | Uint8Array = "",
): Promise<Stream> {
  const stream = await nextStream(server);
  await stream.reply([...nv]);
  if (typeof body === "string") await writeBody(stream, body);
  else await writeBytes(stream, body);
  return stream;
}

/** The client's response to a request whose body the server sends in a content coding. */
async function encoded(
  { client, server }: Pair,
  coding: string,
  body: Uint8Array,
): Promise<Response> {
  const asked = client.fetch("http://h/");
  await answer(server, [...RESPONSE, ["content-encoding", coding]], body);
  const response = await asked;
  assertEquals(response.headers.get("content-encoding"), coding);
  return response;
}

for (const version of VERSIONS) {
  Deno.test(`fetch: a request and its response are complete, ${versionName(version)}`, async () => {
    await using pair = await tcpPair({ version });
    const asked = pair.client.fetch("https://example.org/p?q", {
      headers: { accept: "text/html" },
      pri: 3,
    });
    const stream = await nextStream(pair.server);
    assertEquals(stream.pri, 3);
    const pseudo = stream.headers.filter(([name]) => name.startsWith(":"));
    assertEquals(Object.fromEntries(pseudo), {
      ":host": "example.org",
      ":method": "GET",
      ":path": "/p?q",
      ":scheme": "https",
      ":version": "HTTP/1.1",
    });
    assertEquals(valueOf(stream.headers, "accept"), "text/html");
    assertEquals(valueOf(stream.headers, "accept-encoding"), "gzip, deflate");
    assertEquals(valueOf(stream.headers, "user-agent"), navigator.userAgent);
    assertEquals(await readBody(stream), "");
    await stream.reply([[":status", "404 Not Here"], [":version", "HTTP/1.1"]]);
    await writeBody(stream, "gone");
    const response = await asked;
    assertEquals(response.status, 404);
    assertEquals(response.statusText, "Not Here");
    assertEquals(response.ok, false);
    assert(response instanceof Response);
    assertEquals(response.url, "https://example.org/p?q");
    assertEquals(response.stream.id, 1);
    assertEquals(await response.text(), "gone");
  });

  Deno.test(`fetch: a response without a required pair is reset, ${versionName(version)}`, async () => {
    await using pair = memoryPair({ version });
    for (const [name] of RESPONSE) {
      const asked = pair.client.fetch("http://h/");
      const stream = await nextStream(pair.server);
      await stream.reply(RESPONSE.filter((each) => each[0] !== name));
      await assertFetchFails(
        () => asked,
        HttpMessageError,
        `the response has no ${name}`,
      );
      assertEquals(await stream.closed, PROTOCOL_ERROR);
    }
  });
}

Deno.test("fetch: a part of a body is asked for without compression, unless the caller says otherwise", async () => {
  await using pair = memoryPair();
  const cases: [headers: HeadersInit, coding: string][] = [
    [{ Range: "bytes=0-3" }, "identity"],
    [{ range: "bytes=0-3", "Accept-Encoding": "br" }, "br"],
    [{ "x-range": "bytes=0-3" }, "gzip, deflate"],
  ];
  for (const [headers, coding] of cases) {
    const asked = pair.client.fetch("http://h/", { headers });
    const stream = await answer(pair.server, RESPONSE, "part");
    assertEquals(
      stream.headers.filter(([name]) => name === "accept-encoding"),
      [["accept-encoding", coding]],
    );
    assertEquals(await (await asked).text(), "part");
  }
});

Deno.test("fetch: an invalid status and invalid header names are errors", async () => {
  await using pair = memoryPair();
  const wrong: NameValue[][] = [
    [[":status", "100"], [":version", "HTTP/1.1"]],
    [[":status", "abc"], [":version", "HTTP/1.1"]],
    [...RESPONSE, ["content-length", "x"]],
  ];
  for (const nv of wrong) {
    const asked = pair.client.fetch("http://h/");
    const stream = await nextStream(pair.server);
    await stream.reply(nv);
    await assertFetchFails(() => asked, HttpMessageError);
    assertEquals(await stream.closed, PROTOCOL_ERROR);
  }
});

Deno.test("fetch: an invalid request is refused before anything is sent", async () => {
  await using pair = memoryPair();
  const { client } = pair;
  await assertRejects(() => client.fetch("/no/base"), TypeError);
  await assertRejects(() => client.fetch("ftp://h/"), TypeError);
  await assertRejects(() => client.fetch("http://user:pass@h/"), TypeError);
  await assertRejects(
    () => client.fetch("http://h/", { body: "x" }),
    TypeError,
  );
  await assertRejects(
    () => client.fetch("http://h/", { method: "CONNECT" }),
    TypeError,
  );
  const asked = client.fetch("http://h/");
  const stream = await answer(pair.server, RESPONSE);
  assertEquals(stream.id, 1);
  await (await asked).text();
});

Deno.test("fetch: it accepts a Request", async () => {
  await using pair = memoryPair();
  const asked = pair.client.fetch(
    new Request("http://h/x", {
      method: "PATCH",
      headers: { "x-a": "b" },
      body: "patch",
    }),
  );
  const stream = await nextStream(pair.server);
  assertEquals(valueOf(stream.headers, ":method"), "PATCH");
  assertEquals(valueOf(stream.headers, "x-a"), "b");
  assertEquals(await readBody(stream), "patch");
  await stream.reply([...RESPONSE], { fin: true });
  await (await asked).text();
});

Deno.test("fetch: every kind of body is sent, with its length if that is known", async () => {
  await using pair = memoryPair();
  const form = new URLSearchParams({ a: "1" });
  const bytes = new TextEncoder().encode("bytes");
  const kinds: [BodyInit, string, string | undefined][] = [
    ["text", "text", "4"],
    [bytes, "bytes", "5"],
    [bytes.buffer, "bytes", "5"],
    [form, "a=1", "3"],
    [new Blob(["blob"]), "blob", "4"],
    [ReadableStream.from([bytes]), "bytes", undefined],
  ];
  for (const [body, text, length] of kinds) {
    const asked = pair.client.fetch("http://h/", { method: "POST", body });
    const stream = await nextStream(pair.server);
    assertEquals(valueOf(stream.headers, "content-length"), length);
    assertEquals(await readBody(stream), text);
    await stream.reply([...RESPONSE], { fin: true });
    await (await asked).text();
  }
});

Deno.test("fetch: a POST without a body has content-length 0", async () => {
  await using pair = memoryPair();
  const asked = pair.client.fetch("http://h/", { method: "POST" });
  const stream = await nextStream(pair.server);
  assertEquals(valueOf(stream.headers, "content-length"), "0");
  await stream.reply([...RESPONSE], { fin: true });
  await (await asked).text();
});

Deno.test("fetch: a connection returns redirects to the caller by default", async () => {
  await using pair = memoryPair();
  const asked = pair.client.fetch("http://h/");
  await answer(pair.server, [
    [":status", "302"],
    [":version", "HTTP/1.1"],
    ["location", "/elsewhere"],
  ]);
  const response = await asked;
  assertEquals(response.status, 302);
  assertEquals(response.headers.get("location"), "/elsewhere");
  await response.text();
});

Deno.test("fetch: gzip and deflate are decoded, also in combination", async () => {
  await using pair = memoryPair();
  const text = "a body that repeats, ".repeat(1000);
  const plain = new TextEncoder().encode(text);
  const gzip = await compress(plain, "gzip");
  const bodies: [string, Uint8Array][] = [
    ["gzip", gzip],
    ["x-gzip", gzip],
    ["GZIP", gzip],
    ["deflate", await compress(plain, "deflate")],
    ["gzip, deflate", await compress(gzip, "deflate")],
    ["identity", plain],
    ["br", plain], // not known: left as it is
  ];
  for (const [coding, body] of bodies) {
    const response = await encoded(pair, coding, body);
    assertEquals(await response.text(), text);
  }
});

Deno.test("fetch: a body with an unknown coding is not decoded", async () => {
  await using pair = memoryPair();
  const body = await compress(new TextEncoder().encode("a body"), "gzip");
  for (const coding of ["br, gzip", "gzip, zstd", "br"]) {
    const response = await encoded(pair, coding, body);
    assertEquals(await response.bytes(), body);
  }
});

Deno.test("fetch: content-encoding may list five codings, in one line or several", async () => {
  await using pair = memoryPair();
  let body = new TextEncoder().encode("a body");
  for (let i = 0; i < 5; i++) body = await compress(body, "gzip");
  const five = "gzip, identity, gzip,, gzip, gzip, gzip";
  const asked = pair.client.fetch("http://h/");
  await answer(pair.server, [...RESPONSE, ["content-encoding", five]], body);
  assertEquals(await (await asked).text(), "a body");
  const lines = pair.client.fetch("http://h/");
  await answer(
    pair.server,
    [...RESPONSE, ["content-encoding", "gzip, gzip"], [
      "content-encoding",
      "gzip, gzip, gzip",
    ]],
    body,
  );
  assertEquals(await (await lines).text(), "a body");
  for (const many of [6, 10_000]) {
    const coding = Array(many).fill("gzip").join(",");
    const refused = pair.client.fetch("http://h/");
    await answer(pair.server, [...RESPONSE, ["content-encoding", coding]], "");
    await assertFetchFails(
      () => refused,
      HttpMessageError,
      `content-encoding lists ${many} codings, but at most 5 are supported`,
    );
  }
});

Deno.test("fetch: corrupt or truncated gzip fails the body", async () => {
  await using pair = memoryPair();
  const gzip = await compress(new Uint8Array(10_000), "gzip");
  const broken = gzip.slice();
  broken[20] ^= 0xff;
  for (const body of [broken, gzip.subarray(0, 20), new Uint8Array(5)]) {
    const asked = pair.client.fetch("http://h/");
    await answer(
      pair.server,
      [...RESPONSE, ["content-encoding", "gzip"]],
      body,
    );
    const response = await asked;
    await assertFetchFails(() => response.bytes(), ZlibError);
  }
});

Deno.test("fetch: HEAD and 204 have no body, and bytes that arrive are dropped", async () => {
  await using pair = memoryPair();
  for (
    const [method, status] of [["HEAD", "200"], ["GET", "204"], ["GET", "304"]]
  ) {
    const asked = pair.client.fetch("http://h/", { method });
    const stream = await answer(
      pair.server,
      [[":status", status], [":version", "HTTP/1.1"], [
        "content-encoding",
        "gzip",
      ]],
      "not to be had",
    );
    const response = await asked;
    assertEquals(response.body, null);
    assertEquals(await stream.closed, 0);
  }
});

Deno.test("fetch: the signal aborts before the request, during the wait and during the body", async () => {
  await using pair = memoryPair();
  const reason = new Error("no longer wanted");
  await assertRejects(
    () => pair.client.fetch("http://h/", { signal: AbortSignal.abort(reason) }),
    Error,
    reason.message,
  );

  const waiting = new AbortController();
  const asked = pair.client.fetch("http://h/", { signal: waiting.signal });
  const first = await nextStream(pair.server);
  waiting.abort(reason);
  assert(await asked.catch((error) => error) === reason);
  assertEquals(await first.closed, CANCEL);

  const reading = new AbortController();
  const begun = pair.client.fetch(
    new Request("http://h/", { signal: reading.signal }),
  );
  const second = await nextStream(pair.server);
  await second.reply([...RESPONSE]);
  const response = await begun;
  const body = response.text();
  reading.abort(reason);
  await assertRejects(() => body, Error, reason.message);
  assertEquals(await second.closed, CANCEL);
});

Deno.test("fetch: cancelling the body resets the stream", async () => {
  await using pair = memoryPair();
  const asked = pair.client.fetch("http://h/");
  const stream = await nextStream(pair.server);
  await stream.reply([...RESPONSE]);
  await (await asked).body?.cancel();
  assertEquals(await stream.closed, CANCEL);
});

Deno.test("fetch: a request body that fails resets the stream", async () => {
  await using pair = memoryPair();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error("broken source"));
    },
  }, { highWaterMark: 0 });
  const asked = pair.client.fetch("http://h/", { method: "POST", body });
  const stream = await nextStream(pair.server);
  await assertRejects(() => asked, Error, "broken source");
  assertEquals(await stream.closed, INTERNAL_ERROR);
});

Deno.test("fetch: a body that is locked right after the call resets the stream", async () => {
  await using pair = memoryPair();
  const body = new ReadableStream<Uint8Array>();
  const asked = pair.client.fetch("http://h/", { method: "POST", body });
  body.getReader();
  const stream = await nextStream(pair.server);
  await assertRejects(
    () => waitFor("the error of the locked body", asked, 10_000),
    TypeError,
    "give each request a stream of its own",
  );
  assertEquals(await stream.closed, INTERNAL_ERROR);
});

Deno.test("fetch: of two requests with the same stream as their body, the second one fails", async () => {
  await using pair = await httpPair(async (request) =>
    new Response(await request.text())
  );
  const body = new Blob(["abc"]).stream();
  const init: FetchInit = { method: "POST", body };
  const [first, second] = [
    pair.client.fetch("/", init),
    pair.client.fetch("/", init),
  ];
  await assertRejects(
    () => waitFor("the error of the second request", second, 10_000),
    TypeError,
    "locked",
  );
  assertEquals(await (await first).text(), "abc");
});

Deno.test("fetch: a stream that the server resets is an error", async () => {
  await using pair = memoryPair();
  const asked = pair.client.fetch("http://h/");
  (await nextStream(pair.server)).reset(INTERNAL_ERROR);
  const error = await assertFetchFails(() => asked, StreamResetError);
  assertEquals(error.statusCode, INTERNAL_ERROR);
  assertEquals(error.unprocessed, false);

  const begun = pair.client.fetch("http://h/");
  const stream = await nextStream(pair.server);
  await stream.reply([...RESPONSE]);
  const response = await begun;
  stream.reset(CANCEL);
  await assertFetchFails(() => response.text(), StreamResetError);
  await assertRejects(() => response.trailers, StreamResetError);
});

Deno.test("fetch: a response has its trailers", async () => {
  await using pair = memoryPair();
  const asked = pair.client.fetch("http://h/");
  const stream = await nextStream(pair.server);
  await stream.reply([...RESPONSE]);
  const writer = stream.writable.getWriter();
  await writer.write(new Uint8Array(3));
  await stream.sendHeaders([["x-one", "1"]]);
  await stream.sendHeaders([["x-two", "2"]], { fin: true });
  const response = await asked;
  assertEquals((await response.bytes()).length, 3);
  assertEquals([...await response.trailers], [["x-one", "1"], ["x-two", "2"]]);
});

Deno.test("fetch: values outside ASCII arrive with the same bytes", async () => {
  await using pair = memoryPair();
  const asked = pair.client.fetch("http://h/");
  await answer(pair.server, [...RESPONSE, ["x-name", "\u65e5"]]);
  const response = await asked;
  assertEquals(response.headers.get("x-name"), "\xe6\x97\xa5");
  await response.text();
});

Deno.test("fetch: the body of a request that fails before it is sent is cancelled", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(),
  );
  const { port } = server.addr;
  await using client = new Client();
  await using connection = await connect({ port });
  const closed = await connect({ port });
  await closed.close();
  const signal = AbortSignal.abort("gone");
  const calls = [
    (init: FetchInit) => connection.fetch("/", { ...init, signal }),
    (init: FetchInit) =>
      client.fetch(`http://127.0.0.1:${port}/`, { ...init, signal }),
    (init: FetchInit) => closed.fetch("/", init),
  ];
  for (const call of calls) {
    const cancelled = Promise.withResolvers<void>();
    const body = new ReadableStream({
      pull: () => new Promise(() => {}),
      cancel: () => cancelled.resolve(),
    }, { highWaterMark: 0 });
    const failed = await call({ method: "POST", body })
      .then(() => false, () => true);
    assert(failed);
    await cancelled.promise;
  }
});
