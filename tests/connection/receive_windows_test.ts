/** How the receive windows of a connection grow. */

import { ReceiveWindows } from "../../connection/receive_windows.ts";
import type { ResolvedOptions } from "../../connection/options.ts";
import {
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../../frame/constants.ts";
import type { Session } from "../../session.ts";
import type { StreamCore } from "../../connection/stream_core.ts";
import { assert, assertEquals } from "../deps.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const INITIAL = 65_536;

/** Windows with their tuner, and the updates that they submit. */
function windowsWithLog(version: ProtocolVersion, tuned = true): {
  windows: ReceiveWindows;
  updates: [streamId: number, delta: number][];
} {
  const updates: [number, number][] = [];
  const session = {
    consume: () => {},
    submitWindowUpdate: (streamId: number, delta: number) => {
      updates.push([streamId, delta]);
    },
  };
  const options = {
    version,
    sessionWindow: INITIAL,
    tuning: tuned ? { maxWindow: 1 << 24, maxMemory: 1 << 22 } : undefined,
  };
  const windows = new ReceiveWindows(
    session as unknown as Session,
    INITIAL,
    options as unknown as ResolvedOptions,
  );
  return { windows, updates };
}

Deno.test("receive windows: the session's window grows with a measured one, and only then", async () => {
  using time = virtualTime();
  const { windows, updates } = windowsWithLog(PROTO_SPDY3_1);
  assert(windows.received(1));
  // A full window within a round trip.
  windows.received(INITIAL);
  await time.advance(10);
  windows.measured();
  assertEquals(updates, [[0, INITIAL]]);
  assertEquals(windows.sessionWindow, 2 * INITIAL);

  // Little within a round trip: the window stays.
  await time.advance(100);
  assert(windows.received(1));
  windows.received(1000);
  await time.advance(10);
  windows.measured();
  assertEquals(updates.length, 1);
  assertEquals(windows.sessionWindow, 2 * INITIAL);
});

Deno.test("receive windows: without a session window none is submitted", async () => {
  using time = virtualTime();
  const { windows, updates } = windowsWithLog(PROTO_SPDY3);
  assert(windows.received(1));
  windows.received(INITIAL);
  await time.advance(10);
  windows.measured();
  assertEquals(updates, []);
});

/** A stream with what its windows use of it. */
function stream(ended: Partial<Record<"stream" | "receiving", true>> = {}) {
  return {
    id: 1,
    read: 0,
    grown: 0,
    ended: ended.stream ?? false,
    receiveBuffer: { ended: ended.receiving ?? false },
  } as StreamCore;
}

Deno.test("receive windows: a stream's window grows once half of it was read, and not after its end", async () => {
  using time = virtualTime();
  const { windows, updates } = windowsWithLog(PROTO_SPDY3);
  windows.received(1);
  windows.received(INITIAL);
  await time.advance(10);
  windows.measured();
  windows.consumed(stream({ stream: true }), INITIAL);
  windows.consumed(stream({ receiving: true }), INITIAL);
  const open = stream();
  windows.consumed(open, INITIAL / 2 - 1);
  assertEquals(updates, []);
  windows.consumed(open, 1);
  assertEquals(updates, [[1, INITIAL]]);
  windows.consumed(open, INITIAL);
  assertEquals(updates.length, 1);
});

Deno.test("receive windows: without tuning no window grows", () => {
  const { windows, updates } = windowsWithLog(PROTO_SPDY3, false);
  assertEquals(windows.received(INITIAL), false);
  windows.measured();
  windows.consumed(stream(), INITIAL);
  assertEquals(updates, []);
});
