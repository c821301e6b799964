/** Faults of a live connection: each error says what happened, and nothing is left over. */

import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import {
  ERR_INVALID_FRAME,
  InvalidArgumentError,
  SpdyError,
} from "../../errors.ts";
import {
  CANCEL,
  CTRL_FLAG_FIN,
  DATA,
  GOAWAY,
  GOAWAY_INTERNAL_ERROR,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  REFUSED_STREAM,
  SYN_REPLY,
  SYN_STREAM,
} from "../../frame/constants.ts";
import { FrameDecoder } from "../../frame/decoder.ts";
import { FrameEncoder } from "../../frame/encoder.ts";
import { accept, connect } from "../../http/connect.ts";
import { Connection } from "../../http/connection.ts";
import { CLIENT, SERVER } from "../../session/constants.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../deps.ts";
import { memoryPair, tcpConns, tcpPair } from "../helpers/connections.ts";
import { quiet, virtualTime } from "../helpers/virtual_time.ts";
import { nextStream } from "../helpers/http.ts";

/** A client whose peer is a bare socket. */
async function clientAgainstSocket(
  tuning = {},
): Promise<[Connection, Deno.TcpConn]> {
  const [left, right] = await tcpConns();
  const client = new Connection(left, {
    ...tuning,
    side: CLIENT,
    version: PROTO_SPDY3,
  });
  return [client, right];
}

/** All promises of a stream that are pending. */
function pendingOf(stream: Stream): Promise<unknown>[] {
  return [
    stream.response,
    stream.trailers,
    stream.closed,
    stream.readable.getReader().read(),
  ];
}

Deno.test("fault: the peer may disappear in the middle of a frame", async () => {
  const [client, socket] = await clientAgainstSocket();
  const stream = await client.openStream([["a", "b"]]);
  const pending = [...pendingOf(stream), client.ping()];
  const reply = new FrameEncoder(PROTO_SPDY3).encode({
    frameType: SYN_REPLY,
    version: 3,
    flags: 0,
    length: 0,
    streamId: 1,
    nv: [["x", "y"]],
  });
  await socket.write(reply.subarray(0, reply.length - 3));
  socket.close();
  for (const promise of pending) {
    const error = await assertRejects(() => promise, ConnectionClosedError);
    assertEquals(error.initiator, "remote");
  }
  await assertRejects(() => client.closed, ConnectionClosedError);
});

Deno.test("fault: keepalive detects a half-open peer", async () => {
  using time = virtualTime();
  const [client, socket] = await clientAgainstSocket({
    keepAlive: { interval: 20_000, timeout: 30_000 },
  });
  const stream = await client.openStream([["a", "b"]]);
  const error = await assertRejects(
    () => time.until(stream.response),
    ConnectionClosedError,
    "the peer sent nothing for 30000 ms after a PING",
  );
  assertEquals(time.now(), 50_000);
  assertEquals(error.initiator, "remote");
  await assertRejects(() => client.closed, ConnectionClosedError);
  socket.close();
});

Deno.test("keepalive: the connection to a peer that answers stays open", async () => {
  let pings = 0;
  const enough = Promise.withResolvers<void>();
  await using pair = await tcpPair({
    client: {
      keepAlive: { interval: 5, timeout: 60_000 },
      onFrame: (direction, frame) => {
        if (
          direction === "received" && frame.frameType === 6 && ++pings === 5
        ) {
          enough.resolve();
        }
      },
    },
  });
  await enough.promise;
  assert(pair.client.accepting);
});

Deno.test("fault: a reader that never reads stops its writer and no other", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream([["a", "b"]], { fin: true });
  const incoming = await nextStream(pair.server);
  await incoming.reply([]);
  const writer = incoming.writable.getWriter();
  let accepted = 0;
  const writing = (async () => {
    for (;;) {
      await writer.write(new Uint8Array(16384));
      accepted += 16384;
    }
  })();
  // Meanwhile, other streams pass, and the writer has time to reach its limit.
  for (let count = 0; count < 50; count++) {
    const other = await pair.client.openStream([["n", "1"]], { fin: true });
    await (await nextStream(pair.server)).reply([], { fin: true });
    await other.closed;
  }
  // The window of the stream, and one chunk more.
  assert(accepted <= 65536 + 16384, `${accepted} bytes were accepted`);
  await stream.readable.cancel();
  await assertRejects(() => writing, StreamResetError, "CANCEL");
});

