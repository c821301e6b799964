/** A connection has large buffers only while they contain bytes, and none while it is silent. */

import { coreOf } from "../../../connection.ts";
import { SendBuffer } from "../../../connection/buffers/send_buffer.ts";
import {
  beginWait,
  endWait,
  largeMemory,
  returnLarge,
  returnSmall,
  SMALL,
  takeLarge,
  takeSmall,
} from "../../../connection/buffers/shared_buffers.ts";
import { WriteBuffer } from "../../../connection/buffers/write_buffer.ts";
import { IoLoop } from "../../../connection/io_loop.ts";
import {
  type ByteConn,
  openWire,
} from "../../../connection/transport/transport.ts";
import {
  PROTO_SPDY3_1,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../../frame/constants.ts";
import { frameName } from "../../../frame/names.ts";
import { Connection } from "../../../http/connection.ts";
import { CLIENT, SERVER } from "../../../session/constants.ts";
import { assert, assertEquals, assertGreater, assertLess } from "../../deps.ts";
import { collect, withCollector } from "../../helpers/collector.ts";
import { nextStream, RESPONSE } from "../../helpers/http.ts";
import { Random } from "../../helpers/random.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

const MOST_IDLE = 32 * 1024;

/** One end of a connection in memory, which shows how large the waiting buffers are. */
class MemoryConn implements ByteConn {
  peer!: MemoryConn;
  /** Size of the buffer that waits for input, bytes. */
  waiting = 0;
  /** The largest size so far. */
  most = 0;
  #parts: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  /** Bytes that have arrived. */
  get unread(): number {
    return this.#parts.reduce((sum, { length }) => sum + length, 0);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.waiting = buffer.buffer.byteLength;
    this.most = Math.max(this.most, this.waiting);
    while (this.#parts.length === 0) {
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    this.waiting = 0;
    let size = 0;
    while (this.#parts.length > 0 && size < buffer.length) {
      const part = this.#parts[0].subarray(0, buffer.length - size);
      buffer.set(part, size);
      size += part.length;
      const rest = this.#parts[0].subarray(part.length);
      if (rest.length > 0) this.#parts[0] = rest;
      else this.#parts.shift();
    }
    return size;
  }

  write(data: Uint8Array): Promise<number> {
    this.peer.#parts.push(data.slice());
    this.peer.#wake?.();
    return Promise.resolve(data.length);
  }

  closeWrite(): Promise<void> {
    this.peer.#ended = true;
    this.peer.#wake?.();
    return Promise.resolve();
  }

  close(): void {
    this.#ended = true;
    this.#wake?.();
    this.closeWrite();
  }
}

function conns(): [MemoryConn, MemoryConn] {
  const [left, right] = [new MemoryConn(), new MemoryConn()];
  left.peer = right;
  right.peer = left;
  return [left, right];
}

for (const direction of ["up", "down"] as const) {
  Deno.test(`idle buffers: after a bulk transfer ${direction}, both ends wait for input with a small buffer`, async () => {
    const [left, right] = conns();
    await using client = new Connection(left, {
      side: CLIENT,
      version: PROTO_SPDY3_1,
    });
    await using server = new Connection(right, {
      side: SERVER,
      version: PROTO_SPDY3_1,
    });
    const stream = await client.openStream([["x", "1"]]);
    const other = await nextStream(server);
    other.reply([...RESPONSE]);
    const [from, to, conn] = direction === "up"
      ? [stream, other, right]
      : [other, stream, left];
    const sent = new Blob([new Uint8Array(8 << 20)]).stream()
      .pipeTo(from.writable);
    to.writable.close();
    let size = 0;
    for await (const chunk of to.readable) size += chunk.length;
    await sent;
    assertEquals(size, 8 << 20);
    assertGreater(conn.most, MOST_IDLE);
    // A buffer that waits in the platform cannot be taken back, so it is small
    // from the beginning.
    await client.ping();
    await server.ping();
    for (const each of [left, right]) {
      assertGreater(each.waiting, 0);
      assertLess(each.waiting, MOST_IDLE);
    }
  });
}

/** Lets it accept 1 MiB at once, as on a fast link. */
function quick(out: WriteBuffer): void {
  while (out.bound < 1 << 20) {
    out.append(new Uint8Array(1 << 20));
    out.clear(0);
  }
}

/** A loop that sends this many bytes at once. */
function sending(conn: MemoryConn): { loop: IoLoop; send(size: number): void } {
  let ready = 0;
  const loop: IoLoop = new IoLoop(openWire(conn), 1 << 20, {
    input: () => {},
    inputEnded: () => {},
    fill: () => {
      loop.out.append(new Uint8Array(ready));
      ready = 0;
    },
    idle: () => {},
    outputFailed: () => {},
    failed: () => {},
  });
  loop.start();
  return {
    loop,
    send(size: number): void {
      ready = size;
      loop.flush();
    },
  };
}

Deno.test("idle buffers: a write buffer is given back with its last byte, and no timer is left", async () => {
  using time = virtualTime();
  const [left] = conns();
  const { loop, send } = sending(left);
  quick(loop.out);
  for (const size of [100, 100_000, 5000, 1]) {
    send(size);
    await time.advance(100);
    assertEquals(loop.out.capacity, 0);
  }
  assertEquals(time.next, undefined);
  loop.close();
});

Deno.test("write buffer: after three seconds without a write, the next one is as small as the first", async () => {
  using time = virtualTime();
  const [left] = conns();
  const { loop, send } = sending(left);
  const first = loop.out.bound;
  quick(loop.out);
  const fast = loop.out.bound;
  assertGreater(fast, first);
  send(100);
  await time.advance(2900);
  send(100);
  await time.advance(0);
  assertEquals(loop.out.bound, fast);
  await time.advance(3100);
  send(100);
  await time.advance(0);
  assertEquals(loop.out.bound, first);
  loop.close();
});

Deno.test("idle buffers: after bulk, the memory for smaller writes becomes smaller", () => {
  const out = new WriteBuffer(1 << 20);
  quick(out);
  const write = (size: number): number => {
    // Two steps, so that the memory has to grow.
    out.append(new Uint8Array(100));
    out.append(new Uint8Array(size));
    const { capacity } = out;
    out.clear(0);
    return capacity;
  };
  assertGreater(write(500_000), 500_000);
  // More bulk is likely to follow.
  assertGreater(write(20_000), 400_000);
  let last = 0;
  for (let count = 0; count < 40; count++) last = write(20_000);
  assertLess(last, 100_000);
});

Deno.test("idle buffers: an idle connection waits in 1.5 KiB, one that receives packets in 4 KiB, and a full read is followed by a large one", async () => {
  const [left, right] = conns();
  const wire = openWire(left);
  const waits: number[] = [];
  for (const size of [100, 1460, 1460, 100, 1536, 2000, 10]) {
    const received = wire.receive();
    waits.push(left.waiting);
    await right.write(new Uint8Array(size));
    assertEquals((await received)?.length, size);
  }
  const last = wire.receive();
  waits.push(left.waiting);
  assertEquals(waits.map((size) => size > 4096 ? "large" : size), [
    1536,
    1536,
    4096,
    4096,
    1536,
    "large",
    4096,
    1536,
  ]);
  wire.close();
  await last;
});

Deno.test("idle buffers: while reading is paused, no read buffer is kept", async () => {
  const [left, right] = conns();
  const wire = openWire(left);
  for (let size = 0; size < 1 << 20;) {
    await right.write(new Uint8Array(1 << 20));
    size = (await wire.receive())!.length;
  }
  const { spare } = largeMemory();
  wire.release?.();
  assertGreater(largeMemory().spare, spare);
  // It is returned once.
  wire.release?.();
  assertLess(largeMemory().spare - spare, 1.5 * (1 << 20));
  wire.close();
});

withCollector.test({
  name:
    "idle buffers: after the end of input no read buffer is kept, even if the connection still sends",
  async fn() {
    const [left, right] = conns();
    let last: WeakRef<ArrayBufferLike> | undefined;
    const read = left.read.bind(left);
    left.read = (buffer) => {
      last = new WeakRef(buffer.buffer);
      return read(buffer);
    };
    const ended = Promise.withResolvers<void>();
    let largest = 0;
    const loop: IoLoop = new IoLoop(openWire(left), 1 << 20, {
      input: ({ length }) => void (largest = Math.max(largest, length)),
      inputEnded: () => ended.resolve(),
      fill: () => {},
      idle: () => {},
      outputFailed: () => {},
      failed: () => {},
    });
    await right.write(new Uint8Array(4 << 20));
    await right.closeWrite();
    loop.start();
    await ended.promise;
    assertEquals(largest, 1 << 20);
    assertGreater(left.most, 1 << 20);
    // A WeakRef keeps its object until the end of the turn in which it was
    // created.
    await turn();
    collect?.();
    assertEquals(last?.deref(), undefined);
    loop.close();
  },
});

for (const size of [100, 10_000]) {
  Deno.test(`idle buffers: memory of a write that ended by closing is not reused, ${size} bytes`, async () => {
    const written = Promise.withResolvers<Uint8Array>();
    const closed = Promise.withResolvers<void>();
    const wire = openWire({
      read: () => closed.promise.then(() => null),
      async write(data) {
        written.resolve(data);
        await closed.promise;
        return data.length;
      },
      closeWrite: () => Promise.resolve(),
      close: () => closed.resolve(),
    });
    const bytes = new Uint8Array(size);
    let filled = false;
    const loop: IoLoop = new IoLoop(wire, 1 << 20, {
      input: () => {},
      inputEnded: () => {},
      fill: () => {
        if (filled) return;
        filled = true;
        loop.out.append(bytes);
      },
      idle: () => {},
      outputFailed: () => {},
      failed: () => {},
    });
    loop.flush();
    const { buffer } = await written.promise;
    loop.close();
    await turn();
    const next = Array.from(
      { length: 100 },
      () => size > SMALL ? takeLarge(size) : takeSmall(),
    );
    assert(!next.some((memory) => memory.buffer === buffer));
  });
}

Deno.test("idle buffers: many connections that wait for bulk share a limit of 16 MiB", async () => {
  const pairs = Array.from({ length: 40 }, conns);
  const before = largeMemory().waiting;
  const wires = pairs.map(([left]) => openWire(left));
  const waits: Promise<Uint8Array | null>[] = [];
  for (const [index, [left, right]] of pairs.entries()) {
    const wire = wires[index];
    // Full reads, and then one with bulk that does not fill the buffer.
    await right.write(new Uint8Array(8 << 20));
    while (left.unread > 0) await wire.receive();
    await right.write(new Uint8Array(40_000));
    while (left.unread > 0) await wire.receive();
    waits.push(wire.receive());
    await Promise.resolve();
    assertGreater(left.waiting, 0);
  }
  assertLess(largeMemory().waiting - before, (16 << 20) + 1);
  const sizes = pairs.map(([left]) => left.waiting);
  assertGreater(sizes.filter((size) => size > 1 << 20).length, 10);
  assertGreater(sizes.filter((size) => size < MOST_IDLE).length, 20);
  for (const wire of wires) wire.close();
  for (const wait of waits) assertEquals(await wait, null);
  assertEquals(largeMemory().waiting, before);
});

Deno.test("large buffers: connections may wait in 16 MiB of them together", () => {
  const left = (16 << 20) - largeMemory().waiting;
  assertEquals(beginWait(left + 1), false);
  assertEquals(beginWait(left), true);
  assertEquals(beginWait(1), false);
  endWait(1);
  assertEquals(beginWait(1), true);
  endWait(left);
  assertEquals(largeMemory().waiting, (16 << 20) - left);
});

Deno.test("small buffers: few unused ones are kept, and each is used by one at a time", () => {
  for (let round = 0; round < 2; round++) {
    const buffers = Array.from({ length: 200 }, takeSmall);
    assertEquals(new Set(buffers).size, buffers.length);
    for (const buffer of buffers) {
      assertEquals(buffer.length, SMALL);
      returnSmall(buffer);
    }
  }
  const again = new Set(Array.from({ length: 200 }, takeSmall));
  for (const buffer of again) returnSmall(buffer);
  const kept = Array.from({ length: 200 }, takeSmall)
    .filter((buffer) => again.has(buffer));
  assertEquals(kept.length, 64);
});

Deno.test("large buffers: few unused ones are kept, and each is used by one at a time", () => {
  const sizes = [1, 65536, 65537, 300_000, 1 << 20, 3 << 20];
  for (const size of sizes) {
    const buffers = Array.from({ length: 10 }, () => takeLarge(size));
    assertEquals(new Set(buffers).size, buffers.length);
    for (const buffer of buffers) {
      assertGreater(buffer.length, size);
      returnLarge(buffer);
    }
    const again = Array.from({ length: 10 }, () => takeLarge(size));
    assertEquals(new Set(again).size, again.length);
    for (const buffer of again) assertGreater(buffer.length, size);
  }
  for (let count = 0; count < 10; count++) {
    for (const size of sizes) returnLarge(takeLarge(size));
  }
  assertLess(largeMemory().spare, 11 << 20);
});

Deno.test("large buffers: one of a round size has room for the heads of the frames in it", () => {
  const PLACES = 4032;
  for (const size of [64, 128, 256, 512, 1024]) {
    const buffer = takeLarge(size * 1024 + 1024);
    assertEquals(buffer.length, size * 1024 + 1024 + PLACES);
    returnLarge(buffer);
  }
});

Deno.test("write buffer: writers that wait for a window leave in one write when it has grown", async () => {
  // Nothing takes time: the transport is fast on a busy machine as well.
  using _time = virtualTime();
  const [left, right] = conns();
  const writes: number[] = [];
  const write = right.write.bind(right);
  right.write = (data) => (writes.push(data.length), write(data));
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
    windowTuning: false,
    settings: [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 512 * 1024]],
  });
  await using server = new Connection(right, {
    side: SERVER,
    version: PROTO_SPDY3_1,
  });
  const stream = await client.openStream([["x", "1"]], { fin: true });
  const other = await nextStream(server);
  await other.reply([...RESPONSE]);
  const chunk = new Uint8Array(65_536);
  const total = 24 << 20;
  const sending = (async () => {
    for (let sent = 0; sent < total; sent += chunk.length) {
      await other.write(chunk);
    }
    await other.closeWrite();
  })();
  const buffer = new Uint8Array(65_536);
  let received = 0;
  for (;;) {
    const size = await stream.read(buffer);
    if (size === null) break;
    received += size;
  }
  await sending;
  assertEquals(received, total);
  // The first megabytes show how fast the transport is. Then each write has a whole window
  // and the heads of its frames.
  const last = writes.slice(-12, -2);
  assert(last.every((size) => size > 512 * 1024), String(last));
});

