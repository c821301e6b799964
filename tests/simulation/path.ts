/**
 * Two connections over a path with a bandwidth, a delay, a socket and a queue, in
 * virtual time: bulk and urgent requests. The path may stall and change.
 *
 * @module
 */

import { useClock } from "../../connection/clock.ts";
import type { ByteConn } from "../../connection/transport.ts";
import { CLIENT, Connection, PROTO_SPDY3_1, SERVER } from "../../mod.ts";
import { World } from "./world.ts";

/** What a path is like. */
export interface PathShape {
  /** Bytes a ms. */
  readonly rate: number;
  /** In each direction, ms. */
  readonly delay: number;
}

/** One direction: bytes wait in the socket and the queue until the path takes them. */
class Direction {
  shape: PathShape;
  readonly #world: World;
  readonly #room: number;
  #waiting = 0;
  #free = 0;
  #lastArrival = 0;
  #arrived: Uint8Array[] = [];
  #wakeReader = (): void => {};
  #wakeWriter = (): void => {};

  constructor(world: World, shape: PathShape, room: number) {
    this.#world = world;
    this.shape = shape;
    this.#room = room;
  }

  /** Nothing passes for so many ms, as after a loss. */
  stall(milliseconds: number): void {
    this.#free = Math.max(this.#free, this.#world.now) + milliseconds;
  }

  async write(data: Uint8Array): Promise<number> {
    while (this.#waiting >= this.#room) {
      await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    }
    const { rate, delay } = this.shape;
    const world = this.#world;
    const bytes = data.slice(0, Math.min(this.#room - this.#waiting, 16_384));
    this.#waiting += bytes.length;
    this.#free = Math.max(this.#free, world.now) + bytes.length / rate;
    this.#lastArrival = Math.max(this.#lastArrival, this.#free + delay);
    world.after(this.#free - world.now, () => {
      this.#waiting -= bytes.length;
      this.#wakeWriter();
    });
    world.after(this.#lastArrival - world.now, () => {
      this.#arrived.push(bytes);
      this.#wakeReader();
    });
    return bytes.length;
  }

  async read(buffer: Uint8Array): Promise<number> {
    while (this.#arrived.length === 0) {
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
    const [first] = this.#arrived;
    const part = first.subarray(0, buffer.length);
    buffer.set(part);
    if (part.length === first.length) this.#arrived.shift();
    else this.#arrived[0] = first.subarray(part.length);
    return part.length;
  }
}

function conn(input: Direction, output: Direction): ByteConn {
  return {
    read: (buffer) => input.read(buffer),
    write: (data) => output.write(data),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
}

/** What a run measured. */
export interface PathRun {
  /** Of the path's rate, the share that bulk had after it settled. */
  readonly share: number;
  /** The median of the urgent requests in that time, ms. */
  readonly latency: number;
}

/** Bulk from the server in so many streams, while the shapes follow each other for `time` ms each; the last half of the last one is measured. */
export async function runPath(
  seed: number,
  shapes: readonly PathShape[],
  { streams, time, stalls }: { streams: number; time: number; stalls: number },
): Promise<PathRun> {
  const world = new World(seed, false);
  using _clock = useClock(world.clock);
  const { random } = world;
  const room = random.pick([32, 128, 512]) * 1024;
  const up = new Direction(world, shapes[0], room);
  const down = new Direction(world, shapes[0], room);
  const version = PROTO_SPDY3_1;
  const client = new Connection(conn(down, up), { side: CLIENT, version });
  const server = new Connection(conn(up, down), { side: SERVER, version });
  (async () => {
    const chunk = new Uint8Array(65_536);
    for await (const stream of server) {
      await stream.reply([]);
      if (stream.pri === 0) {
        stream.write(new Uint8Array(1024));
        stream.closeWrite();
      } else {
        (async () => {
          for (;;) await stream.write(chunk);
        })();
      }
    }
  })();
  let bytes = 0;
  const times: number[] = [];
  const ask = async (): Promise<void> => {
    const begin = world.now;
    const stream = await client.openStream([], { pri: 0, fin: true });
    const buffer = new Uint8Array(2048);
    while (await stream.read(buffer) !== null);
    times.push(world.now - begin);
  };
  const download = async (): Promise<void> => {
    const stream = await client.openStream([], { pri: 5, fin: true });
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const size = await stream.read(buffer);
      bytes += size ?? 0;
    }
  };
  const pass = (milliseconds: number): Promise<boolean> => {
    const end = world.now + milliseconds;
    return world.run(() => world.now >= end, milliseconds + 10_000);
  };
  const tick = (): void => {
    ask();
    if (random.chance(stalls)) down.stall(random.int(50, 300));
    world.after(150, tick);
  };
  world.after(0, tick);
  await pass(1000);
  for (let index = 0; index < streams; index++) download();
  for (const shape of shapes) {
    up.shape = down.shape = shape;
    await pass(time / 2);
    bytes = 0;
    times.length = 0;
    await pass(time / 2);
  }
  const { rate } = shapes[shapes.length - 1];
  times.sort((a, b) => a - b);
  return {
    share: bytes / (time / 2) / rate,
    latency: times[times.length >> 1] ?? Infinity,
  };
}
