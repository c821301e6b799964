/**
 * One direction of a path: a queue of bounded length in front of the slowest link, and
 * a delay behind it.
 *
 * @module
 */

import type { Random } from "../../helpers/random.ts";
import type { World } from "../world.ts";

/** Most bytes of one packet; a piece that is larger counts as several. */
export const PACKET = 1448;

/** The properties of one direction at a time. */
export interface DirectionShape {
  /** Bytes per ms. */
  readonly rate: number;
  /** From the queue to the other end, ms. */
  readonly delay: number;
  /** Most bytes that wait in the queue; packets that arrive when it is full are lost. */
  readonly room: number;
  /** One of this many packets is lost by chance; `Infinity` for none. */
  readonly lossEvery: number;
}

/** Passes packets on in order, or loses them. */
export class Bottleneck {
  shape: DirectionShape;
  /** Number of packets that were lost. */
  lost = 0;
  readonly #world: World;
  readonly #random: Random;
  /** When the last byte leaves the queue, ms. */
  #free = 0;
  #lastArrival = 0;

  constructor(world: World, random: Random, shape: DirectionShape) {
    this.#world = world;
    this.#random = random;
    this.shape = shape;
  }

  /** How long a packet that arrives now waits in the queue, ms. */
  get wait(): number {
    return Math.max(0, this.#free - this.#world.now);
  }

  /** Calls `arrive` when `size` bytes have arrived at the other end, unless they are lost. */
  pass(size: number, arrive: () => void): void {
    const { rate, delay, room, lossEvery } = this.shape;
    const world = this.#world;
    const waiting = this.wait * rate;
    if (waiting > 0 && waiting + size > room) {
      this.lost++;
      return;
    }
    this.#free = Math.max(this.#free, world.now) + size / rate;
    const packets = Math.ceil(size / PACKET);
    if (this.#random.chance(packets / lossEvery)) {
      this.lost++;
      return;
    }
    // A route that becomes shorter does not change the order.
    this.#lastArrival = Math.max(this.#lastArrival, this.#free + delay);
    world.after(this.#lastArrival - world.now, arrive);
  }

  /** Bytes of other senders fill the queue. */
  fill(): void {
    const { rate, room } = this.shape;
    const wait = Math.max(this.wait, room / rate);
    this.#free = this.#world.now + wait;
  }

  /** Nothing leaves the queue for this time, ms. */
  stall(milliseconds: number): void {
    this.#free = Math.max(this.#free, this.#world.now) + milliseconds;
  }
}
