/** Streams between two connections: headers, bodies, half-closed streams, resets, pushes. */

import {
  ConnectionClosedError,
  StreamResetError,
} from "../../../connection/errors.ts";
import type { Stream } from "../../../connection/stream/stream.ts";
import { InvalidArgumentError, SpdyError } from "../../../errors.ts";
import {
  CANCEL,
  INTERNAL_ERROR,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  REFUSED_STREAM,
  RST_STREAM,
} from "../../../frame/constants.ts";
import type { NameValue } from "../../../frame/types.ts";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertRejects,
} from "../../deps.ts";
import { memoryPair, tcpPair } from "../../helpers/connections.ts";
import { Random } from "../../helpers/random.ts";
import { versionName } from "../../helpers/version_name.ts";
import { nextStream } from "../../helpers/http.ts";

const VERSIONS = [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1] as const;
const HEADERS: NameValue[] = [["name", "value"]];

async function write(stream: Stream, bytes: Uint8Array): Promise<void> {
  const writer = stream.writable.getWriter();
  await writer.write(bytes);
  await writer.close();
}

async function read(stream: Stream): Promise<Uint8Array> {
  return await new Response(stream.readable).bytes();
}

for (const version of VERSIONS) {
  Deno.test(`stream: a request gets its answer, ${versionName(version)}`, async () => {
    await using pair = await tcpPair({ version });
    const opened = pair.client.openStream([["b", "2"], ["a", "1"]], {
      pri: 2,
      fin: true,
    });
    const incoming = await nextStream(pair.server);
    const stream = await opened;
    assertEquals(stream.id, 1);
    assertEquals(incoming.id, 1);
    assertEquals(incoming.headers, [["a", "1"], ["b", "2"]]);
    assertEquals(incoming.pri, 2);
    assertEquals(await read(incoming), new Uint8Array(0));
    await incoming.reply([["x", "y"]]);
    await write(incoming, new TextEncoder().encode("answer"));
    assertEquals(await stream.response, [["x", "y"]]);
    assertEquals(new TextDecoder().decode(await read(stream)), "answer");
    assertEquals(await stream.closed, 0);
    assertEquals(await incoming.closed, 0);
    assertEquals(await stream.trailers, []);
  });

  Deno.test(`stream: echoed bodies of all sizes are complete, ${versionName(version)}`, async () => {
    await using pair = await tcpPair({ version });
    const random = new Random(version);
    const sizes = [0, 1, 4096, 4097, 65535, 65536, 65537, 300_000, 5_000_000];
    const served = (async () => {
      for (let count = 0; count < sizes.length; count++) {
        const stream = await nextStream(pair.server);
        stream.reply([]);
        stream.readable.pipeTo(stream.writable);
      }
    })();
    await Promise.all(sizes.map(async (size) => {
      const body = random.bytes(size);
      const stream = await pair.client.openStream(HEADERS);
      const [echo] = await Promise.all([read(stream), write(stream, body)]);
      assertEquals(echo.length, size);
      assert(echo.every((byte, index) => byte === body[index]));
    }));
    await served;
  });
}

Deno.test("stream: it can be read and written like a Deno.Conn", async () => {
  await using pair = await tcpPair();
  const body = new Random(9).bytes(3_000_000);
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const echoed = (async () => {
    await incoming.reply([]);
    const buffer = new Uint8Array(50_000);
    for (;;) {
      const size = await incoming.read(buffer);
      if (size === null) break;
      await incoming.write(buffer.subarray(0, size));
    }
    await incoming.closeWrite();
  })();
  const sent = (async () => {
    for (let offset = 0; offset < body.length; offset += 65_000) {
      await stream.write(body.subarray(offset, offset + 65_000));
    }
    await stream.closeWrite();
  })();
  const echo = await read(stream);
  assertEquals(echo.length, body.length);
  assert(echo.every((byte, index) => byte === body[index]));
  await Promise.all([echoed, sent]);
  assertEquals(await incoming.closed, 0);
  await assertRejects(() => stream.write(new Uint8Array(1)), SpdyError);
  await assertRejects(() => stream.read(new Uint8Array(1)), SpdyError);
});

