/** Which bytes are counted for the windows of a connection, and when its path is measured. */

import { ReceiveFlow } from "../../../connection/flow/receive_flow.ts";
import {
  type ConnectionOptions,
  resolveOptions,
} from "../../../connection/options.ts";
import type {
  StreamCore,
  Wait,
} from "../../../connection/stream/stream_core.ts";
import {
  CLIENT,
  PROTO_SPDY2,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  Session,
} from "../../../mod.ts";
import { assertEquals } from "../../deps.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

const INITIAL = 65_536;

/** A receive flow whose PINGs are answered by hand. */
class Flow {
  readonly flow: ReceiveFlow;
  /** PINGs, as functions that answer them. */
  readonly pings: (() => void)[] = [];
  readonly log: string[] = [];
  sent = 0;
  expectsBulk = true;
  wait: Wait = "none";

  constructor(
    version: ProtocolVersion = PROTO_SPDY3_1,
    options: Partial<ConnectionOptions> = {},
  ) {
    this.flow = new ReceiveFlow(
      new Session(CLIENT, version, { autoWindowUpdate: false }),
      resolveOptions({ side: CLIENT, version, ...options }),
      INITIAL,
      {
        measurePath: () =>
          new Promise((resolve) => this.pings.push(() => resolve(0))),
        sentBytes: () => this.sent,
        flush: () => this.log.push("flush"),
        expectsBulk: () => this.expectsBulk,
        holdReading: (hold) => this.log.push(hold ? "stop" : "go on"),
        wait: () => this.wait,
        stuck: (most) => this.log.push(`stuck at ${most}`),
      },
    );
  }

  /** Bytes arrive for a stream that has no reader. */
  arrive(size: number): void {
    this.flow.received(stream(), new Uint8Array(size));
  }
}

/** A stream with only those fields that the flow uses. */
function stream(buffer: { deliver?: boolean; settled?: () => void } = {}) {
  return {
    pendingUpdate: 0,
    discounted: 0,
    receiveBuffer: {
      ended: true,
      push: () => true,
      deliver: () => buffer.deliver ?? false,
      settle: () => buffer.settled?.(),
    },
  } as unknown as StreamCore;
}

Deno.test("receive flow: there are windows in SPDY/3 and later, unless flow control is off", () => {
  assertEquals(new Flow().flow.hasWindows, true);
  const without = [
    new Flow(PROTO_SPDY2),
    new Flow(PROTO_SPDY3_1, { flowControl: false }),
  ];
  for (const { flow } of without) {
    assertEquals([flow.hasWindows, flow.sessionWindow], [false, 0]);
  }
});

Deno.test("receive flow: a read with DATA begins a measurement, one without does not", () => {
  const one = new Flow();
  one.flow.deliver();
  assertEquals(one.pings.length, 0);
  one.arrive(1);
  one.flow.deliver();
  assertEquals(one.pings.length, 1);
});

/** The session's window after a PING of 100 ms, during which `arrive` runs. */
async function measuredWindow(
  arrive: (one: Flow) => void,
): Promise<number> {
  using time = virtualTime();
  const one = new Flow();
  one.flow.mayBeQuiet();
  arrive(one);
  await time.advance(100);
  one.pings[0]();
  await turn();
  return one.flow.sessionWindow;
}

Deno.test("receive flow: the bytes of a read are counted once, and in the measurement in which they arrive", async () => {
  const quiet = 500_000;
  assertEquals(await measuredWindow(() => {}), quiet);
  // 3000 bytes are counted once, and so do not exceed 4 KiB.
  for (const reads of [2, 2000]) {
    const often = await measuredWindow((one) => {
      one.arrive(3000);
      for (let count = 0; count < reads; count++) one.flow.deliver();
    });
    assertEquals(often, quiet);
  }
  const bulk = await measuredWindow((one) => {
    one.arrive(100_000);
    one.flow.deliver();
  });
  assertEquals(bulk, 300_000);
});