Deno.test("fault: a transport that accepts nothing stops the writer", async () => {
  using time = virtualTime();
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => {});
  const transport: ByteConn = {
    read: () => closed.promise,
    write: () => closed.promise,
    closeWrite: () => closed.promise,
    close: () => closed.reject(new Deno.errors.BadResource("closed")),
  };
  const client = new Connection(transport, {
    side: CLIENT,
    version: PROTO_SPDY3,
    flowControl: false,
    maxSendBuffer: 65536,
  });
  const stream = await client.openStream([["a", "b"]]);
  const writer = stream.writable.getWriter();
  let accepted = 0;
  const chunk = new Uint8Array(65536);
  const writing = (async () => {
    for (;;) {
      await writer.write(chunk);
      accepted += chunk.length;
    }
  })();
  const failed = assertRejects(() => writing, ConnectionClosedError);
  await quiet(() => accepted);
  // What is being written, and the send buffer after it.
  assert(accepted <= 3 * 65536, `${accepted} bytes were accepted`);
  await time.until(client.close());
  await failed;
});

Deno.test("fault: the end of the connection ends a writer that never stops", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream([["a", "b"]]);
  const incoming = await nextStream(pair.server);
  const writer = stream.writable.getWriter();
  const writing = (async () => {
    for (;;) await writer.write(new Uint8Array(1000));
  })();
  const reader = incoming.readable.getReader();
  let got = 0;
  while (got < 500_000) got += (await reader.read()).value?.length ?? 0;
  const failed = assertRejects(() => writing, SpdyError);
  await pair.server.close();
  assertEquals((await failed).initiator, "remote");
  await assertRejects(async () => {
    for (;;) await reader.read();
  }, ConnectionClosedError);
});

Deno.test("fault: 10,000 streams can be opened and dropped", async () => {
  await using pair = await tcpPair();
  const served = (async () => {
    for await (const stream of pair.server) {
      stream.reply([], { fin: stream.id % 3 === 0 });
    }
  })();
  for (let round = 0; round < 100; round++) {
    await Promise.all(Array.from({ length: 100 }, async () => {
      const stream = await pair.client.openStream([["a", "b"]]);
      await stream.response;
      stream.reset();
    }));
  }
  const last = await pair.client.openStream([["a", "b"]], { fin: true });
  assertEquals(last.id, 20_001);
  await last.response;
  await pair.client.close();
  await served;
});

Deno.test("fault: streams that are reset before an answer become a flood", async () => {
  await using pair = await tcpPair({
    server: { limits: { maxRapidResets: 50 } },
  });
  const closed = assertRejects(
    () => pair.server.closed,
    ConnectionClosedError,
    "maxRapidResets",
  );
  const opened = assertRejects(async () => {
    for (;;) (await pair.client.openStream([["a", "b"]])).reset();
  }, ConnectionClosedError);
  assertEquals((await closed).initiator, "remote");
  await opened;
});

Deno.test("fault: a peer that breaks the protocol ends the connection", async () => {
  const [client, socket] = await clientAgainstSocket();
  const stream = await client.openStream([["a", "b"]]);
  // A PING of 5 bytes.
  await socket.write(Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 5, 0, 0, 0, 1, 0));
  const error = await assertRejects(
    () => stream.response,
    ConnectionClosedError,
  );
  assertEquals(error.initiator, "remote");
  assertEquals(error.code, ERR_INVALID_FRAME);
  socket.close();
  await assertRejects(() => client.closed, ConnectionClosedError);
});

Deno.test("fault: the status of the peer's GOAWAY is in the error", async () => {
  const [client, socket] = await clientAgainstSocket();
  const encoder = new FrameEncoder(PROTO_SPDY3);
  await socket.write(encoder.encode({
    frameType: GOAWAY,
    version: 3,
    flags: 0,
    length: 0,
    lastGoodStreamId: 0,
    statusCode: GOAWAY_INTERNAL_ERROR,
  }));
  socket.closeWrite();
  const error = await assertRejects(() => client.closed, ConnectionClosedError);
  assertEquals(error.statusCode, GOAWAY_INTERNAL_ERROR);
  socket.close();
});