Deno.test("stream: each half closes separately", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  await incoming.reply([], { fin: true });
  assertEquals(await read(stream), new Uint8Array(0));
  const [bytes] = await Promise.all([
    read(incoming),
    write(stream, new Uint8Array(100_000)),
  ]);
  assertEquals(bytes.length, 100_000);
  assertEquals(await stream.closed, 0);
});

Deno.test("stream: many small writes share few DATA frames", async () => {
  const frames: number[] = [];
  await using pair = await tcpPair({
    client: {
      onFrame: (direction, frame) => {
        if (direction === "sent" && frame.frameType === 0) {
          frames.push(frame.length);
        }
      },
    },
  });
  const stream = await pair.client.openStream(HEADERS);
  const writer = stream.writable.getWriter();
  for (let count = 0; count < 100; count++) writer.write(new Uint8Array(10));
  await writer.close();
  const incoming = await nextStream(pair.server);
  assertEquals((await read(incoming)).length, 1000);
  assert(frames.length < 20, `${frames.length} frames`);
});

Deno.test("stream: trailers follow the body and end it", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS, { fin: true });
  const incoming = await nextStream(pair.server);
  await incoming.reply([]);
  const writer = incoming.writable.getWriter();
  writer.write(new Uint8Array(200_000));
  const trailers = incoming.sendHeaders([["checksum", "7"]], { fin: true });
  assertEquals((await read(stream)).length, 200_000);
  await trailers;
  assertEquals(await stream.trailers, [["checksum", "7"]]);
  assertEquals(await stream.closed, 0);
  await assertRejects(
    () => writer.write(new Uint8Array(1)),
    InvalidArgumentError,
    "already ended its half",
  );
});

Deno.test("stream: onHeaders gets HEADERS when they arrive, and earlier ones", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS, { fin: true });
  const incoming = await nextStream(pair.server);
  await incoming.reply([]);
  await incoming.sendHeaders([["first", "1"]]);
  await pair.client.ping();
  const seen: [NameValue[], boolean][] = [];
  stream.onHeaders = (headers, fin) => seen.push([headers, fin]);
  assertEquals(seen, [[[["first", "1"]], false]]);
  await incoming.sendHeaders([["second", "2"]], { fin: true });
  assertEquals(await stream.trailers, [["first", "1"], ["second", "2"]]);
  assertEquals(seen[1], [[["second", "2"]], true]);
});

Deno.test("stream: wrong calls are refused with their reason", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  await assertRejects(
    () => stream.reply([]),
    InvalidArgumentError,
    "this side opened it",
  );
  await assertRejects(
    () => incoming.sendHeaders([]),
    InvalidArgumentError,
    "no reply yet",
  );
  await assertRejects(() => incoming.response, InvalidArgumentError, "reply()");
  await assertRejects(() => incoming.reply([["", "x"]]), InvalidArgumentError);
  await incoming.reply([]);
  await assertRejects(
    () => incoming.reply([]),
    InvalidArgumentError,
    "already has a reply",
  );
  await assertRejects(
    () => pair.client.openStream([["a", "b\r\nc: d"]]),
    InvalidArgumentError,
  );
  await assertRejects(
    () => pair.client.openStream([], { pri: 8 }),
    InvalidArgumentError,
  );
  // The connection still works.
  assertGreaterOrEqual(await pair.client.ping(), 0);
});

Deno.test("stream: a chunk that is not bytes resets it", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const writable: WritableStream<unknown> = stream.writable;
  await assertRejects(
    () => writable.getWriter().write("text"),
    InvalidArgumentError,
    "not string",
  );
  assertEquals(await incoming.closed, CANCEL);
});

Deno.test("reset: the peer gets the status, and the promises of both sides name the initiator", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const reading = stream.readable.getReader().read();
  const response = stream.response;
  incoming.reset(REFUSED_STREAM);
  for (const pending of [reading, response, stream.trailers]) {
    const error = await assertRejects(() => pending, StreamResetError);
    assertEquals(error.statusCode, REFUSED_STREAM);
    assertEquals(error.initiator, "remote");
    assertEquals(error.unprocessed, true);
  }
  assertEquals(await stream.closed, REFUSED_STREAM);
  assertEquals(await incoming.closed, REFUSED_STREAM);
  const own = await assertRejects(
    () => incoming.readable.getReader().read(),
    StreamResetError,
  );
  assertEquals(own.initiator, "local");
  incoming.reset();
});

