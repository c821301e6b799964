/** The timeouts of a connection, to the millisecond. */

import { resolveOptions } from "../../connection/options.ts";
import type { ConnectionTuning } from "../../connection/options.ts";
import type { StreamCore } from "../../connection/stream/stream_core.ts";
import { TrackedFrames } from "../../connection/time/tracked_frames.ts";
import { Timeouts } from "../../connection/timeouts.ts";
import { CANCEL, PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { CLIENT, SERVER, type Side } from "../../session/constants.ts";
import { assertEquals } from "../deps.ts";
import { collect, withCollector } from "../helpers/collector.ts";
import { memoryPair } from "../helpers/connections.ts";
import { nextStream } from "../helpers/http.ts";
import {
  turn,
  type VirtualTime,
  virtualTime,
} from "../helpers/virtual_time.ts";

/** The timeouts of a connection that a test controls, and what they did. */
class Watched {
  readonly log: string[] = [];
  readonly timeouts: Timeouts;
  openStreams = 0;
  readonly #time: VirtualTime;
  readonly #frames: TrackedFrames;
  #since: number | undefined;
  #before = 0;

  constructor(time: VirtualTime, side: Side, tuning: ConnectionTuning) {
    this.#time = time;
    this.#since = time.now();
    this.#frames = new TrackedFrames(() => this.#readingTime());
    const none = {
      idleTimeout: 0,
      headerTimeout: 0,
      controlFrameTimeout: 0,
    };
    this.timeouts = new Timeouts(
      resolveOptions({ side, version: PROTO_SPDY3_1, ...none, ...tuning }),
      {
        readingSince: () => this.#since,
        readingTime: () => this.#readingTime(),
        keepAlivePing: () => {
          this.#log("PING");
          return this.#sentFrame();
        },
        openStreams: () => this.openStreams,
        timedOut: (message) => this.#log(message),
        tooLongIdle: () => this.#log("idle"),
      },
    );
  }

  pauseReading(): void {
    this.#before = this.#readingTime();
    this.#since = undefined;
  }

  resumeReading(): void {
    this.#since = this.#time.now();
  }

  /** A stream of this side whose SYN_STREAM is sent now. */
  askOn(id: number): StreamCore {
    const core = {
      id,
      reset: (status: number, error: Error) => {
        this.#log(`${status === CANCEL} ${error.message}`);
      },
    } as unknown as StreamCore;
    this.timeouts.awaitReply(core, () => this.#sentFrame());
    return core;
  }

  #sentFrame() {
    const frame = this.#frames.create();
    this.#frames.buffered(frame, 0);
    return frame;
  }

  #readingTime(): number {
    return this.#since === undefined
      ? this.#before
      : this.#before + this.#time.now() - this.#since;
  }

  #log(what: string): void {
    this.log.push(`${this.#time.now()}: ${what}`);
  }
}

Deno.test("timeouts: if no timeout is set, no timer runs", () => {
  using time = virtualTime();
  for (const side of [CLIENT, SERVER] as const) {
    const { timeouts } = new Watched(time, side, {});
    timeouts.touch();
    timeouts.controlFrame(7);
    timeouts.streamOpened();
    assertEquals(time.timers, 0);
    timeouts.stop();
  }
});

Deno.test("timeouts: a control frame has its time from its first byte, however its bytes arrive", async () => {
  using time = virtualTime();
  const { timeouts, log } = new Watched(time, CLIENT, {
    controlFrameTimeout: 1000,
  });
  // It begins at byte 0 of the connection.
  timeouts.controlFrame(0);
  await time.advance(600);
  timeouts.controlFrame(0);
  await time.advance(399);
  assertEquals(log, []);
  // That frame was complete in time, and another one has begun.
  timeouts.controlFrame(50);
  await time.advance(999);
  timeouts.controlFrame(-1);
  await time.advance(5000);
  assertEquals([log, time.timers], [[], 0]);
  timeouts.controlFrame(100);
  await time.advance(1000);
  assertEquals(log, [
    `${time.now()}: the peer did not complete a control frame within 1000 ms (controlFrameTimeout)`,
  ]);
});

Deno.test("timeouts: a server gives its client headerTimeout for the first stream, and a client does not limit its server", async () => {
  using time = virtualTime();
  const tuning = { headerTimeout: 1000 };
  const silent = new Watched(time, SERVER, tuning);
  const active = new Watched(time, SERVER, tuning);
  const client = new Watched(time, CLIENT, tuning);
  await time.advance(999);
  assertEquals(silent.log, []);
  active.timeouts.streamOpened();
  await time.advance(1);
  assertEquals(silent.log, [
    "1000: the peer opened no stream within 1000 ms (headerTimeout)",
  ]);
  await time.advance(10_000);
  assertEquals([active.log, client.log, time.timers], [[], [], 0]);
});

Deno.test("timeouts: each stream has headerTimeout for its reply, counted by itself", async () => {
  using time = virtualTime();
  const watched = new Watched(time, CLIENT, { headerTimeout: 1000 });
  const { timeouts, log } = watched;
  const first = watched.askOn(1);
  await time.advance(500);
  watched.askOn(3);
  const last = watched.askOn(5);
  await time.advance(499);
  timeouts.replied(first);
  // A second report of the same reply changes nothing.
  timeouts.replied(first);
  await time.advance(500);
  assertEquals([log, time.timers], [[], 2]);
  await time.advance(0);
  timeouts.replied(last);
  await time.advance(10_000);
  assertEquals(log, [
    "1500: true stream 3 was reset by this side with CANCEL: the peer sent no reply within 1000 ms (headerTimeout)",
  ]);
  assertEquals(time.timers, 0);
});

