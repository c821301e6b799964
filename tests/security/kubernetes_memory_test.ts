/**
 * How much memory one client of `serveStreaming` can make the server hold: the
 * figures of docs/security.md, checked with the worst known clients.
 *
 * @module
 */

import { assertEquals, assertLess, concat, delay } from "../deps.ts";
import { serveStreaming } from "../../kubernetes/mod.ts";
import { MAX_CONNECTIONS } from "../../kubernetes/spdy/serve_forward.ts";
import {
  DATA,
  type Frame,
  FrameEncoder,
  type NameValue,
  PROTO_SPDY3_1,
} from "../../mod.ts";
import { encodeFrame } from "../../kubernetes/websocket/frame.ts";
import { PATIENCE } from "../helpers/deadline.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import { synStream } from "./raw_peer.ts";
import { collect } from "../helpers/collector.ts";
import { MIB, usedMemory } from "./measure.ts";
import { onlyIf } from "../helpers/unix_only.ts";

/** What `docs/security.md` promises for a connection, bytes. */
const PROMISED = 16 * MIB;

// Before Deno 2.9, a write that waits continues after `close`, and these peers
// never read.
const machines = onlyIf(
  collect !== undefined && !isDenoBefore("2.9.0"),
  "needs the collector and Deno 2.9 or later",
);

/** Bytes in use some ms after a garbage collection: other threads free the buffers. */
async function heldMemory(milliseconds: number): Promise<number> {
  collect?.();
  await delay(milliseconds);
  return usedMemory();
}

/** The least memory in use, once a second has brought no less. */
async function leastMemory(): Promise<number> {
  let least = Infinity;
  for (let same = 0; same < 5; same++) {
    const held = await heldMemory(200);
    if (held < least - MIB / 16) same = 0;
    least = Math.min(least, held);
  }
  return least;
}

/**
 * Asserts that no more is held than is promised, once the buffers are freed. On a busy
 * machine that may take long.
 */
async function assertBounded(before: number): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const held = await heldMemory(50) - before;
    if (held < PROMISED) return;
    if (performance.now() > end) assertLess(held, PROMISED);
  }
}

