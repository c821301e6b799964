/**
 * A timer for an answer of the peer.
 *
 * @module
 */

import type { Departure } from "./departures.ts";
import { now, startTimer, stopTimer, type Timer } from "./clock.ts";

/** Whether this side reads what the peer sends. */
export interface Reading {
  /** Since when it does, ms of the clock; `undefined` while it holds reading back. */
  readingSince(): number | undefined;
  /** How long it has done so in all, ms. */
  readingTime(): number;
}

/**
 * If a timer fires so late, ms, the process was blocked, and what the peer sent in
 * time may still wait in the socket.
 */
const LATE = 250;
/**
 * Then, and when reading has gone on only now, so long is left to read it, ms.
 */
const CATCH_UP = 100;
/** While reading is held back, a timer looks again after so much of its delay: there may be thousands. */
const HELD_SHARE = 1 / 8;

/**
 * Calls back once when the peer has had `delay` ms. Only the time counts in
 * which this side read, all of it: while it holds reading back it cannot know
 * what the peer has sent, and the peer's socket may be full. With `asked` it counts from
 * when that frame has left; see {@linkcode Departure.since}.
 */
export class PeerTimer {
  readonly #reading: Reading;
  readonly #delay: number;
  readonly #onLate: () => void;
  readonly #asked: Departure | undefined;
  /** How long this side had read at the beginning, ms. */
  readonly #begin: number;
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
    this.#begin = reading.readingTime();
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
    const begin = Math.max(this.#begin, this.#asked?.since ?? this.#begin);
    const spent = this.#reading.readingTime() - begin;
    const rest = this.#delay - spent;
    const since = this.#reading.readingSince();
    if (since === undefined) {
      return Math.max(rest, this.#delay * HELD_SHARE, CATCH_UP);
    }
    if (this.#caughtUp || rest > 0) return rest;
    // Once: a process that is always late, or holds reading back again and
    // again, still finds a peer that is gone.
    const isBehind = now() - due > LATE ||
      now() - since < Math.min(CATCH_UP, spent);
    this.#caughtUp = isBehind;
    return isBehind ? CATCH_UP : rest;
  }
}
