/** What the loops of a connection do within a turn, and what they count. */

import { IoLoop, type IoLoopEvents } from "../../connection/io_loop.ts";
import { FirstWrites } from "../../connection/time/first_writes.ts";
import type { Wire } from "../../connection/transport/transport.ts";
import { assert, assertEquals } from "../deps.ts";
import { bytes } from "../helpers/bytes.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

/** A transport whose writes and reads a test lets end. */
class SlowWire implements Wire {
  readonly log: string[] = [];
  readonly setReferenced = (referenced: boolean): void => {
    this.log.push(`referenced ${referenced}`);
  };
  #taken = Promise.withResolvers<number>();
  #arrived = Promise.withResolvers<Uint8Array | null>();

  send(data: Uint8Array): Promise<number> {
    this.log.push(`send ${data.length}`);
    return this.#taken.promise;
  }

  async take(size: number): Promise<void> {
    const taken = this.#taken;
    this.#taken = Promise.withResolvers();
    taken.resolve(size);
    await turn();
  }

  receive(): Promise<Uint8Array | null> {
    this.log.push("receive");
    return this.#arrived.promise;
  }

  async arrive(data: Uint8Array | null): Promise<void> {
    const arrived = this.#arrived;
    this.#arrived = Promise.withResolvers();
    arrived.resolve(data);
    await turn();
  }

  closeWrite(): Promise<void> {
    this.log.push("end");
    return Promise.resolve();
  }

  close(): void {
    this.log.push("close");
    this.#arrived.resolve(null);
    this.#taken.resolve(1);
  }

  /** What was asked of it since the last look. */
  takeLog(): string[] {
    return this.log.splice(0);
  }
}

interface Scene {
  readonly loop: IoLoop;
  readonly wire: SlowWire;
  /** Frames that the next call of `fill` puts into the buffer. */
  ready: Uint8Array[];
  /** Calls of `fill`. */
  fills: number;
  readonly events: string[];
}

function sceneOf(): Scene {
  const wire = new SlowWire();
  const events: string[] = [];
  const owner: IoLoopEvents = {
    input: (data) => void events.push(`input ${data.length}`),
    inputEnded: () => events.push("input ended"),
    fill: () => {
      scene.fills++;
      for (const frame of scene.ready.splice(0)) loop.out.append(frame);
    },
    idle: () => events.push("idle"),
    outputFailed: (error) => events.push(`output failed: ${error}`),
    failed: (error) => events.push(`failed: ${error}`),
  };
  const loop = new IoLoop(wire, 4, owner);
  const scene: Scene = { loop, wire, ready: [], fills: 0, events };
  return scene;
}

Deno.test("io loop: however often flush() and collect() are called in a turn, the buffer is filled once for each", async () => {
  using _time = virtualTime();
  const scene = sceneOf();
  const { loop, wire } = scene;
  scene.ready = [bytes(1, 2)];
  loop.flush();
  loop.flush();
  await turn();
  assertEquals([scene.fills, wire.takeLog()], [1, ["send 2"]]);
  // During a write, nothing is filled in and nothing is idle.
  loop.flush();
  loop.collect();
  loop.collect();
  await turn();
  assertEquals([scene.fills, wire.takeLog(), scene.events], [1, [], []]);
  await wire.take(2);
  assertEquals([scene.fills, wire.takeLog(), scene.events], [2, [], ["idle"]]);
  loop.collect();
  loop.collect();
  await turn();
  assertEquals([scene.fills, scene.events], [3, ["idle", "idle"]]);
  loop.flush();
  loop.flush();
  await turn();
  assertEquals([scene.fills, scene.events.length], [4, 3]);
  loop.close();
});

Deno.test("io loop: bytes can be added to the next write from the first one until the buffer is full", async () => {
  using time = virtualTime();
  const { loop, wire } = sceneOf();
  assertEquals(loop.isFilling, false);
  loop.flush();
  assertEquals(loop.isFilling, false);
  loop.out.append(bytes(1));
  assertEquals(loop.isFilling, true);
  loop.out.append(bytes(2, 3, 4));
  assertEquals(loop.isFilling, false);
  await turn();
  // The write is pending.
  assertEquals([wire.takeLog(), loop.isFilling], [["send 4"], false]);
  await wire.take(4);
  loop.out.append(bytes(1));
  assertEquals(loop.isFilling, false);
  loop.flush();
  assertEquals(loop.isFilling, true);
  loop.close();
  assertEquals(loop.isFilling, false);
  await turn();
  assertEquals([wire.takeLog(), time.timers], [["close"], 0]);
});

