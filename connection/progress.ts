/**
 * Waits that last as long as something moves.
 *
 * @module
 */

import { now } from "./clock.ts";
import { QuietTimer } from "./quiet_timer.ts";

/** What moves on one transport. */
export class Progress {
  readonly #timers = new Set<QuietTimer>();

  /** Bytes moved. */
  touch(): void {
    for (const timer of this.#timers) timer.touch();
  }

  /** Calls back each time nothing moved for `quiet` ms; never with 0. Stop it by {@linkcode ignore}. */
  watch(quiet: number, onQuiet: () => void): QuietTimer {
    const timer = new QuietTimer(quiet, onQuiet);
    this.#timers.add(timer);
    return timer;
  }

  /** Ends what {@linkcode watch} began. */
  ignore(timer: QuietTimer | undefined): void {
    if (timer === undefined) return;
    timer.stop();
    this.#timers.delete(timer);
  }

  /**
   * Waits for the promise, which never rejects, until nothing has moved for
   * `quiet` ms, the time from `since` of the clock among them; with 0 for ever.
   * Whether the promise has resolved.
   */
  async within(
    quiet: number,
    promise: Promise<void>,
    since: number = now(),
  ): Promise<boolean> {
    let timer: QuietTimer | undefined;
    const standstill = new Promise<boolean>((resolve) => {
      timer = new QuietTimer(quiet, () => resolve(false), since);
      this.#timers.add(timer);
    });
    const inTime = await Promise.race([promise.then(() => true), standstill]);
    this.ignore(timer);
    return inTime;
  }
}
