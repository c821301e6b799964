/**
 * Unread bytes take about as much memory as the windows allow, whatever the size
 * of the pieces in which they arrive.
 *
 * @module
 */

import { ReceiveBuffer } from "../../connection/buffers/receive_buffer.ts";
import {
  Connection,
  DATA,
  type DataFrame,
  type Frame,
  FrameEncoder,
  PROTO_SPDY3,
  serve,
  SERVER,
} from "../../mod.ts";
import { assert, assertEquals, assertLess } from "../deps.ts";
import { nextStream, REQUEST, VERSIONS } from "../helpers/http.ts";
import { quiet, virtualTime } from "../helpers/virtual_time.ts";
import { MIB, usedMemory } from "./measure.ts";
import { RawPeer, synStream } from "./raw_peer.ts";
import { versionName } from "../helpers/version_name.ts";

const EVENTS = { waits() {}, consumed() {}, cancelled() {} };

/** A piece that arrives alone in a read of the transport. */
function receive(receiveBuffer: ReceiveBuffer, piece: Uint8Array): void {
  receiveBuffer.push(piece);
  receiveBuffer.settle();
}

Deno.test("unread: a reader that is always one chunk behind keeps only that chunk alive", async () => {
  const receiveBuffer = new ReceiveBuffer(EVENTS);
  const reader = receiveBuffer.readable.getReader();
  const chunk = new Uint8Array(65536);
  receive(receiveBuffer, chunk);
  const before = usedMemory();
  for (let count = 0; count < 8192; count++) {
    receive(receiveBuffer, chunk);
    await reader.read();
  }
  assertEquals(receiveBuffer.size, chunk.length);
  // 512 MiB have passed; what has not been collected yet counts here.
  assertLess(usedMemory() - before, 256 * MIB);
});

Deno.test("unread: bytes that arrive one by one share memory", () => {
  const receiveBuffer = new ReceiveBuffer(EVENTS);
  const before = usedMemory();
  for (let count = 0; count < 200_000; count++) {
    receive(receiveBuffer, Uint8Array.of(count));
  }
  assertEquals(receiveBuffer.size, 200_000);
  assertLess(usedMemory() - before, 24 * MIB);
});

Deno.test("unread: small chunks are returned as they arrived, and share no memory", async () => {
  const few = [1, 1, 3, 700, 1024, 1025, 2, 9, 5000, 1, 1, 1];
  const sizes = Array.from({ length: 20 }, () => few).flat();
  for (const pause of [1, 2, 3, 50, sizes.length]) {
    const receiveBuffer = new ReceiveBuffer(EVENTS);
    const reader = receiveBuffer.readable.getReader();
    const got: number[] = [];
    const read = async () => {
      const { value } = await reader.read();
      assertEquals(value?.length, value?.buffer.byteLength);
      got.push(...value ?? []);
    };
    let sent = 0;
    for (const [index, size] of sizes.entries()) {
      receive(receiveBuffer, Uint8Array.from({ length: size }, () => sent++));
      if (index % pause === 0) await read();
    }
    while (receiveBuffer.size > 0) await read();
    assertEquals(got, Array.from({ length: sent }, (_, at) => at & 255));
  }
});

Deno.test("unread: shared memory can be read in part while more is added", async () => {
  const receiveBuffer = new ReceiveBuffer(EVENTS);
  let sent = 0;
  let read = 0;
  const buffer = new Uint8Array(2);
  const readSome = async () => {
    const size = await receiveBuffer.read(buffer) ?? 0;
    for (const byte of buffer.subarray(0, size)) {
      assertEquals(byte, read++ & 255);
    }
  };
  for (let count = 0; count < 60; count++) {
    receive(receiveBuffer, Uint8Array.of(sent++, sent++, sent++));
  }
  while (receiveBuffer.size > 6) {
    await readSome();
    if (sent < 400) receive(receiveBuffer, Uint8Array.of(sent++));
  }
  receiveBuffer.finish();
  await readSome();
  while (receiveBuffer.size > 0) await readSome();
  assertEquals(read, sent);
});

Deno.test("unread: a peer that does not read gets no more window, however much of its data is read", async () => {
  using time = virtualTime();
  let blocked = false;
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const output = new WritableStream<Uint8Array>({
    write: () => blocked ? new Promise<void>(() => {}) : undefined,
  });
  const server = new Connection(
    { readable: input.readable, writable: output },
    { side: SERVER, version: PROTO_SPDY3, closeTimeout: 1 },
  );
  const writer = input.writable.getWriter();
  const encoder = new FrameEncoder(PROTO_SPDY3);
  writer.write(encoder.encode(synStream(1)));
  const stream = await nextStream(server);
  blocked = true;
  // Uses up what may be under way, so that the next write waits.
  stream.reply([["x", "1"]]);
  await quiet(() => 0);
  let taken = 0;
  const reading = (async () => {
    for await (const chunk of stream.readable) taken += chunk.length;
  })().catch(() => {});
  for (let count = 0; count < 64; count++) {
    writer.write(encoder.encode(
      { frameType: DATA, streamId: 1, flags: 0, data: new Uint8Array(16384) },
    ));
  }
  await writer.ready;
  await quiet(() => taken);
  // The peer gets its first window and no byte more, because the updates cannot
  // be sent.
  assertEquals(taken, 65536);
  await time.until(server.close());
  await reading;
});

for (const version of VERSIONS) {
  Deno.test(`unread: bodies that handlers leave unread do not use up windows, ${versionName(version)}`, async () => {
    let release = () => {};
    let released = new Promise<void>((resolve) => release = resolve);
    await using server = serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
      version,
      sessionWindow: 65536,
      maxBufferedBytes: 65536,
      windowTuning: false,
      closeTimeout: 100,
    }, async () => {
      await released;
      return new Response("not interested");
    });
    const { port } = server.addr;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const peer = new RawPeer(conn, version);
    const nv = REQUEST.map(([name, value]): [string, string] =>
      name === ":method" ? [name, "POST"] : [name, value]
    );
    const piece = (streamId: number, flags: number): DataFrame => (
      { frameType: DATA, streamId, flags, data: new Uint8Array(4000) }
    );
    for (let id = 1; id < 120; id += 2) {
      released = new Promise<void>((resolve) => release = resolve);
      await peer.send(synStream(id, { nv }));
      await peer.ping();
      // Each in a read of its own, because the platform reads the first one
      // ahead.
      for (const flags of [0, 0, 1]) {
        await peer.send(piece(id, flags));
        await peer.ping();
      }
      release();
      while (!peer.frames.some((frame) => ended(frame, id))) {
        assert(!peer.over, `the connection ended at stream ${id}`);
        await peer.ping();
      }
    }
    // All bodies together have 720 KB, and a window has 64 KiB.
    assertEquals(peer.resets, []);
    peer.close();
    await peer.ended;
  });
}

function ended(frame: Frame, id: number): boolean {
  return frame.frameType === DATA && frame.streamId === id &&
    (frame.flags & 1) !== 0;
}
