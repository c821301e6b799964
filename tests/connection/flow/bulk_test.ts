// Bodies of many sizes over real sockets, cut in all ways: nothing is lost,
// mixed up or changed, and no writer waits for more than the send buffer.

import { ReceiveBuffer } from "../../../connection/buffers/receive_buffer.ts";
import { WriteBuffer } from "../../../connection/buffers/write_buffer.ts";
import type { Stream } from "../../../connection/stream/stream.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import { DATA } from "../../../frame/constants.ts";
import { assert, assertEquals, assertRejects } from "../../deps.ts";
import {
  type Pair,
  pairOver,
  tcpConns,
  tcpPair,
} from "../../helpers/connections.ts";
import { Random } from "../../helpers/random.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

const HEAD: [string, string][] = [
  [":method", "POST"],
  [":path", "/"],
  [":scheme", "http"],
  [":host", "test"],
  [":version", "HTTP/1.1"],
];

/** The byte at an offset of a stream's body. */
function byteAt(seed: number, offset: number): number {
  return (offset * 31 + (offset >>> 9) * 7 + seed) & 0xff;
}

/**
 * Writes a body in pieces of random sizes, all from one piece of memory that is
 * used again at once.
 */
async function send(
  stream: Stream,
  seed: number,
  total: number,
  largest: number,
): Promise<void> {
  const random = new Random(seed);
  const memory = new Uint8Array(largest);
  for (let sent = 0; sent < total;) {
    const size = Math.min(random.int(1, largest), total - sent);
    for (let at = 0; at < size; at++) memory[at] = byteAt(seed, sent + at);
    await stream.write(memory.subarray(0, size));
    memory.fill(0xaa);
    sent += size;
  }
  await stream.closeWrite();
}

/** Reads a body into buffers of random sizes, with pauses; resolves to its length. */
async function receive(
  stream: Stream,
  seed: number,
  largest: number,
): Promise<number> {
  const random = new Random(seed + 1);
  let received = 0;
  for (;;) {
    const buffer = new Uint8Array(random.int(1, largest));
    const size = await stream.read(buffer);
    if (size === null) return received;
    for (let at = 0; at < size; at++) {
      if (buffer[at] !== byteAt(seed, received + at)) {
        throw new Error(`byte ${received + at} of body ${seed} is wrong`);
      }
    }
    received += size;
    if (random.chance(0.02)) {
      await new Promise((resolve) => setTimeout(resolve, random.int(0, 3)));
    }
  }
}

