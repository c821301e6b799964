/** The ends of a send buffer: failures, aborts, refused chunks, and the queue of its web stream. */

import { SendBuffer } from "../../../connection/buffers/send_buffer.ts";
import { InvalidArgumentError } from "../../../errors.ts";
import { assertEquals, assertRejects, assertThrows } from "../../deps.ts";
import { bytes } from "../../helpers/bytes.ts";
import { turn } from "../../helpers/virtual_time.ts";

function bufferWithLog(): { buffer: SendBuffer; log: string[] } {
  const log: string[] = [];
  const buffer = new SendBuffer({
    ready: () => log.push("ready"),
    aborted: (reason) => log.push(`aborted: ${reason}`),
  }, {
    reserve: () => true,
    release: (size) => log.push(`released ${size}`),
  });
  return { buffer, log };
}

Deno.test("send buffer: a chunk that is not bytes is an error of the whole half, also from the queue of the web stream", async () => {
  const text = "text" as unknown as Uint8Array;
  const direct = bufferWithLog();
  assertThrows(() => direct.buffer.write(text), InvalidArgumentError, "string");
  const queued = bufferWithLog();
  const writer = queued.buffer.writable.getWriter();
  await assertRejects(() => writer.write(text), InvalidArgumentError, "string");
  for (const { buffer, log } of [direct, queued]) {
    assertEquals([log.length, buffer.size], [1, 0]);
    assertEquals(log[0].startsWith("aborted: InvalidArgumentError"), true);
  }
  await assertRejects(() => writer.closed);
});

Deno.test("send buffer: an empty chunk is announced, because headers may wait for its place", () => {
  const { buffer, log } = bufferWithLog();
  assertEquals(buffer.write(bytes()), undefined);
  assertEquals(log, ["ready"]);
});

Deno.test("send buffer: a failure reaches a web stream that is not in use, and one that is made later", async () => {
  const early = bufferWithLog().buffer;
  const writer = early.writable.getWriter();
  early.fail(new Error("reset"));
  await assertRejects(() => writer.closed, Error, "reset");
  const late = bufferWithLog().buffer;
  late.fail(new Error("reset"));
  const { closed } = late.writable.getWriter();
  await assertRejects(() => closed, Error, "reset");
});

Deno.test("send buffer: a failure drops what waits, and nobody waits any more", async () => {
  const { buffer, log } = bufferWithLog();
  const first = buffer.write(new Uint8Array(5000));
  const second = buffer.write(new Uint8Array(6000));
  assertEquals([buffer.take(5000).length, buffer.writerWaits], [5000, true]);
  buffer.fail(new Error("reset"));
  assertEquals([buffer.writerWaits, buffer.size], [false, 0]);
  assertEquals(buffer.take(10), bytes());
  await assertRejects(async () => await first, Error, "reset");
  await assertRejects(async () => await second, Error, "reset");
  // No memory was reserved for these chunks.
  assertEquals(log, ["ready", "ready"]);
});

Deno.test("send buffer: after FIN was sent, its half has ended once and for all", async () => {
  const { buffer, log } = bufferWithLog();
  const ended = buffer.end();
  buffer.finish();
  buffer.finish();
  await ended;
  assertEquals([buffer.ending, buffer.ended], [true, true]);
  assertEquals(log, ["ready"]);
  // One that ended without a call of end() takes nothing more either.
  const early = bufferWithLog();
  const cut = early.buffer.write(new Uint8Array(1));
  early.buffer.finish();
  assertEquals([cut, early.buffer.ending, early.buffer.size], [
    undefined,
    true,
    0,
  ]);
  assertEquals(early.log, ["ready", "released 1"]);
});

Deno.test("send buffer: an abort of the web stream does not wait for a write", async () => {
  const { buffer, log } = bufferWithLog();
  const writer = buffer.writable.getWriter();
  const writing = writer.write(new Uint8Array(5000));
  await turn();
  const aborted = writer.abort("enough");
  assertEquals(log, ["ready", "aborted: enough"]);
  buffer.fail(new Error("aborted"));
  // The abort itself does not fail.
  await aborted;
  await assertRejects(() => writing);
  await assertRejects(() => writer.closed);
});

Deno.test("send buffer: an abort after a failure is not reported", async () => {
  const { buffer, log } = bufferWithLog();
  const writer = buffer.writable.getWriter();
  buffer.finish();
  await writer.abort("enough");
  assertEquals(log, []);
  await assertRejects(() => writer.closed);
});

Deno.test("send buffer: one chunk at a time waits in the queue of the web stream", async () => {
  const { buffer } = bufferWithLog();
  const writer = buffer.writable.getWriter();
  assertEquals([writer.desiredSize, buffer.idle], [1, true]);
  const writing = writer.write(new Uint8Array(5000));
  // The sink has not seen it yet.
  assertEquals([writer.desiredSize, buffer.size, buffer.idle], [0, 0, false]);
  await turn();
  buffer.take(5000);
  await writing;
  assertEquals([writer.desiredSize, buffer.idle], [1, true]);
});

Deno.test("send buffer: a place behind a chunk that is refused is at the end", async () => {
  const { buffer } = bufferWithLog();
  const writer = buffer.writable.getWriter();
  await turn();
  const first = writer.write(new Uint8Array(5000));
  const closed = writer.close();
  const late = assertRejects(() => writer.write(new Uint8Array(10)));
  const place = buffer.place();
  assertEquals(buffer.before(place), Infinity);
  assertEquals(buffer.take(9000).length, 5000);
  await first;
  await turn();
  assertEquals(buffer.before(place), 0);
  buffer.finish();
  await Promise.all([closed, late]);
});
