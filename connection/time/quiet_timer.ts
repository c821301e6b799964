/**
 * A timer that fires when nothing has happened for some time, and is cheap to restart.
 *
 * @module
 */

import { now, startTimer, stopTimer, type Timer } from "./clock.ts";

/**
 * Calls back each time `quiet` ms have passed without a {@linkcode touch}; never if
 * `quiet` is 0. A touch only stores the time, which the timer checks when it fires.
 */
export class QuietTimer {
  readonly #quiet: number;
  readonly #onQuiet: () => void;
  readonly #start: typeof startTimer;
  #last: number;
  #timer: Timer | undefined;

  /** `since` is the time of the last touch, ms of the clock; `start` starts timers. */
  constructor(
    quiet: number,
    onQuiet: () => void,
    since: number = now(),
    start: typeof startTimer = startTimer,
  ) {
    this.#start = start;
    this.#quiet = quiet;
    this.#onQuiet = onQuiet;
    this.#last = since;
    if (quiet > 0) this.#arm(Math.max(0, quiet - (now() - since)));
  }

  /** Records that something happened. */
  touch(): void {
    this.#last = now();
  }

  /** Ends the timer. */
  stop(): void {
    stopTimer(this.#timer);
    this.#timer = undefined;
  }

  #arm(delay: number): void {
    const start = this.#start;
    this.#timer = start(() => {
      const rest = this.#quiet - (now() - this.#last);
      if (rest > 0.5) {
        this.#arm(rest);
        return;
      }
      this.#last = now();
      this.#arm(this.#quiet);
      this.#onQuiet();
    }, delay);
  }
}
