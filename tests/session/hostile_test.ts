/**
 * Known attacks, each replayed in SPDY: CVE-2026-35469 (allocations sized by the
 * wire) and HTTP/2's floods. The session must end or ignore the attack, and
 * memory and work must stay in proportion to the bytes received.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
} from "../deps.ts";
import {
  CLIENT,
  type Frame,
  FrameEncoder,
  PROTO_SPDY3_1,
  SERVER,
  Session,
  type SessionOptions,
} from "../../mod.ts";
import {
  body,
  data,
  headers,
  HEADERS_LIST,
  ping,
  rstStream,
  settings,
  synStream,
  windowUpdate,
} from "./harness.ts";

/** Most bytes that a session may hold because of an attack below. */
const MEMORY_BOUND = 32 << 20;

/** Passes input until the session fails, or `most` pieces were passed; returns their number. */
function attack(
  session: Session,
  most: number,
  piece: (index: number) => Uint8Array,
): number {
  const before = Deno.memoryUsage();
  for (let index = 0; index < most; index++) {
    session.recv(piece(index));
    if (session.failure !== undefined) return index + 1;
  }
  const after = Deno.memoryUsage();
  const grown = after.heapUsed + after.external - before.heapUsed -
    before.external;
  assert(grown < MEMORY_BOUND, `${grown} bytes more`);
  return most;
}

function makeServer(options: SessionOptions = {}): Session {
  return new Session(SERVER, PROTO_SPDY3_1, options);
}

function encode(encoder: FrameEncoder, ...frames: Frame[]): Uint8Array {
  return Uint8Array.from(
    frames.flatMap((frame) => [...encoder.encode(frame)]),
  );
}

/** The head of a control frame that claims `length` bytes of payload, followed by `payload`. */
function claim(type: number, length: number, payload: number[]): Uint8Array {
  return Uint8Array.of(
    ...[0x80, 3, 0, type, 0, length >> 16, length >> 8 & 0xff, length & 0xff],
    ...payload,
  );
}

Deno.test("CVE-2026-35469, path 1: a SETTINGS entry count of 2^32-1 allocates nothing", () => {
  const session = makeServer();
  const before = Deno.memoryUsage().external;
  session.recv(claim(4, 12, [255, 255, 255, 255, 0, 0, 0, 4, 0, 0, 0, 1]));
  assertLess(Deno.memoryUsage().external - before, 1 << 20);
  assertEquals(session.failure?.initiator, "remote");
});

Deno.test("CVE-2026-35469, path 1: SETTINGS of 16 MiB are not held", () => {
  const session = makeServer();
  session.recv(claim(4, 0xffffff, []));
  const taken = attack(session, 300, () => new Uint8Array(65536));
  assertLess(taken, 300);
  assertEquals(session.failure?.initiator, "remote");
});

Deno.test("CVE-2026-35469, path 2: a header count of 2^32-1 allocates nothing", () => {
  const session = makeServer();
  const encoder = new FrameEncoder(PROTO_SPDY3_1, {
    headerCompression: "none",
  });
  const bytes = encode(encoder, { ...synStream(1), nv: [] } as Frame);
  // The stored block of an empty list is its count, 0, before the sync flush.
  const at = bytes.length - 9;
  assertEquals([...bytes.subarray(at, at + 4)], [0, 0, 0, 0]);
  bytes.fill(255, at, at + 4);
  const before = Deno.memoryUsage().external;
  session.recv(bytes);
  assertLess(Deno.memoryUsage().external - before, 1 << 20);
  assertEquals(session.failure?.initiator, "remote");
});

Deno.test("CVE-2026-35469, path 3: a header length of 2^32-1 allocates nothing", () => {
  const session = makeServer();
  const encoder = new FrameEncoder(PROTO_SPDY3_1, {
    headerCompression: "none",
  });
  const nv = [["ab", "cd"]];
  const bytes = encode(encoder, { ...synStream(1), nv } as Frame);
  const at = bytes.lastIndexOf(0x61) - 4;
  assertEquals([...bytes.subarray(at, at + 4)], [0, 0, 0, 2]);
  bytes.fill(255, at, at + 4);
  const before = Deno.memoryUsage().external;
  session.recv(bytes);
  assertLess(Deno.memoryUsage().external - before, 1 << 20);
  assertEquals(session.failure?.initiator, "remote");
});

Deno.test("CVE-2019-9511, data dribble: windows of one byte do not multiply the work", () => {
  let frames = 0;
  const session = makeServer({ onDataSend: () => frames++ });
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  session.recv(
    encode(encoder, settings([7, 0, 1]), synStream(1, { flags: 1 })),
  );
  session.submitResponse(1, HEADERS_LIST, body(100000));
  const update = encode(encoder, windowUpdate(1, 1));
  const taken = attack(session, 30000, () => {
    session.send();
    return update;
  });
  // One small frame for each update, as the peer asked for.
  assertLessOrEqual(frames, taken + 1);
});