Deno.test("goaway: streams above the last good one were not processed", async () => {
  const [client, socket] = await clientAgainstSocket();
  const first = await client.openStream([["a", "b"]]);
  const second = await client.openStream([["a", "b"]]);
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const reply = encoder.encode({
    frameType: SYN_REPLY,
    version: 3,
    flags: 1,
    length: 0,
    streamId: 1,
    nv: [["x", "y"]],
  });
  await socket.write(encoder.encode({
    frameType: GOAWAY,
    version: 3,
    flags: 0,
    length: 0,
    lastGoodStreamId: 1,
    statusCode: 0,
  }));
  const error = await assertRejects(() => second.response, StreamResetError);
  assertEquals(error.statusCode, REFUSED_STREAM);
  assertEquals(error.unprocessed, true);
  await socket.write(reply);
  assertEquals(await first.response, [["x", "y"]]);
  await first.writable.close();
  socket.closeWrite();
  await client.closed;
  socket.close();
});

/** A server on a socket, to which a client sends one request before it ends its direction. */
async function halfClosed(closeTimeout: number): Promise<{
  server: Connection;
  incoming: Stream;
  socket: Deno.TcpConn;
}> {
  const [socket, right] = await tcpConns();
  const version = PROTO_SPDY3_1;
  const server = new Connection(right, { side: SERVER, version, closeTimeout });
  const encoder = new FrameEncoder(version);
  await socket.write(encoder.encode({
    frameType: SYN_STREAM,
    version: 3,
    flags: CTRL_FLAG_FIN,
    length: 0,
    streamId: 1,
    assocStreamId: 0,
    pri: 0,
    slot: 0,
    nv: [["a", "b"]],
  }));
  await socket.closeWrite();
  return { server, incoming: await nextStream(server), socket };
}

Deno.test("half-close: a peer that has finished sending still gets its answer", async () => {
  const { server, incoming, socket } = await halfClosed(5000);
  incoming.reply([["x", "y"]]);
  const writer = incoming.writable.getWriter();
  writer.write(new Uint8Array(1000));
  writer.close();
  const decoder = new FrameDecoder(PROTO_SPDY3_1);
  for await (const chunk of socket.readable) decoder.push(chunk);
  const types: number[] = [];
  let body = 0;
  for (let frame = decoder.next(); frame; frame = decoder.next()) {
    types.push(frame.frameType);
    if (frame.frameType === DATA) body += frame.data.length;
  }
  assert(types.includes(SYN_REPLY));
  assertEquals(body, 1000);
  assertEquals(await incoming.closed, 0);
  await server.closed;
});

Deno.test("half-close: a missing answer ends with the timeout", async () => {
  using time = virtualTime();
  const { server, incoming, socket } = await halfClosed(20_000);
  await assertRejects(
    () => time.until(incoming.closed),
    ConnectionClosedError,
    "the peer closed the transport",
  );
  socket.close();
  await assertRejects(() => server.closed, ConnectionClosedError);
});

Deno.test("half-close: an answer that needs a larger window fails at once", async () => {
  const { server, incoming, socket } = await halfClosed(5000);
  await incoming.reply([]);
  await assertRejects(
    () => incoming.writable.getWriter().write(new Uint8Array(100_000)),
    ConnectionClosedError,
    "the peer closed the transport",
  );
  for await (const _ of socket.readable);
  await server.closed.catch(() => {});
});

Deno.test("fault: an exception in onFrame ends the connection", async () => {
  const [client, socket] = await clientAgainstSocket({
    onFrame: () => {
      throw new Error("trace disk is full");
    },
  });
  const error = await assertRejects(
    () => client.openStream([["a", "b"]]).then((stream) => stream.response),
    ConnectionClosedError,
    "trace disk is full",
  );
  assertEquals(error.initiator, "local");
  await assertRejects(() => client.closed, ConnectionClosedError);
  socket.close();
});

