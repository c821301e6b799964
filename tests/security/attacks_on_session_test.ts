/**
 * Known attacks on HTTP/2 and on SPDY, replayed against a session. Each one ends
 * at a limit, with a reason, at a bounded cost.
 *
 * @module
 */

import { deflateRawSync } from "node:zlib";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertStringIncludes,
} from "../deps.ts";
import {
  DataProvider,
  ERR_INVALID_FRAME,
  ERR_PROTO,
  type Frame,
  FrameEncoder,
  HEADERS,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  SERVER,
  Session,
  type SessionOptions,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SYN_STREAM,
} from "../../mod.ts";
import {
  data,
  headers,
  HEADERS_LIST,
  ping,
  rstStream,
  settings,
  synReply,
  synStream,
  windowUpdate,
} from "../session/harness.ts";
import { cost, MIB } from "./measure.ts";

/** More memory than any attack here may take, bytes. Most of it is garbage. */
const MOST_MEMORY = 64 * MIB;
/** More time than any attack here may take on a busy machine, ms. */
const MOST_TIME = 20_000;

/** A server whose peer accepts nothing, or everything. */
function makeServer(
  version: ProtocolVersion,
  reading: boolean,
  options: SessionOptions = {},
): Session {
  return new Session(SERVER, version, {
    send: (_session, bytes) => reading ? bytes.length : 0,
    ...options,
  });
}

/** Sends frames until the session has failed; returns their number. */
function flood(
  session: Session,
  version: ProtocolVersion,
  most: number,
  frames: (index: number) => Frame[],
): number {
  const encoder = new FrameEncoder(version);
  for (let index = 0; index < most; index++) {
    for (const frame of frames(index)) session.recv(encoder.encode(frame));
    session.send();
    if (session.failure !== undefined) return index + 1;
  }
  return most;
}

/**
 * Floods a server. It must fail because of `limit` after about `expected` rounds,
 * and take no time after that.
 */
function assertFloodEnds(
  session: Session,
  version: ProtocolVersion,
  limit: string,
  expected: number,
  frames: (index: number) => Frame[],
): void {
  let rounds = 0;
  const { bytes, ms } = cost(() => {
    rounds = flood(session, version, 50 * expected, frames);
  });
  const { failure } = session;
  assert(failure?.message.includes(`limits.${limit}`), failure?.message);
  assertEquals([failure?.code, failure?.initiator], [ERR_PROTO, "remote"]);
  assertLess(Math.abs(rounds - expected), expected / 10 + 2);
  assertLess(bytes, MOST_MEMORY);
  assertLess(ms, MOST_TIME);
  assertLess(session.getOutboundQueueSize(), 1200);
  assertDeaf(session);
}

/** Bytes after the end are neither read nor kept. */
function assertDeaf(session: Session): void {
  const queued = session.getOutboundQueueSize();
  const noise = new Uint8Array(MIB).fill(0x80);
  const { ms } = cost(() => {
    for (let count = 0; count < 100; count++) session.recv(noise);
  });
  assertLess(ms, MOST_TIME);
  assertEquals(session.getOutboundQueueSize(), queued);
  assertEquals(session.wantRead(), false);
}

/** A SYN_STREAM whose header block is `block`, deflated without the dictionary. */
function rawSynStream(version: 2 | 3, block: Uint8Array): Uint8Array {
  const deflated = deflateRawSync(block, { finishFlush: 2 });
  const frame = new Uint8Array(20 + deflated.length);
  frame.set([0x80, version, 0, SYN_STREAM]);
  new DataView(frame.buffer).setUint32(4, frame.length - 8);
  new DataView(frame.buffer).setUint32(8, 1);
  frame.set([0x78, 0x01], 18);
  frame.set(deflated, 20);
  return frame;
}

const HUGE = [0xffffffff, 0x80000000, 0x7fffffff, 0x20000000, 0x00ffffff];

function assertClaimRefused(
  version: ProtocolVersion,
  bytes: Uint8Array,
): void {
  const session = makeServer(version, true);
  const { bytes: used, ms } = cost(() => session.recv(bytes));
  assertEquals(session.failure?.code, ERR_INVALID_FRAME);
  assertEquals(session.failure?.initiator, "remote");
  // 2^24 entries of any kind would take 100 MiB or more.
  assertLess(used, 8 * MIB);
  assertLess(ms, MOST_TIME);
}

Deno.test("CVE-2026-35469: a huge count of SETTINGS entries is refused", () => {
  for (const version of [2, 3] as const) {
    for (const count of HUGE) {
      for (const entries of [0, 1, 3]) {
        const frame = new Uint8Array(12 + 8 * entries);
        frame.set([0x80, version, 0, 4]);
        new DataView(frame.buffer).setUint32(4, frame.length - 8);
        new DataView(frame.buffer).setUint32(8, count);
        assertClaimRefused(version, frame);
      }
    }
  }
});

