/**
 * The memory that streams can make a connection hold: HEADERS that accumulate,
 * and streams that nobody takes.
 *
 * @module
 */

import { coreOf } from "../../connection.ts";
import { AcceptQueue } from "../../connection/accept_queue.ts";
import { sizeOfHeaders } from "../../connection/stream/held_bytes.ts";
import { Trailers, trailersRoom } from "../../connection/buffers/trailers.ts";
import {
  CLIENT,
  connect,
  Connection,
  type CtrlFrame,
  DATA,
  FRAME_TOO_LARGE,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  REFUSED_STREAM,
  serve,
  SERVER,
  type ServeTcpOptions,
  type Stream,
  StreamResetError,
} from "../../mod.ts";
import { assert, assertEquals, assertLess, assertRejects } from "../deps.ts";
import { memoryPair, memoryStreams } from "../helpers/connections.ts";
import { assertFetchFails, nextStream, REQUEST } from "../helpers/http.ts";
import { turn } from "../helpers/virtual_time.ts";
import {
  headers,
  RawPeer,
  rstStream,
  synReply,
  synStream,
} from "./raw_peer.ts";

Deno.test("held: HEADERS of a stream may have the size of one block, and no byte more", () => {
  const room = trailersRoom({ maxHeaderBlock: 1000, maxHeaderCount: 10 });
  assertEquals(room, 1000 + 64 * 11);
  const full: NameValue[] = [["x", "v".repeat(room - 2 * 64 - 1)]];
  assert(new Trailers().add(full, false, room));
  full[0][1] += "v";
  assert(!new Trailers().add(full, false, room));
  // The largest block that the limits allow always fits.
  const largest = Array.from({ length: 1024 }, (_, index): NameValue => [
    `name${index}`,
    "v".repeat(64 - 8 - `name${index}`.length),
  ]);
  assert(new Trailers().add(largest, false, trailersRoom()));
});

Deno.test("held: HEADERS without headers use memory while nothing takes them", () => {
  const room = trailersRoom();
  const waiting = new Trailers();
  let taken = 0;
  while (waiting.add([], false, room)) taken++;
  assertLess(taken, 3000);
  let handled = 0;
  waiting.handler = () => handled++;
  assertEquals(handled, taken);
  for (let count = 0; count < 5000; count++) {
    assert(waiting.add([], false, room));
  }
  assertEquals(handled, taken + 5000);
});

Deno.test("held: a stream with too many HEADERS is reset with FRAME_TOO_LARGE", async () => {
  const [left, right] = memoryStreams();
  await using server = new Connection(right, {
    side: SERVER,
    version: PROTO_SPDY3,
    limits: { maxHeaderBlock: 8192, maxHeaderCount: 8 },
  });
  const peer = new RawPeer(left, PROTO_SPDY3);
  peer.send(synStream(1));
  const stream = await nextStream(server);
  // Each one takes half of the room, so two fit.
  const half = headers(1, [["x", "v".repeat(4200)]]);
  peer.send(half, half);
  await peer.ping();
  assertEquals(peer.resets, []);
  peer.send(half);
  const error = await assertRejects(() => stream.trailers, StreamResetError);
  assertEquals(error.statusCode, FRAME_TOO_LARGE);
  await peer.ping();
  assertEquals(peer.resets, [[1, FRAME_TOO_LARGE]]);
});

Deno.test("held: untaken pushes are refused above maxWaitingStreams", async () => {
  const [left, right] = memoryStreams();
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3,
    maxWaitingStreams: 5,
  });
  const peer = new RawPeer(right, PROTO_SPDY3, true);
  const opening = client.openStream([["x", "1"]]);
  await opening;
  peer.send(synReply(1));
  // Each push ends at once, so the limit on open streams does not apply.
  for (let id = 2; id <= 20; id += 2) {
    peer.send(synStream(id, { assoc: 1, flags: id % 4 === 0 ? 2 : 3 }));
  }
  await peer.ping();
  // The sixth and later ones. Those with FIN have ended and need no reset.
  assertEquals(peer.resets, [12, 16, 20].map((id) => [id, REFUSED_STREAM]));
  for (let id = 2; id <= 10; id += 2) {
    assertEquals((await nextStream(client)).id, id);
  }
  peer.send(synStream(22, { assoc: 1, flags: 2 }));
  assertEquals((await nextStream(client)).id, 22);
});

