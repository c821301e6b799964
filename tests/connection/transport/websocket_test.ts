/** The byte streams of a WebSocket, with a socket that the test controls. */

import { webSocketStreams } from "../../../connection/transport/websocket.ts";
import { SpdyError } from "../../../errors.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

const MIB = 1024 * 1024;

class FakeSocket extends EventTarget {
  binaryType = "blob";
  readyState: number = WebSocket.OPEN;
  bufferedAmount = 0;
  readonly sent: Uint8Array[] = [];
  closed = 0;

  send(data: Uint8Array): void {
    this.sent.push(data);
  }

  close(): void {
    this.closed++;
  }

  streams(): ReturnType<typeof webSocketStreams> {
    return webSocketStreams(this as unknown as WebSocket);
  }

  message(data: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

Deno.test("WebSocket: a write waits while more than 1 MiB is buffered, and looks again every 5 ms", async () => {
  using time = virtualTime();
  const socket = new FakeSocket();
  const writer = socket.streams().writable.getWriter();
  socket.bufferedAmount = MIB;
  await writer.write(bytes(1));
  assertEquals(socket.sent.length, 1);
  socket.bufferedAmount = MIB + 1;
  const written = writer.write(bytes(2));
  await time.advance(9);
  assertEquals([socket.sent.length, time.next], [1, 10]);
  socket.bufferedAmount = MIB;
  await time.advance(1);
  await written;
  assertEquals([socket.sent.length, time.timers], [2, 0]);
});

Deno.test("WebSocket: a write fails when the socket has closed, also while it waits", async () => {
  using time = virtualTime();
  for (const waits of [false, true]) {
    const socket = new FakeSocket();
    const writer = socket.streams().writable.getWriter();
    writer.closed.catch(() => {});
    if (waits) socket.bufferedAmount = MIB + 1;
    else socket.readyState = WebSocket.CLOSED;
    const written = writer.write(bytes(1));
    written.catch(() => {});
    await time.advance(4);
    socket.readyState = WebSocket.CLOSED;
    await time.advance(1);
    const error = await assertRejects(
      () => written,
      SpdyError,
      "WebSocket: it is closed",
    );
    assertEquals(error.initiator, "remote");
    assertEquals([socket.sent.length, time.timers], [0, 0]);
  }
});

Deno.test("WebSocket: the first write waits until the socket is open, and fails if it closes before", async () => {
  const socket = new FakeSocket();
  socket.readyState = WebSocket.CONNECTING;
  const writer = socket.streams().writable.getWriter();
  const chunk = bytes(1);
  const written = writer.write(chunk);
  await turn();
  assertEquals(socket.sent.length, 0);
  socket.readyState = WebSocket.OPEN;
  socket.dispatchEvent(new Event("open"));
  await written;
  // What the socket keeps must not change with the memory of the writer.
  chunk[0] = 9;
  assertEquals(socket.sent, [bytes(1)]);

  const refused = new FakeSocket();
  refused.readyState = WebSocket.CONNECTING;
  const failing = refused.streams().writable.getWriter();
  failing.closed.catch(() => {});
  refused.dispatchEvent(new CloseEvent("close"));
  await assertRejects(
    () => failing.write(bytes(1)),
    SpdyError,
    "WebSocket: it was closed before it opened",
  );
});

Deno.test("WebSocket: the end and the abort of writing close the socket, and so does a cancelled reader", async () => {
  const socket = new FakeSocket();
  await socket.streams().writable.close();
  assertEquals(socket.closed, 1);
  const aborted = new FakeSocket();
  await aborted.streams().writable.abort();
  assertEquals(aborted.closed, 1);
  const cancelled = new FakeSocket();
  await cancelled.streams().readable.cancel();
  assertEquals(cancelled.closed, 1);
  // Events after that change nothing, and their listeners do not throw.
  cancelled.message(bytes(1).buffer);
  cancelled.message("text");
  cancelled.dispatchEvent(new CloseEvent("close"));
});

Deno.test("WebSocket: reading ends with the close, and later events change nothing", async () => {
  const socket = new FakeSocket();
  const reader = socket.streams().readable.getReader();
  assertEquals(socket.binaryType, "arraybuffer");
  socket.message(bytes(1, 2).buffer);
  socket.dispatchEvent(new CloseEvent("close"));
  socket.dispatchEvent(new CloseEvent("close"));
  socket.dispatchEvent(new ErrorEvent("error", { message: "too late" }));
  socket.message(bytes(3).buffer);
  assertEquals((await reader.read()).value, bytes(1, 2));
  assertEquals((await reader.read()).done, true);
});

Deno.test("WebSocket: reading fails with the message of the error, or with a text message", async () => {
  for (
    const [fail, message] of [
      [
        (socket: FakeSocket) =>
          socket.dispatchEvent(new ErrorEvent("error", { message: "reset" })),
        "WebSocket: reset",
      ],
      [
        (socket: FakeSocket) => socket.dispatchEvent(new Event("error")),
        "WebSocket: the connection failed",
      ],
      [
        (socket: FakeSocket) => socket.message("text"),
        "WebSocket: the peer sent a text message; SPDY needs binary ones",
      ],
    ] as const
  ) {
    const socket = new FakeSocket();
    const reader = socket.streams().readable.getReader();
    fail(socket);
    const error = await assertRejects(() => reader.read(), SpdyError);
    assertEquals([error.message, error.initiator], [message, "remote"]);
  }
});