Deno.test("reset: bytes that had arrived can still be read, and then the error follows", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const writer = stream.writable.getWriter();
  await writer.write(new Uint8Array([1, 2, 3]));
  await pair.client.ping();
  stream.reset(INTERNAL_ERROR);
  assertEquals(await incoming.closed, INTERNAL_ERROR);
  const reader = incoming.readable.getReader();
  assertEquals((await reader.read()).value, new Uint8Array([1, 2, 3]));
  await assertRejects(() => reader.read(), StreamResetError, "INTERNAL_ERROR");
  await assertRejects(() => writer.write(new Uint8Array(1)), StreamResetError);
});

Deno.test("cancel: cancelling a reader resets with CANCEL", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const writer = incoming.writable.getWriter();
  await incoming.reply([]);
  await stream.readable.cancel();
  assertEquals(await incoming.closed, CANCEL);
  await assertRejects(() => writer.closed, StreamResetError, "CANCEL");
});

Deno.test("cancel: after the peer's end it only drops bytes", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  await incoming.reply([]);
  await write(incoming, new Uint8Array(1000));
  await stream.trailers;
  await stream.readable.cancel();
  await write(stream, new Uint8Array(10));
  assertEquals((await read(incoming)).length, 10);
  assertEquals(await stream.closed, 0);
});

Deno.test("abort: aborting a writer resets with the status of its reason", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const reason = new StreamResetError("disk failed", {
    streamId: stream.id,
    statusCode: INTERNAL_ERROR,
  });
  await stream.writable.abort(reason);
  assertEquals(await incoming.closed, INTERNAL_ERROR);
  await assertRejects(() => stream.response, StreamResetError);
});

Deno.test("signal: it cancels a stream before and after it is sent", async () => {
  await using pair = await tcpPair({
    server: { limits: { maxConcurrentStreams: 1 } },
  });
  await pair.client.ping();
  const before = new AbortController();
  const after = new AbortController();
  const first = await pair.client.openStream(HEADERS, { signal: after.signal });
  const incoming = await nextStream(pair.server);
  const second = pair.client.openStream(HEADERS, { signal: before.signal });
  before.abort(new Error("changed my mind"));
  await assertRejects(() => second, Error, "changed my mind");
  await assertRejects(
    () => pair.client.openStream(HEADERS, { signal: before.signal }),
    Error,
    "changed my mind",
  );
  after.abort(new Error("too slow"));
  await assertRejects(() => first.response, Error, "too slow");
  assertEquals(await incoming.closed, CANCEL);
  const third = await pair.client.openStream(HEADERS, { fin: true });
  assertEquals(third.id, 3);
});

Deno.test("limit: streams above the peer's limit wait, and urgent ones are first", async () => {
  await using pair = await tcpPair({
    server: { limits: { maxConcurrentStreams: 1 } },
  });
  await pair.client.ping();
  const first = await pair.client.openStream(HEADERS, { fin: true });
  const order: string[] = [];
  const waiting = [7, 0, 3].map(async (pri) => {
    const stream = await pair.client.openStream([["pri", String(pri)]], {
      pri,
      fin: true,
    });
    order.push(stream.headers[0][1]);
  });
  (await nextStream(pair.server)).reply([], { fin: true });
  await first.closed;
  for (let count = 0; count < 3; count++) {
    await (await nextStream(pair.server)).reply([], { fin: true });
  }
  await Promise.all(waiting);
  assertEquals(order, ["0", "3", "7"]);
});

Deno.test("push: a server can open a stream that belongs to a request", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS, { fin: true });
  const incoming = await nextStream(pair.server);
  const pushed = await incoming.push([["path", "/style"]]);
  await write(pushed, new Uint8Array(1000));
  const received = await nextStream(pair.client);
  assertEquals(received.associatedStreamId, stream.id);
  assertEquals(received.id, 2);
  assert(received.unidirectional);
  assertEquals((await read(received)).length, 1000);
  assertEquals((await read(pushed)).length, 0);
  assertEquals(await received.closed, 0);
  assertEquals(await pushed.closed, 0);
  await assertRejects(() => received.reply([]), InvalidArgumentError);
  await assertRejects(
    () => received.writable.getWriter().write(new Uint8Array(1)),
    InvalidArgumentError,
    "already ended its half",
  );
});

