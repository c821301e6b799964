/** The ends of a receive buffer: with an expected length, after an abort, and for BYOB readers. */

import { ReceiveBuffer } from "../../../connection/buffers/receive_buffer.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { bytes } from "../../helpers/bytes.ts";
import { turn } from "../../helpers/virtual_time.ts";

function bufferWithLog(): { buffer: ReceiveBuffer; log: string[] } {
  const log: string[] = [];
  const buffer = new ReceiveBuffer({
    waits: () => log.push("waits"),
    consumed: (size) => log.push(`consumed ${size}`),
    cancelled: (reason, size) => log.push(`cancelled ${reason} ${size}`),
  });
  return { buffer, log };
}

function wrong(arrived: string): Error {
  return new Error(`${arrived} arrived`);
}

/** The bytes that a reader gets, and the error that follows them, if one does. */
async function outcome(buffer: ReceiveBuffer): Promise<[number[], string?]> {
  const chunks: number[] = [];
  const reader = buffer.readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return [chunks];
      chunks.push(...value);
    }
  } catch (error) {
    return [chunks, (error as Error).message];
  }
}

Deno.test("receive buffer: with another number of bytes than expected, an error follows those that arrived", async () => {
  const cases: [arrived: number, expected: number, error?: string][] = [
    [0, 0],
    [2, 2],
    [0, 1, "0 arrived"],
    [1, 2, "only 1 arrived"],
    [2, 1, "more arrived"],
  ];
  for (const [arrived, expected, error] of cases) {
    for (const when of ["before", "between", "after"]) {
      const { buffer } = bufferWithLog();
      if (when === "before") buffer.expect(expected, wrong);
      if (arrived > 0) buffer.push(new Uint8Array(arrived));
      if (when === "between") buffer.expect(expected, wrong);
      buffer.finish();
      if (when === "after") buffer.expect(expected, wrong);
      // The piece with too many bytes is dropped, unless it was accepted before.
      const kept = when === "before" && arrived > expected ? 0 : arrived;
      const all: number[] = new Array(kept).fill(0);
      const wanted = error === undefined ? [all] : [all, error];
      const name = `${arrived} of ${expected}, ${when}`;
      assertEquals(await outcome(buffer), wanted, name);
    }
  }
});

Deno.test("receive buffer: bytes beyond the expected length count as consumed at once, without settle()", () => {
  const { buffer, log } = bufferWithLog();
  buffer.expect(2, wrong);
  assertEquals(buffer.push(bytes(1, 2)), true);
  buffer.settle();
  assertEquals([buffer.push(bytes(3, 4, 5)), buffer.ended], [false, true]);
  assertEquals(log, ["consumed 3"]);
  assertEquals([buffer.isWhole(2), buffer.taken], [false, 0]);
});

Deno.test("receive buffer: an expected length changes nothing after an error", async () => {
  const { buffer } = bufferWithLog();
  buffer.push(bytes(1, 2));
  buffer.fail(new Error("cut"));
  buffer.expect(1, wrong);
  assertEquals(await outcome(buffer), [[1, 2], "cut"]);
});

Deno.test("receive buffer: a stream whose bytes are dropped, or that was cancelled, ends without the expected ones", async () => {
  const dropping = bufferWithLog();
  dropping.buffer.expect(5, wrong);
  dropping.buffer.discard(() => new Error("dropped"));
  dropping.buffer.finish();
  assertEquals(await outcome(dropping.buffer), [[]]);

  const cancelled = bufferWithLog();
  cancelled.buffer.expect(5, wrong);
  await cancelled.buffer.readable.cancel("enough");
  cancelled.buffer.expect(6, wrong);
  cancelled.buffer.finish();
  assertEquals(cancelled.buffer.isWhole(0), true);
  await cancelled.buffer.readable.cancel("again");
  assertEquals(cancelled.log, ["cancelled enough 0"]);
});

Deno.test("receive buffer: it knows whether exactly so many bytes and the end have arrived", () => {
  const { buffer } = bufferWithLog();
  buffer.push(bytes(1, 2));
  assertEquals(buffer.isWhole(2), false);
  buffer.finish();
  assertEquals([1, 2, 3].map((length) => buffer.isWhole(length)), [
    false,
    true,
    false,
  ]);
});

