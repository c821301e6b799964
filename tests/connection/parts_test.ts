/** The parts of a connection by themselves. */

import { Buffer } from "node:buffer";
import { AcceptQueue } from "../../connection/accept_queue.ts";
import { attempt, LazyPromise } from "../../connection/deferred.ts";
import { StreamResetError } from "../../connection/errors.ts";
import { statusName } from "../../frame/names.ts";
import { ReceiveBuffer } from "../../connection/buffers/receive_buffer.ts";
import { OpenQueue } from "../../connection/stream/open_queue.ts";
import { WriteBuffer } from "../../connection/buffers/write_buffer.ts";
import { SendBuffer } from "../../connection/buffers/send_buffer.ts";
import { SendScheduler } from "../../connection/flow/send_scheduler.ts";
import { Trailers } from "../../connection/stream/trailers.ts";
import { Pinger } from "../../connection/time/pinger.ts";
import { IoLoop } from "../../connection/io_loop.ts";
import { QuietTimer } from "../../connection/time/quiet_timer.ts";
import type { Wire } from "../../connection/transport/transport.ts";
import { InvalidArgumentError, StreamClosedError } from "../../errors.ts";
import { CLIENT } from "../../session/constants.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../deps.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

function bytes(...values: number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values);
}

Deno.test("out buffer: it accepts bytes up to its limit, in order", () => {
  const buffer = new WriteBuffer(10_000);
  assertEquals(buffer.append(new Uint8Array(4000).fill(1)), 4000);
  assertEquals(buffer.append(new Uint8Array(5000).fill(2)), 5000);
  assertEquals(buffer.append(new Uint8Array(5000).fill(3)), 1000);
  assertEquals(buffer.append(bytes(4)), 0);
  const { view } = buffer;
  assertEquals(view.length, 10_000);
  assertEquals([view[3999], view[4000], view[8999], view[9000]], [1, 2, 2, 3]);
  buffer.clear(1);
  assertEquals(buffer.length, 0);
  assertEquals(buffer.append(bytes(5)), 1);
  assertEquals(buffer.view, bytes(5));
});

Deno.test("out buffer: a write has as many bytes as the transport accepts in 1 ms, but at least 15 KiB", () => {
  const KIB = 1024;
  const data = new Uint8Array(1 << 20);
  const buffer = new WriteBuffer(512 * KIB);
  const write = (perMillisecond: number): number => {
    const size = buffer.append(data);
    assertEquals(size, buffer.bound);
    assert(buffer.full);
    buffer.clear(size / perMillisecond);
    return buffer.bound / KIB;
  };
  // What a socket takes at once says little about its link: at most an eighth of it.
  let taken = 0;
  while (buffer.bound < 512 * KIB) {
    taken += buffer.bound;
    write(Infinity);
    assert(buffer.bound === 15 * KIB || buffer.bound <= taken / 8);
  }
  assert(taken >= 4 << 20);
  const settle = (perMillisecond: number): number => {
    for (let count = 0; count < 2000; count++) write(perMillisecond);
    return buffer.bound / KIB;
  };
  // 20 Mbit/s, 1 Gbit/s, 20 Gbit/s.
  assertEquals(settle(2500), 15);
  assertEquals(settle(125_000), 120);
  assertEquals(settle(2_500_000), 512);
  buffer.reset();
  assertEquals(buffer.bound, 15 * KIB);

  const small = new WriteBuffer(1000);
  for (let count = 0; count < 3; count++) {
    assertEquals(small.append(data), 1000);
    small.clear(0);
  }
});

Deno.test("out buffer: on a slow link a DATA frame ends with the write, and on a fast one it may be longer", () => {
  const buffer = new WriteBuffer(1 << 20);
  assertEquals(buffer.dataRoom, 15_360 - 8);
  buffer.append(new Uint8Array(10_000));
  assertEquals(buffer.dataRoom, 5360 - 8);
  buffer.append(new Uint8Array(5000));
  assertEquals(buffer.dataRoom, 1024);
  buffer.clear(0);
  while (buffer.bound < 60 * 1024) {
    buffer.append(new Uint8Array(65_536));
    buffer.clear(0);
  }
  assertEquals(buffer.dataRoom, Infinity);
});

