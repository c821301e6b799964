/**
 * Random use of the send buffer, compared with a plain list of bytes, and the
 * limits of what it copies.
 */

import {
  type Place,
  SendBuffer,
} from "../../../connection/buffers/send_buffer.ts";
import { InvalidArgumentError } from "../../../errors.ts";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLessOrEqual,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import { turn } from "../../helpers/virtual_time.ts";

/** The memory of the connection: how much of it is reserved. */
class Memory {
  reserved = 0;
  constructor(readonly room: number) {}

  reserve(size: number): boolean {
    if (this.reserved + size > this.room) return false;
    this.reserved += size;
    return true;
  }

  release(size: number): void {
    this.reserved -= size;
    assertGreaterOrEqual(this.reserved, 0);
  }
}

interface Waiting {
  /** Number of bytes up to the end of the chunk. */
  readonly end: number;
  settled: boolean;
}

Deno.test("send buffer: the session takes every byte once and in order, and a write resolves when its bytes are taken or copied", async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = new Random(seed);
    const memory = new Memory(10_000);
    const buffer = new SendBuffer({ ready() {}, aborted() {} }, memory);
    const written: number[] = [];
    const writes: Waiting[] = [];
    const places: [place: Place, at: number][] = [];
    let taken = 0;
    for (let step = 0; step < 150; step++) {
      if (random.int(0, 1) === 0) {
        const size = random.pick([0, 1, 10, 1000, 4096, 4097, 6000]);
        const chunk = random.bytes(size);
        const mayCopy = size <= 4096 && memory.reserved + size <= memory.room;
        const writing = buffer.write(chunk);
        written.push(...chunk);
        // A small chunk is copied while there is room, so the caller may reuse it.
        assertEquals(writing === undefined, mayCopy);
        if (writing === undefined) chunk.fill(0);
        else {
          const one = { end: written.length, settled: false };
          writes.push(one);
          writing.then(() => one.settled = true);
        }
        if (random.int(0, 3) === 0) {
          places.push([buffer.place(), written.length]);
        }
      } else {
        const most = random.int(1, 9000);
        const view = buffer.take(most);
        assertEquals(
          [...view],
          written.slice(taken, taken + view.length),
        );
        assertLessOrEqual(view.length, most);
        assertEquals(view.length > 0, written.length > taken);
        taken += view.length;
      }
      assertEquals(buffer.size, written.length - taken);
      assertEquals(buffer.idle, buffer.size === 0);
      assertEquals(buffer.accepted, memory.reserved);
      assert(buffer.size > 0 || memory.reserved === 0);
      for (const [place, at] of places) {
        assertEquals(buffer.before(place), at - taken);
      }
      // Settles the writes whose bytes were taken.
      for (let count = 0; count < 5; count++) await undefined;
      for (const { end, settled } of writes) {
        // When no byte waits any more, all waiting writers continue.
        if (settled) assert(end <= taken);
        else assert(buffer.writerWaits);
      }
      if (buffer.size === 0) assert(writes.every(({ settled }) => settled));
    }
  }
});

Deno.test("send buffer: the end resolves when FIN was sent, and rejects when the half fails", async () => {
  const memory = new Memory(10_000);
  const one = new SendBuffer({ ready() {}, aborted() {} }, memory);
  one.write(Uint8Array.of(1));
  assertEquals([one.ending, one.complete, one.ended], [false, false, false]);
  const ended = one.end();
  assertEquals([one.ending, one.complete, one.ended], [true, true, false]);
  assertStrictEquals(one.end(), ended);
  assertThrows(
    () => one.write(Uint8Array.of(2)),
    InvalidArgumentError,
    "already ended",
  );
  one.take(1);
  one.finish();
  await ended;
  assertEquals(one.ended, true);
  // Later changes have no effect.
  one.fail(new Error("late"));
  one.check();
  await one.end();

  const other = new SendBuffer({ ready() {}, aborted() {} }, memory);
  const ending = other.end();
  other.fail(new Error("reset"));
  await assertRejects(() => ending, Error, "reset");
  assertThrows(() => other.end(), Error, "reset");
  assertThrows(() => other.check(), Error, "reset");
  other.finish();
  assertThrows(() => other.check(), Error, "reset");

  const early = new SendBuffer({ ready() {}, aborted() {} }, memory);
  const cut = early.write(new Uint8Array(5000));
  early.finish();
  await assertRejects(
    async () => await cut,
    InvalidArgumentError,
    "before all written bytes were sent",
  );
  assertEquals(memory.reserved, 0);
});

