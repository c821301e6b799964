/** `serve` with a client that sends its requests before it has read the server's SETTINGS. */

import {
  CANCEL,
  DATA,
  type Frame,
  FrameDecoder,
  FrameEncoder,
  PING,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  REFUSED_STREAM,
  RST_STREAM,
  serveConnection,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
} from "../../mod.ts";
import { assertEquals, assertGreater, assertGreaterOrEqual } from "../deps.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { quiet, virtualTime } from "../helpers/virtual_time.ts";

const LIMIT = 10;
const FIN = 1;

const REQUEST: [string, string][] = [
  [":host", "h"],
  [":method", "GET"],
  [":path", "/"],
  [":scheme", "http"],
  [":version", "HTTP/1.1"],
];

const UPLOAD: [string, string][] = REQUEST.map(([name, value]) => [
  name,
  name === ":method" ? "POST" : value,
]);

/** A client that ignores limits, and a server whose handlers end when a test lets them. */
class Burst {
  readonly frames: Frame[] = [];
  running = 0;
  mostRunning = 0;
  #nextId = 1;
  readonly #waiting: (() => void)[] = [];
  /** Lengths of the bodies that handlers have read, in the order of the requests. */
  readonly bodies: number[] = [];
  readonly #version: ProtocolVersion;
  readonly #encoder: FrameEncoder;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;
  readonly #served: { readonly finished: Promise<void> };

  constructor(
    options: {
      version?: ProtocolVersion;
      maxWaitingStreams?: number;
      maxBufferedBytes?: number;
    } = {},
  ) {
    this.#version = options.version ?? PROTO_SPDY3_1;
    this.#encoder = new FrameEncoder(this.#version);
    const [left, right] = memoryStreams();
    this.#writer = left.writable.getWriter();
    this.#served = serveConnection(right, {
      limits: { maxConcurrentStreams: LIMIT },
      ...options,
    }, async (request) => {
      this.mostRunning = Math.max(this.mostRunning, ++this.running);
      await new Promise<void>((done) => this.#waiting.push(done));
      if (request.body !== null) {
        this.bodies.push((await request.bytes()).length);
      }
      this.running--;
      return new Response();
    });
    this.#reading = this.#read(left.readable);
  }

  /** Answers PINGs at once. */
  async #read(readable: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new FrameDecoder(this.#version);
    for await (const chunk of readable) {
      decoder.push(chunk);
      for (;;) {
        const frame = decoder.next();
        if (frame === undefined) break;
        this.frames.push(frame);
        if (frame.frameType === PING) this.#send(frame);
      }
    }
  }

  #send(frame: Frame): void {
    this.#writer.write(this.#encoder.encode(frame)).catch(() => {});
  }

  /** Opens streams at once; resolves to their ids. */
  async open(count: number, flags: number): Promise<number[]> {
    const ids: number[] = [];
    for (let each = 0; each < count; each++) {
      this.#send({
        frameType: SYN_STREAM,
        version: this.#version === PROTO_SPDY2 ? 2 : 3,
        flags,
        length: 0,
        streamId: this.#nextId,
        assocStreamId: 0,
        pri: 3,
        slot: 0,
        nv: flags === FIN ? REQUEST : UPLOAD,
      });
      ids.push(this.#nextId);
      this.#nextId += 2;
    }
    await this.#settle();
    return ids;
  }

  /** Sends this many bytes on each of the streams. */
  async write(ids: number[], size: number, flags: number): Promise<void> {
    for (const streamId of ids) {
      const data = new Uint8Array(size);
      this.#send({ frameType: DATA, streamId, flags, data });
    }
    await this.#settle();
  }

  async reset(ids: number[]): Promise<void> {
    for (const streamId of ids) {
      this.#send({
        frameType: RST_STREAM,
        version: this.#version === PROTO_SPDY2 ? 2 : 3,
        flags: 0,
        length: 8,
        streamId,
        statusCode: CANCEL,
      });
    }
    await this.#settle();
  }

  #settle(): Promise<void> {
    return quiet(() =>
      this.frames.length + this.mostRunning + this.bodies.length
    );
  }

  /** Lets handlers end until no further one begins. */
  async releaseAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      for (const done of this.#waiting.splice(0)) done();
      await this.#settle();
    }
  }

  get refused(): number {
    return this.frames.filter((frame) =>
      frame.frameType === RST_STREAM && frame.statusCode === REFUSED_STREAM
    ).length;
  }

  count(type: number): number {
    return this.frames.filter(({ frameType }) => frameType === type).length;
  }

  async end(): Promise<void> {
    await this.#writer.close();
    await this.#served.finished;
    await this.#reading;
  }
}

Deno.test("serve: requests that are sent before the client can know the limit wait for a place", async () => {
  using time = virtualTime();
  const burst = new Burst();
  await burst.open(200, FIN);
  assertEquals([burst.refused, burst.running], [0, LIMIT]);
  await burst.releaseAll();
  assertEquals(burst.count(SYN_REPLY), 200);
  assertEquals([burst.refused, burst.mostRunning], [0, LIMIT]);
  await time.until(burst.end());
});

