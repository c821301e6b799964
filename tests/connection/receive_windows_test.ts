/** How the receive windows of a connection grow. */

import { ReceiveWindows } from "../../connection/receive_windows.ts";
import type { ResolvedOptions } from "../../connection/options.ts";
import {
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../../frame/constants.ts";
import type { Session } from "../../session.ts";
import { assert, assertEquals } from "../deps.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const INITIAL = 65_536;

/** Windows with their tuner, and the updates that they submit. */
function windowsWithLog(version: ProtocolVersion): {
  windows: ReceiveWindows;
  updates: [streamId: number, delta: number][];
} {
  const updates: [number, number][] = [];
  const session = {
    submitWindowUpdate: (streamId: number, delta: number) => {
      updates.push([streamId, delta]);
    },
  };
  const options = {
    version,
    sessionWindow: INITIAL,
    tuning: { maxWindow: 1 << 24, maxMemory: 1 << 22 },
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
