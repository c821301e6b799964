/** How the receive windows of a connection change. */

import { ReceiveWindows } from "../../../connection/flow/receive_windows.ts";
import { resolveOptions } from "../../../connection/options.ts";
import type { StreamCore } from "../../../connection/stream/stream_core.ts";
import {
  CLIENT,
  type CtrlFrame,
  DATA_FLAG_NONE,
  FrameEncoder,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  SERVER,
  Session,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../../../mod.ts";
import { countersOf } from "../../../session.ts";
import { CREDIT_ON_ARRIVAL } from "../../../session/options.ts";
import { assert, assertEquals } from "../../deps.ts";
import { type VirtualTime, virtualTime } from "../../helpers/virtual_time.ts";

const INITIAL = 65_536;

/** The windows of a server to which the peer opened one stream, and the updates that the server sends. */
class Windows {
  readonly updates: [streamId: number, delta: number][] = [];
  readonly windows: ReceiveWindows;
  readonly session: Session;
  readonly #encoder: FrameEncoder;

  constructor(
    version: ProtocolVersion,
    windowTuning: boolean | { maxMemory: number },
    sessionWindow?: number,
  ) {
    const settings = {
      autoWindowUpdate: false,
      [CREDIT_ON_ARRIVAL]: true,
      send: (_: Session, data: Uint8Array) => data.length,
      onCtrlSend: (_: Session, frame: CtrlFrame) => {
        if (frame.frameType !== WINDOW_UPDATE) return;
        this.updates.push([frame.streamId, frame.deltaWindowSize]);
      },
    };
    this.session = new Session(SERVER, version, settings);
    this.#encoder = new FrameEncoder(version);
    this.session.recv(this.#encoder.encode({
      frameType: SYN_STREAM,
      version,
      flags: 0,
      length: 0,
      streamId: 1,
      assocStreamId: 0,
      pri: 0,
      slot: 0,
      nv: [],
    }));
    const options = resolveOptions({
      side: CLIENT,
      version,
      windowTuning,
      ...(sessionWindow === undefined ? {} : { sessionWindow }),
    });
    this.windows = new ReceiveWindows(this.session, INITIAL, options);
    this.sent();
  }

  /** Lets DATA of `size` bytes arrive. */
  data(size: number): void {
    for (let left = size; left > 0; left -= 16_384) {
      const data = new Uint8Array(Math.min(left, 16_384));
      this.session.recv(
        this.#encoder.encode({
          frameType: 0,
          streamId: 1,
          flags: DATA_FLAG_NONE,
          data,
        }),
      );
    }
  }

  /** Lets DATA arrive that fills the initial window, and its reader read all of it. */
  readAll(stream: StreamCore): void {
    this.data(INITIAL);
    this.windows.consumed(stream, INITIAL);
  }

  /** The updates since the last call. */
  sent(): [streamId: number, delta: number][] {
    this.session.send();
    return this.updates.splice(0);
  }

  /** What the peer may send on the session. */
  get available(): number | undefined {
    return countersOf(this.session).receiveWindow?.available;
  }
}

/** Such windows whose quiet path has been measured: a PING took `roundTrip` ms. */
async function measuredWindows(
  version: ProtocolVersion,
  time: VirtualTime,
  roundTrip: number,
  windowTuning: boolean | { maxMemory: number } = true,
): Promise<Windows> {
  const one = new Windows(version, windowTuning);
  await measureQuietPath(one.windows, time, roundTrip);
  return one;
}

/** A PING on the quiet path is answered after `roundTrip` ms. */
async function measureQuietPath(
  windows: ReceiveWindows,
  time: VirtualTime,
  roundTrip: number,
): Promise<void> {
  assert(windows.mayBeQuiet());
  await time.advance(roundTrip);
  windows.measured(0);
}

/** `size` bytes arrive in each of two round trips of `roundTrip` ms, which show a queue. */
async function measureQueue(
  windows: ReceiveWindows,
  time: VirtualTime,
  size: number,
  roundTrip: number,
): Promise<void> {
  for (let count = 0; count < 2; count++) {
    await time.advance(200);
    assert(windows.received(1));
    windows.received(size);
    await time.advance(roundTrip);
    windows.measured(0);
  }
}