Deno.test("CVE-2019-9512, PING flood: the replies of a peer that does not read are bounded", () => {
  const session = makeServer({ send: () => 0 });
  const bytes = encode(new FrameEncoder(PROTO_SPDY3_1), ping(1));
  assertEquals(attack(session, 100000, () => bytes), 1001);
  assertLessOrEqual(session.getOutboundQueueSize(), 1003);
});

Deno.test("CVE-2019-9513, resource loop: alternating streams cost the same, however many there are", () => {
  const session = makeServer({ limits: { maxConcurrentStreams: 5000 } });
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  for (let id = 1; id < 10000; id += 2) {
    session.recv(encode(encoder, synStream(id, { pri: id % 8 })));
  }
  const taken = attack(
    session,
    20000,
    (index) => encode(encoder, windowUpdate((index * 7919 % 5000) * 2 + 1, 1)),
  );
  assertLessOrEqual(taken, 10001);
});

Deno.test("CVE-2019-9514, reset flood: resets that the session has to send are limited", () => {
  const session = makeServer();
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  const taken = attack(session, 100000, (index) => {
    session.send();
    return encode(encoder, synStream(2 * index + 1, { flags: 2 }));
  });
  assertEquals(taken, 1001);
});

Deno.test("CVE-2019-9515, SETTINGS flood: SETTINGS without end fail the session", () => {
  const session = makeServer();
  const bytes = encode(
    new FrameEncoder(PROTO_SPDY3_1),
    settings([7, 0, 65536]),
  );
  assertEquals(attack(session, 100000, () => (session.send(), bytes)), 1001);
});

Deno.test("CVE-2019-9516, headers leak: HEADERS without headers fail the session", () => {
  const session = makeServer();
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  session.recv(encode(encoder, synStream(1)));
  const empty = { ...headers(1), nv: [] } as Frame;
  assertEquals(attack(session, 100000, () => encode(encoder, empty)), 1001);
});

Deno.test("CVE-2019-9517, internal data buffering: a blocked transport stops the reading of bodies", () => {
  let read = 0;
  const session = makeServer({ send: () => 0 });
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  const big = body(1 << 30);
  const { readCb } = big;
  big.readCb = (...args) => {
    const bytes = readCb(...args);
    if (bytes instanceof Uint8Array) read += bytes.length;
    return bytes;
  };
  session.recv(encode(
    encoder,
    synStream(1, { flags: 1 }),
    windowUpdate(1, 2 ** 30),
    windowUpdate(0, 2 ** 30),
  ));
  session.submitResponse(1, HEADERS_LIST, big);
  for (let count = 0; count < 1000; count++) session.send();
  assertLessOrEqual(read, 16384);
});

Deno.test("CVE-2019-9518, empty frames flood: empty DATA without end fails the session", () => {
  const session = makeServer();
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  session.recv(encode(encoder, synStream(1)));
  const bytes = encode(encoder, data(1, 0));
  assertEquals(attack(session, 100000, () => bytes), 1001);
});

Deno.test("CVE-2023-44487, rapid reset: requests that are reset at once fail the session", () => {
  let opened = 0;
  const session = makeServer({ onRequestRecv: () => opened++ });
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  const taken = attack(session, 100000, (index) => {
    session.send();
    const id = 2 * index + 1;
    return encode(encoder, synStream(id, { flags: 1 }), rstStream(id));
  });
  assertEquals([taken, opened], [1001, 1001]);
});

Deno.test("a header block bomb is inflated up to its limit and no further", () => {
  const session = makeServer();
  const encoder = new FrameEncoder(PROTO_SPDY3_1, {
    headerCompression: "full",
  });
  const before = Deno.memoryUsage();
  const nv: [string, string][] = [["a", "x".repeat(8 << 20)]];
  session.recv(encode(encoder, { ...synStream(1), nv } as Frame));
  const after = Deno.memoryUsage();
  assertLess(after.external - before.external, MEMORY_BOUND);
  assertEquals(session.failure, undefined);
  // The compression context is intact: the next block can be read.
  const seen: number[] = [];
  const other = new Session(CLIENT, PROTO_SPDY3_1);
  assertEquals(other.wantWrite(), false);
  session.recv(encode(encoder, synStream(3)));
  session.submitSynReply(0, 3, HEADERS_LIST);
  session.send();
  seen.push(session.getOutboundQueueSize());
  assertEquals(seen, [0]);
});
