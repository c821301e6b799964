/** The received bytes of a stream that are not read yet. */

import { ReceiveBuffer } from "../../../connection/buffers/receive_buffer.ts";
import { InvalidArgumentError } from "../../../errors.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../deps.ts";
import { bytes } from "../../helpers/bytes.ts";
import { turn } from "../../helpers/virtual_time.ts";

function dropped(): Error {
  return new Error("dropped");
}

function receiveBufferWithLog(): {
  receiveBuffer: ReceiveBuffer;
  log: string[];
} {
  const log: string[] = [];
  const receiveBuffer = new ReceiveBuffer({
    waits: () => {},
    consumed: (size) => log.push(`consumed ${size}`),
    cancelled: (reason, size) => log.push(`cancelled ${reason} ${size}`),
  });
  return { receiveBuffer, log };
}

Deno.test("receiveBuffer: bytes are granted again when a reader takes them, not when it starts to wait", async () => {
  const { receiveBuffer, log } = receiveBufferWithLog();
  receiveBuffer.push(bytes(1, 2));
  receiveBuffer.settle();
  receiveBuffer.push(bytes(3));
  receiveBuffer.settle();
  assertEquals(receiveBuffer.size, 3);
  const reader = receiveBuffer.readable.getReader();
  await Promise.resolve();
  assertEquals(log, []);
  assertEquals((await reader.read()).value, bytes(1, 2));
  assertEquals(log, ["consumed 2"]);
  assertEquals((await reader.read()).value, bytes(3));
  const pending = reader.read();
  await Promise.resolve();
  receiveBuffer.push(bytes(4));
  receiveBuffer.settle();
  assertEquals((await pending).value, bytes(4));
  assertEquals(log, ["consumed 2", "consumed 1", "consumed 1"]);
  receiveBuffer.finish();
  assertEquals((await reader.read()).done, true);
  receiveBuffer.push(bytes(5, 6, 7));
  assertEquals(log.at(-1), "consumed 3");
});

Deno.test("receiveBuffer: the pieces of one read become one chunk, a copy", async () => {
  const { receiveBuffer } = receiveBufferWithLog();
  const buffer = bytes(1, 2, 9, 3, 9, 9, 4);
  assertEquals(receiveBuffer.push(buffer.subarray(0, 2)), true);
  assertEquals(receiveBuffer.push(buffer.subarray(3, 4)), false);
  assertEquals(receiveBuffer.push(buffer.subarray(6)), false);
  receiveBuffer.settle();
  receiveBuffer.settle();
  buffer.fill(8);
  assertEquals(receiveBuffer.push(bytes(5)), true);
  receiveBuffer.finish();
  receiveBuffer.settle();
  const reader = receiveBuffer.readable.getReader();
  assertEquals((await reader.read()).value, bytes(1, 2, 3, 4));
  assertEquals((await reader.read()).value, bytes(5));
  assertEquals((await reader.read()).done, true);
});

Deno.test("receiveBuffer: a chunk has at most 64 KiB, unless one piece is larger", async () => {
  const lengthsOf = async (...pieces: number[]): Promise<number[]> => {
    const { receiveBuffer } = receiveBufferWithLog();
    for (const length of pieces) receiveBuffer.push(new Uint8Array(length));
    receiveBuffer.finish();
    const chunks = await Array.fromAsync(receiveBuffer.readable);
    return chunks.map(({ length }) => length);
  };
  assertEquals(await lengthsOf(32_768, 32_768), [65_536]);
  assertEquals(await lengthsOf(32_768, 32_769), [32_768, 32_769]);
  assertEquals(await lengthsOf(70_000, 1, 2), [70_000, 3]);
  assertEquals(await lengthsOf(40_000, 40_000, 25_536), [40_000, 65_536]);
  assertEquals(
    await lengthsOf(40_000, 40_000, 25_537),
    [40_000, 40_000, 25_537],
  );
  assertEquals(await lengthsOf(1, 70_000, 2), [1, 70_000, 2]);
});

Deno.test("receiveBuffer: many small chunks are joined, and no byte is lost or moved", async () => {
  const { receiveBuffer } = receiveBufferWithLog();
  const sent: number[] = [];
  // Large enough that the joined chunks grow several times, and end at 16 KiB.
  for (let count = 0; count < 400; count++) {
    const piece = new Uint8Array(count % 150 + 1).fill(count % 251);
    sent.push(...piece);
    receiveBuffer.push(piece);
    receiveBuffer.settle();
  }
  receiveBuffer.finish();
  const chunks = await Array.fromAsync(receiveBuffer.readable);
  assertEquals(chunks.flatMap((chunk) => [...chunk]), sent);
  // 32 chunks of their own, and then the joined ones.
  assertEquals(chunks.length, 34);
  assert(chunks.slice(32).every(({ length }) => length <= 16_384 + 1024));
});