Deno.test("write buffer: an urgent answer of the turn in which a window grows comes before the bytes that waited for it", async () => {
  using _time = virtualTime();
  const [left, right] = conns();
  const sent: string[] = [];
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
    windowTuning: false,
  });
  await using server = new Connection(right, {
    side: SERVER,
    version: PROTO_SPDY3_1,
    onFrame: (direction, { frameType }) => {
      const name = frameName(frameType);
      if (direction === "sent" && name !== "PING") sent.push(name);
    },
  });
  const stream = await client.openStream([["x", "1"]], { fin: true, pri: 7 });
  const bulk = await nextStream(server);
  await bulk.reply([...RESPONSE]);
  // Until the transport counts as fast.
  const sending = bulk.write(new Uint8Array(16 << 20));
  const buffer = new Uint8Array(65_536);
  let received = 0;
  while (received < 8 << 20) received += await stream.read(buffer) ?? 0;
  // The window is used up.
  for (let count = 0; count < 50; count++) await turn();
  sent.length = 0;
  const answering = nextStream(server).then((urgent) =>
    urgent.reply([...RESPONSE], { fin: true })
  );
  // The WINDOW_UPDATE and the SYN_STREAM leave in one write.
  const reading = stream.read(buffer);
  const urgent = await client.openStream([["x", "2"]], { fin: true, pri: 0 });
  await urgent.response;
  await Promise.all([reading, answering]);
  assertEquals(sent.slice(0, 2), ["SYN_REPLY", "DATA"]);
  sending.catch(() => {});
  stream.reset();
});

