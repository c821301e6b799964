/**
 * Waits that may or may not keep the process alive.
 *
 * @module
 */

import {
  now,
  startIdleTimer,
  startTimer,
  stopTimer,
  type Timer,
} from "./clock.ts";

/**
 * The waits of a server, one at a time. As with a socket, `ref` and `unref` also apply to
 * the wait that has begun.
 */
export class Pauses {
  #referenced = true;
  #resolve: (() => void) | undefined;
  /** When the wait ends, ms of the clock. */
  #end = 0;
  #timer: Timer | undefined;

  /** Resolves after `milliseconds`. */
  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#end = now() + milliseconds;
      this.#start();
    });
  }

  /** Keeps the process alive during a wait; the default. */
  ref(): void {
    this.#change(true);
  }

  /** Does not keep the process alive. */
  unref(): void {
    this.#change(false);
  }

  #change(referenced: boolean): void {
    if (this.#referenced === referenced) return;
    this.#referenced = referenced;
    if (this.#timer === undefined) return;
    // No clock can undo that a timer does not keep the process alive.
    stopTimer(this.#timer);
    this.#start();
  }

  #start(): void {
    const start = this.#referenced ? startTimer : startIdleTimer;
    this.#timer = start(() => {
      this.#timer = undefined;
      this.#resolve?.();
    }, Math.max(0, this.#end - now()));
  }
}