Deno.test("timeouts: idle, no stream, and no reply end the connection or stream", async () => {
  using time = virtualTime();
  {
    await using pair = memoryPair({ client: { idleTimeout: 20 } });
    const stream = await pair.client.openStream([["a", "b"]]);
    const incoming = await nextStream(pair.server);
    await time.advance(60);
    assert(pair.client.accepting);
    await incoming.reply([], { fin: true });
    await stream.writable.close();
    await time.advance(19);
    assert(pair.client.accepting);
    await time.advance(1);
    await time.until(pair.client.closed);
    await pair.server.closed;
  }
  {
    const pair = memoryPair({ server: { headerTimeout: 20 } });
    await time.advance(19);
    assert(pair.server.accepting);
    await time.advance(1);
    await assertRejects(
      () => pair.server.closed,
      ConnectionClosedError,
      "opened no stream within 20 ms",
    );
    await pair.client.close();
  }
  {
    // Once the peer has opened a stream, the connection may be idle.
    await using pair = memoryPair({ server: { headerTimeout: 20 } });
    await time.advance(19);
    const stream = await pair.client.openStream([], { fin: true });
    await (await nextStream(pair.server)).reply([], { fin: true });
    await stream.closed;
    await time.advance(1000);
    assert(pair.server.accepting);
  }
  {
    await using pair = memoryPair({ client: { headerTimeout: 20 } });
    const stream = await pair.client.openStream([["a", "b"]]);
    const incoming = await nextStream(pair.server);
    await time.advance(20);
    const error = await assertRejects(
      () => stream.response,
      StreamResetError,
      "the peer sent no reply within 20 ms",
    );
    assertEquals(error.initiator, "remote");
    assertEquals(await incoming.closed, CANCEL);
    const quick = await pair.client.openStream([["a", "b"]], { fin: true });
    await (await nextStream(pair.server)).reply([], { fin: true });
    assertEquals(await quick.closed, 0);
  }
});

Deno.test("fault: the connection may close while streams are being opened", async () => {
  await using pair = memoryPair({
    server: { limits: { maxConcurrentStreams: 1 } },
  });
  await pair.client.ping();
  await pair.client.openStream([["a", "b"]]);
  const waiting = pair.client.openStream([["a", "b"]]);
  await pair.client.close();
  const error = await assertRejects(() => waiting, ConnectionClosedError);
  assertEquals(error.initiator, "local");
});

Deno.test("fault: promises that are not awaited cause no unhandled rejections", async () => {
  const [client, socket] = await clientAgainstSocket();
  const stream = await client.openStream([["a", "b"]]);
  stream.response;
  stream.closed;
  stream.trailers;
  client.ping();
  client.closed;
  const writer = stream.writable.getWriter();
  writer.closed.catch(() => {});
  writer.ready.catch(() => {});
  stream.sendHeaders([["c", "d"]]);
  stream.push([["e", "f"]]);
  client[Symbol.asyncIterator]().next().catch(() => {});
  socket.close();
  await client.closed.catch(() => {});
  client.openStream([]);
  client.ping();
});

Deno.test("accept: a client without TLS gets SPDY/3.1 by default", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [client, server] = await Promise.all([
    connect({ port }),
    listener.accept().then((conn) => accept(conn)),
  ]);
  assertEquals(client.version, PROTO_SPDY3_1);
  await Promise.all([client.close(), server.close()]);
});

Deno.test("options: the error for an option out of its range names the option", async () => {
  const [left, right] = await tcpConns();
  const options = { side: CLIENT, version: PROTO_SPDY3 } as const;
  for (
    const [wrong, name] of [
      [{ maxSendBuffer: 0 }, "maxSendBuffer 0 is not"],
      [{ idleTimeout: -1 }, "idleTimeout -1 is not"],
      [{ headerTimeout: 0.5 }, "headerTimeout 0.5 is not"],
      [{ closeTimeout: NaN }, "closeTimeout NaN is not"],
      [{ maxBufferedBytes: 0 }, "maxBufferedBytes 0 is not"],
      [{ sessionWindow: 1 }, "sessionWindow 1 is not"],
      [{ keepAlive: { interval: 0 } }, "keepAlive.interval 0 is not"],
      [{ windowTuning: { maxWindow: 1 } }, "windowTuning.maxWindow 1 is not"],
      [{ settingsStore: new Map() }, "settingsStore needs the option origin"],
    ] as const
  ) {
    assertThrows(
      () => new Connection(left, { ...options, ...wrong }),
      InvalidArgumentError,
      name,
    );
  }
  left.close();
  right.close();
});