Deno.test("write buffer: when it grows, it gives its smaller memory back", () => {
  const out = new WriteBuffer(1 << 20);
  quick(out);
  out.append(new Uint8Array(100));
  const small = out.view.buffer;
  out.append(new Uint8Array(10_000));
  assertEquals(out.length, 10_100);
  assertEquals(takeSmall().buffer === small, true);
});

Deno.test("large buffers: the memory of a failed write is not used again", () => {
  const out = new WriteBuffer(1 << 20);
  quick(out);
  const large = () => {
    out.append(new Uint8Array(100_000));
    return out.view.buffer;
  };
  const first = large();
  out.clear(1);
  const second = large();
  assertEquals(second === first, true);
  out.abandon();
  assertEquals(out.length, 0);
  for (let count = 0; count < 5; count++) {
    assertEquals(large() === second, false);
    out.clear(1);
  }
});

Deno.test("large buffers: written bytes stay in order while the memory grows and changes", () => {
  const random = new Random(3);
  const out = new WriteBuffer(1 << 20);
  const other = new WriteBuffer(1 << 20);
  let next = 0;
  for (let round = 0; round < 300; round++) {
    const begin = next;
    for (let count = random.int(1, 12); count > 0; count--) {
      const size = random.pick([1, 100, 3000, 20_000, 70_000]);
      const bytes = Uint8Array.from({ length: size }, (_, at) => next + at);
      const taken = out.append(bytes);
      other.append(new Uint8Array(size).fill(0xee));
      next += taken;
    }
    assertEquals(out.length, next - begin);
    assertEquals(
      out.view.every((byte, index) => byte === (begin + index & 0xff)),
      true,
    );
    out.clear(random.int(0, 20));
    other.clear(1);
    if (random.int(0, 9) === 0) out.reset();
  }
});