Deno.test("timeouts: a connection is idle when no byte has arrived for idleTimeout and no stream is open", async () => {
  using time = virtualTime();
  const watched = new Watched(time, CLIENT, { idleTimeout: 1000 });
  const { timeouts, log } = watched;
  await time.advance(999);
  timeouts.touch();
  await time.advance(999);
  assertEquals(log, []);
  await time.advance(1);
  assertEquals(log.splice(0), ["1999: idle"]);
  // It is not idle while a stream is open, nor while this side does not read.
  watched.openStreams = 1;
  await time.advance(3000);
  assertEquals(log, []);
  watched.openStreams = 0;
  watched.pauseReading();
  await time.advance(3000);
  assertEquals(log, []);
  watched.resumeReading();
  await time.advance(1000);
  assertEquals(log, ["8999: idle"]);
});

Deno.test("timeouts: keepAlive sends a PING into silence, and ends the connection when nothing arrives after it", async () => {
  using time = virtualTime();
  const watched = new Watched(time, CLIENT, {
    keepAlive: { interval: 1000, timeout: 1500 },
  });
  const { timeouts, log } = watched;
  await time.advance(700);
  timeouts.touch();
  await time.advance(999);
  assertEquals(log, []);
  await time.advance(1);
  assertEquals(log.splice(0), ["1700: PING"]);
  // Any byte shows that the peer is alive.
  await time.advance(1499);
  timeouts.touch();
  await time.advance(999);
  assertEquals(log, []);
  await time.advance(1);
  // One PING at a time, even if the silence is longer than an interval.
  await time.advance(1499);
  assertEquals(log.splice(0), ["4199: PING"]);
  await time.advance(1);
  assertEquals(log.splice(0), [
    "5699: the peer sent nothing for 1500 ms after a PING (keepAlive.timeout)",
  ]);
  timeouts.stop();
  assertEquals(time.timers, 0);
});

Deno.test("timeouts: keepAlive sends no PING while this side does not read, and with timeout 0 ends nothing", async () => {
  using time = virtualTime();
  const watched = new Watched(time, CLIENT, {
    keepAlive: { interval: 1000, timeout: 0 },
  });
  const { log } = watched;
  watched.pauseReading();
  await time.advance(3500);
  assertEquals(log, []);
  watched.resumeReading();
  await time.advance(2000);
  assertEquals(log, ["4000: PING", "5000: PING"]);
  watched.timeouts.stop();
});

Deno.test("timeouts: by default, a peer has 10 s after a PING", async () => {
  using time = virtualTime();
  const { log, timeouts } = new Watched(time, CLIENT, {
    keepAlive: { interval: 1000 },
  });
  await time.advance(10_999);
  assertEquals(log, ["1000: PING"]);
  await time.advance(1);
  assertEquals(log.slice(1), [
    "11000: the peer sent nothing for 10000 ms after a PING (keepAlive.timeout)",
  ]);
  timeouts.stop();
});

Deno.test("timeouts: stop() ends every timer", () => {
  using time = virtualTime();
  const watched = new Watched(time, SERVER, {
    keepAlive: { interval: 1000 },
    idleTimeout: 1000,
    headerTimeout: 1000,
    controlFrameTimeout: 1000,
  });
  watched.timeouts.controlFrame(0);
  watched.askOn(2);
  watched.askOn(4);
  assertEquals(time.timers, 6);
  watched.timeouts.stop();
  assertEquals(time.timers, 0);
});

Deno.test("timeouts: a connection whose streams wait for a place is not idle", async () => {
  using time = virtualTime();
  await using pair = memoryPair({
    client: { idleTimeout: 1000 },
    server: { limits: { maxConcurrentStreams: 1 } },
  });
  const { client, server } = pair;
  await time.advance(10);
  const open = await client.openStream([["a", "b"]]);
  const waiting = client.openStream([["c", "d"]]);
  await time.advance(10);
  // As many wait as are open.
  const { streams, waitingStreams } = client.stats();
  assertEquals([streams.length, waitingStreams], [1, 1]);
  await time.advance(5000);
  assertEquals(client.accepting, true);
  open.reset();
  await nextStream(server);
  (await waiting).reset();
  await time.advance(5000);
  assertEquals(client.accepting, false);
});

Deno.test("timeouts: idleTimeout counts from the end of the last stream, if that is later than the last byte", async () => {
  using time = virtualTime();
  await using pair = memoryPair({ server: { idleTimeout: 1000 } });
  const { client, server } = pair;
  await time.advance(10);
  const asked = await client.openStream([["a", "b"]], { fin: true });
  const stream = await nextStream(server);
  await time.advance(900);
  // The server's half ends the stream, and no byte arrives with that.
  await stream.reply([["c", "d"]], { fin: true });
  await asked.response;
  await time.advance(900);
  assertEquals(server.accepting, true);
  await time.advance(200);
  assertEquals(server.accepting, false);
});

withCollector.test({
  name: "headerTimeout: a stream that has its reply is not kept",
  async fn() {
    using time = virtualTime();
    const watched = new Watched(time, CLIENT, { headerTimeout: 100 });
    const refs = Array.from({ length: 20 }, (_, index) => {
      const core = watched.askOn(2 * index + 1);
      watched.timeouts.replied(core);
      return new WeakRef(core);
    });
    // A WeakRef keeps its target until the end of the turn.
    await turn();
    collect?.();
    assertEquals(refs.filter((ref) => ref.deref() !== undefined), []);
    watched.timeouts.stop();
  },
});