Deno.test("held: by default as many streams may wait as may be open", async () => {
  await using pair = memoryPair({
    server: { limits: { maxConcurrentStreams: 300 } },
  });
  const streams = [];
  for (let count = 0; count < 300; count++) {
    streams.push(await pair.client.openStream([], { fin: true }));
  }
  await pair.client.ping();
  for (let count = 0; count < 300; count++) {
    const stream = await nextStream(pair.server);
    stream.reply([["n", `${count}`]], { fin: true });
  }
  for (const stream of streams) assertEquals((await stream.response).length, 1);
});

Deno.test("held: the queue of streams does not keep taken streams alive", async () => {
  const queue = new AcceptQueue<{ readonly bytes: Uint8Array }>();
  const make = () => ({ bytes: new Uint8Array(65536) });
  queue.push(make());
  const before = Deno.memoryUsage().external;
  for (let count = 0; count < 8192; count++) {
    queue.push(make());
    await queue.next();
    assertEquals(queue.size, 1);
  }
  assertLess(Deno.memoryUsage().external - before, 256 * 1024 * 1024);
});

Deno.test("held: headers of all streams together have a limit, and answers make room", async () => {
  const done = Promise.withResolvers<void>();
  let handled = 0;
  await using server = serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    maxHeldBytes: 56_000,
  }, async () => {
    handled++;
    await done.promise;
    return new Response("answered");
  });
  await using client = await connect({ port: server.addr.port });
  // 2048 bytes for the stream, 128 and one for each character of the header.
  const headers = { "x-large": "v".repeat(20_000) };
  const first = client.fetch("/", { headers });
  const second = client.fetch("/", { headers });
  const third = await assertFetchFails(
    () => client.fetch("/", { headers }),
    StreamResetError,
  );
  assertEquals(third.statusCode, REFUSED_STREAM);
  assert(third.unprocessed);
  // A small one still fits.
  const small = client.fetch("/");
  await client.ping();
  assertEquals(handled, 3);
  done.resolve();
  for (const response of await Promise.all([first, second, small])) {
    assertEquals(await response.text(), "answered");
  }
  // The handlers have ended, and no memory of theirs is held any more.
  for (let count = 0; count < 20; count++) {
    const response = await client.fetch("/", { headers });
    assertEquals(await response.text(), "answered");
  }
});

/** The status codes of `count` simultaneous requests, or why they failed. */
async function atOnce(
  count: number,
  headers: { request?: HeadersInit; response?: HeadersInit },
  options: ServeTcpOptions = {},
): Promise<Record<string, number>> {
  const all = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  let handled = 0;
  await using server = serve(
    { ...options, hostname: "127.0.0.1", port: 0, onListen() {} },
    async () => {
      if (++handled === count) all.resolve();
      await all.promise;
      const body = new ReadableStream({
        async pull(controller) {
          await done.promise;
          controller.close();
        },
      });
      return new Response(body, { headers: headers.response });
    },
  );
  await using client = await connect({ port: server.addr.port });
  // The client knows the limit of the server.
  await client.ping();
  const responses: Response[] = [];
  const tally: Record<string, number> = {};
  await Promise.all(Array.from({ length: count }, async () => {
    const outcome = await client.fetch("/", { headers: headers.request })
      .then((response) => {
        responses.push(response);
        return `${response.status}`;
      }, (error) => {
        all.resolve();
        return `${error}`.replace(/stream \d+/, "stream N");
      });
    tally[outcome] = (tally[outcome] ?? 0) + 1;
  }));
  done.resolve();
  await Promise.all(responses.map((response) => response.text()));
  return tally;
}

