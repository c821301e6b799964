/** Buffers that grew while much passed are given back when nothing does. */

import { assertEquals, assertGreater, assertLess } from "../deps.ts";
import { WriteBuffer } from "../../connection/write_buffer.ts";
import { IoLoop } from "../../connection/io_loop.ts";
import { type ByteConn, openWire } from "../../connection/transport.ts";
import { Connection } from "../../http/connection.ts";
import { PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { CLIENT, SERVER } from "../../session/constants.ts";
import { nextStream, RESPONSE } from "../helpers/http.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const MOST_IDLE = 32 * 1024;

/** One end of a connection in memory that tells how large the buffers are that wait in it. */
class MemoryConn implements ByteConn {
  peer!: MemoryConn;
  /** Memory of the buffer that waits to be read into, bytes. */
  waiting = 0;
  /** The most that it was so far. */
  most = 0;
  #parts: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

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
  Deno.test(`idle buffers: reading after a bulk transfer ${direction}`, async () => {
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
    // Whatever waits in the platform cannot be taken back: it is small at once.
    await client.ping();
    await server.ping();
    for (const each of [left, right]) {
      assertGreater(each.waiting, 0);
      assertLess(each.waiting, MOST_IDLE);
    }
  });
}

Deno.test("idle buffers: three seconds of silence give them back, on both sides of the pump", async () => {
  using time = virtualTime();
  const [left, right] = conns();
  let released = 0;
  const wire = openWire(left);
  const { release } = wire;
  wire.release = () => {
    released++;
    release?.call(wire);
  };
  let ready = new Uint8Array(1 << 20);
  const loop: IoLoop = new IoLoop(wire, 1 << 20, {
    input: () => {},
    inputEnded: () => {},
    fill: () => {
      ready = ready.subarray(loop.out.append(ready));
    },
    idle: () => {},
    outputFailed: () => {},
    failed: () => {},
  });
  loop.start();
  loop.flush();
  await time.advance(100);
  assertGreater(loop.out.capacity, MOST_IDLE);
  // Something passes all the time: nothing is given back.
  for (let count = 0; count < 20; count++) {
    await right.write(Uint8Array.of(1));
    await time.advance(1000);
  }
  assertEquals(released, 0);
  assertGreater(loop.out.capacity, MOST_IDLE);
  await time.advance(6000);
  assertEquals(released, 1);
  assertEquals(loop.out.capacity, 0);
  // No timer is left, and the next bytes pass as before.
  await time.advance(60_000);
  assertEquals(released, 1);
  ready = new Uint8Array(1 << 20);
  loop.flush();
  await time.advance(100);
  assertGreater(loop.out.capacity, MOST_IDLE);
  loop.close();
});

Deno.test("idle buffers: what waits to leave is not given back", () => {
  const out = new WriteBuffer(1 << 20);
  out.append(new Uint8Array(15_000).fill(7));
  out.release();
  assertEquals(out.length, 15_000);
  assertEquals(out.view.every((byte) => byte === 7), true);
  out.clear(1);
  out.release();
  assertEquals(out.capacity, 0);
  assertEquals(out.append(Uint8Array.of(1, 2, 3)), 3);
  assertEquals([...out.view], [1, 2, 3]);
});