Deno.test("io loop: the end of a turn comes with its write, or by itself", async () => {
  using _time = virtualTime();
  const { loop } = sceneOf();
  const order: string[] = [];
  loop.endOfTurn().then(() => order.push("first"));
  await turn();
  assertEquals(order, ["first"]);
  loop.flush();
  loop.endOfTurn().then(() => order.push("second"));
  loop.endOfTurn().then(() => order.push("third"));
  await turn();
  assertEquals(order, ["first", "second", "third"]);
  loop.close();
});

Deno.test("io loop: a first write that waits leaves with the peer's first bytes, or after 5 ms", async () => {
  using time = virtualTime();
  const early = sceneOf();
  early.loop.start();
  early.ready = [bytes(1, 2)];
  early.loop.flushSoon(new FirstWrites());
  await time.advance(4);
  assertEquals(early.wire.takeLog(), ["receive"]);
  await early.wire.arrive(bytes(9));
  assertEquals(early.wire.takeLog(), ["receive", "send 2"]);
  // Other connections could share the timer.
  assertEquals(time.timers, 1);
  await time.advance(1);
  assertEquals(early.wire.takeLog(), []);
  assertEquals(time.timers, 0);
  await early.wire.take(2);
  // The second bytes cause no write of their own.
  const { fills } = early;
  await early.wire.arrive(bytes(9));
  assertEquals(early.fills, fills);

  const late = sceneOf();
  late.ready = [bytes(1, 2)];
  late.loop.flushSoon(new FirstWrites());
  await time.advance(4);
  assertEquals(late.wire.takeLog(), []);
  await time.advance(1);
  assertEquals(late.wire.takeLog(), ["send 2"]);
  assertEquals(time.timers, 0);

  const closed = sceneOf();
  closed.loop.flushSoon(new FirstWrites());
  closed.loop.close();
  assertEquals(time.timers, 0);

  const written = sceneOf();
  written.ready = [bytes(1)];
  written.loop.flushSoon(new FirstWrites());
  written.loop.flush();
  await turn();
  assertEquals(written.wire.takeLog(), ["send 1"]);
  for (const { loop } of [early, late, written]) loop.close();
  assertEquals(time.timers, 0);
  await turn();
});

Deno.test("io loop: time in which reading is held back is not time of reading", async () => {
  using time = virtualTime();
  const { loop } = sceneOf();
  await time.advance(100);
  assertEquals([loop.readingTime, loop.readingSince], [100, 0]);
  loop.holdReading(true);
  await time.advance(1000);
  loop.holdReading(true);
  await time.advance(1000);
  assertEquals([loop.readingTime, loop.readingSince], [100, undefined]);
  assertEquals(loop.readingPaused, true);
  loop.holdReading(false);
  await time.advance(30);
  assertEquals([loop.readingTime, loop.readingSince], [130, 2100]);
  assertEquals(loop.readingPaused, false);
  loop.holdReading(false);
  await time.advance(1);
  assertEquals(loop.readingTime, 131);
});

Deno.test("io loop: reading that is held back twice continues at once", async () => {
  using _time = virtualTime();
  const { loop, wire } = sceneOf();
  loop.holdReading(true);
  loop.start();
  await turn();
  loop.holdReading(true);
  assertEquals(wire.takeLog(), []);
  loop.holdReading(false);
  await turn();
  assertEquals(wire.takeLog(), ["receive"]);
  loop.close();
  await turn();
});

Deno.test("io loop: a read or write that moves no byte is tried again after a pause", async () => {
  using time = virtualTime();
  const scene = sceneOf();
  const { loop, wire } = scene;
  loop.start();
  scene.ready = [bytes(1, 2)];
  loop.flush();
  await turn();
  assertEquals(wire.takeLog(), ["receive", "send 2"]);
  await wire.take(0);
  await wire.arrive(new Uint8Array(0));
  assertEquals(wire.takeLog(), []);
  await time.advance(1);
  assertEquals(wire.takeLog().sort(), ["receive", "send 2"]);
  loop.close();
  await turn();
});

Deno.test("io loop: a transport that reports more bytes than it got is at fault", async () => {
  using _time = virtualTime();
  const scene = sceneOf();
  scene.ready = [bytes(1, 2)];
  scene.loop.flush();
  await turn();
  await scene.wire.take(3);
  assertEquals(scene.events.length, 1);
  assert(scene.events[0].startsWith("output failed: "), scene.events[0]);
  scene.loop.close();
});