Deno.test("held: with the defaults, ordinary headers fit in as many streams as may be open", async () => {
  const long = "v".repeat(12_000);
  const many = Array.from(
    { length: 12 },
    (_, index): [string, string] => [
      `x-header-number-${index}`,
      `a value of about thirty bytes ${index}`,
    ],
  );
  const limits = { maxConcurrentStreams: 1000 };
  for (
    const [count, headers, options] of [
      [100, { request: { cookie: long } }, {}],
      [100, { response: { "content-security-policy": long } }, {}],
      [1000, { request: many }, { limits }],
      [1000, { response: many }, { limits }],
    ] as const
  ) {
    assertEquals(await atOnce(count, headers, options), { 200: count });
  }
});

Deno.test("held: a header counts the memory of its text", () => {
  const wide = "\u0100";
  const sizes: [nv: NameValue[], size: number][] = [
    [[], 64],
    [[["ab", "c".repeat(64)]], 64 + 128 + 4 + 128],
    [[["ab", "c".repeat(65)]], 64 + 128 + 4 + 65],
    [[["ab", wide.repeat(65)]], 64 + 128 + 4 + 130],
    // All of them are parts of one string.
    [[["ab", "c".repeat(99)], ["ab", wide]], 64 + 2 * (128 + 4) + 200],
    [[["ab", "c".repeat(99)], ["de", wide]], 64 + 2 * (128 + 4) + 99 + 2],
  ];
  for (const [nv, size] of sizes) assertEquals(sizeOfHeaders(nv), size);
});

Deno.test("held: a handler holds the memory of its stream, even after the stream has ended", async () => {
  const done = Promise.withResolvers<void>();
  await using server = serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    version: PROTO_SPDY3,
    maxHeldBytes: 150_000,
  }, async (request) => {
    if (request.method === "GET") return new Response();
    await done.promise;
    return new Response();
  });
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.addr.port,
  });
  const peer = new RawPeer(conn, PROTO_SPDY3);
  const post = REQUEST.map(([name, value]): NameValue =>
    name === ":method" ? [name, "POST"] : [name, value]
  );
  const data = new Uint8Array(60_000);
  for (const id of [1, 3, 5]) {
    await peer.send(
      synStream(id, { nv: [...post] }),
      { frameType: 0, streamId: id, flags: 0, data },
    );
    await peer.ping();
    await peer.send(rstStream(id));
    await peer.ping();
  }
  // Three times 60,000 unread bytes: there is no room for a fourth.
  assertEquals(peer.resets, []);
  await peer.send(synStream(7, { nv: [...post] }));
  await peer.ping();
  assertEquals(peer.resets, [[7, REFUSED_STREAM]]);
  done.resolve();
  await peer.ping();
  await peer.send(synStream(9, { flags: 1, nv: [...REQUEST] }));
  await peer.ping();
  assertEquals(peer.resets, [[7, REFUSED_STREAM]]);
  peer.close();
  await peer.ended;
});

Deno.test("held: a response whose headers do not fit fails with the reason", async () => {
  const [left, right] = memoryStreams();
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3,
    maxHeldBytes: 6_000,
  });
  const peer = new RawPeer(right, PROTO_SPDY3, true);
  const large: NameValue[] = [["x", "v".repeat(4000)]];
  const streams = [await client.openStream([]), await client.openStream([])];
  peer.send({ ...synReply(1), nv: large } as CtrlFrame);
  peer.send({ ...synReply(3), nv: large } as CtrlFrame);
  assertEquals(await streams[0].response, large);
  const error = await assertRejects(
    () => streams[1].response,
    StreamResetError,
    "hold more than maxHeldBytes",
  );
  assertEquals(error.statusCode, FRAME_TOO_LARGE);
  await peer.ping();
  assertEquals(peer.resets, [[3, FRAME_TOO_LARGE]]);
  // The end of the stream frees its room.
  streams[0].reset();
  const again = await client.openStream([]);
  peer.send({ ...synReply(5), nv: large } as CtrlFrame);
  assertEquals(await again.response, large);
  peer.close();
});