Deno.test("receiveBuffer: read() returns pieces, then chunks, then the end", async () => {
  const { receiveBuffer, log } = receiveBufferWithLog();
  const buffer = new Uint8Array(3);
  const waiting = receiveBuffer.read(buffer);
  assertThrows(
    () => receiveBuffer.read(buffer),
    InvalidArgumentError,
    "another read() of the stream is pending",
  );
  assertThrows(() => receiveBuffer.readable, InvalidArgumentError, "pending");
  receiveBuffer.push(bytes(1, 2));
  receiveBuffer.push(bytes(3, 4, 5));
  receiveBuffer.push(bytes(6));
  receiveBuffer.settle();
  assertEquals(await waiting, 3);
  assertEquals(buffer, bytes(1, 2, 3));
  assertEquals(receiveBuffer.size, 3);
  assertEquals(await receiveBuffer.read(buffer.subarray(0, 2)), 2);
  assertEquals(buffer, bytes(4, 5, 3));
  receiveBuffer.push(bytes(7, 8));
  receiveBuffer.settle();
  assertEquals(await receiveBuffer.read(buffer), 3);
  assertEquals(buffer, bytes(6, 7, 8));
  assertEquals(await receiveBuffer.read(new Uint8Array(0)), 0);
  assertEquals(log, ["consumed 3", "consumed 2", "consumed 3"]);
  const last = receiveBuffer.read(buffer);
  receiveBuffer.finish();
  assertEquals(await last, null);
  assertEquals(await receiveBuffer.read(buffer), null);
});

Deno.test("receiveBuffer: read() and readable return each byte once", async () => {
  const mixed = receiveBufferWithLog();
  mixed.receiveBuffer.push(bytes(1, 2, 3));
  mixed.receiveBuffer.settle();
  assertEquals(await mixed.receiveBuffer.read(new Uint8Array(1)), 1);
  assertEquals(mixed.receiveBuffer.takeAll(), undefined);
  const reader = mixed.receiveBuffer.readable.getReader();
  assertEquals((await reader.read()).value, bytes(2, 3));
  assertThrows(
    () => mixed.receiveBuffer.read(new Uint8Array(1)),
    InvalidArgumentError,
    "read from `readable`",
  );

  const failing = receiveBufferWithLog();
  const pending = failing.receiveBuffer.read(new Uint8Array(1));
  failing.receiveBuffer.fail(new Error("cut"));
  await assertRejects(() => pending, Error, "cut");
  await assertRejects(
    () => failing.receiveBuffer.read(new Uint8Array(1)),
    Error,
    "cut",
  );

  const discarded = receiveBufferWithLog();
  const given = discarded.receiveBuffer.read(new Uint8Array(1));
  discarded.receiveBuffer.discard(dropped);
  discarded.receiveBuffer.push(bytes(1));
  await assertRejects(() => given, Error, "dropped");
});

Deno.test("receiveBuffer: an error follows the bytes that arrived, and an abort is immediate", async () => {
  const failing = receiveBufferWithLog();
  failing.receiveBuffer.push(bytes(1));
  failing.receiveBuffer.fail(new Error("cut"));
  const reader = failing.receiveBuffer.readable.getReader();
  assertEquals((await reader.read()).value, bytes(1));
  await assertRejects(() => reader.read(), Error, "cut");

  const aborted = receiveBufferWithLog();
  aborted.receiveBuffer.push(bytes(1, 2));
  aborted.receiveBuffer.abort(new Error("now"));
  aborted.receiveBuffer.abort(new Error("again"));
  assertEquals(aborted.log, ["consumed 2"]);
  await assertRejects(
    () => aborted.receiveBuffer.readable.getReader().read(),
    Error,
    "now",
  );
});

