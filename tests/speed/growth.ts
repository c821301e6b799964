/** Work that must not grow faster than its input. */

import { ReceiveBuffer } from "../../connection/buffers/receive_buffer.ts";
import { ByteWriter } from "../../frame/byte_writer.ts";
import { HeaderEncoder } from "../../frame/header_encoder.ts";
import {
  DataProvider,
  FrameEncoder,
  PROTO_SPDY3,
  SERVER,
  Session,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../mod.ts";
import { assertEquals, assertLess } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import {
  HEADERS_LIST,
  settings,
  synStream,
  windowUpdate,
} from "../session/harness.ts";

const EVENTS = { waits() {}, consumed() {}, cancelled() {} };

/** A body that never ends. */
function endless(): DataProvider {
  const zeros = new Uint8Array(16384);
  return new DataProvider(
    undefined,
    (_session, _streamId, length) => zeros.subarray(0, length),
  );
}

/** Time of a WINDOW_UPDATE for a random one of this many streams whose bodies wait, ms. */
function churnTime(streams: number): number {
  const session = new Session(SERVER, PROTO_SPDY3, {
    send: (_session, bytes) => bytes.length,
    limits: { maxConcurrentStreams: streams },
  });
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const random = new Random(streams);
  session.recv(
    encoder.encode(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0])),
  );
  for (let count = 0; count < streams; count++) {
    const id = 2 * count + 1;
    session.recv(
      encoder.encode(synStream(id, { flags: 1, pri: random.int(0, 7) })),
    );
    session.submitResponse(id, HEADERS_LIST, endless());
  }
  session.send();
  const frames = Array.from(
    { length: 4000 },
    () => encoder.encode(windowUpdate(2 * random.int(0, streams - 1) + 1, 300)),
  );
  const begin = performance.now();
  for (const frame of frames) {
    session.recv(frame);
    session.send();
  }
  assertEquals(session.failure, undefined);
  return (performance.now() - begin) / frames.length;
}

Deno.test("CVE-2019-9513 resource loop: the work a frame makes does not grow with the streams", () => {
  churnTime(100);
  const few = Math.min(churnTime(100), churnTime(100), churnTime(100));
  const many = Math.min(churnTime(20_000), churnTime(20_000));
  // If it looked at each stream, it would take 200 times as long.
  assertLess(many, 20 * few);
});

Deno.test("unread: a read of one-byte frames takes time in proportion to them", async () => {
  const time = async (pieces: number): Promise<number> => {
    const receiveBuffer = new ReceiveBuffer(EVENTS);
    const begin = performance.now();
    const read = receiveBuffer.read(new Uint8Array(pieces));
    for (let count = 0; count < pieces; count++) {
      receiveBuffer.push(Uint8Array.of(count));
    }
    receiveBuffer.settle();
    assertEquals(await read, pieces);
    return performance.now() - begin;
  };
  const best = async (pieces: number): Promise<number> =>
    Math.min(await time(pieces), await time(pieces), await time(pieces));
  // 16 times the work takes about 50 times as long, with the garbage
  // collection; in proportion to the square it would be 256 times.
  assertLess(await best(256_000), 128 * await best(16_000));
});

/** Time of a cookie with this many crumbs when it is sent again, ms. */
function crumbsTime(crumbs: number): number {
  const encoder = new HeaderEncoder(PROTO_SPDY3, { headerCompression: "safe" });
  const cookie = "a; ".repeat(crumbs) + "b=1";
  const begin = performance.now();
  for (let round = 0; round < 12; round++) {
    encoder.encode(
      [[":path", `/${round}`], ["cookie", cookie]],
      new ByteWriter(),
    );
  }
  return performance.now() - begin;
}

Deno.test("safe: a cookie of many crumbs takes time in proportion to them", () => {
  crumbsTime(2500);
  const few = Math.min(crumbsTime(2500), crumbsTime(2500), crumbsTime(2500));
  const many = Math.min(crumbsTime(10_000), crumbsTime(10_000));
  // Four times the work; in proportion to the square it would be 16 times.
  assertLess(many, 10 * few);
});