Deno.test("serve: the limit is sent before PINGs, even if requests arrived first", async () => {
  const [left, right] = memoryStreams();
  const writer = left.writable.getWriter();
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  const send = (frame: Frame): void =>
    void writer.write(encoder.encode(frame)).catch(() => {});
  send({
    frameType: PING,
    version: 3,
    flags: 0,
    length: 4,
    uniqueId: 1,
  });
  for (let index = 0; index <= LIMIT; index++) {
    send({
      frameType: SYN_STREAM,
      version: 3,
      flags: FIN,
      length: 0,
      streamId: 2 * index + 1,
      assocStreamId: 0,
      pri: 3,
      slot: 0,
      nv: REQUEST,
    });
  }
  const served = serveConnection(
    right,
    { limits: { maxConcurrentStreams: LIMIT } },
    () => new Response(),
  );
  const decoder = new FrameDecoder(PROTO_SPDY3_1);
  const reader = left.readable.getReader();
  const types: number[] = [];
  while (!types.includes(SETTINGS)) {
    const { value } = await reader.read();
    if (value === undefined) break;
    decoder.push(value);
    for (let frame = decoder.next(); frame; frame = decoder.next()) {
      if (frame.frameType === PING || frame.frameType === SETTINGS) {
        types.push(frame.frameType);
      }
    }
  }
  assertEquals(types[0], SETTINGS);
  await reader.cancel();
  await writer.close();
  await served.finished;
});

Deno.test("serve: a client that knows the limit must respect it", async () => {
  using time = virtualTime();
  const burst = new Burst();
  await burst.open(LIMIT + 1, FIN);
  assertEquals(burst.refused, 0);
  // The server has sent its PING, and the client has answered.
  assertGreater(burst.count(PING), 0);
  await burst.open(5, FIN);
  assertEquals(burst.refused, 5);
  await burst.releaseAll();
  await burst.open(LIMIT + 3, FIN);
  assertEquals(burst.refused, 8);
  await burst.releaseAll();
  await time.until(burst.end());
});

Deno.test("serve: early requests are limited by maxWaitingStreams", async () => {
  using time = virtualTime();
  const burst = new Burst({ maxWaitingStreams: 20 });
  await burst.open(200, FIN);
  assertGreaterOrEqual(burst.refused, 200 - LIMIT - 20);
  await burst.releaseAll();
  assertEquals(burst.count(SYN_REPLY) + burst.refused, 200);
  await time.until(burst.end());
});

for (const version of [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1] as const) {
  const name = version === PROTO_SPDY3_1 ? "3.1" : version;
  Deno.test(`serve: early requests with a body wait as well, SPDY/${name}`, async () => {
    using time = virtualTime();
    const burst = new Burst({ version });
    const ids = await burst.open(200, 0);
    await burst.write(ids, 1000, FIN);
    assertEquals([burst.refused, burst.running], [0, LIMIT]);
    await burst.releaseAll();
    assertEquals(burst.bodies, Array(200).fill(1000));
    assertEquals([burst.refused, burst.mostRunning], [0, LIMIT]);
    await time.until(burst.end());
  });

  Deno.test(`serve: bodies of early requests are limited by maxBufferedBytes, SPDY/${name}`, async () => {
    using time = virtualTime();
    const burst = new Burst({ version, maxBufferedBytes: 50_000 });
    const ids = await burst.open(LIMIT + 40, 0);
    const [running, waiting] = [ids.slice(0, LIMIT), ids.slice(LIMIT)];
    await burst.write(waiting.slice(0, 12), 4000, 0);
    assertEquals(burst.refused, 0);
    // There is room for two pieces of 1000 bytes.
    await burst.write(waiting.slice(12), 1000, 0);
    // A request whose handler runs is never refused because of its bytes.
    await burst.write(running, 8000, FIN);
    await burst.write(waiting.slice(0, 14), 0, FIN);
    await burst.write(waiting.slice(14), 0, FIN);
    await burst.releaseAll();
    assertEquals(burst.refused, 40 - 12 - 2);
    assertEquals(burst.bodies, [
      ...Array(10).fill(8000),
      ...Array(12).fill(4000),
      ...Array(2).fill(1000),
    ]);
    await time.until(burst.end());
  });

  Deno.test(`serve: the body of the only early request is limited as well, SPDY/${name}`, async () => {
    using time = virtualTime();
    const burst = new Burst({ version, maxBufferedBytes: 50_000 });
    const ids = await burst.open(LIMIT + 1, 0);
    const last = ids.slice(LIMIT);
    for (let sent = 0; sent < 12; sent++) await burst.write(last, 4000, 0);
    assertEquals(burst.refused, 0);
    await burst.write(last, 4000, 0);
    assertEquals(burst.refused, 1);
    await burst.reset(ids.slice(0, LIMIT));
    await burst.releaseAll();
    await time.until(burst.end());
  });

  Deno.test(`serve: early requests that the client resets make room for others, SPDY/${name}`, async () => {
    using time = virtualTime();
    const burst = new Burst({ version, maxBufferedBytes: 50_000 });
    const ids = await burst.open(LIMIT + 30, 0);
    const waiting = ids.slice(LIMIT);
    await burst.write(waiting.slice(0, 12), 4000, 0);
    await burst.reset(waiting.slice(0, 8));
    await burst.write(waiting.slice(12, 20), 4000, 0);
    assertEquals(burst.refused, 0);
    await burst.reset(ids);
    await burst.releaseAll();
    await time.until(burst.end());
  });
}
