/** The loops between a session and its transport: how long they wait, and what they hold meanwhile. */

import { IoLoop } from "../../connection/io_loop.ts";
import { SYSTEM_CLOCK, useClock } from "../../connection/time/clock.ts";
import type { Wire } from "../../connection/transport/transport.ts";
import { assertEquals } from "../deps.ts";
import { bytes } from "../helpers/bytes.ts";
import {
  turn,
  type VirtualTime,
  virtualTime,
} from "../helpers/virtual_time.ts";

/** A transport that accepts every byte, and delivers the bytes that a test lets arrive. */
class FakeWire implements Wire {
  readonly log: string[] = [];
  #next = Promise.withResolvers<Uint8Array | null>();

  /** Bytes arrive, or the input ends. */
  async arrive(data: Uint8Array | null): Promise<void> {
    this.#next.resolve(data);
    await turn();
  }

  async receive(): Promise<Uint8Array | null> {
    this.log.push("receive");
    const data = await this.#next.promise;
    this.#next = Promise.withResolvers();
    return data;
  }

  release(): void {
    this.log.push("release");
  }

  send(data: Uint8Array): Promise<number> {
    this.log.push(`send ${data.length}`);
    return Promise.resolve(data.length);
  }

  closeWrite(): Promise<void> {
    this.log.push("end");
    return Promise.resolve();
  }

  close(): void {
    this.log.push("close");
    this.#next.resolve(null);
  }
}

function loopOn(
  wire: Wire,
  log: string[] = [],
  fill: (loop: IoLoop) => void = () => {},
): IoLoop {
  const loop: IoLoop = new IoLoop(wire, 1000, {
    input: (data) => void log.push(`input ${data.length}`),
    inputEnded: () => log.push("input ended"),
    fill: () => fill(loop),
    idle: () => {},
    outputFailed: (error) => log.push(`output failed: ${error}`),
    failed: (error) => log.push(`failed ${error}`),
  });
  return loop;
}

/** A byte arrives every `interval` ms, `times` times. */
async function arriveEvery(
  time: VirtualTime,
  wire: FakeWire,
  interval: number,
  times: number,
): Promise<void> {
  for (let count = 0; count < times; count++) {
    await time.advance(interval);
    await wire.arrive(new Uint8Array(1));
  }
}

/** The loop closes in `delay` ms from now, and no earlier. */
async function assertClosesAfter(
  time: VirtualTime,
  loop: IoLoop,
  delay: number,
): Promise<void> {
  await time.advance(delay - 1);
  assertEquals(loop.closed, false);
  await time.advance(1);
  assertEquals(loop.closed, true);
}

Deno.test("io loop: the end waits as long as bytes arrive, and then as long as its timeout", async () => {
  using time = virtualTime();
  const wire = new FakeWire();
  const loop = loopOn(wire, wire.log);
  loop.start();
  const finished = loop.finish(1000);
  await arriveEvery(time, wire, 900, 20);
  await assertClosesAfter(time, loop, 1000);
  await finished;
  assertEquals(time.timers, 0);
});

Deno.test("io loop: the end waits for a peer that never stops sending for 60 times its timeout", async () => {
  using time = virtualTime();
  const wire = new FakeWire();
  const loop = loopOn(wire);
  loop.start();
  const finished = loop.finish(1000);
  await arriveEvery(time, wire, 500, 119);
  await assertClosesAfter(time, loop, 500);
  await finished;
});

Deno.test("io loop: while reading is held back and after the end of input, the transport keeps no memory", async () => {
  const wire = new FakeWire();
  const loop = loopOn(wire, wire.log);
  loop.start();
  await wire.arrive(new Uint8Array(5));
  loop.holdReading(true);
  await wire.arrive(new Uint8Array(6));
  assertEquals(wire.log, [
    "receive",
    "input 5",
    "receive",
    "input 6",
    "release",
  ]);
  wire.log.length = 0;
  loop.holdReading(false);
  await turn();
  assertEquals(wire.log, ["receive"]);
  await wire.arrive(null);
  assertEquals(wire.log, ["receive", "release", "input ended"]);
  loop.close();
});

