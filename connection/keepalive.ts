/**
 * Finds a peer that is gone without a word.
 *
 * @module
 */

import { startTimeout, stopTimer, type Timer } from "./clock.ts";
import { QuietTimer } from "./quiet_timer.ts";

/** When a silent peer is asked, and when it is given up. */
export interface KeepAliveOptions {
  /** A PING leaves after so long without a byte from the peer, ms; 1 to 2^31-1. */
  readonly interval: number;
  /** The connection ends when nothing came for so long after the PING, ms; 0: never; default 10000. */
  readonly timeout?: number;
}

/** How long a peer may leave a keepalive PING unanswered, ms, when nothing else is said. */
export const DEFAULT_KEEPALIVE_TIMEOUT = 10_000;

/** What {@linkcode KeepAlive} asks of its owner. */
export interface KeepAliveEvents {
  /** Send a PING. */
  ping(): void;
  /** Nothing came in time. */
  dead(timeout: number): void;
}

/** Sends PINGs into silence. Any byte received counts as life. */
export class KeepAlive {
  readonly #timer: QuietTimer;
  readonly #timeout: number;
  readonly #events: KeepAliveEvents;
  #deadline: Timer | undefined;

  constructor(options: KeepAliveOptions, events: KeepAliveEvents) {
    this.#timeout = options.timeout ?? DEFAULT_KEEPALIVE_TIMEOUT;
    this.#events = events;
    this.#timer = new QuietTimer(options.interval, () => this.#ask());
  }

  /** Bytes came, or reading is held back by this side. */
  touch(): void {
    this.#timer.touch();
    if (this.#deadline === undefined) return;
    stopTimer(this.#deadline);
    this.#deadline = undefined;
  }

  /** Ends the timers. */
  stop(): void {
    this.#timer.stop();
    stopTimer(this.#deadline);
    this.#deadline = undefined;
  }

  #ask(): void {
    if (this.#deadline !== undefined) return;
    this.#events.ping();
    this.#deadline = startTimeout(() => {
      this.#events.dead(this.#timeout);
    }, this.#timeout);
  }
}