/** A connection that reads and writes a few bytes at a time, sometimes after a pause. */
function fitful(conn: Deno.TcpConn, seed: number): ByteConn {
  const random = new Random(seed);
  const largest = () => random.chance(0.5) ? random.int(1, 100) : 70_000;
  const pause = async () => {
    if (random.chance(0.05)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  return {
    async read(buffer) {
      await pause();
      return await conn.read(buffer.subarray(0, largest()));
    },
    async write(data) {
      await pause();
      return await conn.write(data.subarray(0, largest()));
    },
    closeWrite: () => conn.closeWrite(),
    close: () => conn.close(),
  };
}

for (const maxSendBuffer of [1024, 100_000, 524_288]) {
  Deno.test(`bodies are sent both ways on eight streams, cut at random, send buffer ${maxSendBuffer}`, async () => {
    const [left, right] = await tcpConns();
    await using pair = pairOver(fitful(left, 1), fitful(right, 2), {
      both: { maxSendBuffer },
    });
    const { client, server } = pair;
    const sizes = [1, 16_383, 65_536, 65_537, 200_000, 262_145, 300_000, 9];
    const largest = [10, 5000, 65_536, 20_000, 200_000, 262_145, 70_000, 9];
    const serving = (async () => {
      const iterator = server[Symbol.asyncIterator]();
      const work: Promise<void>[] = [];
      for (let index = 0; index < sizes.length; index++) {
        const { value: stream } = await iterator.next();
        if (stream === undefined) throw new Error("no stream was opened");
        stream.reply([[":status", "200"], [":version", "HTTP/1.1"]]);
        work.push((async () => {
          const [received] = await Promise.all([
            receive(stream, index, largest.at(-1 - index)!),
            send(stream, index + 100, sizes[index], largest[index]),
          ]);
          assertEquals(received, sizes[index]);
        })());
      }
      await Promise.all(work);
    })();
    const asking: Promise<number>[] = [];
    for (const [index, size] of sizes.entries()) {
      const stream = await client.openStream(HEAD);
      send(stream, index, size, largest[index]);
      asking.push(receive(stream, index + 100, largest[index]));
    }
    assertEquals(await Promise.all(asking), sizes);
    await serving;
  });
}

/** A stream of the client and the server's side of it. */
async function openPair(
  pair: Pair,
  pri = 3,
): Promise<[Stream, Stream]> {
  const opening = pair.client.openStream(HEAD, { pri });
  const { value } = await pair.server[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error("no stream was opened");
  value.reply([[":status", "200"], [":version", "HTTP/1.1"]]);
  return [await opening, value];
}

Deno.test("after a reset between two reads of one piece, earlier bytes are read and then the error follows", async () => {
  await using pair = await tcpPair();
  const [client, server] = await openPair(pair);
  const [other, atServer] = await openPair(pair);
  const writing = server.write(new Uint8Array(60_000).fill(7)).catch(() => {});
  const buffer = new Uint8Array(1000);
  assert((await client.read(buffer))! > 0);
  client.reset(5);
  await assertRejects(() => client.read(buffer), Error, "reset");
  await writing;
  // The connection continues, including its windows.
  const sending = send(atServer, 5, 400_000, 65_536);
  assertEquals(await receive(other, 5, 10_000), 400_000);
  await sending;
});

Deno.test("a buffer that is transferred while its read waits fails only that read", async () => {
  await using pair = await tcpPair();
  const [client, server] = await openPair(pair);
  const [other, atServer] = await openPair(pair);
  const buffer = new Uint8Array(1000);
  const reading = client.read(buffer);
  structuredClone(buffer, { transfer: [buffer.buffer] });
  await server.write(new Uint8Array(5000));
  assertEquals(await reading, 0);
  const sending = send(atServer, 6, 100_000, 65_536);
  assertEquals(await receive(other, 6, 65_536), 100_000);
  await sending;
});

Deno.test("waiting writers share a write, which is never larger than the send buffer", async () => {
  // Writes take no time, so the transport is fast on a busy machine as well.
  using _time = virtualTime();
  const [left, right] = await tcpConns();
  const writes: number[] = [];
  const counting: ByteConn = {
    read: (buffer) => right.read(buffer),
    write: (data) => (writes.push(data.length), right.write(data)),
    closeWrite: () => right.closeWrite(),
    close: () => right.close(),
  };
  // Without windows, only the send buffer limits the writer.
  await using pair = pairOver(left, counting, {
    both: { flowControl: false },
    server: { maxSendBuffer: 200_000 },
  });
  const [client, server] = await openPair(pair);
  writes.length = 0;
  const receiving = receive(client, 3, 65_536);
  // The first megabytes show how fast the transport is.
  await send(server, 3, 8_000_000, 20_000);
  assertEquals(await receiving, 8_000_000);
  assertEquals(Math.max(...writes), 200_000);
  assert(writes.length < 200, `${writes.length} writes`);
});

Deno.test("an urgent stream waits only for the send buffer, and equal ones take turns", async () => {
  const [left, right] = await tcpConns();
  const slow: ByteConn = {
    read: (buffer) => right.read(buffer),
    async write(data) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return await right.write(data);
    },
    closeWrite: () => right.closeWrite(),
    close: () => right.close(),
  };
  const sent: [streamId: number, length: number][] = [];
  await using pair = pairOver(left, slow, {
    both: { flowControl: false },
    server: {
      onFrame: (direction, frame) => {
        if (direction === "sent" && frame.frameType === DATA) {
          sent.push([frame.streamId, frame.length]);
        }
      },
    },
  });
  const bulk = [await openPair(pair, 5), await openPair(pair, 5)];
  const [urgentClient, urgentServer] = await openPair(pair, 0);
  const total = 2_000_000;
  const all = bulk.map(([client, server], index) =>
    Promise.all([
      receive(client, index, 65_536),
      send(server, index, total, 65_536),
    ])
  );
  await urgentClient.write(new Uint8Array(1));
  await urgentServer.read(new Uint8Array(1));
  while (sent.length < 4) await new Promise((done) => setTimeout(done, 1));
  const before = sent.length;
  await urgentServer.write(new Uint8Array(10));
  await urgentClient.read(new Uint8Array(10));
  const at = sent.findIndex(([id]) => id === urgentServer.id);
  let between = 0;
  for (const [, length] of sent.slice(before, at)) between += length;
  // Each write takes 2 ms, so the link is slow: one write under way, and the
  // next one.
  assert(at >= before && between <= 32_768, `${between} bytes went before`);
  for (const [received] of await Promise.all(all)) {
    assertEquals(received, total);
  }
  // While both had bytes to send, neither was ahead of the other by more than a
  // send buffer.
  let lead = 0;
  for (const [id, length] of sent.slice(0, sent.length >> 1)) {
    if (id === bulk[0][1].id) lead += length;
    if (id === bulk[1][1].id) lead -= length;
    assert(Math.abs(lead) <= 2 * 65_536, `ahead by ${lead}`);
  }
});

Deno.test("receiveBuffer: a reader that reads again continues in the read buffer, and the rest is copied before it changes", async () => {
  let consumed = 0;
  const receiveBuffer = new ReceiveBuffer({
    waits: () => {},
    consumed: (size) => consumed += size,
    cancelled: () => {},
  });
  const memory = Uint8Array.from({ length: 10 }, (_, index) => index);
  const buffer = new Uint8Array(3);
  const first = receiveBuffer.read(buffer);
  receiveBuffer.push(memory.subarray(0, 5));
  receiveBuffer.push(memory.subarray(6, 7));
  receiveBuffer.push(memory.subarray(7, 10));
  assertEquals(receiveBuffer.deliver(), true);
  assertEquals([await first, ...buffer, consumed], [3, 0, 1, 2, 3]);
  assertEquals([await receiveBuffer.read(buffer), ...buffer], [3, 3, 4, 6]);
  receiveBuffer.settle();
  memory.fill(99);
  assertEquals(receiveBuffer.size, 3);
  assertEquals([await receiveBuffer.read(buffer), ...buffer], [3, 7, 8, 9]);
  assertEquals([receiveBuffer.size, consumed], [0, 9]);
  const waiting = receiveBuffer.read(buffer);
  receiveBuffer.push(memory.subarray(0, 2));
  assertEquals(receiveBuffer.deliver(), false);
  assertEquals(await waiting, 2);
  receiveBuffer.finish();
  assertEquals(await receiveBuffer.read(buffer), null);
});

Deno.test("receiveBuffer: kept chunks precede pieces, and one read may take both", async () => {
  const receiveBuffer = new ReceiveBuffer({
    consumed() {},
    cancelled() {},
    waits() {},
  });
  receiveBuffer.push(new Uint8Array([1, 2]));
  receiveBuffer.settle();
  receiveBuffer.push(new Uint8Array([3, 4]));
  const buffer = new Uint8Array(3);
  assertEquals([await receiveBuffer.read(buffer), ...buffer], [3, 1, 2, 3]);
  receiveBuffer.abort(new Error("gone"));
  receiveBuffer.settle();
  await assertRejects(() => receiveBuffer.read(buffer), Error, "gone");
});

Deno.test("receiveBuffer: the pieces of a large read are joined to chunks of at most 64 KiB", async () => {
  const receiveBuffer = new ReceiveBuffer({
    consumed() {},
    cancelled() {},
    waits() {},
  });
  const piece = new Uint8Array(30_000);
  for (let index = 0; index < 5; index++) receiveBuffer.push(piece);
  receiveBuffer.settle();
  receiveBuffer.finish();
  const sizes: number[] = [];
  for await (const chunk of receiveBuffer.readable) sizes.push(chunk.length);
  assertEquals(sizes, [60_000, 60_000, 30_000]);
});

Deno.test("out buffer: it accepts exactly its limit, wherever in its memory it begins", () => {
  const random = new Random(11);
  for (const most of [1024, 20_000, 262_144]) {
    const buffer = new WriteBuffer(most);
    const data = new Uint8Array(most + 100);
    for (let turn = 0; turn < 200; turn++) {
      const { bound } = buffer;
      const wanted = turn < 3 ? bound : random.int(1, bound);
      data.fill(turn, 0, wanted + 100);
      const first = random.int(0, wanted);
      assertEquals(buffer.append(data.subarray(0, first)), first);
      const rest = data.subarray(first, wanted + 100);
      const room = Math.min(rest.length, bound - first);
      assertEquals(buffer.append(rest), room);
      assertEquals(buffer.full, first + room === bound);
      const { view } = buffer;
      assertEquals(view.length, first + room);
      assert(view.every((byte) => byte === turn % 256));
      buffer.clear(0);
      assertEquals(buffer.length, 0);
    }
    assertEquals(buffer.bound, most);
  }
});

Deno.test("frames have 64 KiB if the limits set no size, whatever kind of object the limits are", async () => {
  // Writes take no time, so the transport is fast on a busy machine as well.
  using _time = virtualTime();
  class Own {
    get maxHeaderBlock(): number {
      return 1000;
    }
  }
  const cases = [
    { limits: undefined, longest: 65_536 },
    { limits: { maxDataFrameSize: undefined }, longest: 65_536 },
    { limits: { maxDataFrameSize: 30_000 }, longest: 30_000 },
    { limits: Object.create({ maxDataFrameSize: 30_000 }), longest: 30_000 },
    { limits: new Own(), longest: 65_536 },
  ];
  for (const { limits, longest } of cases) {
    const lengths: number[] = [];
    await using pair = await tcpPair({
      client: {
        limits,
        onFrame: (direction, frame) => {
          if (direction === "sent" && frame.frameType === DATA) {
            lengths.push(frame.length);
          }
        },
      },
      server: { flowControl: false },
      both: { flowControl: false },
    });
    const { client, server } = pair;
    const stream = await client.openStream(HEAD);
    // Frames have this length when the transport has shown that it is fast.
    await stream.write(new Uint8Array(2_000_000));
    assertEquals(Math.max(...lengths), longest);
    if (!(limits instanceof Own)) continue;
    // Names in a nested object count as well.
    const { value } = await server[Symbol.asyncIterator]().next();
    value?.reply([["long", "x".repeat(2000)]]);
    await assertRejects(() => stream.response);
  }
});