Deno.test("io loop: an error of the owner while the buffer is filled is reported to it", async () => {
  using _time = virtualTime();
  const scene = sceneOf();
  scene.ready = null as unknown as Uint8Array[];
  scene.loop.flush();
  await turn();
  assert(scene.events[0].startsWith("failed: TypeError"), scene.events[0]);
  scene.loop.close();
});

Deno.test("io loop: a tracked frame counts from the write of its last byte", async () => {
  using time = virtualTime();
  const { loop, wire } = sceneOf();
  loop.out.append(bytes(1, 2));
  const frame = loop.trackLastFrame();
  loop.flush();
  await turn();
  await time.advance(100);
  await wire.take(1);
  assertEquals([frame.writtenAt, frame.since], [undefined, 100]);
  await time.advance(100);
  await wire.take(1);
  assertEquals([frame.writtenAt, frame.since], [200, 200]);
  loop.close();
  await turn();
});

Deno.test("io loop: the owner is told when putting bytes into the buffer failed", () => {
  const { loop, events } = sceneOf();
  loop.fillFailed(new Error("no memory"));
  assertEquals(events, ["failed: Error: no memory"]);
});

Deno.test("io loop: the transport is told what keeps the process alive until it is closed, and is closed once", () => {
  const { loop, wire } = sceneOf();
  assertEquals(loop.holdsProcess, true);
  loop.setReferenced(false);
  loop.setReferenced(true);
  loop.close();
  loop.close();
  loop.setReferenced(false);
  assertEquals(wire.takeLog(), [
    "referenced false",
    "referenced true",
    "close",
  ]);
  const plain = new IoLoop(
    { ...wire, setReferenced: undefined } as unknown as Wire,
    4,
    {} as IoLoopEvents,
  );
  assertEquals(plain.holdsProcess, false);
});

Deno.test("io loop: the end writes what is ready, and reads on although reading was held back", async () => {
  using time = virtualTime();
  const scene = sceneOf();
  const { loop, wire } = scene;
  loop.holdReading(true);
  loop.start();
  await turn();
  scene.ready = [bytes(1, 2, 3)];
  const finished = loop.finish(1000);
  await turn();
  assertEquals(wire.takeLog(), ["receive", "send 3"]);
  await wire.take(3);
  assertEquals(wire.takeLog(), ["end"]);
  await wire.arrive(null);
  await finished;
  assertEquals([wire.takeLog(), time.timers], [["close"], 0]);
});

Deno.test("io loop: after the end of input, finish() closes the transport at once, and ends its own direction first if close() does not", async () => {
  for (const closesInOrder of [false, true]) {
    using time = virtualTime();
    const { loop, wire } = sceneOf();
    Object.assign(wire, { closesInOrder });
    loop.start();
    await wire.arrive(null);
    wire.takeLog();
    await loop.finish(1000);
    assertEquals(wire.takeLog(), closesInOrder ? ["close"] : ["end", "close"]);
    assertEquals([time.now(), time.timers], [0, 0]);
  }
});

Deno.test("io loop: a close during the end ends it, whatever is pending", async () => {
  using time = virtualTime();
  const scene = sceneOf();
  const { loop, wire } = scene;
  loop.start();
  scene.ready = [bytes(1, 2)];
  const finished = loop.finish(1000);
  await turn();
  loop.close();
  await finished;
  assertEquals(wire.takeLog(), ["receive", "send 2", "close"]);
  assertEquals([time.now(), time.timers], [0, 0]);

  // Reading that is held back ends as well.
  const held = sceneOf();
  held.loop.holdReading(true);
  held.loop.start();
  await turn();
  held.loop.close();
  await turn();
  assertEquals([held.wire.takeLog(), held.events], [["close"], [
    "input ended",
  ]]);
});

Deno.test("io loop: each turn with a scheduled write has an end of its own", async () => {
  using _time = virtualTime();
  const { loop } = sceneOf();
  for (const round of ["first turn", "second turn"]) {
    let ended = false;
    loop.flush();
    loop.endOfTurn().then(() => ended = true);
    // Microtasks belong to the turn.
    for (let step = 0; step < 20; step++) await undefined;
    assertEquals(ended, false, round);
    await turn();
    assertEquals(ended, true, round);
  }
  loop.close();
});