Deno.test("receive flow: bytes of the present read arrived before a PING for a stream that begins", async () => {
  using time = virtualTime();
  const one = new Flow();
  one.arrive(100_000);
  one.flow.mayBeQuiet();
  one.flow.deliver();
  assertEquals(one.pings.length, 1);
  await time.advance(100);
  one.pings[0]();
  await turn();
  assertEquals(one.flow.sessionWindow, 500_000);
});

Deno.test("receive flow: only what this side has sent since the PING counts", async () => {
  const window = await measuredWindow((one) => one.sent += 1000);
  assertEquals(window, 500_000);
  using time = virtualTime();
  const one = new Flow();
  one.sent = 10_000;
  one.flow.mayBeQuiet();
  one.sent += 1000;
  await time.advance(100);
  one.pings[0]();
  await turn();
  assertEquals(one.flow.sessionWindow, 500_000);
});

Deno.test("receive flow: a larger window is written at once only while the peer may send bulk", async () => {
  for (const expectsBulk of [true, false]) {
    using time = virtualTime();
    const one = new Flow();
    one.expectsBulk = expectsBulk;
    one.flow.mayBeQuiet();
    await time.advance(100);
    one.pings[0]();
    await turn();
    assertEquals(one.log, expectsBulk ? ["flush"] : []);
  }
});

Deno.test("receive flow: bytes are left if any stream has some, and a settled stream is forgotten", () => {
  const { flow } = new Flow();
  let settled = 0;
  const [some, none] = [
    stream({ deliver: true, settled: () => settled++ }),
    stream(),
  ];
  assertEquals(flow.deliver(), false);
  flow.received(none, new Uint8Array(1));
  assertEquals(flow.deliver(), false);
  flow.received(some, new Uint8Array(1));
  flow.received(none, new Uint8Array(1));
  assertEquals(flow.deliver(), true);
  flow.settle();
  flow.settle();
  assertEquals([settled, flow.deliver()], [1, false]);
});

Deno.test("receive flow: bytes that were read are granted again with the next write, once for each stream", () => {
  const one = new Flow();
  const [first, second] = [stream(), stream()];
  for (const each of [first, second]) {
    one.flow.received(each, new Uint8Array(100));
  }
  let consumed = 0;
  one.flow.onConsumed = () => consumed++;
  one.flow.consumed(first, 10);
  one.flow.consumed(second, 20);
  one.flow.consumed(first, 5);
  assertEquals([one.flow.pendingUpdate, one.flow.unread, consumed], [
    35,
    165,
    3,
  ]);
  assertEquals(one.log, ["flush", "flush", "flush"]);
  one.flow.stop();
  one.flow.consumed(first, 5);
  assertEquals([one.flow.pendingUpdate, consumed], [35, 3]);
});

Deno.test("receive flow: while reading is paused, half the limit counts", () => {
  const one = new Flow(PROTO_SPDY2, {
    maxBufferedBytes: 1000,
    maxUnreadBytes: 1000,
  });
  const core = stream();
  one.flow.received(core, new Uint8Array(1001));
  one.flow.settle();
  one.flow.consumed(core, 500);
  one.flow.reconsider();
  assertEquals(one.log, ["stop"]);
  one.flow.consumed(core, 1);
  assertEquals(one.log, ["stop", "go on"]);
});

Deno.test("receive flow: an application that needs more input ends the connection, unless reading may stay paused", async () => {
  for (const holdUnread of [false, true]) {
    using time = virtualTime();
    const one = new Flow(PROTO_SPDY2, {
      maxBufferedBytes: 1000,
      maxUnreadBytes: 1000,
      holdUnread,
    });
    one.wait = "need";
    one.flow.received(stream(), new Uint8Array(1001));
    one.flow.settle();
    await time.advance(1500);
    assertEquals(one.log, holdUnread ? ["stop"] : ["stop", "stuck at 1000"]);
  }
});
