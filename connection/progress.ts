/**
 * Waits that last as long as something moves.
 *
 * @module
 */

import { QuietTimer } from "./quiet_timer.ts";

/** What moves on one transport, in either direction. */
export class Progress {
  readonly #timers = new Set<QuietTimer>();

  /** Bytes left or came. */
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
   * `quiet` ms; with 0 for ever.
   */
  async within(quiet: number, promise: Promise<void>): Promise<void> {
    let timer: QuietTimer | undefined;
    const standstill = new Promise<void>((resolve) => {
      timer = this.watch(quiet, resolve);
    });
    await Promise.race([promise, standstill]);
    this.ignore(timer);
  }
}
