/**
 * A path with everything that happens on it, and a TCP connection over it.
 *
 * @module
 */

import { Random } from "../../helpers/random.ts";
import type { World } from "../world.ts";
import { Bottleneck } from "./bottleneck.ts";
import type { Disturbance, PathScenario, Way } from "./scenario.ts";
import { type TcpEnd, tcpPair } from "./tcp.ts";

const CHUNK = new Uint8Array(65_536);

/** Starts when it is created: phases and disturbances begin at their times. */
export class Path {
  readonly up: Bottleneck;
  readonly down: Bottleneck;
  /** The connection that is measured. */
  readonly client: TcpEnd;
  readonly server: TcpEnd;
  readonly #world: World;
  readonly #scenario: PathScenario;

  /** `seed` decides which packets are lost. */
  constructor(world: World, seed: number, scenario: PathScenario) {
    this.#world = world;
    this.#scenario = scenario;
    const { phases, tcp } = scenario;
    const [first] = phases;
    this.up = new Bottleneck(world, new Random(2 * seed), first.up);
    this.down = new Bottleneck(world, new Random(2 * seed + 1), first.down);
    const { client, server } = tcpPair(world, this.up, this.down, tcp);
    this.client = client;
    this.server = server;
    for (const phase of phases) {
      world.after(phase.begin, () => {
        this.up.shape = phase.up;
        this.down.shape = phase.down;
      });
    }
    for (const disturbance of scenario.disturbances) {
      world.after(disturbance.at, () => this.#disturb(disturbance));
    }
  }

  #disturb({ kind, way, time }: Disturbance): void {
    const bottleneck = this[way];
    switch (kind) {
      case "stall":
        bottleneck.stall(time);
        break;
      case "no reading":
        (way === "down" ? this.client : this.server).stallReading(time);
        break;
      case "burst":
        bottleneck.fill();
        break;
      case "other transfer":
        this.#transfer(way, time);
    }
  }

  /** Another connection sends as much as it can for this time, ms. */
  #transfer(way: Way, time: number): void {
    const { tcp } = this.#scenario;
    const pair = tcpPair(this.#world, this.up, this.down, tcp);
    const [from, to] = way === "down"
      ? [pair.server, pair.client]
      : [pair.client, pair.server];
    send(from);
    receive(to, () => {});
    this.#world.after(time, () => {
      from.close();
      to.close();
    });
  }
}

/** Sends as much as the socket accepts, until it closes. */
export async function send(from: TcpEnd): Promise<void> {
  while (!from.closed) await from.write(CHUNK);
}

/** Reads until the end. */
export async function receive(
  to: TcpEnd,
  onBytes: (size: number) => void,
): Promise<void> {
  const buffer = new Uint8Array(1 << 20);
  for (;;) {
    const size = await to.read(buffer);
    if (size === null) break;
    onBytes(size);
  }
}
