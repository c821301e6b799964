/**
 * Ends over links that are slow, broken or paused: the end waits while bytes
 * move, and not when they have stopped.
 *
 * @module
 */

import { ConnectionClosedError } from "../../connection/errors.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import { pause } from "../../connection/time/clock.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { Connection } from "../../http/connection.ts";
import {
  DATA,
  FrameEncoder,
  PING,
  PROTO_SPDY2,
  PROTO_SPDY3,
  SERVER,
} from "../../mod.ts";
import { assert, assertEquals, assertGreater, assertRejects } from "../deps.ts";
import { pairOver } from "../helpers/connections.ts";
import { nextStream } from "../helpers/http.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";
import { synStream } from "../security/raw_peer.ts";

/** One direction: bytes per second, and bytes that it has room for. */
class Link {
  readonly #rate: number;
  readonly #room: number;
  #held: Uint8Array[] = [];
  #size = 0;
  #over = false;
  #wake: (() => void)[] = [];

  constructor(rate: number, room = 16384) {
    this.#rate = rate;
    this.#room = room;
  }

  async write(data: Uint8Array): Promise<number> {
    while (this.#size >= this.#room && !this.#over) await this.#change();
    if (this.#over) throw new Error("the link is gone");
    const piece = data.slice(0, Math.min(this.#room - this.#size, 4096));
    this.#held.push(piece);
    this.#size += piece.length;
    this.#changed();
    return piece.length;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#held.length === 0) {
      if (this.#over) return null;
      await this.#change();
    }
    const piece = this.#held[0].subarray(0, buffer.length);
    if (this.#rate > 0) await pause(1000 * piece.length / this.#rate);
    buffer.set(piece);
    const rest = this.#held[0].subarray(piece.length);
    if (rest.length > 0) this.#held[0] = rest;
    else this.#held.shift();
    this.#size -= piece.length;
    this.#changed();
    return piece.length;
  }

  end(): void {
    this.#over = true;
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

function connOver(input: Link, output: Link): ByteConn {
  return {
    read: (buffer) => input.read(buffer),
    write: (data) => output.write(data),
    closeWrite: () => Promise.resolve(output.end()),
    close: () => {
      input.end();
      output.end();
    },
  };
}

const SIZE = 250_000;

async function answer(stream: Stream, size: number): Promise<void> {
  await stream.reply([["x", "1"]]);
  await stream.write(new Uint8Array(size));
  await stream.closeWrite();
}

async function download(stream: Stream): Promise<number> {
  let size = 0;
  for await (const chunk of stream.readable) size += chunk.length;
  return size;
}

for (const how of ["goaway", "close"] as const) {
  Deno.test(`slow end: a response that makes progress arrives completely after ${how}()`, async () => {
    using time = virtualTime();
    const up = new Link(0);
    const down = new Link(32_000);
    const window = 1 << 20;
    const both = { settings: [[7, 0, window]] as [number, number, number][] };
    const pair = pairOver(connOver(down, up), connOver(up, down), { both });
    const opened = pair.client.openStream([], { fin: true });
    const incoming = nextStream(pair.server);
    await time.advance(1000);
    const answering = incoming.then((stream) => answer(stream, SIZE));
    const reading = download(await opened);
    // The last bytes are in the send buffer and on the link.
    await time.until(answering);
    const ending = pair.server[how]();
    await time.advance(20_000);
    await ending;
    assertEquals(await reading, SIZE);
    await pair.client.closed;
  });
}

Deno.test("slow end: a peer that reads nothing more delays the end by closeTimeout only", async () => {
  using time = virtualTime();
  const up = new Link(0);
  const down = new Link(0, 4096);
  const server = new Connection(connOver(up, down), {
    side: SERVER,
    version: PROTO_SPDY3,
    closeTimeout: 3000,
  });
  const encoder = new FrameEncoder(PROTO_SPDY3);
  await up.write(encoder.encode(synStream(1)));
  const stream = await nextStream(server);
  stream.reply([["x", "1"]]);
  await stream.write(new Uint8Array(4000));
  await stream.write(new Uint8Array(4000));
  let over = false;
  server.close().then(() => over = true);
  await time.advance(2900);
  assert(!over);
  await time.advance(3200);
  assert(over);
});

for (const what of ["large", "small"] as const) {
  Deno.test(`slow end: a peer that reads nothing and continues to send delays the end by closeTimeout only, ${what} chunks`, async () => {
    using time = virtualTime();
    const up = new Link(0);
    const server = new Connection(connOver(up, new Link(0, 4096)), {
      side: SERVER,
      version: PROTO_SPDY2,
      closeTimeout: 3000,
    });
    const encoder = new FrameEncoder(PROTO_SPDY2);
    await up.write(encoder.encode(synStream(1)));
    const stream = await nextStream(server);
    stream.reply([["x", "1"]]);
    // Small chunks are accepted at once, and the close waits until they have
    // been sent.
    const size = what === "large" ? 1 << 20 : 4000;
    for (let count = 0; count < 20; count++) {
      stream.write(new Uint8Array(size)).catch(() => {});
    }
    await time.advance(1000);
    let over = false;
    server.close().then(() => over = true);
    const ping = encoder.encode({
      frameType: PING,
      version: PROTO_SPDY2,
      flags: 0,
      length: 4,
      uniqueId: 1,
    });
    const send = async (times: number): Promise<void> => {
      for (let count = 0; count < times; count++) {
        await up.write(ping).catch(() => {});
        await time.advance(50);
      }
    };
    await send(58);
    assert(!over);
    await send(4);
    assert(over);
    assertEquals(time.timers, 0);
  });
}

Deno.test("slow end: a peer that sends forever is disconnected in the end", async () => {
  using time = virtualTime();
  const up = new Link(0);
  const server = new Connection(connOver(up, new Link(0, 1 << 20)), {
    side: SERVER,
    version: PROTO_SPDY3,
  });
  let over = false;
  await turn();
  server.close().then(() => over = true);
  for (let second = 0; second < 100 && !over; second++) {
    await up.write(new Uint8Array(1)).catch(() => {});
    await time.advance(700);
    if (second === 60) assert(!over);
  }
  assert(over);
});

Deno.test("slow end: answers continue while they make progress after the peer has ended its direction", async () => {
  using time = virtualTime();
  const up = new Link(0);
  const down = new Link(32_000);
  const server = new Connection(connOver(up, down), {
    side: SERVER,
    version: PROTO_SPDY2,
  });
  const encoder = new FrameEncoder(PROTO_SPDY2);
  await up.write(encoder.encode(synStream(1, { flags: 1 })));
  const stream = await nextStream(server);
  let size = 0;
  (async () => {
    const buffer = new Uint8Array(8192);
    for (;;) {
      const read = await down.read(buffer);
      if (read === null) break;
      size += read;
    }
  })();
  // More than a send buffer has room for: the link needs 31 s.
  const answering = answer(stream, 4 * SIZE);
  up.end();
  let over = false;
  server.closed.then(() => over = true, () => over = true);
  await time.advance(5000);
  assert(!over);
  await time.advance(40_000);
  await answering;
  assert(over);
  assertEquals(Math.floor(size / SIZE), 4);
});

Deno.test("slow end: paused reading and failed writing end the connection at once", async () => {
  using _time = virtualTime();
  const up = new Link(0, 1 << 20);
  let broken = false;
  const down = new Link(0, 1 << 20);
  const server = new Connection({
    ...connOver(up, down),
    write: (data) =>
      broken ? Promise.reject(new Error("no way out")) : down.write(data),
  }, { side: SERVER, version: PROTO_SPDY2, maxBufferedBytes: 1000 });
  const encoder = new FrameEncoder(PROTO_SPDY2);
  await up.write(encoder.encode(synStream(1)));
  const stream = await nextStream(server);
  const data = new Uint8Array(3000);
  await up.write(
    encoder.encode({ frameType: DATA, streamId: 1, flags: 0, data }),
  );
  await turn();
  await stream.reply([["x", "1"]]);
  await turn();
  broken = true;
  const writing = stream.write(new Uint8Array(5000));
  writing.catch(() => {});
  await assertRejects(() => server.closed, ConnectionClosedError, "no way out");
  // What had been read by then can still be read, followed by the error.
  const buffer = new Uint8Array(4000);
  assertGreater((await stream.read(buffer))!, 1000);
  await assertRejects(() => stream.read(buffer), ConnectionClosedError);
});

Deno.test("slow end: failed writing and then paused reading end the connection at once", async () => {
  using _time = virtualTime();
  const up = new Link(0, 1 << 20);
  const server = new Connection({
    ...connOver(up, new Link(0)),
    write: () => Promise.reject(new Error("no way out")),
  }, {
    side: SERVER,
    version: PROTO_SPDY2,
    closeTimeout: 0,
    maxBufferedBytes: 1000,
  });
  const encoder = new FrameEncoder(PROTO_SPDY2);
  await up.write(encoder.encode(synStream(1)));
  const stream = await nextStream(server);
  stream.reply([["x", "1"]]);
  await turn();
  // What the peer sent before may still be read.
  const data = new Uint8Array(900);
  const frame = encoder.encode({
    frameType: DATA,
    streamId: 1,
    flags: 0,
    data,
  });
  const buffer = new Uint8Array(4000);
  await up.write(frame);
  await turn();
  assertEquals(await stream.read(buffer), 900);
  await up.write(frame);
  await up.write(frame);
  await assertRejects(() => server.closed, ConnectionClosedError, "no way out");
  assertEquals(await stream.read(buffer), 1800);
  await assertRejects(() => stream.read(buffer), ConnectionClosedError);
});

Deno.test("slow end: no stream can be opened to a peer that has ended its direction", async () => {
  using time = virtualTime();
  const up = new Link(0);
  const server = new Connection(connOver(up, new Link(0)), {
    side: SERVER,
    version: PROTO_SPDY2,
  });
  const encoder = new FrameEncoder(PROTO_SPDY2);
  await up.write(encoder.encode(synStream(1, { flags: 1 })));
  const stream = await nextStream(server);
  answer(stream, SIZE).catch(() => {});
  up.end();
  await turn();
  assert(!server.accepting);
  const error = await assertRejects(
    () => server.openStream([["a", "b"]]),
    ConnectionClosedError,
    "the peer closed its direction",
  );
  assertEquals([error.unprocessed, error.initiator], [true, "remote"]);
  const push = await assertRejects(
    () => stream.push([["a", "b"]]),
    ConnectionClosedError,
  );
  assert(push.unprocessed);
  await time.advance(3000);
  await server.closed.catch(() => {});
});
