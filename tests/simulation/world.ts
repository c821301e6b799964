/**
 * The world of one seed: its clock, its order of events, what is pending in it,
 * and what was seen to be wrong.
 *
 * @module
 */

import { Random } from "../helpers/random.ts";
import { VirtualClock } from "../helpers/virtual_time.ts";
import { SimulatedClock } from "./clock.ts";

/** How long an event takes, ms. */
const EVENT = 0.02;
/** A run that has not ended after so many events or so much virtual time never ends. */
const MOST_EVENTS = 400_000;
const MOST_TIME = 600_000;
/** More of them say no more. */
const MOST_VIOLATIONS = 12;

export class World {
  readonly random: Random;
  /** The clock of the product. */
  readonly clock: SimulatedClock = new SimulatedClock();
  readonly violations: string[] = [];
  /** Events so far. */
  events = 0;
  /** Called after each event, when all that follows from it has run. */
  onEvent: () => void = () => {};

  /** What the network and the applications wait for. */
  readonly #timers = new VirtualClock();
  /** What happens next, in an order that the seed decides. */
  readonly #soon: (() => void)[] = [];
  readonly #pending = new Map<string, number>();
  readonly #verbose: boolean;

  constructor(seed: number, verbose: boolean) {
    // Seeds side by side shall not give runs that look alike.
    this.random = new Random(Math.imul(seed, 0x9e3779b1));
    this.#verbose = verbose;
  }

  get now(): number {
    return this.clock.now();
  }

  /** Whether the network and the applications have nothing left to do. */
  get idle(): boolean {
    return this.#soon.length === 0 && this.#timers.timers === 0;
  }

  /** Something to happen next, among all that happens next. */
  soon(action: () => void): void {
    this.#soon.push(action);
  }

  /** Something to happen after so many ms. */
  after(milliseconds: number, action: () => void): void {
    this.#timers.startTimer(action, milliseconds);
  }

  /** Waits for so many ms, or with 0 until others have had their turn. */
  pause(milliseconds = 0): Promise<void> {
    return new Promise((resolve) => {
      if (milliseconds > 0) this.after(milliseconds, resolve);
      else this.soon(resolve);
    });
  }

  /** Now and then a pause, of some length. */
  async maybePause(probability: number, most: number): Promise<void> {
    if (!this.random.chance(probability)) return;
    await this.pause(
      this.random.chance(0.3) ? this.random.float() * most : 0,
    );
  }

  /** A promise that has to settle before the run is over; gives it back. */
  track<T>(name: string, promise: Promise<T>): Promise<T> {
    this.#pending.set(name, (this.#pending.get(name) ?? 0) + 1);
    const settled = (): void => {
      const left = (this.#pending.get(name) ?? 0) - 1;
      if (left > 0) this.#pending.set(name, left);
      else this.#pending.delete(name);
    };
    promise.then(settled, settled);
    return promise;
  }

  /** The names of what is pending, but for those that match. */
  pending(except?: RegExp): string[] {
    return [...this.#pending.keys()].filter((name) => !except?.test(name));
  }

  /** Something is wrong. */
  bad(what: string): void {
    if (this.violations.length < MOST_VIOLATIONS) this.violations.push(what);
    this.log("VIOLATION", what);
  }

  log(...parts: unknown[]): void {
    if (this.#verbose) console.log(this.now.toFixed(2).padStart(9), ...parts);
  }

  /**
   * Lets things happen until `done` says so, or until nothing is left that
   * could happen: false then. So it is after `most` ms.
   */
  async run(done: () => boolean, most: number = MOST_TIME): Promise<boolean> {
    const end = this.now + most;
    await this.clock.settle();
    while (!done()) {
      if (this.now > end || this.events > MOST_EVENTS) return false;
      if (!this.#step()) return false;
      this.events++;
      await this.clock.settle();
      this.onEvent();
    }
    return true;
  }

  #step(): boolean {
    if (this.#soon.length > 0) {
      do this.#takeSoon()(); while (
        this.#soon.length > 0 && this.random.chance(0.15)
      );
      this.#moveTo(this.now + EVENT);
    } else {
      const next = Math.min(
        this.clock.next ?? Infinity,
        this.#timers.next ?? Infinity,
      );
      if (next === Infinity) return false;
      this.#moveTo(next);
    }
    while (this.clock.fire() || this.#timers.fire());
    return true;
  }

  #takeSoon(): () => void {
    const index = this.random.int(0, this.#soon.length - 1);
    const action = this.#soon[index];
    const last = this.#soon.pop();
    if (last !== undefined && last !== action) this.#soon[index] = last;
    return action;
  }

  #moveTo(time: number): void {
    this.clock.moveTo(time);
    this.#timers.moveTo(time);
  }
}
