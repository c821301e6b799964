/**
 * Waits that end when no bytes have moved for some time.
 *
 * @module
 */

import { now } from "./clock.ts";
import { QuietTimer } from "./quiet_timer.ts";

/** The movement of bytes on one transport. */
export class StallDetector {
  /** Exists while somebody waits: nobody does until the connection ends. */
  #timers: Set<QuietTimer> | undefined;

  /** Bytes moved. */
  touch(): void {
    if (this.#timers === undefined) return;
    for (const timer of this.#timers) timer.touch();
  }

  /** Calls back each time no bytes have moved for `quiet` ms; never if `quiet` is 0. {@linkcode ignore} ends it. */
  watch(quiet: number, onQuiet: () => void): QuietTimer {
    return this.#add(new QuietTimer(quiet, onQuiet));
  }

  /** Ends a timer of {@linkcode watch}. */
  ignore(timer: QuietTimer | undefined): void {
    if (timer === undefined) return;
    timer.stop();
    this.#timers?.delete(timer);
    if (this.#timers?.size === 0) this.#timers = undefined;
  }

  #add(timer: QuietTimer): QuietTimer {
    this.#timers ??= new Set();
    this.#timers.add(timer);
    return timer;
  }

  /**
   * Waits for the promise, which must not reject, until no bytes have moved for `quiet`
   * ms, counted from `since` (ms of the clock) at the earliest; without limit if `quiet`
   * is 0. Resolves to whether the promise has resolved.
   */
  async unlessStalled(
    quiet: number,
    promise: Promise<void>,
    since: number = now(),
  ): Promise<boolean> {
    let timer: QuietTimer | undefined;
    const standstill = new Promise<boolean>((resolve) => {
      timer = this.#add(new QuietTimer(quiet, () => resolve(false), since));
    });
    const inTime = await Promise.race([promise.then(() => true), standstill]);
    this.ignore(timer);
    return inTime;
  }
}
