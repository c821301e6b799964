/** DATA that was under way when its stream ended on this side is no flood. */

import { assert, assertEquals } from "../deps.ts";
import {
  CLIENT,
  type Limits,
  PROTO_SPDY2,
  PROTO_SPDY3,
  SERVER,
} from "../../mod.ts";
import {
  data,
  goaway,
  Harness,
  HEADERS_LIST,
  synReply,
  synStream,
  VERSIONS,
} from "./harness.ts";
import { versionName } from "../helpers/version_name.ts";

const FEW: Limits = { maxIdleIgnored: 3 };
const WINDOW = 65536;
const CANCEL = 5;

/** Passes this many bytes in frames of one byte. */
function trickle(harness: Harness, streamId: number, size: number): void {
  for (let left = size; left > 0; left -= 256) {
    const count = Math.min(left, 256);
    harness.give(...Array.from({ length: count }, () => data(streamId, 1)));
  }
}

function assertServes(harness: Harness): void {
  assertEquals(harness.session.failure, undefined);
}

function assertFlood(harness: Harness): void {
  const { failure } = harness.session;
  assert(failure?.message.includes("limits.maxIdleIgnored"), failure?.message);
}

for (const version of VERSIONS) {
  Deno.test(`small DATA that arrives after a reset is not a flood, ${versionName(version)}`, () => {
    const harness = new Harness(SERVER, version, { limits: FEW });
    harness.give(synStream(1));
    harness.session.submitRstStream(1, CANCEL);
    // While RST_STREAM waits to be written, and after it has been written.
    trickle(harness, 1, 2000);
    harness.flush();
    trickle(harness, 1, 2000);
    harness.give(data(1, 0, 1));
    assertServes(harness);
  });
}

Deno.test("late DATA is excused up to the stream's window", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, { limits: FEW });
  harness.give(synStream(1));
  trickle(harness, 1, 1000);
  harness.session.submitRstStream(1, CANCEL);
  harness.session.submitRstStream(1, CANCEL);
  harness.flush();
  trickle(harness, 1, WINDOW - 1000);
  harness.give(data(1, 0, 1));
  assertServes(harness);
  trickle(harness, 1, 3);
  assertServes(harness);
  trickle(harness, 1, 1);
  assertFlood(harness);
});

Deno.test("late DATA may have 4 MiB for a stream without a window, and 16 MiB for all streams", () => {
  const piece = 255;
  for (const [streams, most] of [[1, 4 << 20], [9, 16 << 20]]) {
    const harness = new Harness(SERVER, PROTO_SPDY2, { limits: FEW });
    for (let id = 1; id < 2 * streams; id += 2) {
      harness.give(synStream(id));
      harness.session.submitRstStream(id, CANCEL);
    }
    harness.flush();
    const frame = data(1, piece);
    const count = Math.floor(most / piece);
    for (let index = 0; index < count; index++) harness.give(frame);
    assertServes(harness);
    for (let index = 0; index < 4; index++) harness.give(frame);
    assertFlood(harness);
  }
});

Deno.test("no DATA is excused for a stream that the peer ended or reset itself", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, { limits: FEW });
  harness.give(synStream(1, { flags: 1 }));
  harness.session.submitRstStream(1, CANCEL);
  harness.flush();
  trickle(harness, 1, 4);
  assertFlood(harness);
});

Deno.test("DATA of streams that were refused, or opened after GOAWAY, is not a flood", () => {
  const full = new Harness(SERVER, PROTO_SPDY3, {
    limits: { ...FEW, maxConcurrentStreams: 0 },
  });
  full.give(synStream(1));
  trickle(full, 1, WINDOW);
  assertServes(full);
  trickle(full, 1, 5);
  assertFlood(full);
  const leaving = new Harness(SERVER, PROTO_SPDY3, { limits: FEW });
  leaving.session.submitGoaway(0);
  leaving.flush();
  leaving.give(synStream(1));
  trickle(leaving, 1, WINDOW);
  assertServes(leaving);
  trickle(leaving, 1, 4);
  assertFlood(leaving);
  const left = new Harness(SERVER, PROTO_SPDY3, { limits: FEW });
  left.give(goaway(), synStream(1, { flags: 1 }));
  trickle(left, 1, 4);
  assertFlood(left);
});

Deno.test("DATA of pushes that end with their request is not a flood", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3, { limits: FEW });
  harness.session.submitRequest(0, HEADERS_LIST);
  harness.flush();
  harness.give(synReply(1), synStream(2, { flags: 2, assoc: 1 }));
  harness.session.submitRstStream(1, CANCEL);
  harness.flush();
  trickle(harness, 2, WINDOW);
  trickle(harness, 1, WINDOW);
  assertServes(harness);
  trickle(harness, 2, 6);
  assertFlood(harness);
});

Deno.test("DATA of a stream whose headers were refused is not a flood, unless its SYN_STREAM has FIN", () => {
  for (const flags of [0, 1]) {
    const harness = new Harness(SERVER, PROTO_SPDY3, {
      limits: { ...FEW, maxHeaderCount: 1 },
    });
    harness.give(synStream(1, { flags }));
    if (flags === 0) trickle(harness, 1, WINDOW + 1);
    assertServes(harness);
    trickle(harness, 1, 4);
    assertFlood(harness);
  }
});