Deno.test("send buffer: trailers end it without a FIN of its own, unless they cannot be sent", () => {
  const buffer = new SendBuffer({ ready() {}, aborted() {} }, new Memory(9));
  buffer.seal();
  assertEquals([buffer.ending, buffer.complete], [true, false]);
  assertThrows(() => buffer.write(Uint8Array.of(1)), InvalidArgumentError);
  buffer.unseal();
  assertEquals([buffer.ending, buffer.complete], [false, false]);
  assertEquals(buffer.write(Uint8Array.of(1)), undefined);
});

Deno.test("send buffer: chunks in the queue of the web stream come before FIN and before a later place", async () => {
  let readied = 0;
  const memory = new Memory(10_000);
  const buffer = new SendBuffer(
    { ready: () => readied++, aborted() {} },
    memory,
  );
  const writer = buffer.writable.getWriter();
  const first = writer.write(new Uint8Array(5000));
  await turn();
  const second = writer.write(new Uint8Array(6000));
  const third = writer.write(new Uint8Array(10));
  assertEquals([buffer.size, buffer.idle], [5000, false]);
  const place = buffer.place();
  // Two chunks before it have no position yet.
  assertEquals(buffer.before(place), Infinity);
  const ended = buffer.end();
  assertEquals([buffer.ending, buffer.complete], [true, false]);
  assertEquals(buffer.take(9000).length, 5000);
  await first;
  await turn();
  assertEquals([buffer.size, buffer.before(place)], [6000, Infinity]);
  assertEquals(buffer.complete, false);
  assertEquals(buffer.take(9000).length, 6000);
  await second;
  await third;
  await turn();
  assertEquals([buffer.before(place), buffer.complete], [10, true]);
  assertEquals(buffer.take(9).length, 9);
  assertEquals(buffer.before(place), 1);
  assertEquals(buffer.take(9).length, 1);
  assertGreaterOrEqual(readied, 3);
  buffer.finish();
  await ended;
  assertEquals([buffer.idle, memory.reserved], [true, 0]);
});

Deno.test("send buffer: small chunks are joined up to 16 KiB, and then into another memory", () => {
  const buffer = new SendBuffer(
    { ready() {}, aborted() {} },
    new Memory(100_000),
  );
  const sizes = (): number[] => {
    const all: number[] = [];
    for (;;) {
      const { length } = buffer.take(100_000);
      if (length === 0) return all;
      all.push(length);
    }
  };
  const write = (size: number, times: number): void => {
    for (; times > 0; times--) buffer.write(new Uint8Array(size));
  };
  write(4096, 9);
  assertEquals(sizes(), [16_384, 16_384, 4096]);
  write(1000, 18);
  assertEquals(sizes(), [17_000, 1000]);
  // A large chunk is not joined with others.
  write(10, 2);
  write(4097, 2);
  write(10, 2);
  assertEquals(sizes(), [20, 4097, 4097, 20]);
});

Deno.test("send buffer: an end that waited for a chunk after close(), which is refused, is announced", async () => {
  let readied = 0;
  const buffer = new SendBuffer(
    { ready: () => readied++, aborted() {} },
    new Memory(0),
  );
  const writer = buffer.writable.getWriter();
  await turn();
  const first = writer.write(new Uint8Array(5000));
  const closed = writer.close();
  const late = assertRejects(() => writer.write(new Uint8Array(10)));
  const ended = buffer.end();
  assertEquals(buffer.take(9000).length, 5000);
  assertEquals(buffer.complete, false);
  readied = 0;
  await first;
  await turn();
  assertEquals([buffer.complete, readied], [true, 1]);
  buffer.finish();
  await Promise.all([closed, ended, late]);
});