Deno.test("receiveBuffer: it can be cancelled, taken as a whole, and discarded", async () => {
  const cancelled = receiveBufferWithLog();
  cancelled.receiveBuffer.push(bytes(1, 2));
  await cancelled.receiveBuffer.readable.cancel("enough");
  assertEquals(cancelled.log, ["cancelled enough 2"]);
  cancelled.receiveBuffer.push(bytes(3));
  assertEquals(cancelled.log.at(-1), "consumed 1");

  const whole = receiveBufferWithLog();
  assertEquals(whole.receiveBuffer.takeAll(), undefined);
  whole.receiveBuffer.push(bytes(1));
  whole.receiveBuffer.push(bytes(2, 3));
  assertEquals(whole.receiveBuffer.takeAll(), undefined);
  whole.receiveBuffer.finish();
  assertEquals(whole.receiveBuffer.takeAll(), bytes(1, 2, 3));
  assertEquals(whole.log, ["consumed 3"]);
  assertEquals(whole.receiveBuffer.takeAll(), undefined);

  const discarded = receiveBufferWithLog();
  const reader = discarded.receiveBuffer.readable.getReader();
  discarded.receiveBuffer.push(bytes(1));
  discarded.receiveBuffer.discard(dropped);
  discarded.receiveBuffer.push(bytes(2));
  discarded.receiveBuffer.finish();
  assertEquals(discarded.log, ["consumed 1", "consumed 1"]);
  await assertRejects(() => reader.read(), Error, "dropped");
});

Deno.test("receiveBuffer: after bytes were dropped or taken as a whole, there is no clean end", async () => {
  /** Before or after the readers begin to wait. */
  const ways: ((receiveBuffer: ReceiveBuffer) => void)[] = [
    (receiveBuffer) => {
      receiveBuffer.push(bytes(1));
      receiveBuffer.discard(dropped);
    },
    (receiveBuffer) => {
      receiveBuffer.discard(dropped);
      receiveBuffer.push(bytes(1));
    },
    (receiveBuffer) => {
      receiveBuffer.push(bytes(1));
      receiveBuffer.finish();
      receiveBuffer.discard(dropped);
    },
    (receiveBuffer) => {
      receiveBuffer.push(bytes(1));
      receiveBuffer.finish();
      assertEquals(receiveBuffer.takeAll(), bytes(1));
    },
  ];
  for (const way of ways) {
    for (const early of [true, false]) {
      for (const finished of [true, false]) {
        const web = receiveBufferWithLog().receiveBuffer;
        const direct = receiveBufferWithLog().receiveBuffer;
        way(direct);
        if (early && way !== ways[3]) web.readable;
        way(web);
        if (finished) {
          web.finish();
          direct.finish();
        }
        await assertRejects(() => web.readable.getReader().read());
        await assertRejects(() => direct.read(new Uint8Array(1)));
        assertEquals([web.ended, direct.ended], [true, true]);
      }
    }
  }
});

Deno.test("receiveBuffer: if nothing was dropped, the end is clean", async () => {
  const { receiveBuffer } = receiveBufferWithLog();
  receiveBuffer.discard(dropped);
  const reading = receiveBuffer.readable.getReader().read();
  receiveBuffer.push(bytes());
  receiveBuffer.finish();
  assertEquals((await reading).done, true);
  const ended = receiveBufferWithLog().receiveBuffer;
  ended.finish();
  ended.discard(dropped);
  assertEquals(await ended.read(new Uint8Array(1)), null);
  const empty = receiveBufferWithLog().receiveBuffer;
  empty.finish();
  assertEquals(empty.takeAll(), bytes());
  assertEquals((await empty.readable.getReader().read()).done, true);
});

Deno.test("receiveBuffer: each of several reads that wait gets the next chunk", async () => {
  const kinds: ((buffer: ReceiveBuffer) => void)[] = [
    () => {},
    (buffer) => buffer.presentBytes(),
    (buffer) => buffer.presentBody((error) => error),
  ];
  for (const present of kinds) {
    const { receiveBuffer, log } = receiveBufferWithLog();
    present(receiveBuffer);
    const reader = receiveBuffer.readable.getReader();
    const reads = [1, 2, 3, 4].map(() => reader.read());
    await turn();
    assertEquals(receiveBuffer.readerWaits, true);
    // The first two arrive in one read of the connection.
    receiveBuffer.push(new Uint8Array(65_536));
    receiveBuffer.push(bytes(2));
    receiveBuffer.settle();
    await turn();
    receiveBuffer.push(bytes(3));
    receiveBuffer.settle();
    await turn();
    assertEquals([receiveBuffer.size, receiveBuffer.readerWaits], [0, true]);
    receiveBuffer.finish();
    const results = await Promise.all(reads);
    assertEquals(
      results.map(({ done, value }) => done || [value.length, value[0]]),
      [[65_536, 0], [1, 2], [1, 3], true],
    );
    assertEquals(log, ["consumed 65536", "consumed 1", "consumed 1"]);
  }
});