Deno.test("receive windows: the session's window fits the path, and becomes smaller as bytes arrive", async () => {
  using time = virtualTime();
  const one = await measuredWindows(PROTO_SPDY3_1, time, 0.1);
  const { windows } = one;
  assertEquals(windows.sessionWindow, INITIAL);
  // 2500 bytes per ms.
  await measureQueue(windows, time, 50_000, 20);
  assertEquals(windows.sessionWindow, 32_768);
  assertEquals(one.sent(), []);
  assertEquals(one.available, INITIAL);
  one.data(32_768);
  assertEquals(one.sent(), []);
  assertEquals(one.available, 32_768);
  one.data(16_384);
  assertEquals(one.sent(), [[0, 16_384]]);
  assertEquals(one.available, 32_768);
});

Deno.test("receive windows: the session's window grows with the path", async () => {
  using time = virtualTime();
  const one = await measuredWindows(PROTO_SPDY3_1, time, 100);
  const { windows } = one;
  assertEquals(windows.sessionWindow, 500_000);
  assertEquals(one.sent(), [[0, 500_000 - INITIAL]]);
  assert(windows.received(1));
  windows.received(500_000);
  await time.advance(100);
  windows.measured(0);
  assertEquals(windows.sessionWindow, 1_500_000);
  assertEquals(one.sent(), [[0, 1_000_000]]);
});

Deno.test("receive windows: after a smaller one was tried, the session's window grows by two bytes for each one that arrives", async () => {
  using time = virtualTime();
  const { windows } = await measuredWindows(PROTO_SPDY3_1, time, 100);
  const round = async (size: number, roundTrip: number): Promise<void> => {
    windows.received(1);
    await time.advance(roundTrip);
    windows.received(size);
    windows.measured(0);
    await time.advance(500);
  };
  await round(400_000, 100);
  // A queue that turns out to be none: with the smaller window, less arrives.
  while (windows.sessionWindow > 800_000) await round(600_000, 200);
  const tried = windows.sessionWindow;
  await round(300_000, 120);
  await round(300_000, 240);
  await round(300_000, 240);
  assertEquals(windows.sessionWindow, tried);
  windows.received(10_000);
  assertEquals(windows.sessionWindow, tried + 20_000);
});

Deno.test("receive windows: without a session window none is submitted", async () => {
  using time = virtualTime();
  const one = await measuredWindows(PROTO_SPDY3, time, 100);
  assertEquals(one.sent(), []);
  assertEquals(one.windows.sessionWindow, INITIAL);
});

Deno.test("receive windows: the session's window begins with what the application has set", async () => {
  using time = virtualTime();
  const one = new Windows(PROTO_SPDY3_1, true, 200_000);
  await measureQuietPath(one.windows, time, 1);
  one.windows.received(1);
  assertEquals(one.windows.sessionWindow, 200_000);
});

Deno.test("receive windows: after a PING without an answer, none is sent for 10 s", async () => {
  using time = virtualTime();
  const { windows } = new Windows(PROTO_SPDY3_1, true);
  assert(windows.received(1));
  windows.abandoned();
  await time.advance(9999);
  assertEquals(windows.received(1), false);
  await time.advance(1);
  assertEquals(windows.received(1), true);
});

Deno.test("receive windows: a stream's window does not grow beyond what the path needs", async () => {
  using time = virtualTime();
  for (const version of [PROTO_SPDY3, PROTO_SPDY3_1] as const) {
    const one = await measuredWindows(version, time, 1);
    const open = stream();
    one.readAll(open);
    assertEquals(open.grown, 0);
    assertEquals(one.sent().filter(([id]) => id === 1), [[1, INITIAL]]);
  }
});

/** A stream, with only those fields that its windows use. */
function stream(
  ended: Partial<Record<"stream" | "receiving", true>> = {},
  unread = 0,
) {
  return {
    id: 1,
    read: 0,
    grown: 0,
    ended: ended.stream ?? false,
    receiveBuffer: { ended: ended.receiving ?? false, size: unread },
  } as StreamCore;
}

Deno.test("receive windows: a stream's window grows once half of it was read, and not after its end", async () => {
  using time = virtualTime();
  const one = await measuredWindows(PROTO_SPDY3, time, 100);
  const { windows } = one;
  one.data(INITIAL);
  const open = stream();
  windows.consumed(open, INITIAL / 2 - 1);
  assertEquals(one.sent(), []);
  windows.consumed(open, 1);
  // One update for the bytes that were read, and one for the growth.
  const growth = 500_000 - INITIAL / 2;
  assertEquals(one.sent(), [[1, INITIAL / 2], [1, growth]]);
  assertEquals(open.grown, growth);
  for (const half of ["stream", "receiving"] as const) {
    one.data(INITIAL);
    const ended = stream({ [half]: true });
    windows.consumed(ended, INITIAL);
    assertEquals(ended.grown, 0, half);
  }
});

