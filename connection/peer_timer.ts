/**
 * A timer for what the peer owes.
 *
 * @module
 */

import type { Departure } from "./departures.ts";
import { now, startTimer, stopTimer, type Timer } from "./clock.ts";

/** Whether this side reads what the peer sends. */
export interface Reading {
  /** Since when it does, ms of the clock; `undefined` while it holds reading back. */
  readingSince(): number | undefined;
}

/**
 * A timer that fires so late, ms, says that the process stood still: what the
 * peer sent in time waits in the socket.
 */
const LATE = 250;
/** Then so long is left to read it, ms. */
const CATCH_UP = 100;

/**
 * Calls back once when the peer has had `delay` ms. Only the time counts in
 * which this side read: while it holds reading back it cannot know what the
 * peer has sent, and the peer's socket may be full. With `asked` it counts from
 * when that frame has left; see {@linkcode Departure.since}.
 */
export class PeerTimer {
  readonly #reading: Reading;
  readonly #delay: number;
  readonly #onLate: () => void;
  readonly #asked: Departure | undefined;
  #timer: Timer | undefined;
  #caughtUp = false;

  constructor(
    delay: number,
    reading: Reading,
    onLate: () => void,
    asked?: Departure,
  ) {
    this.#asked = asked;
    this.#reading = reading;
    this.#delay = delay;
    this.#onLate = onLate;
    this.#arm(delay);
  }

  /** Ends the timer. */
  stop(): void {
    stopTimer(this.#timer);
    this.#timer = undefined;
  }

  #arm(delay: number): void {
    const due = now() + delay;
    this.#timer = startTimer(() => {
      const rest = this.#rest(due);
      if (rest > 0) this.#arm(rest);
      else {
        this.#timer = undefined;
        this.#onLate();
      }
    }, delay);
  }

  /** What the peer has left of its time, ms. */
  #rest(due: number): number {
    const since = this.#reading.readingSince();
    if (since === undefined) return this.#delay;
    // Once: a process that is always late still finds a peer that is gone.
    if (!this.#caughtUp && now() - due > LATE) {
      this.#caughtUp = true;
      return CATCH_UP;
    }
    const begin = Math.max(since, this.#asked?.since ?? since);
    return begin + this.#delay - now();
  }
}
