/**
 * Detects a peer that is gone without closing the connection.
 *
 * @module
 */

import type { Departure } from "./departures.ts";
import { PeerTimer, type Reading } from "./peer_timer.ts";
import { QuietTimer } from "./quiet_timer.ts";

/**
 * When to send a PING to a silent peer, and when to end the connection.
 *
 * @category Connection
 */
export interface KeepAliveOptions {
  /** A PING leaves after so long without a byte from the peer, ms; 1 to 2^31-1. */
  readonly interval: number;
  /**
   * The connection ends when nothing came for so long after the transport took
   * the PING, ms; 0: never; default 10000. Bytes that stand before the PING
   * and leave put that off; when nothing leaves either, that time counts.
   */
  readonly timeout?: number;
}

/** How long a peer may leave a keepalive PING unanswered, ms, when nothing else is said. */
export const DEFAULT_KEEPALIVE_TIMEOUT = 10_000;

/** What {@linkcode KeepAlive} asks of its owner. */
export interface KeepAliveEvents extends Reading {
  /** Send a PING; it is that what is returned. */
  ping(): Departure;
  /** Nothing came in time. */
  dead(timeout: number): void;
}

/** Sends a PING when the peer is silent. Any received byte shows that it is alive; time during which this side does not read does not count. */
export class KeepAlive {
  readonly #timer: QuietTimer;
  readonly #timeout: number;
  readonly #events: KeepAliveEvents;
  #deadline: PeerTimer | undefined;

  constructor(options: KeepAliveOptions, events: KeepAliveEvents) {
    this.#timeout = options.timeout ?? DEFAULT_KEEPALIVE_TIMEOUT;
    this.#events = events;
    this.#timer = new QuietTimer(options.interval, () => this.#ask());
  }

  /** Bytes came. */
  touch(): void {
    this.#timer.touch();
    if (this.#deadline === undefined) return;
    this.#deadline.stop();
    this.#deadline = undefined;
  }

  /** Ends the timers. */
  stop(): void {
    this.#timer.stop();
    this.#deadline?.stop();
    this.#deadline = undefined;
  }

  #ask(): void {
    // While this side does not read, the peer is not to blame for the silence.
    if (this.#events.readingSince() === undefined) return;
    if (this.#deadline !== undefined) return;
    const asked = this.#events.ping();
    if (this.#timeout === 0) return;
    this.#deadline = new PeerTimer(this.#timeout, this.#events, () => {
      this.#events.dead(this.#timeout);
    }, asked);
  }
}