Deno.test("open queue: entries leave by urgency and then by age, and can be removed", () => {
  const queue = new OpenQueue<string>();
  assertEquals(queue.shift(), undefined);
  for (
    const [pri, entry] of [[3, "c"], [0, "a"], [3, "d"], [0, "b"]] as const
  ) {
    queue.push(pri, entry);
  }
  assertEquals(queue.size, 4);
  assertEquals(queue.delete(3, "c"), true);
  assertEquals(queue.delete(3, "c"), false);
  assertEquals(queue.delete(7, "x"), false);
  assertEquals([queue.shift(), queue.shift(), queue.shift()], ["a", "b", "d"]);
  assertEquals(queue.size, 0);
});

Deno.test("accept queue: items wait for readers, readers for items, and both for the end", async () => {
  const queue = new AcceptQueue<number>();
  queue.push(1);
  queue.push(2);
  assertEquals((await queue.next()).value, 1);
  assertEquals((await queue.next()).value, 2);
  const waiting = queue.next();
  queue.push(3);
  assertEquals((await waiting).value, 3);
  const last = queue.next();
  queue.push(4);
  queue.push(5);
  queue.end(undefined);
  queue.end(new Error("too late"));
  assertEquals((await last).value, 4);
  assertEquals((await queue.next()).value, 5);
  assertEquals((await queue.next()).done, true);
  assertEquals((await queue.next()).done, true);

  const failing = new AcceptQueue<number>();
  const pending = failing.next();
  failing.end(new Error("gone"));
  await assertRejects(() => pending, Error, "gone");
  await assertRejects(() => failing.next(), Error, "gone");
});

Deno.test("lazy promise: it settles once, before or after it is read", async () => {
  const early = new LazyPromise<number>();
  early.resolve(1);
  early.resolve(2);
  early.reject(new Error("late"));
  assertEquals(early.settled, true);
  assertEquals(await early.promise, 1);
  assertStrictEquals(early.promise, early.promise);
  const late = new LazyPromise<number>();
  const { promise } = late;
  late.reject(new Error("no"));
  await assertRejects(() => promise, Error, "no");
  await assertRejects(
    () =>
      attempt(() => {
        throw new Error("thrown");
      }),
    Error,
    "thrown",
  );
});

Deno.test("errors: statuses have names", () => {
  assertEquals(statusName(5), "CANCEL");
  assertEquals(statusName(4711), "status 4711");
  const error = new StreamResetError("x", { streamId: 1, statusCode: 5 });
  assert(error instanceof StreamClosedError);
  assertEquals(error.unprocessed, false);
  assertEquals(error.name, "StreamResetError");
});

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
  // 32 by themselves, and then the joined ones.
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
  /** Before or after the readers come. */
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

Deno.test("send scheduler: the connection copies bytes up to its limit", () => {
  const unused = undefined as never;
  const scheduler = new SendScheduler(unused, unused, unused, 1000);
  let released = 0;
  scheduler.onRelease = () => released++;
  assertEquals([scheduler.reserve(600), scheduler.reserve(400)], [true, true]);
  assertEquals([scheduler.reserve(1), scheduler.copied], [false, 1000]);
  scheduler.release(600);
  assertEquals([scheduler.reserve(601), scheduler.reserve(600)], [false, true]);
  assertEquals([scheduler.copied, released], [1000, 1]);
});

Deno.test("trailers: frames wait for a handler, and a removed handler is not called", () => {
  const trailers = new Trailers();
  const seen: string[] = [];
  const see = (headers: [string, string][], fin: boolean) => {
    seen.push(`${headers.map(([name]) => name)} ${fin}`);
  };
  assert(trailers.add([["a", "1"]], false, 1000));
  trailers.handler = undefined;
  trailers.handler = see;
  assertEquals(seen, ["a false"]);
  assert(trailers.add([["b", "2"]], false, 1000));
  trailers.handler = undefined;
  assert(trailers.add([["c", "3"]], true, 1000));
  assertEquals(seen, ["a false", "b false"]);
  trailers.handler = see;
  assertEquals(seen, ["a false", "b false", "c true"]);
  assertEquals(trailers.all.map(([name]) => name), ["a", "b", "c"]);
});

Deno.test("pinger: replies are matched with their PINGs, and requests of the peer are not", async () => {
  let submitted = 0;
  const pinger = new Pinger(CLIENT, () => submitted++);
  const first = pinger.ping();
  const second = pinger.ping();
  assertEquals(submitted, 2);
  pinger.idAssigned(2);
  pinger.idAssigned(1);
  pinger.idAssigned(3);
  pinger.received(2);
  pinger.received(3);
  assert(await second >= 0);
  pinger.fail(new Error("gone"));
  await assertRejects(() => first, Error, "gone");
});

