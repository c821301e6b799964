/** What is known about streams when a connection ends: which of them were not processed. */

import {
  CLIENT,
  Connection,
  ConnectionClosedError,
  CTRL_FLAG_FIN,
  CTRL_FLAG_UNIDIRECTIONAL,
  type Frame,
  FrameDecoder,
  FrameEncoder,
  GOAWAY,
  InvalidArgumentError,
  PROTO_SPDY3_1,
  REFUSED_STREAM,
  RST_STREAM,
  StreamResetError,
  SYN_REPLY,
  SYN_STREAM,
} from "../../mod.ts";
import { assertEquals, assertGreater, assertRejects } from "../deps.ts";
import {
  memoryPair,
  memoryStreams,
  pairOver,
  tcpConns,
} from "../helpers/connections.ts";

function turn(): Promise<void> {
  return new Promise((done) => setTimeout(done, 0));
}

Deno.test("a stream that arrives while GOAWAY waits to be sent is refused, not processed", async () => {
  const [left, right] = memoryStreams();
  const output = right.writable.getWriter();
  let gate = Promise.resolve();
  const slow = new WritableStream<Uint8Array>({
    async write(chunk) {
      await gate;
      await output.write(chunk);
    },
    close: () => output.close(),
    abort: (reason) => output.abort(reason),
  });
  const slowRight = { readable: right.readable, writable: slow };
  await using pair = pairOver(left, slowRight, {});
  const opened = await pair.client.openStream([[":path", "/first"]], {
    fin: true,
  });
  const streams = pair.server[Symbol.asyncIterator]();
  const { value: first } = await streams.next();
  await pair.client.ping();

  const { promise, resolve } = Promise.withResolvers<void>();
  gate = promise;
  // A write is under way, so GOAWAY has to wait.
  await first!.reply([]);
  await turn();
  const ended = pair.server.goaway();
  const processed: string[] = [];
  const iterated = (async () => {
    for (;;) {
      const { done, value } = await streams.next();
      if (done) return;
      processed.push(value.headers[0][1]);
    }
  })();
  const late = await Promise.all(
    Array.from(
      { length: 3 },
      (_, index) => pair.client.openStream([[":path", `/late/${index}`]]),
    ),
  );
  // They have arrived when a later byte has arrived.
  while (pair.server.stats().received.bytes < pair.client.stats().sent.bytes) {
    await turn();
  }
  resolve();
  for (const stream of late) {
    const error = await assertRejects(() => stream.response);
    assertEquals((error as StreamResetError).unprocessed, true, `${error}`);
  }
  await first!.writable.close();
  await opened.response;
  await iterated;
  assertEquals(processed, []);
  await ended;
});

Deno.test("a stream that was never opened was not processed, however the connection ends", async () => {
  const [left, right] = await tcpConns();
  await using pair = pairOver(left, right, {
    server: { limits: { maxConcurrentStreams: 1 } },
  });
  await pair.client.ping();
  const sent = await pair.client.openStream([[":path", "/sent"]]);
  const waiting = pair.client.openStream([[":path", "/waiting"]]);
  right.close();
  const error = await assertRejects(
    () => waiting,
    ConnectionClosedError,
    "the stream was not opened: ",
  );
  assertEquals(error.unprocessed, true);
  const other = await assertRejects(() => sent.response);
  assertEquals((other as StreamResetError).unprocessed, false);
});

Deno.test("with GOAWAY, a client that does not iterate refuses the pushes that wait, and the end does not wait for them", async () => {
  const [left, right] = memoryStreams();
  const version = PROTO_SPDY3_1;
  await using client = new Connection(left, { side: CLIENT, version });
  const stream = await client.openStream([[":path", "/"]], { fin: true });
  const output = right.writable.getWriter();
  const encoder = new FrameEncoder(version);
  const common = { version, flags: 0, length: 0 };
  const send = (frame: Frame) => output.write(encoder.encode(frame));
  const push = (streamId: number) =>
    send({
      ...common,
      frameType: SYN_STREAM,
      flags: CTRL_FLAG_UNIDIRECTIONAL,
      streamId,
      assocStreamId: 1,
      pri: 0,
      slot: 0,
      nv: [["pushed", "1"]],
    });
  await push(2);
  await send({
    ...common,
    frameType: GOAWAY,
    lastGoodStreamId: 1,
    statusCode: 0,
  });
  // After GOAWAY, new streams are ignored (2.6.6).
  await push(4);
  await send({
    ...common,
    frameType: SYN_REPLY,
    flags: CTRL_FLAG_FIN,
    streamId: 1,
    nv: [["ok", "1"]],
  });
  assertEquals(await stream.response, [["ok", "1"]]);

  const decoder = new FrameDecoder(version);
  const resets: number[][] = [];
  // The client ends its direction without waiting for the pushes.
  for await (const bytes of right.readable) {
    decoder.push(bytes);
    for (let frame; (frame = decoder.next()) !== undefined;) {
      if (frame.frameType !== RST_STREAM) continue;
      resets.push([frame.streamId, frame.statusCode]);
    }
  }
  assertEquals(resets, [[2, REFUSED_STREAM]]);
  await output.close();
  await client.closed;
});

Deno.test("a stream whose SYN_STREAM is only partly written when GOAWAY refuses it fails at once, and the connection ends", async () => {
  const version = PROTO_SPDY3_1;
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const output = input.writable.getWriter();
  const reader = input.readable.getReader();
  const { promise: mayWrite, resolve: write } = Promise.withResolvers<void>();
  let written = 0;
  const client = new Connection({
    async read(buffer: Uint8Array): Promise<number | null> {
      const { done, value } = await reader.read();
      if (done) return null;
      buffer.set(value);
      return value.length;
    },
    async write(bytes: Uint8Array): Promise<number> {
      await mayWrite;
      written += bytes.length;
      return bytes.length;
    },
    closeWrite: () => output.close(),
    close: () => {},
  }, { side: CLIENT, version, headerCompression: "none" });
  // Longer than the first write may be.
  const opening = client.openStream([["long", "x".repeat(100_000)]]);
  await turn();
  const frame = {
    frameType: GOAWAY,
    version,
    flags: 0,
    length: 0,
    lastGoodStreamId: 0,
    statusCode: 0,
  } as const;
  await output.write(new FrameEncoder(version).encode(frame));
  const error = await assertRejects(() => opening, StreamResetError);
  assertEquals(
    error.message,
    "stream 1 was refused: the peer sent GOAWAY (OK) before processing it",
  );
  assertEquals([error.statusCode, error.unprocessed], [REFUSED_STREAM, true]);
  write();
  await client.closed;
  assertGreater(written, 100_000);
});

Deno.test("goaway() after the connection has failed does not become the reason for which no stream can be opened", async () => {
  const [left, right] = memoryStreams();
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
  });
  const output = right.writable.getWriter();
  // A RST_STREAM whose length is wrong.
  await output.write(Uint8Array.of(0x80, 3, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1));
  await assertRejects(() => client.closed, ConnectionClosedError);
  const before = await assertRejects(() => client.openStream([["a", "b"]]));
  await assertRejects(() => client.goaway(), ConnectionClosedError);
  const after = await assertRejects(() => client.openStream([["a", "b"]]));
  assertEquals(String(after), String(before));
});

Deno.test("goaway() with an invalid status rejects, and the connection stays open", async () => {
  await using pair = memoryPair();
  const { client } = pair;
  for (const status of [-1, NaN, 2 ** 32, "x"]) {
    await assertRejects(
      () => client.goaway(status as number),
      InvalidArgumentError,
    );
  }
  assertEquals(client.accepting, true);
  await client.ping();
});
