/**
 * Counts the bytes that arrive, by direction and time.
 *
 * @module
 */

import type { World } from "../world.ts";
import type { Way } from "./scenario.ts";

/** Width of a step, ms. */
const STEP = 50;

/** Bytes by direction, in steps of 50 ms. */
export class Meter {
  readonly #world: World;
  readonly #steps: Record<Way, number[]> = { up: [], down: [] };

  constructor(world: World) {
    this.#world = world;
  }

  count(way: Way, size: number): void {
    const steps = this.#steps[way];
    const index = Math.floor(this.#world.now / STEP);
    while (steps.length <= index) steps.push(0);
    steps[index] += size;
  }

  /** The longest time without a byte, ms. */
  silence(way: Way, begin: number, end: number): number {
    let longest = 0;
    let silent = 0;
    for (let at = Math.ceil(begin / STEP); at < Math.floor(end / STEP); at++) {
      silent = (this.#steps[way][at] ?? 0) > 0 ? 0 : silent + STEP;
      longest = Math.max(longest, silent);
    }
    return longest;
  }

  /** Bytes per ms between two times. */
  rate(way: Way, begin: number, end: number): number {
    const from = Math.ceil(begin / STEP);
    const to = Math.floor(end / STEP);
    const steps = this.#steps[way].slice(from, to);
    return steps.reduce((sum, size) => sum + size, 0) / ((to - from) * STEP);
  }
}