Deno.test("server streams: bidirectional ones are accepted with the option", async () => {
  await using pair = await tcpPair({
    client: { acceptServerStreams: true },
    both: { flowControl: false },
  });
  const opened = await pair.server.openStream(HEADERS);
  const incoming = await nextStream(pair.client);
  await incoming.reply([["ok", "1"]]);
  await Promise.all([
    write(opened, new Uint8Array(10)),
    write(incoming, new Uint8Array(20)),
  ]);
  assertEquals((await read(incoming)).length, 10);
  assertEquals((await read(opened)).length, 20);
  assertEquals(await opened.closed, 0);
});

Deno.test("goaway: it finishes open streams and accepts no new ones", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const gone = pair.server.goaway();
  await pair.client.ping();
  const error = await assertRejects(
    () => pair.client.openStream(HEADERS),
    ConnectionClosedError,
    "the stream was not opened: the peer sent GOAWAY (OK)",
  );
  assertEquals(error.unprocessed, true);
  assertEquals(pair.client.accepting, false);
  await incoming.reply([]);
  await Promise.all([
    write(stream, new Uint8Array(300_000)),
    write(incoming, new Uint8Array(300_000)),
    read(stream).then((bytes) => assertEquals(bytes.length, 300_000)),
    read(incoming).then((bytes) => assertEquals(bytes.length, 300_000)),
  ]);
  await gone;
  await pair.client.closed;
});

Deno.test("close: streams fail, the iterator ends, and promises settle", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const pending = [stream.response, stream.closed, stream.trailers];
  const iteration = pair.client[Symbol.asyncIterator]().next();
  await pair.client.close();
  for (const promise of pending) {
    const error = await assertRejects(() => promise, ConnectionClosedError);
    assertEquals(error.initiator, "local");
  }
  assertEquals((await iteration).done, true);
  const error = await assertRejects(() => incoming.closed);
  assertInstanceOf(error, ConnectionClosedError);
  assertEquals(error.initiator, "remote");
  await assertRejects(() => pair.client.ping(), ConnectionClosedError);
  await assertRejects(
    () => pair.client.openStream(HEADERS),
    ConnectionClosedError,
  );
  await pair.client.close();
});

for (const behind of [1, 3]) {
  Deno.test(`writable: ${behind} chunks written after the close do not delay the end`, async () => {
    await using pair = memoryPair();
    const own = await pair.client.openStream([["a", "b"]]);
    const { value: peer } = await pair.server[Symbol.asyncIterator]().next();
    const writer = own.writable.getWriter();
    const first = writer.write(new Uint8Array(100_000));
    const closing = writer.close();
    const late = Array.from(
      { length: behind },
      () => writer.write(new Uint8Array(10)),
    );
    const settled = Promise.allSettled(late);
    const bytes = await new Response(peer?.readable).bytes();
    assertEquals(bytes.length, 100_000);
    await Promise.all([first, closing]);
    for (const { status } of await settled) assertEquals(status, "rejected");
  });
}

Deno.test("reset: a second reset before the first one was sent sends nothing", async () => {
  const resets: number[] = [];
  await using pair = memoryPair({
    client: {
      onFrame(_direction, frame) {
        if (frame.frameType === RST_STREAM) resets.push(frame.statusCode);
      },
    },
  });
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  stream.reset(CANCEL);
  stream.reset(INTERNAL_ERROR);
  assertEquals(await incoming.closed, CANCEL);
  const other = await pair.client.openStream(HEADERS);
  const refused = await nextStream(pair.server);
  // The reply waits in the queue, and is not sent after the reset.
  const replied = refused.reply(HEADERS);
  refused.reset(REFUSED_STREAM);
  await assertRejects(() => replied, StreamResetError);
  assertEquals(await other.closed, REFUSED_STREAM);
  await pair.client.ping();
  assertEquals(resets, [CANCEL, REFUSED_STREAM]);
});