Deno.test("io loop: after a failed write nothing is written, and input still arrives", async () => {
  const wire = new FakeWire();
  const send = Promise.withResolvers<number>();
  wire.send = ({ length }) => {
    wire.log.push(`send ${length}`);
    return send.promise;
  };
  const loop = loopOn(wire, wire.log, ({ out }) => {
    out.append(new Uint8Array(3));
  });
  loop.start();
  loop.flush();
  await turn();
  send.reject(new Error("reset"));
  await turn();
  loop.flush();
  loop.collect();
  await wire.arrive(new Uint8Array(4));
  assertEquals(wire.log, [
    "receive",
    "send 3",
    "output failed: Error: reset",
    "input 4",
    "receive",
  ]);
  loop.close();
});

Deno.test("io loop: a write that fails because of the close is no failure", async () => {
  const wire = new FakeWire();
  const send = Promise.withResolvers<number>();
  wire.send = () => send.promise;
  const loop = loopOn(wire, wire.log, ({ out }) => {
    out.append(new Uint8Array(3));
  });
  loop.start();
  loop.flush();
  await turn();
  loop.close();
  send.reject(new Error("closed"));
  await turn();
  assertEquals(wire.log, ["receive", "close", "release", "input ended"]);
});

Deno.test("io loop: a failed read ends the input with its error", async () => {
  const ends: unknown[] = [];
  const wire = new FakeWire();
  const read = Promise.withResolvers<null>();
  wire.receive = () => read.promise;
  const loop = new IoLoop(wire, 1000, {
    input: () => {},
    inputEnded: (error) => ends.push(error),
    fill: () => {},
    idle: () => {},
    outputFailed: () => {},
    failed: () => {},
  });
  loop.start();
  const error = new Error("reset by peer");
  read.reject(error);
  await turn();
  assertEquals(ends, [error]);
  loop.close();
});

Deno.test("io loop: the next read waits for the reader of the last one, and expects bulk unless told otherwise", async () => {
  const wire = new FakeWire();
  const expected: unknown[] = [];
  const { receive } = wire;
  wire.receive = (expectsBulk?: () => boolean) => {
    expected.push(expectsBulk?.());
    return receive.call(wire);
  };
  const reading = Promise.withResolvers<void>();
  const loop = new IoLoop(wire, 1000, {
    input: () => reading.promise,
    inputEnded: () => {},
    fill: () => {},
    idle: () => {},
    outputFailed: () => {},
    failed: (error) => wire.log.push(`failed: ${error}`),
  });
  loop.start();
  await wire.arrive(new Uint8Array(1));
  assertEquals([wire.log, expected], [["receive"], [true]]);
  reading.reject(new Error("bad input"));
  await turn();
  assertEquals(wire.log, ["receive", "failed: Error: bad input", "receive"]);
  loop.close();
});

Deno.test("io loop: a write that the transport takes at once shows a fast link, whatever the clock says, and one that waits does not", async () => {
  let time = 0;
  using _clock = useClock({ ...SYSTEM_CLOCK, now: () => time });
  const sizes: number[] = [];
  let waits = false;
  const wire = new FakeWire();
  wire.send = async (data) => {
    sizes.push(data.length);
    // Other processes run for 5 ms, or the socket is full for that time.
    time += 5;
    if (waits) await turn();
    return data.length;
  };
  let left = 0;
  const data = new Uint8Array(1 << 20);
  const loop = new IoLoop(wire, 512 * 1024, {
    input: () => {},
    inputEnded: () => {},
    fill: () => {
      left -= loop.out.append(data.subarray(0, Math.min(left, data.length)));
    },
    idle: () => {},
    outputFailed: () => {},
    failed: (error) => {
      throw error;
    },
  });
  loop.start();
  const send = async (size: number): Promise<number | undefined> => {
    left = size;
    while (left > 0) {
      loop.flush();
      await turn();
    }
    return sizes.at(-2);
  };
  assertEquals(await send(32 << 20), 512 * 1024);
  waits = true;
  assertEquals(await send(16 << 20), 15 * 1024);
  waits = false;
  assertEquals(await send(64 << 20), 512 * 1024);
  loop.close();
});

