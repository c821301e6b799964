/**
 * First writes of a server's connections that wait for the first requests.
 *
 * @module
 */

import { now, startTimer, stopTimer, type Timer } from "./clock.ts";

/**
 * Longest wait of a first write, ms. A client that has something to send sends it as
 * soon as it is connected. A client that waits for SETTINGS gets them this much later.
 */
const FIRST_WAIT = 5;
/** A timer may fire this much too early, ms. */
const EARLY = 0.5;

/** The connection's loop, which writes when it has waited long enough. */
interface Writer {
  flush(): void;
}

/**
 * The first writes that wait, with one timer for all of them: with a timer for each
 * connection, an accept takes 2 % more.
 */
export class FirstWrites {
  /** When each write began to wait, ms of the clock, in this order. */
  readonly #waiting = new Map<Writer, number>();
  #timer: Timer | undefined;

  /** `writer` waits from now on; `time` is that of the clock, ms. */
  add(writer: Writer, time: number): void {
    this.#waiting.set(writer, time);
    this.#timer ??= startTimer(this.#fire, FIRST_WAIT);
  }

  /**
   * `writer` no longer waits. The timer keeps running, because another connection may
   * need it soon.
   */
  delete(writer: Writer): void {
    this.#waiting.delete(writer);
  }

  /** A connection has ended, perhaps the last one. */
  connectionEnded(): void {
    if (this.#timer === undefined || this.#waiting.size > 0) return;
    stopTimer(this.#timer);
    this.#timer = undefined;
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    const time = now();
    for (const [writer, begin] of this.#waiting) {
      const rest = begin + FIRST_WAIT - time;
      if (rest > EARLY) {
        this.#timer = startTimer(this.#fire, rest);
        return;
      }
      this.#waiting.delete(writer);
      writer.flush();
    }
  };
}