Deno.test("receive windows: when the path becomes known, the windows of streams that are read quickly do not wait for their next bytes", async () => {
  using time = virtualTime();
  const one = new Windows(PROTO_SPDY3_1, true);
  const { windows } = one;
  one.data(INITIAL / 2);
  one.sent();
  const open = stream();
  const unread = stream({}, 1);
  const short = stream();
  const closed = stream();
  const ended = stream();
  const others = [unread, short, closed, ended];
  for (const each of [open, unread, closed, ended]) {
    each.read = INITIAL * 3 / 8;
    windows.consumed(each, INITIAL / 8);
  }
  windows.consumed(short, 0);
  windows.closed(closed);
  Object.assign(ended, { ended: true });
  one.sent();
  await measureQuietPath(windows, time, 100);
  const growth = 500_000 - INITIAL / 2;
  assertEquals(one.sent(), [[1, growth], [0, 500_000 - INITIAL]]);
  assertEquals(open.grown, growth);
  assertEquals(others.map(({ grown }) => grown), [0, 0, 0, 0]);
});

Deno.test("receive windows: all streams together grow by maxMemory at most, and a closed one gives its part back", async () => {
  using time = virtualTime();
  const one = await measuredWindows(PROTO_SPDY3, time, 100, {
    maxMemory: 600_000,
  });
  const { windows } = one;
  const growth = 500_000 - INITIAL / 2;
  const [first, second] = [stream(), stream()];
  one.readAll(first);
  one.readAll(second);
  assertEquals([first.grown, second.grown], [growth, 600_000 - growth]);
  windows.closed(first);
  assertEquals(first.grown, 0);
  one.readAll(second);
  assertEquals(second.grown, growth);
  const third = stream();
  one.readAll(third);
  assertEquals(third.grown, 600_000 - growth);
});

Deno.test("receive windows: in SPDY/3, a stream's window becomes smaller with the path", async () => {
  using time = virtualTime();
  const one = await measuredWindows(PROTO_SPDY3, time, 100);
  const { windows } = one;
  one.data(INITIAL);
  const open = stream();
  windows.consumed(open, INITIAL);
  const { grown } = open;
  // 500 bytes per ms.
  await measureQueue(windows, time, 500_000, 1000);
  one.readAll(open);
  assert(open.grown < grown, `${open.grown}`);
  one.sent();
  one.readAll(open);
  // Bytes that were read are not granted again.
  assertEquals(one.sent(), []);
});

Deno.test("receive windows: in SPDY/3.1, a stream's window does not become smaller with the path", async () => {
  using time = virtualTime();
  const one = await measuredWindows(PROTO_SPDY3_1, time, 100);
  const { windows } = one;
  one.data(INITIAL);
  const open = stream();
  windows.consumed(open, INITIAL);
  const { grown } = open;
  assert(grown > INITIAL, `${grown}`);
  // 500 bytes per ms.
  await measureQueue(windows, time, 500_000, 1000);
  assert(windows.sessionWindow < grown, `${windows.sessionWindow}`);
  one.sent();
  one.readAll(open);
  assertEquals(open.grown, grown);
  // Everything that was read is granted again.
  assertEquals(one.sent().filter(([id]) => id === 1), [[1, INITIAL]]);
});

Deno.test("receive windows: in SPDY/3, streams' windows grow when the path becomes longer", async () => {
  using time = virtualTime();
  const one = await measuredWindows(PROTO_SPDY3, time, 5);
  const { windows } = one;
  const open = stream();
  for (let count = 0; count < 60; count++) {
    // The initial window arrives in each round trip, however small the window
    // should be.
    await time.advance(500);
    assert(windows.received(1));
    windows.received(INITIAL + open.grown);
    await time.advance(200);
    windows.measured(0);
    one.readAll(open);
  }
  assert(open.grown > 4 * INITIAL, `${open.grown}`);
});

Deno.test("receive windows: without tuning no window changes", () => {
  const one = new Windows(PROTO_SPDY3_1, false);
  const { windows } = one;
  assertEquals(windows.sessionWindow, 1 << 20);
  assertEquals(windows.mayBeQuiet(), false);
  assertEquals(windows.received(INITIAL), false);
  windows.measured(0);
  one.data(INITIAL / 4);
  windows.consumed(stream(), INITIAL / 4);
  assertEquals(one.sent(), []);
});