Deno.test("idle buffers: a write buffer keeps its memory while bytes wait to be sent", () => {
  const out = new WriteBuffer(1 << 20);
  out.append(new Uint8Array(15_000).fill(7));
  out.reset();
  assertEquals(out.length, 15_000);
  assertEquals(out.view.every((byte) => byte === 7), true);
  out.clear(1);
  out.reset();
  assertEquals(out.capacity, 0);
  assertEquals(out.append(Uint8Array.of(1, 2, 3)), 3);
  assertEquals([...out.view], [1, 2, 3]);
});

Deno.test("idle buffers: bulk is expected while a stream can receive, not while an answer is still to come", async () => {
  const [left, right] = conns();
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
  });
  await using server = new Connection(right, {
    side: SERVER,
    version: PROTO_SPDY3_1,
  });
  const core = coreOf(server);
  assertEquals(core.expectsBulk(), false);
  const stream = await client.openStream([["x", "1"]]);
  const other = await nextStream(server);
  assertEquals(core.expectsBulk(), true);
  await Promise.all([stream.write(new Uint8Array(9)), stream.closeWrite()]);
  for await (const _ of other.readable);
  assertEquals(core.expectsBulk(), false);
  await other.reply([...RESPONSE]);
});

Deno.test("idle buffers: after bulk, a read waits in a large one only while bulk is expected", async () => {
  for (const expected of [true, false]) {
    const [left, right] = conns();
    const wire = openWire(left);
    await right.write(new Uint8Array(50_000));
    while (left.unread > 0) await wire.receive();
    const wait = wire.receive(() => expected);
    assertEquals(left.waiting > MOST_IDLE, expected);
    wire.close();
    assertEquals(await wait, null);
  }
});

