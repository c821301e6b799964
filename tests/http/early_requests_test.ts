/** `serve` with a client that sends its requests before it has read the server's SETTINGS. */

import {
  type Frame,
  FrameDecoder,
  FrameEncoder,
  PING,
  PROTO_SPDY3_1,
  REFUSED_STREAM,
  RST_STREAM,
  serveConnection,
  SYN_REPLY,
  SYN_STREAM,
} from "../../mod.ts";
import { assert, assertEquals } from "../deps.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { quiet, virtualTime } from "../helpers/virtual_time.ts";

const LIMIT = 10;

const REQUEST: [string, string][] = [
  [":host", "h"],
  [":method", "GET"],
  [":path", "/"],
  [":scheme", "http"],
  [":version", "HTTP/1.1"],
];

/** A client that heeds no limit, and a server whose handlers end when they are told to. */
class Burst {
  readonly frames: Frame[] = [];
  running = 0;
  mostRunning = 0;
  #nextId = 1;
  readonly #waiting: (() => void)[] = [];
  readonly #encoder = new FrameEncoder(PROTO_SPDY3_1);
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;
  readonly #served: { readonly finished: Promise<void> };

  constructor(options: { maxWaitingStreams?: number } = {}) {
    const [left, right] = memoryStreams();
    this.#writer = left.writable.getWriter();
    this.#served = serveConnection(right, {
      limits: { maxConcurrentStreams: LIMIT },
      ...options,
    }, async () => {
      this.mostRunning = Math.max(this.mostRunning, ++this.running);
      await new Promise<void>((done) => this.#waiting.push(done));
      this.running--;
      return new Response();
    });
    this.#reading = this.#read(left.readable);
  }

  /** Answers PINGs at once. */
  async #read(readable: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new FrameDecoder(PROTO_SPDY3_1);
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

  /** Opens streams at once. */
  async open(count: number, flags: number): Promise<void> {
    for (let each = 0; each < count; each++) {
      this.#send({
        frameType: SYN_STREAM,
        version: 3,
        flags,
        length: 0,
        streamId: this.#nextId,
        assocStreamId: 0,
        pri: 3,
        slot: 0,
        nv: REQUEST,
      });
      this.#nextId += 2;
    }
    await this.#settle();
  }

  #settle(): Promise<void> {
    return quiet(() => this.frames.length + this.mostRunning);
  }

  /** Lets handlers end until none begins. */
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

const FIN = 1;

Deno.test("serve: requests sent before the client can know the limit wait for a place", async () => {
  using time = virtualTime();
  const burst = new Burst();
  await burst.open(200, FIN);
  assertEquals([burst.refused, burst.running], [0, LIMIT]);
  await burst.releaseAll();
  assertEquals(burst.count(SYN_REPLY), 200);
  assertEquals([burst.refused, burst.mostRunning], [0, LIMIT]);
  await time.until(burst.end());
});

Deno.test("serve: a client that knows the limit is held to it", async () => {
  using time = virtualTime();
  const burst = new Burst();
  await burst.open(LIMIT + 1, FIN);
  assertEquals(burst.refused, 0);
  // The server has asked, and the client has answered.
  assert(burst.count(PING) > 0);
  await burst.open(5, FIN);
  assertEquals(burst.refused, 5);
  await burst.releaseAll();
  await burst.open(LIMIT + 3, FIN);
  assertEquals(burst.refused, 8);
  await burst.releaseAll();
  await time.until(burst.end());
});

Deno.test("serve: early requests are bounded by maxWaitingStreams, and have no body", async () => {
  using time = virtualTime();
  const burst = new Burst({ maxWaitingStreams: 20 });
  await burst.open(200, FIN);
  assert(burst.refused >= 200 - LIMIT - 20);
  await burst.releaseAll();
  assertEquals(burst.count(SYN_REPLY) + burst.refused, 200);
  await time.until(burst.end());
  const uploads = new Burst();
  await uploads.open(LIMIT + 7, 0);
  assertEquals(uploads.refused, 7);
  await uploads.releaseAll();
  await time.until(uploads.end());
});
