/**
 * A timer for a response of the peer.
 *
 * @module
 */

import { now, startTimer, stopTimer, type Timer } from "./clock.ts";
import type { TrackedFrame } from "./tracked_frames.ts";

/** How much time this side has spent reading. */
export interface Reading {
  /** Start of the current reading, ms of the clock; `undefined` while reading is paused. */
  readingSince(): number | undefined;
  /** Total time that this side has read, ms. */
  readingTime(): number;
  /** Starts a timer; default `startTimer`. Different if something else keeps the process alive. */
  readonly startTimer?: typeof startTimer;
}

/**
 * If a timer fires later than this, ms, the process was blocked, and bytes that the
 * peer sent in time may still be in the socket.
 */
const LATE = 250;
/** Time to read those bytes, ms. Also granted when reading has only just resumed. */
const CATCH_UP = 100;
/**
 * While reading is paused, a timer checks again after this share of its delay. There
 * may be thousands of timers.
 */
const PAUSED_SHARE = 1 / 8;

/**
 * Calls back once when the peer has not responded within `delay` ms. The owner stops
 * the timer when the response arrives.
 *
 * Only the time in which this side reads is counted, because while reading is
 * paused it cannot know what the peer has sent. With `frame`, the time counts from
 * the moment at which the transport accepted that frame; see
 * {@linkcode TrackedFrame.since}.
 */
export class PeerTimer {
  readonly #reading: Reading;
  readonly #delay: number;
  readonly #onLate: () => void;
  readonly #frame: TrackedFrame | undefined;
  /** How long this side had read at the start, ms. */
  readonly #begin: number;
  #timer: Timer | undefined;
  #caughtUp = false;

  constructor(
    delay: number,
    reading: Reading,
    onLate: () => void,
    frame?: TrackedFrame,
  ) {
    this.#frame = frame;
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
    const start = this.#reading.startTimer ?? startTimer;
    this.#timer = start(() => {
      const rest = this.#rest(due);
      if (rest > 0) this.#arm(rest);
      else {
        this.#timer = undefined;
        this.#onLate();
      }
    }, delay);
  }

  /** The time that the peer has left, ms. */
  #rest(due: number): number {
    const begin = Math.max(this.#begin, this.#frame?.since ?? this.#begin);
    const spent = this.#reading.readingTime() - begin;
    const rest = this.#delay - spent;
    const since = this.#reading.readingSince();
    if (since === undefined) {
      return Math.max(rest, this.#delay * PAUSED_SHARE, CATCH_UP);
    }
    if (this.#caughtUp || rest > 0) return rest;
    // Granted only once: otherwise a process that is always late, or that pauses
    // reading repeatedly, would never detect that the peer has disconnected.
    const isBehind = now() - due > LATE ||
      now() - since < Math.min(CATCH_UP, spent);
    this.#caughtUp = isBehind;
    return isBehind ? CATCH_UP : rest;
  }
}
