/**
 * The clock of a simulation: timers as in any virtual time, and ends of turns
 * that run when the simulation says so.
 *
 * @module
 */

import process from "node:process";
import { VirtualClock } from "../helpers/virtual_time.ts";

/** So many ends of turns without an event between them never end. */
const MOST_TURNS = 20_000;

export class SimulatedClock extends VirtualClock {
  #ends: (() => void)[] = [];

  override atEndOfTurn(callback: () => void): void {
    this.#ends.push(callback);
  }

  /** Runs everything that can run without time, the network or an application going on. */
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

/** Resolves when no promise has anything left to do. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