Deno.test("CVE-2026-35469: a huge count of headers is refused", () => {
  for (const count of HUGE) {
    const block = new Uint8Array(4 + 10);
    new DataView(block.buffer).setUint32(0, count);
    block.set([0, 0, 0, 1, 0x61, 0, 0, 0, 1], 4);
    assertClaimRefused(PROTO_SPDY3, rawSynStream(3, block));
  }
  const block = Uint8Array.of(0xff, 0xff, 0, 1, 0x61, 0, 1, 0x62);
  assertClaimRefused(PROTO_SPDY2, rawSynStream(2, block));
});

Deno.test("CVE-2026-35469: a huge length of a header name or value is refused", () => {
  for (const length of HUGE) {
    for (const field of [4, 9]) {
      const block = Uint8Array.from(
        [0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x62],
      );
      new DataView(block.buffer).setUint32(field, length);
      assertClaimRefused(PROTO_SPDY3, rawSynStream(3, block));
    }
  }
  for (const field of [2, 5]) {
    const block = Uint8Array.of(0, 1, 0, 1, 0x61, 0, 1, 0x62);
    block.fill(0xff, field, field + 2);
    assertClaimRefused(PROTO_SPDY2, rawSynStream(2, block));
  }
});

/** A body that never ends. */
function endless(): DataProvider {
  const zeros = new Uint8Array(16384);
  return new DataProvider(
    undefined,
    (_session, _streamId, length) => zeros.subarray(0, length),
  );
}

/**
 * A server with 100 requests under way, each answered with a body that never
 * ends; counts what it sends.
 */
function busyServer(): {
  session: Session;
  sent: { data: number; bytes: number };
} {
  const sent = { data: 0, bytes: 0 };
  const session = makeServer(PROTO_SPDY3, true, {
    onDataSend: (_session, _flags, _streamId, length) => {
      sent.data++;
      sent.bytes += length;
    },
  });
  return { session, sent };
}

Deno.test("CVE-2019-9511 data dribble: SETTINGS that raise windows byte by byte fail the session", () => {
  const { session, sent } = busyServer();
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const give = (frame: Frame) => session.recv(encoder.encode(frame));
  give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0]));
  for (let id = 1; id < 200; id += 2) {
    give(synStream(id, { flags: 1 }));
    session.submitResponse(id, HEADERS_LIST, endless());
  }
  session.send();
  assertEquals(sent.data, 0);
  // One frame of 20 bytes causes a hundred frames.
  let rounds = 0;
  const { ms } = cost(() => {
    while (session.failure === undefined && rounds < 5000) {
      give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, ++rounds]));
      session.send();
    }
  });
  assertStringIncludes(session.failure?.message ?? "", "limits.maxTinyData");
  assertEquals(session.failure?.initiator, "remote");
  assertLess(sent.data, 10_300);
  assertLess(rounds, 110);
  assertLess(ms, MOST_TIME);
});

Deno.test("CVE-2019-9511 data dribble: WINDOW_UPDATEs of one byte fail the session", () => {
  const { session, sent } = busyServer();
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const give = (frame: Frame) => session.recv(encoder.encode(frame));
  give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0]));
  give(synStream(1, { flags: 1 }));
  session.submitResponse(1, HEADERS_LIST, endless());
  for (
    let count = 0;
    count < 40_000 && session.failure === undefined;
    count++
  ) {
    give(windowUpdate(1, 1));
    session.send();
  }
  assertEquals(session.failure?.initiator, "remote");
  assertLess(sent.data, 10_100);
  assertGreater(sent.data, 9_900);
});

Deno.test("CVE-2019-9511 data dribble: an honest peer with unusual windows is not an attacker", () => {
  const { session, sent } = busyServer();
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const give = (frame: Frame) => session.recv(encoder.encode(frame));
  give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 100]));
  give(synStream(1, { flags: 1 }));
  session.submitResponse(1, HEADERS_LIST, endless());
  for (let count = 0; count < 20_000; count++) {
    // A window that always ends in the middle of a frame.
    give(windowUpdate(1, 16384 + 17));
    session.send();
  }
  assertEquals(session.failure, undefined);
  assertEquals(sent.bytes, 100 + 20_000 * (16384 + 17));
});

Deno.test("CVE-2019-9512 ping flood: too many replies that the peer does not read fail the session", () => {
  for (const version of [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1]) {
    const session = makeServer(version, false);
    assertFloodEnds(
      session,
      version,
      "maxQueuedReplies",
      1001,
      (index) => [ping(2 * index + 1)],
    );
  }
});

