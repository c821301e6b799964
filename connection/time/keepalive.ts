/**
 * Detects a peer that has disappeared without closing the connection.
 *
 * @module
 */

import type { Names } from "../../values.ts";
import { PeerTimer, type Reading } from "./peer_timer.ts";
import { QuietTimer } from "./quiet_timer.ts";
import type { TrackedFrame } from "./tracked_frames.ts";

/**
 * When to send a PING to a silent peer, and when to end the connection.
 *
 * @category Connection
 */
export interface KeepAliveOptions {
  /** Sends a PING when no byte has arrived from the peer in this time, ms; 1 to 2^31-1. */
  readonly interval: number;
  /**
   * Ends the connection when no byte has arrived in this time after the transport
   * took the PING, ms; 0: never; default 10000. While bytes before the PING are
   * still being sent, only the time counts in which the transport takes no byte.
   */
  readonly timeout?: number;
}

/** The names of `KeepAliveOptions`, for the check of options. */
export const KEEPALIVE_NAMES: Names<KeepAliveOptions> = {
  interval: true,
  timeout: true,
};

/** Default of {@linkcode KeepAliveOptions.timeout}, ms. */
export const DEFAULT_KEEPALIVE_TIMEOUT = 10_000;

/** Events and requests of {@linkcode KeepAlive} for its owner. */
export interface KeepAliveEvents extends Reading {
  /** Sends a PING and returns it. */
  ping(): TrackedFrame;
  /** Called if nothing arrived in time. */
  dead(timeout: number): void;
}

/**
 * Sends a PING when the peer is silent. Any received byte shows that it is alive.
 * Time in which this side does not read is not counted.
 */
export class KeepAlive {
  readonly #timer: QuietTimer;
  readonly #timeout: number;
  readonly #events: KeepAliveEvents;
  #deadline: PeerTimer | undefined;

  constructor(options: KeepAliveOptions, events: KeepAliveEvents) {
    this.#timeout = options.timeout ?? DEFAULT_KEEPALIVE_TIMEOUT;
    this.#events = events;
    this.#timer = new QuietTimer(
      options.interval,
      () => this.#sendPing(),
      undefined,
      events.startTimer,
    );
  }

  /** Bytes arrived. */
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

  #sendPing(): void {
    // While this side does not read, silence is not the peer's fault.
    if (this.#events.readingSince() === undefined) return;
    if (this.#deadline !== undefined) return;
    const frame = this.#events.ping();
    if (this.#timeout === 0) return;
    this.#deadline = new PeerTimer(this.#timeout, this.#events, () => {
      this.#events.dead(this.#timeout);
    }, frame);
  }
}
