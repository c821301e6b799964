/** The HTTP/1.1 listener: bodies that are read late, and responses that cannot be sent as they are. */

import { assert, assertEquals, assertMatch } from "../../deps.ts";
import { dropInput } from "../../../http/upgrade/answer.ts";
import { Client, encode, listener } from "../../helpers/http1_client.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const HEAD = GET.replace("GET", "HEAD");
const OLD = GET.replace("1.1", "1.0");
const SIZE = 30_000;
const POST = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${SIZE}\r\n\r\n`;

/**
 * Reads to the end, with a pause before each read; resolves to the number of
 * bytes and how they ended.
 */
async function count(
  body: ReadableStreamDefaultReader<Uint8Array>,
  pause: () => Promise<void>,
): Promise<string> {
  let size = 0;
  try {
    for (;;) {
      await pause();
      const { done, value } = await body.read();
      if (done) return `end after ${size}`;
      size += value.length;
    }
  } catch (error) {
    return `${(error as Error).name} after ${size}`;
  }
}

Deno.test("listener: a handler that has begun to read gets the whole body, also after its answer", async () => {
  using time = virtualTime();
  for (
    const connection of ["keep-alive", "close"]
  ) {
    let outcome: Promise<string> | undefined;
    const { listener: http } = listener({
      request(request) {
        if (request.body === null) return new Response("second");
        const reader = request.body.getReader();
        outcome = count(reader, () => time.advance(100));
        return new Response("early", { headers: { connection } });
      },
    });
    const client = new Client(POST);
    const taken = http.take(client);
    await turn();
    assertMatch(client.received, /early/);
    // A client that waits for the end of the connection sees it at once.
    assertEquals(client.halfClosed, connection === "close");
    for (let sent = 0; sent < SIZE; sent += 1000) {
      client.say("x".repeat(1000));
      await turn();
    }
    client.say(GET);
    assertEquals(await outcome, `end after ${SIZE}`);
    await turn();
    assertEquals(
      client.received.includes("second"),
      connection === "keep-alive",
    );
    http.close();
    await taken;
  }
});

Deno.test("listener: a body that was dropped fails for a handler that begins too late", async () => {
  for (const sent of [SIZE, 10]) {
    let body: ReadableStream<Uint8Array> | null = null;
    const { listener: http } = listener({
      request(request) {
        body ??= request.body;
        return new Response("early");
      },
    });
    const client = new Client([POST, "x".repeat(sent)], true);
    await http.take(client);
    assertMatch(client.received, /early/);
    const outcome = await count(body!.getReader(), () => Promise.resolve());
    assertEquals(outcome, "HttpMessageError after 0");
  }
});

Deno.test("listener: a handler that stops reading keeps the connection only for the time limit", async () => {
  using time = virtualTime();
  let cancel: (() => Promise<void>) | undefined;
  const { listener: http } = listener({
    request(request) {
      if (request.body === null) return new Response("second");
      const reader = request.body.getReader();
      cancel = () => reader.cancel();
      return new Response("early");
    },
  });
  const given = new Client(POST + "x".repeat(SIZE) + GET);
  const taken = [http.take(given)];
  await turn();
  assert(!given.received.includes("second"));
  await cancel?.();
  await turn();
  assertMatch(given.received, /second/);
  const silent = new Client(POST + "x".repeat(SIZE) + GET);
  taken.push(http.take(silent));
  await time.advance(9_999);
  assert(!silent.received.includes("second"));
  await time.advance(1);
  await turn();
  assertMatch(silent.received, /second/);
  // A connection that this side closes is no longer waited for.
  const closed = new Client(POST);
  taken.push(http.take(closed));
  await turn();
  http.close();
  await Promise.all(taken);
  assertEquals(time.next, undefined);
});

Deno.test("listener: a body of another length than content-length ends the connection and is reported", async () => {
  for (const [length, sent] of [[8, "4"], [2, ""]] as const) {
    for (const head of [GET, OLD]) {
      let cancelled = false;
      const { listener: http, heard } = listener({
        request: () =>
          new Response(
            new ReadableStream({
              pull(controller) {
                controller.enqueue(encode("4444"));
                if (length === 8) controller.close();
              },
              cancel() {
                cancelled = true;
              },
            }),
            { headers: { "content-length": `${length}` } },
          ),
      });
      const client = new Client(head + GET, true);
      await http.take(client);
      assertMatch(
        client.received,
        new RegExp(`\r\ncontent-length: ${length}\r\n`),
      );
      assertEquals(client.received.split("\r\n\r\n")[1], sent.repeat(4));
      assertEquals([client.closed, client.halfClosed], [true, false]);
      assertEquals(heard.errors.length, 1);
      assertMatch(`${heard.errors[0]}`, /content-length is [82], but .*4 byte/);
      assertEquals(cancelled, length === 2);
    }
  }
});

Deno.test("listener: a response that cannot be sent is answered with 500 and reported", async () => {
  const locked = (): Response => {
    const response = new Response("x");
    response.body?.getReader();
    return response;
  };
  const failing = (): Response =>
    new Response(
      new ReadableStream({
        pull() {
          throw new Error("no body");
        },
      }),
    );
  const headers = (length: string) => ({
    headers: { "content-length": length },
  });
  for (
    const [head, request] of [
      [GET, locked],
      [HEAD, locked],
      [GET, () => new Response("x", headers("many"))],
      [GET, () => new Response(null, headers("3"))],
      [OLD, failing],
    ] as const
  ) {
    const { listener: http, heard } = listener({ request });
    const client = new Client(head, true);
    await http.take(client);
    assertMatch(client.received, /^HTTP\/1\.1 500 Internal Server Error\r\n/);
    assertEquals(client.received.match(/^HTTP/gm)?.length, 1);
    assertEquals(heard.errors.length, 1, `${request}`);
  }
});

Deno.test("listener: an HTTP/1.0 body that fails later is truncated and reported", async () => {
  let reads = 0;
  const { listener: http, heard } = listener({
    request: () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            if (reads++ > 0) throw new Error("no more");
            controller.enqueue(encode("part"));
          },
        }, { highWaterMark: 0 }),
      ),
  });
  const client = new Client(OLD, true);
  await http.take(client);
  assertMatch(client.received, /\r\n\r\npart$/);
  assertEquals([client.closed, client.halfClosed], [true, false]);
  assertEquals(heard.errors.length, 1);
});

Deno.test("listener: an answer without a body does not wait until the unsent body is cancelled", async () => {
  for (
    const cancel of [
      () => {
        throw new Error("cannot be cancelled");
      },
      () => Promise.withResolvers<void>().promise,
    ]
  ) {
    const { listener: http, heard } = listener({
      request: () =>
        new Response(new ReadableStream({ cancel }), {
          headers: { "content-length": "7" },
        }),
    });
    const client = new Client(HEAD + HEAD, true);
    await http.take(client);
    assertEquals(client.received.match(/^HTTP\/1\.1 200 OK/gm)?.length, 2);
    // As for GET (RFC 9110 8.6).
    assertEquals(client.received.match(/^content-length: 7\r$/gm)?.length, 2);
    const told = cancel.toString().includes("throw") ? 2 : 0;
    assertEquals(heard.errors.length, told);
  }
  const { listener: http } = listener({
    request: () => new Response(null, { status: 205 }),
  });
  const client = new Client(GET, true);
  await http.take(client);
  assertMatch(client.received, /\r\ncontent-length: 0\r\n/);
});

Deno.test("listener: a body that fetch decoded is sent without the length of the encoded one", async () => {
  const text = "text ".repeat(1000);
  const packed = new Blob([text]).stream().pipeThrough(
    new CompressionStream("gzip"),
  );
  const bytes = await new Response(packed).bytes();
  await using origin = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () =>
      new Response(bytes, {
        headers: {
          "content-encoding": "gzip",
          "content-length": `${bytes.length}`,
        },
      }),
  );
  const { listener: http, heard } = listener({
    request: () => fetch(`http://127.0.0.1:${origin.addr.port}/`),
  });
  const client = new Client(GET, true);
  await http.take(client);
  assertMatch(client.received, /\r\ntransfer-encoding: chunked\r\n/);
  assert(!client.received.includes("content-encoding"));
  assert(client.received.endsWith("\r\n0\r\n\r\n"));
  assert(client.received.replace(/\r\n[0-9a-f]+\r\n/g, "").includes(text));
  assertEquals(heard.errors, []);
});

Deno.test("after the answer: a client has one second to end and is then disconnected", async () => {
  using time = virtualTime();
  const silent = new Client("");
  const dropped = dropInput(silent);
  await time.advance(999);
  assertEquals(silent.closed, false);
  // Only its socket may keep the process alive.
  assertEquals(time.timers, 0);
  await time.advance(1);
  assertEquals(silent.closed, true);
  await dropped.catch(() => {});
});

Deno.test("after the answer: a limited number of bytes is dropped", async () => {
  using _time = virtualTime();
  const endless = new Client("x".repeat(1_000_000));
  await dropInput(endless);
  const { length } = endless.unread;
  assertEquals(length, 1_000_000 - 256 * 1024);
  assertEquals(endless.closed, false);
});