withCollector.test({
  name: "idle buffers: a stream keeps no memory of bytes that were sent",
  async fn() {
    const sendBuffer = new SendBuffer(
      { ready: () => {}, aborted: () => {} },
      { reserve: () => true, release: () => {} },
    );
    const memory = joinedMemory(sendBuffer);
    // A WeakRef keeps its object until the end of the turn in which it was
    // created.
    await turn();
    collect?.();
    assertEquals(memory.deref(), undefined);
    assertEquals(sendBuffer.size, 0);
  },
});

/** Sends two small chunks, which share memory, and returns a reference to that memory. */
function joinedMemory(sendBuffer: SendBuffer): WeakRef<ArrayBufferLike> {
  sendBuffer.write(new Uint8Array(1000));
  sendBuffer.write(new Uint8Array(1000));
  const sent = sendBuffer.take(4000);
  assertEquals(sent.length, 2000);
  return new WeakRef(sent.buffer);
}

Deno.test("shared buffers: memory that is not kept is freed at once, not by the garbage collector", () => {
  for (const size of [64 * 1024, 1 << 20, 3 << 20]) {
    const buffers = Array.from({ length: 64 }, () => takeLarge(size));
    for (const buffer of buffers) returnLarge(buffer);
    const freed = buffers.filter(({ byteLength }) => byteLength === 0);
    assertGreater(freed.length, 0);
    assertLess(largeMemory().spare, 11 << 20);
    // The memory that is kept can be used.
    for (const buffer of [takeLarge(size), takeLarge(size)]) {
      assertGreater(buffer.byteLength, size - 1);
      returnLarge(buffer);
    }
  }
});
