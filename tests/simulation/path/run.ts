/**
 * Bulk and urgent requests over SPDY on a path, and TCP by itself on the same
 * path.
 *
 * @module
 */

import type { Stream } from "../../../connection/stream/stream.ts";
import { PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import { Connection } from "../../../http/connection.ts";
import { CLIENT, SERVER } from "../../../session/constants.ts";
import { checkRest, type Side, WindowInvariant } from "../oracle.ts";
import { matches, pattern } from "../pattern.ts";
import { SentWindow } from "../wire_watch.ts";
import { World } from "../world.ts";
import { Meter } from "./meter.ts";
import { Path, receive, send } from "./path.ts";
import {
  endOf,
  type PathScenario,
  type Transfer,
  type Way,
  WAYS,
} from "./scenario.ts";

/** Body of the response to an urgent request, bytes. */
const URGENT = 1024;
const BUFFER = 65_536;
/**
 * Longest time from the end of the last phase until all bytes have arrived, ms.
 * The slowest path takes it for the bytes in the sockets.
 */
const LONGEST_END = 60_000;
/** Windows are checked each time this many events have happened. */
const CHECKED_EVENTS = 32;

/** An urgent request. */
export interface UrgentRequest {
  /** ms after the beginning of the run. */
  readonly begin: number;
  /** ms until the end of the response. */
  readonly time: number;
}

/** TCP by itself: each direction that has a transfer sends as much as it can. */
export async function runAlone(
  seed: number,
  scenario: PathScenario,
): Promise<Meter> {
  const world = new World(seed, false);
  const path = new Path(world, seed, scenario);
  const meter = new Meter(world);
  const { client, server } = path;
  for (const way of WAYS) {
    const begins = scenario.transfers.filter((each) => each.way === way)
      .map(({ begin }) => begin);
    if (begins.length === 0) continue;
    const [from, to] = way === "down" ? [server, client] : [client, server];
    world.after(Math.min(...begins), () => void send(from));
    receive(to, (size) => meter.count(way, size));
  }
  const end = endOf(scenario);
  await world.run(() => world.now >= end);
  return meter;
}

/** The same transfers over SPDY, with urgent requests beside them. */
export class SpdyRun {
  readonly meter: Meter;
  readonly requests: UrgentRequest[] = [];
  /** The longest time that bytes in the sender's socket took to leave the queue, ms. */
  readonly longestDrain: Record<Way, number> = { up: 0, down: 0 };
  readonly path: Path;
  readonly sides: readonly [Side, Side];
  /** Called after some of the events. */
  onCheck: () => void = () => {};
  readonly #world: World;
  readonly #scenario: PathScenario;
  readonly #end: number;
  readonly #invariants: readonly WindowInvariant[];
  /** Bytes that were written, by transfer. */
  readonly #written: number[] = [];
  /** Transfers and requests that have not ended. */
  #open = 0;

  constructor(world: World, seed: number, scenario: PathScenario) {
    this.#world = world;
    this.#scenario = scenario;
    this.#end = endOf(scenario);
    this.path = new Path(world, seed, scenario);
    this.meter = new Meter(world);
    const { version } = scenario;
    const { client, server } = this.path;
    const ofSession = version === PROTO_SPDY3_1;
    this.sides = [
      {
        name: "the client",
        connection: new Connection(client, { side: CLIENT, version }),
        sent: new SentWindow(world, "the client", ofSession),
      },
      {
        name: "the server",
        connection: new Connection(server, { side: SERVER, version }),
        sent: new SentWindow(world, "the server", ofSession),
      },
    ];
    this.sides[0].sent?.watch(client, client);
    this.sides[1].sent?.watch(server, server);
    this.#invariants = this.sides.map((side) =>
      new WindowInvariant(world, side)
    );
    world.onEvent = () => {
      if (world.events % CHECKED_EVENTS !== 0) return;
      for (const invariant of this.#invariants) invariant.check();
      this.#noteDrain();
      this.onCheck();
    };
  }

  #noteDrain(): void {
    const { up, down, client, server } = this.path;
    for (
      const [way, end, { shape }] of [
        ["up", client, up],
        ["down", server, down],
      ] as const
    ) {
      const drain = end.unacknowledged / shape.rate;
      this.longestDrain[way] = Math.max(this.longestDrain[way], drain);
    }
  }

  /** Resolves when all bytes have arrived, and none are under way. */
  async run(): Promise<void> {
    const world = this.#world;
    const { transfers, pause } = this.#scenario;
    this.#serve();
    for (const [index, transfer] of transfers.entries()) {
      this.#open++;
      world.after(transfer.begin, () => this.#transfer(transfer, index));
    }
    const tick = (): void => {
      if (world.now >= this.#end) return;
      this.#ask();
      world.after(pause, tick);
    };
    world.after(pause, tick);
    const isThrough = (): boolean => world.now >= this.#end && this.#open === 0;
    if (!await world.run(isThrough, this.#end + LONGEST_END)) {
      world.bad(`${this.#open} transfers and requests do not end`);
      return;
    }
    // The last packet may have been lost more than once.
    const rest = world.now + LONGEST_END;
    await world.run(() => world.now >= rest);
    checkRest(world, this.sides);
  }

  async #serve(): Promise<void> {
    for await (const stream of this.sides[1].connection) {
      stream.reply([]);
      const [[, name]] = stream.headers;
      const transfer = this.#scenario.transfers[Number(name)];
      if (transfer === undefined) {
        stream.write(new Uint8Array(URGENT));
        stream.closeWrite();
      } else if (transfer.way === "down") {
        this.#write(stream, transfer, Number(name));
      } else {
        stream.closeWrite();
        this.#read(stream, transfer, Number(name));
      }
    }
  }

  #openStream(name: string, pri: number, fin: boolean): Promise<Stream> {
    const [{ connection }] = this.sides;
    return connection.openStream([["name", name]], { pri, fin });
  }

  async #ask(): Promise<void> {
    this.#open++;
    const begin = this.#world.now;
    const stream = await this.#openStream("urgent", 0, true);
    const buffer = new Uint8Array(2 * URGENT);
    while (await stream.read(buffer) !== null);
    this.requests.push({ begin, time: this.#world.now - begin });
    this.#open--;
  }

  async #transfer(transfer: Transfer, index: number): Promise<void> {
    const isDown = transfer.way === "down";
    const { priority } = transfer;
    const stream = await this.#openStream(`${index}`, priority, isDown);
    if (isDown) this.#read(stream, transfer, index);
    else this.#write(stream, transfer, index);
  }

  async #write(
    stream: Stream,
    { chunk }: Transfer,
    index: number,
  ): Promise<void> {
    let at = 0;
    while (this.#world.now < this.#end) {
      await stream.write(pattern(index, at, chunk));
      at += chunk;
    }
    this.#written[index] = at;
    stream.closeWrite();
  }

  async #read(stream: Stream, { way }: Transfer, index: number): Promise<void> {
    const buffer = new Uint8Array(BUFFER);
    let at = 0;
    for (;;) {
      const size = await stream.read(buffer);
      if (size === null) break;
      if (!matches(index, at, buffer.subarray(0, size))) {
        this.#world.bad(`transfer ${index}: wrong bytes after ${at}`);
      }
      at += size;
      this.meter.count(way, size);
    }
    if (at !== this.#written[index]) {
      this.#world.bad(
        `transfer ${index}: ${at} bytes arrived of ${this.#written[index]}`,
      );
    }
    this.#open--;
  }
}
