/** The written bytes of a stream that are not sent yet. */

import { Buffer } from "node:buffer";
import { SendBuffer } from "../../../connection/buffers/send_buffer.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../../deps.ts";
import { bytes } from "../../helpers/bytes.ts";

function sendBufferWithLog(
  room = Infinity,
): { sendBuffer: SendBuffer; log: string[] } {
  const log: string[] = [];
  let left = room;
  const sendBuffer = new SendBuffer({
    ready: () => log.push("ready"),
    aborted: (reason) => log.push(`aborted ${reason}`),
  }, {
    reserve: (size) => {
      if (size > left) return false;
      left -= size;
      return true;
    },
    release: (size) => {
      left += size;
      log.push(`released ${size}`);
    },
  });
  return { sendBuffer, log };
}

Deno.test("sendBuffer: small chunks are copied, joined and accepted at once", () => {
  const { sendBuffer, log } = sendBufferWithLog();
  const chunk = bytes(1, 2, 3);
  assertEquals(sendBuffer.write(chunk), undefined);
  chunk.fill(9);
  assertEquals(sendBuffer.write(bytes(4)), undefined);
  assertEquals(sendBuffer.take(2), bytes(1, 2));
  assertEquals(sendBuffer.write(bytes(5)), undefined);
  assertEquals(sendBuffer.take(100), bytes(3, 4, 5));
  assertEquals(log.at(-1), "released 5");
  assertEquals(sendBuffer.idle, true);
});

Deno.test("sendBuffer: a small node Buffer is copied as well", () => {
  const { sendBuffer } = sendBufferWithLog();
  const chunk = Buffer.from([1, 2, 3]);
  assertEquals(sendBuffer.write(chunk), undefined);
  chunk.fill(9);
  assertEquals(sendBuffer.take(3), bytes(1, 2, 3));
});

Deno.test("sendBuffer: a large chunk is a view, and its write resolves with its last byte", async () => {
  const { sendBuffer } = sendBufferWithLog();
  const chunk = new Uint8Array(10_000);
  let resolved = false;
  const writing = sendBuffer.write(chunk)?.then(() => resolved = true);
  assertStrictEquals(sendBuffer.take(4000).buffer, chunk.buffer);
  await Promise.resolve();
  assertEquals(resolved, false);
  assertEquals(sendBuffer.take(10_000).length, 6000);
  await writing;
  assertEquals(sendBuffer.take(1).length, 0);
});

Deno.test("sendBuffer: simultaneous writes all resolve", async () => {
  const { sendBuffer } = sendBufferWithLog();
  const writes = [1, 2, 3].map(() => sendBuffer.write(new Uint8Array(5000)));
  sendBuffer.take(5000);
  sendBuffer.take(5000);
  sendBuffer.take(5000);
  await Promise.all(writes);
  assertEquals(sendBuffer.idle, true);
});

Deno.test("sendBuffer: small chunks wait when the connection has no room", async () => {
  const { sendBuffer } = sendBufferWithLog(2);
  assertEquals(sendBuffer.write(bytes(1, 2)), undefined);
  const writing = sendBuffer.write(bytes(3));
  assert(writing instanceof Promise);
  assertEquals(sendBuffer.take(10), bytes(1, 2));
  assertEquals(sendBuffer.take(10), bytes(3));
  await writing;
});

Deno.test("sendBuffer: a failure reaches every pending and later call", async () => {
  const { sendBuffer } = sendBufferWithLog();
  const writer = sendBuffer.writable.getWriter();
  const writing = writer.write(new Uint8Array(10_000));
  const failed = assertRejects(() => writing, Error, "reset");
  await Promise.resolve();
  sendBuffer.fail(new Error("reset"));
  await failed;
  await assertRejects(() => writer.closed, Error, "reset");
  assertThrows(() => sendBuffer.write(bytes(1)), Error, "reset");
  assertEquals(sendBuffer.ended, true);

  const later = sendBufferWithLog();
  later.sendBuffer.fail(new Error("gone"));
  await assertRejects(
    () => later.sendBuffer.writable.getWriter().write(bytes(1)),
    Error,
    "gone",
  );
});

Deno.test("sendBuffer: after a failure or an early end nothing is left to send", async () => {
  const failing = sendBufferWithLog().sendBuffer;
  const writing = failing.write(new Uint8Array(10_000));
  failing.take(1000);
  failing.fail(new Error("reset"));
  assertEquals([failing.size, failing.take(100)], [0, bytes()]);
  await assertRejects(async () => await writing, Error, "reset");

  const ended = sendBufferWithLog();
  assertEquals(ended.sendBuffer.write(bytes(1, 2, 3)), undefined);
  ended.sendBuffer.finish();
  assertEquals([ended.sendBuffer.size, ended.sendBuffer.take(100)], [
    0,
    bytes(),
  ]);
  assertEquals(ended.log.at(-1), "released 3");
});

Deno.test("sendBuffer: a chunk whose buffer was transferred or made smaller fails the stream", async () => {
  const changes: ((buffer: ArrayBuffer) => void)[] = [
    (buffer) => buffer.transfer(),
    (buffer) => buffer.resize(6000),
  ];
  for (const change of changes) {
    for (const taken of [0, 10]) {
      const { sendBuffer, log } = sendBufferWithLog();
      const buffer = new ArrayBuffer(10_000, { maxByteLength: 20_000 });
      const writing = sendBuffer.write(new Uint8Array(buffer));
      assertEquals(sendBuffer.take(taken).length, taken);
      change(buffer);
      assertEquals(sendBuffer.take(100).length, 0);
      assert(log.some((line) => line.startsWith("aborted Invalid")), `${log}`);
      await assertRejects(
        () => Promise.resolve(writing),
        Error,
        "transferred or made smaller",
      );
    }
  }
});

Deno.test("sendBuffer: bytes by which the buffer of a chunk grows are not sent", () => {
  const { sendBuffer } = sendBufferWithLog(0);
  const buffer = new ArrayBuffer(5, { maxByteLength: 100 });
  sendBuffer.write(new Uint8Array(buffer));
  sendBuffer.write(bytes(1));
  buffer.resize(100);
  assertEquals(sendBuffer.take(5).length, 5);
  assertEquals(sendBuffer.take(5), bytes(1));
  assertEquals(sendBuffer.idle, true);
});

Deno.test("sendBuffer: what only looks like bytes is refused, and so are transferred bytes", () => {
  const transferred = bytes(1);
  transferred.buffer.transfer();
  const chunks: Uint8Array[] = [
    transferred,
    new Proxy(bytes(1), {}),
    Object.create(Uint8Array.prototype),
  ];
  for (const chunk of chunks) {
    const { sendBuffer, log } = sendBufferWithLog();
    assertThrows(() => sendBuffer.write(chunk), Error, "chunk");
    assert(log[0].startsWith("aborted Invalid"), `${log}`);
  }
});