Deno.test("io loop: partial writes lose nothing, and frames ready together share a write", async () => {
  const written: number[] = [];
  const sizes: number[] = [];
  const ended = Promise.withResolvers<Uint8Array | null>();
  const wire: Wire = {
    receive: () => ended.promise,
    send: (data) => {
      sizes.push(data.length);
      const size = Math.min(3, data.length);
      written.push(...data.subarray(0, size));
      return Promise.resolve(size);
    },
    closeWrite: () => Promise.resolve(),
    close: () => ended.resolve(null),
  };
  let ready = [bytes(1, 2), bytes(3, 4, 5), bytes(6, 7)];
  const loop = loopOn(wire, [], ({ out }) => {
    for (const frame of ready) out.append(frame);
    ready = [];
  });
  using time = virtualTime();
  loop.start();
  loop.flush();
  loop.flush();
  await time.until(loop.finish(10));
  assertEquals(written, [1, 2, 3, 4, 5, 6, 7]);
  assertEquals(sizes, [7, 4, 1]);
});

Deno.test("io loop: bytes that are flushed while the buffer is filled wait for the write", async () => {
  const written: number[] = [];
  const ended = Promise.withResolvers<Uint8Array | null>();
  const wire: Wire = {
    receive: () => ended.promise,
    send: async (data) => {
      await turn();
      written.push(...data);
      return data.length;
    },
    closeWrite: () => Promise.resolve(ended.resolve(null)),
    close: () => ended.resolve(null),
  };
  let ready = [bytes(1, 2), bytes(3, 4), bytes(5, 6)];
  const idleAfter: number[] = [];
  const loop: IoLoop = new IoLoop(wire, 2, {
    input: () => {},
    inputEnded: () => {},
    fill: () => {
      const [frame] = ready;
      if (frame === undefined || loop.out.append(frame) === 0) return;
      ready = ready.slice(1);
      // This happens with a stream whose body has been taken completely.
      loop.flush();
    },
    idle: () => idleAfter.push(written.length),
    outputFailed: () => {},
    failed: () => {},
  });
  loop.start();
  await loop.finish(60_000);
  assertEquals(written, [1, 2, 3, 4, 5, 6]);
  assertEquals(idleAfter, [6]);
});

Deno.test("io loop: nothing is written after the end of this direction", async () => {
  const log: string[] = [];
  const ended = Promise.withResolvers<Uint8Array | null>();
  const wire: Wire = {
    receive: () => ended.promise,
    send: (data) => {
      log.push(`send ${data.length}`);
      return Promise.resolve(data.length);
    },
    closeWrite: () => {
      log.push("end");
      return Promise.resolve();
    },
    close: () => {
      log.push("close");
    },
  };
  let ready = [bytes(1, 2)];
  const loop = loopOn(wire, [], ({ out }) => {
    for (const frame of ready) out.append(frame);
    ready = [];
  });
  using time = virtualTime();
  loop.start();
  loop.flush();
  const finished = loop.finish(1000);
  await time.advance(1);
  assertEquals(log, ["send 2", "end"]);
  // The peer still sends, and a frame becomes ready.
  ready = [bytes(3)];
  loop.flush();
  await time.advance(1);
  assertEquals(log, ["send 2", "end"]);
  ended.resolve(null);
  await time.until(finished);
  assertEquals(log, ["send 2", "end", "close"]);
});