Deno.test("quiet timer: it fires only after silence", async () => {
  using time = virtualTime();
  const fired: number[] = [];
  const timer = new QuietTimer(40, () => fired.push(time.now()));
  await time.advance(25);
  timer.touch();
  await time.advance(39);
  assertEquals(fired, []);
  await time.advance(1);
  timer.stop();
  await time.advance(100);
  assertEquals(fired, [65]);
});

Deno.test("io loop: partial writes lose nothing, and frames ready together share a write", async () => {
  const written: number[] = [];
  const sizes: number[] = [];
  const ended = Promise.withResolvers<Uint8Array | null>();
  const wire: Wire = {
    receive: () => ended.promise,
    send: (data) => {
      sizes.push(data.length);
      const size = Math.min(3, data.length);
      written.push(...data.subarray(0, size));
      return Promise.resolve(size);
    },
    closeWrite: () => Promise.resolve(),
    close: () => ended.resolve(null),
  };
  let ready = [bytes(1, 2), bytes(3, 4, 5), bytes(6, 7)];
  const loop: IoLoop = new IoLoop(wire, 1000, {
    input: () => {},
    inputEnded: () => {},
    fill: () => {
      for (const frame of ready) loop.out.append(frame);
      ready = [];
    },
    idle: () => {},
    outputFailed: () => {},
    failed: () => {},
  });
  using time = virtualTime();
  loop.start();
  loop.flush();
  loop.flush();
  await time.until(loop.finish(10));
  assertEquals(written, [1, 2, 3, 4, 5, 6, 7]);
  assertEquals(sizes, [7, 4, 1]);
});

Deno.test("io loop: bytes that are flushed while the buffer is filled wait for the write", async () => {
  const written: number[] = [];
  const ended = Promise.withResolvers<Uint8Array | null>();
  const wire: Wire = {
    receive: () => ended.promise,
    send: async (data) => {
      await turn();
      written.push(...data);
      return data.length;
    },
    closeWrite: () => Promise.resolve(ended.resolve(null)),
    close: () => ended.resolve(null),
  };
  let ready = [bytes(1, 2), bytes(3, 4), bytes(5, 6)];
  const idleAfter: number[] = [];
  const loop: IoLoop = new IoLoop(wire, 2, {
    input: () => {},
    inputEnded: () => {},
    fill: () => {
      const [frame] = ready;
      if (frame === undefined || loop.out.append(frame) === 0) return;
      ready = ready.slice(1);
      // As a stream does whose body has been taken in full.
      loop.flush();
    },
    idle: () => idleAfter.push(written.length),
    outputFailed: () => {},
    failed: () => {},
  });
  loop.start();
  await loop.finish(60_000);
  assertEquals(written, [1, 2, 3, 4, 5, 6]);
  assertEquals(idleAfter, [6]);
});

Deno.test("io loop: nothing is written after the end of this direction", async () => {
  const log: string[] = [];
  const ended = Promise.withResolvers<Uint8Array | null>();
  const wire: Wire = {
    receive: () => ended.promise,
    send: (data) => {
      log.push(`send ${data.length}`);
      return Promise.resolve(data.length);
    },
    closeWrite: () => {
      log.push("end");
      return Promise.resolve();
    },
    close: () => {
      log.push("close");
    },
  };
  let ready = [bytes(1, 2)];
  const loop: IoLoop = new IoLoop(wire, 1000, {
    input: () => {},
    inputEnded: () => {},
    fill: () => {
      for (const frame of ready) loop.out.append(frame);
      ready = [];
    },
    idle: () => {},
    outputFailed: () => {},
    failed: () => {},
  });
  using time = virtualTime();
  loop.start();
  loop.flush();
  const finished = loop.finish(1000);
  await time.advance(1);
  assertEquals(log, ["send 2", "end"]);
  // The peer still sends, and something becomes ready.
  ready = [bytes(3)];
  loop.flush();
  await time.advance(1);
  assertEquals(log, ["send 2", "end"]);
  ended.resolve(null);
  await time.until(finished);
  assertEquals(log, ["send 2", "end", "close"]);
});