Deno.test("held: untaken streams hold their memory until they are taken", async () => {
  const [left, right] = memoryStreams();
  await using server = new Connection(right, {
    side: SERVER,
    version: PROTO_SPDY3,
    maxHeldBytes: 14_000,
  });
  const peer = new RawPeer(left, PROTO_SPDY3);
  const nv: NameValue[] = [["x", "v".repeat(3000)]];
  for (const id of [1, 3, 5]) {
    await peer.send(synStream(id, { flags: 1, nv }));
    await peer.send(rstStream(id));
    await peer.ping();
  }
  assertEquals(peer.resets, [[5, REFUSED_STREAM]]);
  assertEquals((await nextStream(server)).id, 1);
  await peer.send(synStream(7, { flags: 1, nv }));
  await peer.ping();
  assertEquals(peer.resets, [[5, REFUSED_STREAM]]);
  assertEquals((await nextStream(server)).id, 3);
  assertEquals((await nextStream(server)).id, 7);
  peer.close();
});

Deno.test("held: without windows, a stream that is reset keeps only unread bytes for which there is room", async () => {
  const [left, right] = memoryStreams();
  await using server = new Connection(right, {
    side: SERVER,
    version: PROTO_SPDY2,
    maxHeldBytes: 65536,
  });
  const peer = new RawPeer(left, PROTO_SPDY2);
  const size = 40_000;
  for (const id of [1, 3]) await peer.send(synStream(id));
  for (const streamId of [1, 3]) {
    await peer.send({
      frameType: DATA,
      flags: 0,
      streamId,
      data: new Uint8Array(size),
    });
    await peer.send(rstStream(streamId));
    await peer.ping();
  }
  const [kept, dropped] = [await nextStream(server), await nextStream(server)];
  const buffer = new Uint8Array(2 * size);
  assertEquals(await kept.read(buffer), size);
  for (const stream of [kept, dropped]) {
    await assertRejects(() => stream.read(buffer), StreamResetError, "CANCEL");
  }
  peer.close();
});

Deno.test("held: without windows, unread bytes of ended streams pause reading until they are taken", async () => {
  const size = 100_000;
  await using pair = memoryPair({
    version: PROTO_SPDY2,
    client: { maxHeldBytes: size, maxBufferedBytes: size },
  });
  const request = await pair.client.openStream([["a", "b"]]);
  const parent = await nextStream(pair.server);
  const pushes = await Promise.all(
    Array.from({ length: 6 }, () => parent.push([["p", "1"]])),
  );
  await pair.client.ping();
  assertEquals(coreOf(pair.client).counters.streams, 7);
  // One after the other, because each one by itself is below the limit.
  for (const push of pushes) {
    push.write(new Uint8Array(size)).then(() => push.closeWrite())
      .catch(() => {});
    await turns();
  }
  assert(coreOf(pair.client).counters.readingHeld);
  assertLess(coreOf(pair.client).counters.unread, 4 * size);
  // The application may keep those that it takes; reading continues.
  const taken: Stream[] = [];
  while (taken.length < pushes.length) {
    taken.push(await nextStream(pair.client));
  }
  for (const stream of taken) {
    let arrived = 0;
    for await (const chunk of stream.readable) arrived += chunk.length;
    assertEquals(arrived, size);
  }
  assertEquals(coreOf(pair.client).counters.unread, 0);
  request.reset();
});

/** Lets everything run that only waits for memory. */
async function turns(): Promise<void> {
  for (let count = 0; count < 60; count++) await turn();
}
