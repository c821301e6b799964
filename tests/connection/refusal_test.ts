/** Frames that can no longer be sent, and transports that fail in one direction. */

import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { webSocketStreams } from "../../connection/transport/websocket.ts";
import { SpdyError, StreamClosedError } from "../../errors.ts";
import {
  CANCEL,
  CTRL_FLAG_NONE,
  DATA,
  DATA_FLAG_FIN,
  DATA_FLAG_NONE,
  GOAWAY,
  PROTO_SPDY3,
  SYN_STREAM,
} from "../../frame/constants.ts";
import { FrameEncoder } from "../../frame/encoder.ts";
import { Connection } from "../../http/connection.ts";
import { CLIENT, SERVER } from "../../session/constants.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "../deps.ts";
import { tcpConns, tcpPair } from "../helpers/connections.ts";
import { nextStream } from "../helpers/http.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

/** A transport that accepts no byte, and delivers what a test gives it. */
function deafConn(): {
  conn: ByteConn;
  feed: (bytes: Uint8Array) => void;
  end: () => void;
} {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    {},
    { highWaterMark: 100 },
  );
  const writer = writable.getWriter();
  const reader = readable.getReader();
  return {
    feed: (bytes) => void writer.write(bytes).catch(() => {}),
    end: () => void writer.close().catch(() => {}),
    conn: {
      async read(buffer) {
        const { done, value } = await reader.read();
        if (done) return null;
        buffer.set(value);
        return value.length;
      },
      write: () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe")),
      closeWrite: () => Promise.resolve(),
      close: () => void reader.cancel().catch(() => {}),
    },
  };
}

function synStream(encoder: FrameEncoder): Uint8Array {
  return encoder.encode({
    frameType: SYN_STREAM,
    version: 3,
    flags: CTRL_FLAG_NONE,
    length: 0,
    streamId: 1,
    assocStreamId: 0,
    pri: 0,
    slot: 0,
    nv: [["a", "b"]],
  });
}

Deno.test("refusal: after a failed write, the peer's bytes are read to their end", async () => {
  const { conn, feed, end } = deafConn();
  const server = new Connection(conn, { side: SERVER, version: PROTO_SPDY3 });
  const encoder = new FrameEncoder(PROTO_SPDY3);
  feed(synStream(encoder));
  const stream = await nextStream(server);
  // The first write, of SETTINGS, fails before the reply.
  await turn();
  const reply = stream.reply([]);
  const writing = stream.write(new Uint8Array(10_000));
  const ping = server.ping();
  for (const promise of [reply, writing, ping]) {
    const error = await assertRejects(
      () => promise,
      ConnectionClosedError,
      "writing to the transport failed (Broken pipe)",
    );
    assertInstanceOf(error.cause, Deno.errors.BrokenPipe);
  }
  for (let count = 0; count < 5; count++) {
    feed(encoder.encode({
      frameType: DATA,
      streamId: 1,
      flags: count === 4 ? DATA_FLAG_FIN : DATA_FLAG_NONE,
      data: new Uint8Array(1000),
    }));
  }
  assertEquals((await new Response(stream.readable).bytes()).length, 5000);
  end();
  await assertRejects(
    () => server.closed,
    ConnectionClosedError,
    "writing to the transport failed",
  );
  await assertRejects(() => stream.closed, ConnectionClosedError);
});

Deno.test("refusal: after a failed write, a silent peer times out", async () => {
  using time = virtualTime();
  const { conn, feed } = deafConn();
  const server = new Connection(conn, {
    side: SERVER,
    version: PROTO_SPDY3,
    closeTimeout: 20_000,
  });
  feed(synStream(new FrameEncoder(PROTO_SPDY3)));
  const stream = await nextStream(server);
  let ended = false;
  const failed = assertRejects(() => stream.trailers, ConnectionClosedError)
    .then(() => ended = true);
  await time.advance(19_999);
  assert(!ended);
  await time.advance(1);
  assert(ended);
  await failed;
  await assertRejects(
    () => server.closed,
    ConnectionClosedError,
    "writing to the transport failed",
  );
});

Deno.test("refusal: a GOAWAY that arrives before the SYN_STREAM is sent refuses the stream", async () => {
  const [left, socket] = await tcpConns();
  const opened = Promise.withResolvers<Stream>();
  const client: Connection = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3,
    onFrame: (direction, frame) => {
      if (direction === "received" && frame.frameType === GOAWAY) {
        client.openStream([["a", "b"]]).then(opened.resolve, opened.reject);
      }
    },
  });
  await socket.write(
    new FrameEncoder(PROTO_SPDY3).encode({
      frameType: GOAWAY,
      version: 3,
      flags: 0,
      length: 0,
      lastGoodStreamId: 0,
      statusCode: 0,
    }),
  );
  const error = await assertRejects(
    () => opened.promise,
    ConnectionClosedError,
  );
  assertEquals(error.unprocessed, true);
  socket.close();
  await client.closed;
});

Deno.test("refusal: a push for an ended stream rejects", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream([["a", "b"]], { fin: true });
  const incoming = await nextStream(pair.server);
  await incoming.reply([], { fin: true });
  await stream.closed;
  await incoming.closed;
  await assertRejects(() => incoming.push([["c", "d"]]), SpdyError);
  // Streams that the server may still open.
  assertEquals(pair.server.accepting, true);
});

Deno.test("refusal: a reply that the peer's reset overtakes rejects", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream([["a", "b"]]);
  const incoming = await nextStream(pair.server);
  stream.reset();
  assertEquals(await incoming.closed, CANCEL);
  await assertRejects(() => incoming.reply([]), StreamResetError, "CANCEL");
  await assertRejects(() => incoming.sendHeaders([]), StreamClosedError);
});

Deno.test("refusal: a stream of the application's own session calls is left alone", async () => {
  await using pair = await tcpPair();
  // HEADERS cannot be sent before SYN_REPLY; the session checks this itself.
  const stream = await pair.client.openStream([["a", "b"]]);
  const incoming = await nextStream(pair.server);
  pair.server.session.submitHeaders(0, incoming.id, [["c", "d"]]);
  await incoming.reply([["x", "y"]]);
  assertEquals(await stream.response, [["x", "y"]]);
});

Deno.test("WebSocket: one that closes before it opens is an error", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept().then((conn) => conn.close());
  const { port } = listener.addr as Deno.NetAddr;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  const connection = new Connection(webSocketStreams(socket), {
    side: CLIENT,
    version: PROTO_SPDY3,
  });
  await assertRejects(
    () => connection.openStream([["a", "b"]]).then((stream) => stream.response),
    SpdyError,
  );
  await assertRejects(() => connection.closed, SpdyError, "WebSocket");
  await accepting;
  await closed;
  listener.close();
});