Deno.test("receive buffer: a read of exactly what has arrived leaves nothing", async () => {
  const { buffer, log } = bufferWithLog();
  assertEquals(buffer.deliver(), false);
  const target = new Uint8Array(2);
  const reading = buffer.read(target);
  assertEquals(log, ["waits"]);
  buffer.push(bytes(1));
  buffer.push(bytes(2));
  assertEquals([buffer.deliver(), await reading], [false, 2]);
  assertEquals([target, buffer.size], [bytes(1, 2), 0]);
  // One byte is enough for a read, before and after it is settled.
  for (const settles of [false, true]) {
    buffer.push(bytes(3));
    assertEquals(buffer.deliver(), false);
    if (settles) buffer.settle();
    assertEquals(await buffer.read(target), 1);
    assertEquals([target[0], buffer.size], [3, 0]);
  }
});

Deno.test("receive buffer: a web stream waits for bytes when a reader asks and there are none", async () => {
  const { buffer, log } = bufferWithLog();
  const reader = buffer.readable.getReader();
  await turn();
  assertEquals([log, buffer.readerWaits], [[], false]);
  const reading = reader.read();
  await turn();
  assertEquals([log, buffer.readerWaits], [["waits"], true]);
  buffer.push(bytes(1));
  buffer.settle();
  assertEquals((await reading).value, bytes(1));
  assertEquals([log, buffer.readerWaits], [["waits", "consumed 1"], false]);
});

Deno.test("receive buffer: it is not taken as a whole once its web stream exists", () => {
  const { buffer } = bufferWithLog();
  buffer.push(bytes(1));
  buffer.finish();
  buffer.readable;
  assertEquals(buffer.takeAll(), undefined);
});

Deno.test("receive buffer: an abort drops what has arrived, at once and once", async () => {
  const { buffer, log } = bufferWithLog();
  const reader = buffer.readable.getReader();
  buffer.push(bytes(1));
  buffer.settle();
  const ended = reader.closed.then(() => "closed", (error) => error.message);
  buffer.abort(new Error("now"));
  assertEquals(await ended, "now");
  assertEquals([log, buffer.size], [["consumed 1"], 0]);
  // What follows changes nothing.
  buffer.discard(() => new Error("dropped"));
  buffer.abort(new Error("later"));
  await assertRejects(() => reader.read(), Error, "now");

  const empty = bufferWithLog();
  empty.buffer.abort(new Error("now"));
  assertEquals(empty.log, []);
  // An earlier error stays.
  const failed = bufferWithLog();
  failed.buffer.push(bytes(1));
  failed.buffer.fail(new Error("cut"));
  failed.buffer.discard(() => new Error("dropped"));
  assertEquals(failed.buffer.size, 1);
  failed.buffer.abort(new Error("now"));
  assertEquals(await outcome(failed.buffer), [[], "cut"]);
});

Deno.test("receive buffer: the reason of the first dropped byte is asked for once", async () => {
  const { buffer, log } = bufferWithLog();
  let asked = 0;
  buffer.discard(() => new Error(`dropped ${++asked}`));
  for (let count = 0; count < 3; count++) buffer.push(bytes(1, 2));
  assertEquals(asked, 1);
  assertEquals(log, ["consumed 2", "consumed 2", "consumed 2"]);
  assertEquals(await outcome(buffer), [[], "dropped 1"]);
});

Deno.test("receive buffer: a BYOB reader that waits gets the end", async () => {
  for (const asBody of [false, true]) {
    const { buffer } = bufferWithLog();
    if (asBody) buffer.presentBody((error) => error);
    else buffer.presentBytes();
    const reader = buffer.readable.getReader({ mode: "byob" });
    const first = reader.read(new Uint8Array(10));
    await turn();
    buffer.push(bytes(1, 2));
    buffer.settle();
    assertEquals((await first).value, bytes(1, 2));
    const last = reader.read(new Uint8Array(10));
    await turn();
    buffer.finish();
    assertEquals((await last).done, true);
    await reader.closed;
  }
});

Deno.test("receive buffer: the error of a response's body is the one that fetch would give", async () => {
  const { buffer } = bufferWithLog();
  buffer.presentBody((error) => new TypeError((error as Error).message));
  const reader = buffer.readable.getReader();
  const reading = reader.read();
  await turn();
  buffer.fail(new Error("cut"));
  await assertRejects(() => reading, TypeError, "cut");
});
