/**
 * Receive windows: restored as the application consumes bytes, and enlarged when the
 * measured path can use more.
 *
 * @module
 */

import { MAX_FLOW_WINDOW } from "../frame/window_update.ts";
import { PROTO_SPDY3_1 } from "../frame/constants.ts";
import { INITIAL_WINDOW_SIZE } from "../frame/constants.ts";
import type { ProtocolVersion } from "../frame/constants.ts";
import type { Session } from "../session.ts";
import { now } from "./clock.ts";
import type { ResolvedOptions } from "./options.ts";
import type { StreamCore } from "./stream_core.ts";
import { WindowTuner } from "./window_tuner.ts";

/** Windows of a connection that has flow control. */
export class ReceiveWindows {
  readonly #session: Session;
  readonly #version: ProtocolVersion;
  readonly #initial: number;
  readonly #maxMemory: number;
  readonly #tuner: WindowTuner | undefined;
  readonly #firstSessionWindow: number;
  #sessionWindow = INITIAL_WINDOW_SIZE;
  /** By how much the windows of all streams together have grown, bytes. */
  #grown = 0;

  /** `initial` is the window new streams have, bytes. */
  constructor(session: Session, initial: number, options: ResolvedOptions) {
    const { tuning, version, sessionWindow } = options;
    this.#session = session;
    this.#version = version;
    this.#initial = initial;
    this.#firstSessionWindow = sessionWindow;
    this.#maxMemory = tuning?.maxMemory ?? 0;
    if (tuning !== undefined) {
      this.#tuner = new WindowTuner({ initial, max: tuning.maxWindow });
    }
    this.#growSession(sessionWindow);
  }

  /** The receive window that the session is meant to have, bytes. */
  get sessionWindow(): number {
    return this.#sessionWindow;
  }

  /** Bytes arrived; true when a PING should be sent to measure the path. */
  received(size: number): boolean {
    return this.#tuner?.received(size, now()) ?? false;
  }

  /** The measuring PING was answered. */
  measured(): void {
    const tuner = this.#tuner;
    if (tuner === undefined || !tuner.measured(now())) return;
    // The session's window only limits the bytes in flight and is restored as they
    // arrive. It must not block a stream whose own window has room.
    this.#growSession(
      tuner.window - this.#initial + this.#firstSessionWindow,
    );
  }

  /** The measuring PING failed. */
  abandoned(): void {
    this.#tuner?.abandoned(now());
  }

  /** The application has finished with bytes of a stream. */
  consumed(state: StreamCore, size: number): void {
    this.#session.consume(state.id, size);
    if (this.#tuner === undefined || state.receiveBuffer.ended || state.ended) {
      return;
    }
    // A short body needs no more window, and a WINDOW_UPDATE for a stream that is
    // about to end is an error to npm's spdy 4.0.2: it resets the stream.
    state.read += size;
    if (state.read < this.#initial / 2) return;
    const growth = Math.min(
      this.#tuner.window - this.#initial - state.grown,
      this.#maxMemory - this.#grown,
    );
    if (growth <= 0) return;
    state.grown += growth;
    this.#grown += growth;
    this.#session.submitWindowUpdate(state.id, growth);
  }

  /** The stream's window is closed, which frees the memory by which it had grown. */
  closed(state: StreamCore): void {
    this.#grown -= state.grown;
    state.grown = 0;
  }

  #growSession(window: number): void {
    const target = Math.min(window, MAX_FLOW_WINDOW);
    const growth = target - this.#sessionWindow;
    if (this.#version !== PROTO_SPDY3_1 || growth <= 0) return;
    this.#sessionWindow = target;
    this.#session.submitWindowUpdate(0, growth);
  }
}
