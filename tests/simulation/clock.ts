/**
 * The clock of a simulation: its timers are those of any virtual time, and its
 * ends of turns run when the simulation runs them.
 *
 * @module
 */

import process from "node:process";
import { VirtualClock } from "../helpers/virtual_time.ts";

/** A simulation that has this many ends of turns without an event between them never ends. */
const MOST_TURNS = 20_000;

export class SimulatedClock extends VirtualClock {
  #ends: (() => void)[] = [];

  override atEndOfTurn(callback: () => void): void {
    this.#ends.push(callback);
  }

  /** Runs everything that needs no time, no network and no application. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      await microtasks();
      if (this.#ends.length === 0) return;
      const ends = this.#ends;
      this.#ends = [];
      for (const end of ends) end();
    }
    throw new Error("the ends of turns never end");
  }
}

/** Resolves when no promise has a reaction left to run. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