Deno.test("CVE-2019-9514 reset flood: frames that cause RST_STREAMs fail the session", () => {
  const broken: [string, (index: number) => Frame[]][] = [
    ["HEADERS for no stream", (index) => [headers(2 * index + 1)]],
    ["pushes to a server", (index) => [
      synStream(2 * index + 1, { assoc: 1, flags: 2 }),
    ]],
    ["the same id twice", () => [synStream(1)]],
  ];
  for (const [what, frames] of broken) {
    for (const reading of [true, false]) {
      const session = makeServer(PROTO_SPDY3, reading);
      const { bytes, ms } = cost(() => {
        flood(session, PROTO_SPDY3, 100_000, frames);
      });
      assertEquals(session.failure?.initiator, "remote", what);
      assertLess(session.getOutboundQueueSize(), 1200);
      assertLess(bytes, MOST_MEMORY);
      assertLess(ms, MOST_TIME);
      assertDeaf(session);
    }
  }
});

Deno.test("CVE-2019-9515 settings flood: SETTINGS without end fail the session", () => {
  const iv = Array.from(
    { length: 256 },
    (_, index): [number, number, number] => [index + 9, 0, index],
  );
  for (const version of [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1]) {
    assertFloodEnds(
      makeServer(version, false),
      version,
      "maxIdleSettings",
      1001,
      (index) => [settings(...iv.slice(0, index % 257))],
    );
  }
});

const NO_HEADERS: Frame = {
  frameType: HEADERS,
  version: 3,
  flags: 0,
  length: 0,
  streamId: 1,
  nv: [],
};

Deno.test("CVE-2019-9516 0-length headers leak: empty names are refused, and empty lists without end fail the session", () => {
  // Empty names are refused, and empty lists are counted; nothing of either is
  // kept.
  const block = new Uint8Array(4 + 8 * 1000);
  new DataView(block.buffer).setUint32(0, 1000);
  const session = makeServer(PROTO_SPDY3, true);
  session.recv(rawSynStream(3, block));
  session.send();
  assertEquals(session.failure, undefined);
  assertEquals(session.getOutboundQueueSize(), 0);
  assertFloodEnds(
    makeServer(PROTO_SPDY3_1, true),
    PROTO_SPDY3_1,
    "maxIdleHeaders",
    1001,
    (index) => [
      index === 0 ? synStream(1) : NO_HEADERS,
    ],
  );
});

Deno.test("CVE-2019-9517 internal data buffering: nothing is read ahead of the transport", () => {
  let pulled = 0;
  const body = () =>
    new DataProvider(undefined, (_session, _streamId, length) => {
      pulled += length;
      return new Uint8Array(length);
    });
  const session = makeServer(PROTO_SPDY3_1, false);
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  const give = (frame: Frame) => session.recv(encoder.encode(frame));
  // All windows are large, and the socket accepts nothing.
  give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0x7fffffff]));
  give(windowUpdate(0, 0x7fffffff - 65536));
  const { bytes } = cost(() => {
    for (let id = 1; id < 200; id += 2) {
      give(synStream(id, { flags: 1 }));
      session.submitResponse(id, HEADERS_LIST, body());
      session.send();
    }
  });
  assertLess(pulled, 16385);
  assertLess(bytes, 16 * MIB);
});

Deno.test("CVE-2019-9518 empty frames flood: empty frames without end fail the session", () => {
  const empty: [string, (index: number) => Frame[]][] = [
    ["maxIdleEmptyData", () => [data(1, 0)]],
    ["maxIdleHeaders", () => [headers(1)]],
    ["maxIdleIgnored", () => [data(77, 0)]],
    ["maxIdleWindowUpdates", () => [windowUpdate(1, 1)]],
  ];
  for (const [limit, frames] of empty) {
    const expected = limit === "maxIdleWindowUpdates" ? 10_002 : 1002;
    assertFloodEnds(
      makeServer(PROTO_SPDY3, true),
      PROTO_SPDY3,
      limit,
      expected,
      (index) => index === 0 ? [synStream(1)] : frames(index),
    );
  }
});

Deno.test("CVE-2023-44487 rapid reset: requests that are reset at once fail the session", () => {
  for (const version of [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1]) {
    let requests = 0;
    const session = makeServer(version, true, {
      onRequestRecv: () => requests++,
    });
    assertFloodEnds(session, version, "maxRapidResets", 1001, (index) => [
      synStream(2 * index + 1, { flags: 1 }),
      rstStream(2 * index + 1),
    ]);
    assertEquals(requests, 1001);
  }
});

Deno.test("CVE-2023-44487 rapid reset: requests that are reset after some DATA fail the session as well", () => {
  assertFloodEnds(
    makeServer(PROTO_SPDY3, true),
    PROTO_SPDY3,
    "maxRapidResets",
    1001,
    (index) => [
      synStream(2 * index + 1),
      data(2 * index + 1, 100),
      rstStream(2 * index + 1),
    ],
  );
});

Deno.test("CVE-2025-8671: stream errors that make the server send resets fail the session", () => {
  // A stream error on each stream instead of an RST_STREAM.
  assertFloodEnds(
    makeServer(PROTO_SPDY3, true),
    PROTO_SPDY3,
    "maxRapidResets",
    1001,
    (index) => [
      synStream(2 * index + 1, { flags: 1 }),
      synReply(2 * index + 1),
    ],
  );
});