/** An upgraded connection that sends what a test tells it to, and reads nothing. */
class Silent implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #encoder = new FrameEncoder(PROTO_SPDY3_1);

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async open(port: number, path: string): Promise<Silent> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const protocol = path.startsWith("/exec")
      ? "v4.channel.k8s.io"
      : "portforward.k8s.io";
    await conn.write(new TextEncoder().encode(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
    ));
    await conn.read(new Uint8Array(4096));
    return new Silent(conn);
  }

  /**
   * Sends frames, each of which is made just before it is sent; what the server
   * does not accept waits in the kernel.
   */
  async flood(frames: Iterable<Frame>): Promise<void> {
    let bytes: Uint8Array[] = [];
    try {
      for (const frame of frames) {
        bytes.push(this.#encoder.encode(frame));
        if (bytes.length < 50 && frame.frameType !== DATA) continue;
        for (let rest = concat(bytes); rest.length > 0;) {
          rest = rest.subarray(await this.#conn.write(rest));
        }
        bytes = [];
      }
    } catch {
      // The test has ended.
    }
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

const LARGE = new Uint8Array(65536);

const data = (streamId: number, size: number): Frame => ({
  frameType: DATA,
  streamId,
  flags: 0,
  data: LARGE.subarray(0, size),
});

/** More than may wait. */
function* much(streamId: number): Iterable<Frame> {
  for (let count = 0; count < 400; count++) yield data(streamId, LARGE.length);
}

/** The longest header list that is allowed, with characters that take two bytes each. */
function longest(...nv: NameValue[]): NameValue[] {
  const used = nv.flat().reduce((sum, text) => sum + text.length + 4, 4);
  // Because of its first character, all characters of the string take two
  // bytes.
  const value = `\u20ac${"x".repeat(2048 - used - 8 - 4 - 3)}`;
  return [...nv, ["long", value]];
}

/** Floods a server until `settled`, and asserts that its memory stays bounded. */
async function attack(
  port: number,
  path: string,
  frames: Iterable<Frame>,
  settled: () => boolean,
): Promise<void> {
  // Code, tables and the buffers of the first connection.
  using _first = await Silent.open(port, path);
  const before = await leastMemory();
  using client = await Silent.open(port, path);
  client.flood(frames);
  while (!settled()) await delay(100);
  // For bytes that may still be under way; with fewer bytes the test passes as
  // well.
  await delay(1000);
  await assertBounded(before);
}

machines.test(
  "kubernetes memory: as many forwarded connections as there can be, none read",
  async () => {
    let running = 0;
    const chunk = new Uint8Array(65536);
    const readers: unknown[] = [];
    await using server = serveStreaming({
      async portForward({ readable, writable }) {
        running++;
        readers.push(readable.getReader());
        const writer = writable.getWriter();
        for (;;) await writer.write(chunk);
      },
    });
    await attack(
      server.addr.port,
      "/portforward/t",
      function* () {
        const pairs = MAX_CONNECTIONS + 100;
        for (let id = 1; id <= 4 * pairs; id += 2) {
          const pair = id >> 2;
          const type = id % 4 === 1 ? "error" : "data";
          const nv: NameValue[] = [
            ["port", "80"],
            ["requestid", `${pair}`],
            ["streamtype", type],
          ];
          yield synStream(id, { nv: longest(...nv) });
        }
        // Chunks that arrive one by one take more memory than their bytes.
        for (let round = 0; round < 40; round++) {
          for (let id = 3; id <= 4 * MAX_CONNECTIONS; id += 4) {
            yield data(id, 1);
          }
        }
        yield* much(3);
      }(),
      () => running >= MAX_CONNECTIONS,
    );
    assertEquals(running, MAX_CONNECTIONS);
  },
);

machines.test(
  "kubernetes memory: halves of connections with long ids",
  async () => {
    await using server = serveStreaming({ portForward: async () => {} });
    let sent = 0;
    await attack(
      server.addr.port,
      "/portforward/t",
      function* () {
        for (; sent < 2 * MAX_CONNECTIONS; sent++) {
          const nv: NameValue[] = [
            ["port", "80"],
            ["requestid", `${sent}\u20ac${"x".repeat(240)}`],
            ["streamtype", "data"],
          ];
          yield synStream(2 * sent + 1, { nv });
        }
        for (let id = 1; id < 4 * MAX_CONNECTIONS; id += 2) yield data(id, 1);
        yield* much(1);
      }(),
      () => sent >= 2 * MAX_CONNECTIONS,
    );
  },
);

machines.test(
  "kubernetes memory: every stream of an exec is filled and none is read",
  async () => {
    let running = false;
    await using server = serveStreaming({
      // Waits for sizes, as a terminal does, and reads no input.
      async exec({ resizes }) {
        running = true;
        for await (const _size of resizes);
      },
    });
    await attack(
      server.addr.port,
      "/exec/t?stdin=1&stdout=1&stderr=1&tty=1",
      function* () {
        const types = ["error", "resize", "stdin", "stdout"];
        for (const [at, type] of types.entries()) {
          const nv = longest(["streamtype", type]);
          yield synStream(2 * at + 1, { nv });
        }
        for (const id of [1, 7, 5]) yield* much(id);
      }(),
      () => running,
    );
  },
);

machines.test(
  "kubernetes memory: messages of a WebSocket that nobody reads, large, of a byte each and in pieces of a byte",
  async () => {
    let running = 0;
    await using server = serveStreaming({
      // Waits for sizes, as a terminal does, and reads no input.
      async exec({ resizes }) {
        running++;
        for await (const _size of resizes);
      },
    });
    const path = "/exec/t?stdin=1&stdout=1&tty=1";
    const mask = new Uint8Array(4);
    const small = concat(Array.from(
      { length: 4096 },
      () => encodeFrame(2, new Uint8Array(2), mask),
    ));
    const large = encodeFrame(2, new Uint8Array(300_000), mask);
    // A message that does not end, and pings whose answers nobody reads.
    const endless = encodeFrame(2, new Uint8Array(300_000), mask);
    endless[0] &= 0x7f;
    const more = encodeFrame(0, new Uint8Array(300_000), mask);
    more[0] &= 0x7f;
    // The same in pieces of a byte; all of them are less than what is passed on at once.
    const endlessSmall = encodeFrame(2, new Uint8Array(2), mask);
    endlessSmall[0] &= 0x7f;
    const one = encodeFrame(0, new Uint8Array(1), mask);
    one[0] &= 0x7f;
    const moreSmall = concat(Array.from({ length: 2500 }, () => one));
    const pings = concat(Array.from(
      { length: 1024 },
      () => encodeFrame(9, new Uint8Array(125), mask),
    ));
    const floods: [first: Uint8Array, then: Uint8Array][] = [
      [small, small],
      [large, large],
      [endless, more],
      [endlessSmall, moreSmall],
      [pings, small],
    ];
    const open = (): Promise<RawWebSocket> =>
      RawWebSocket.open(server.addr.port, path, "v5.channel.k8s.io");
    for (const [first, then] of floods) {
      // Code, tables and the buffers of the first connection.
      const warm = await open();
      const before = await leastMemory();
      const client = await open();
      const sent = (async () => {
        await client.write(first);
        for (let count = 0; count < 400; count++) await client.write(then);
      })().catch(() => {});
      await Promise.race([sent, delay(2000)]);
      await assertBounded(before);
      client.close();
      warm.close();
      await sent;
    }
    assertEquals(running, 2 * floods.length);
  },
);
