/**
 * The timeouts of a connection: keepalive, idle, headers, control frames.
 *
 * @module
 */

import { CANCEL } from "../frame/constants.ts";
import { SERVER } from "../session/constants.ts";
import { noReply } from "./end_errors.ts";
import type { ResolvedOptions } from "./options.ts";
import { KeepAlive } from "./time/keepalive.ts";
import { PeerTimer, type Reading } from "./time/peer_timer.ts";
import { QuietTimer } from "./time/quiet_timer.ts";
import type { TrackedFrame } from "./time/tracked_frames.ts";

/** Events and requests of the timeouts for the connection. */
export interface TimeoutsEvents extends Reading {
  /** Sends a PING for keepalive and returns it. */
  keepAlivePing(): TrackedFrame;
  /** Number of open streams. */
  openStreams(): number;
  /** The peer has disconnected, or took too long. */
  timedOut(message: string): void;
  /** Called if no stream was open and no byte arrived for the idle timeout. */
  tooLongIdle(): void;
}

/** A stream, as far as the timeouts need it. */
export interface TimedStream {
  /** Stream id, 1..2^31-1. */
  readonly id: number;
  /** Resets the stream; what waits on it fails with `error`. */
  reset(statusCode: number, error: unknown): void;
}

/** Runs the timeouts that the options set; {@linkcode stop} ends them all. */
export class Timeouts {
  readonly #headerTimeout: number;
  readonly #keepAlive: KeepAlive | undefined;
  /** Runs no timer if there is no idle timeout. */
  readonly #idle: QuietTimer;
  readonly #events: TimeoutsEvents;
  readonly #controlFrameTimeout: number;
  /** Offset of the control frame that is arriving; -1 for none. */
  #frameAt = -1;
  #frameTimer: PeerTimer | undefined;
  #firstStream: PeerTimer | undefined;
  /** Those of streams without a reply; exists where they have a time limit. */
  readonly #replies: Map<TimedStream, PeerTimer> | undefined;

  constructor(options: ResolvedOptions, events: TimeoutsEvents) {
    this.#events = events;
    this.#headerTimeout = options.headerTimeout;
    if (options.headerTimeout > 0) this.#replies = new Map();
    this.#controlFrameTimeout = options.controlFrameTimeout;
    if (options.keepAlive !== undefined) {
      this.#keepAlive = new KeepAlive(options.keepAlive, {
        readingSince: () => events.readingSince(),
        readingTime: () => events.readingTime(),
        startTimer: events.startTimer,
        ping: () => events.keepAlivePing(),
        dead: (timeout) =>
          events.timedOut(
            `the peer sent nothing for ${timeout} ms after a PING (keepAlive.timeout)`,
          ),
      });
    }
    this.#idle = new QuietTimer(
      options.idleTimeout,
      () => {
        const reads = events.readingSince() !== undefined;
        if (reads && events.openStreams() === 0) events.tooLongIdle();
      },
      undefined,
      events.startTimer,
    );
    if (options.headerTimeout > 0 && options.side === SERVER) {
      this.#firstStream = new PeerTimer(options.headerTimeout, events, () => {
        events.timedOut(
          `the peer opened no stream within ${options.headerTimeout} ms (headerTimeout)`,
        );
      });
    }
  }

  /** Bytes arrived. */
  touch(): void {
    this.#keepAlive?.touch();
    this.#idle.touch();
  }

  /** Called after each read with the offset of the control frame that is arriving; -1 for none. */
  controlFrame(at: number): void {
    if (at === this.#frameAt) return;
    this.#frameAt = at;
    this.#frameTimer?.stop();
    const timeout = this.#controlFrameTimeout;
    if (at < 0 || timeout === 0) return;
    this.#frameTimer = new PeerTimer(timeout, this.#events, () => {
      this.#events.timedOut(
        `the peer did not complete a control frame within ${timeout} ms (controlFrameTimeout)`,
      );
    });
  }

  /** The peer opened a stream. */
  streamOpened(): void {
    this.#firstStream?.stop();
    this.#firstStream = undefined;
  }

  /** The last open stream has closed: from now on the connection may be idle. */
  streamsClosed(): void {
    this.#idle.touch();
  }

  /** A stream of this side waits for its reply. `track` returns its SYN_STREAM, from which the time counts. */
  awaitReply(stream: TimedStream, track: () => TrackedFrame): void {
    if (this.#headerTimeout === 0) return;
    const timer = new PeerTimer(this.#headerTimeout, this.#events, () => {
      stream.reset(CANCEL, noReply(stream.id, this.#headerTimeout));
    }, track());
    this.#replies?.set(stream, timer);
  }

  /** The reply arrived, or the stream ended without one. */
  replied(stream: TimedStream): void {
    if (this.#headerTimeout === 0) return;
    this.#replies?.get(stream)?.stop();
    this.#replies?.delete(stream);
  }

  /** Ends all timers. */
  stop(): void {
    this.#keepAlive?.stop();
    this.#idle.stop();
    this.controlFrame(-1);
    this.streamOpened();
    for (const timer of this.#replies?.values() ?? []) timer.stop();
    this.#replies?.clear();
  }
}
