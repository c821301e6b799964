/**
 * The world of one seed: its clock, the order of its events, what is pending in
 * it, and what was wrong.
 *
 * @module
 */

import { Random } from "../helpers/random.ts";
import { VirtualClock } from "../helpers/virtual_time.ts";
import { SimulatedClock } from "./clock.ts";

/** How long an event takes, ms. */
const EVENT = 0.02;
/** A run that has not ended after this many events, or this much virtual time, never ends. */
const MOST_EVENTS = 400_000;
const MOST_TIME = 600_000;
/** Further complaints give no new information. */
const MOST_VIOLATIONS = 12;

export class World {
  readonly random: Random;
  /** The clock that the module under test uses. */
  readonly clock: SimulatedClock = new SimulatedClock();
  readonly violations: string[] = [];
  /** Events so far. */
  events = 0;
  /** Called after each event, when everything that follows from it has run. */
  onEvent: () => void = () => {};

  /** What the network and the applications wait for. */
  readonly #timers = new VirtualClock();
  /** The events of the next moment, in an order that the seed decides. */
  readonly #soon: (() => void)[] = [];
  readonly #pending = new Map<string, number>();
  readonly #verbose: boolean;

  constructor(seed: number, verbose: boolean) {
    // Neighbouring seeds must not give similar runs.
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

  /** Adds an event to those of the next moment. */
  soon(action: () => void): void {
    this.#soon.push(action);
  }

  /** Adds an event for this many ms from now. */
  after(milliseconds: number, action: () => void): void {
    this.#timers.startTimer(action, milliseconds);
  }

  /** Waits this many ms; with 0, until other events have run. */
  pause(milliseconds = 0): Promise<void> {
    return new Promise((resolve) => {
      if (milliseconds > 0) this.after(milliseconds, resolve);
      else this.soon(resolve);
    });
  }

  /** Sometimes waits for a random time. */
  async maybePause(probability: number, most: number): Promise<void> {
    if (!this.random.chance(probability)) return;
    await this.pause(
      this.random.chance(0.3) ? this.random.float() * most : 0,
    );
  }

  /** A promise that must settle before the run ends; returns it. */
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

  /** The names of what is pending, except those that match. */
  pending(except?: RegExp): string[] {
    return [...this.#pending.keys()].filter((name) => !except?.test(name));
  }

  /** Records that something is wrong. */
  bad(what: string): void {
    if (this.violations.length < MOST_VIOLATIONS) this.violations.push(what);
    this.log("VIOLATION", what);
  }

  log(...parts: unknown[]): void {
    if (this.#verbose) console.log(this.now.toFixed(2).padStart(9), ...parts);
  }

  /**
   * Runs events until `done` returns true. Returns false if there is no event
   * left before that, or after `most` ms.
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
