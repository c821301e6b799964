/**
 * Receive credit: given back as the application consumes, and grown when the
 * measured path asks for more.
 *
 * @module
 */

import { PROTO_SPDY3_1 } from "../frame/constants.ts";
import { INITIAL_WINDOW_SIZE } from "../frame/constants.ts";
import type { ProtocolVersion } from "../frame/constants.ts";
import type { Session } from "../session.ts";
import type { WindowTuningOptions } from "./options.ts";
import type { StreamState } from "./stream_state.ts";
import { WindowTuner } from "./window_tuner.ts";

/** Windows of a connection that has flow control. */
export class Credit {
  readonly #session: Session;
  readonly #version: ProtocolVersion;
  readonly #initial: number;
  readonly #maxMemory: number;
  readonly #tuner: WindowTuner | undefined;
  #sessionWindow = INITIAL_WINDOW_SIZE;
  /** By how much streams' windows have grown, all together. */
  #grown = 0;

  /** `initial` is the window new streams have, bytes; without `tuning` it stays. */
  constructor(
    session: Session,
    version: ProtocolVersion,
    initial: number,
    tuning: Required<WindowTuningOptions> | undefined,
  ) {
    this.#session = session;
    this.#version = version;
    this.#initial = initial;
    this.#maxMemory = tuning?.maxMemory ?? 0;
    if (tuning !== undefined) {
      this.#tuner = new WindowTuner({ initial, max: tuning.maxWindow });
    }
  }

  /** Bytes came; true when a PING should leave to measure the path. */
  received(size: number): boolean {
    return this.#tuner?.received(size, performance.now()) ?? false;
  }

  /** The measuring PING was answered. */
  measured(): void {
    const tuner = this.#tuner;
    if (tuner === undefined || !tuner.measured(performance.now())) return;
    if (this.#version !== PROTO_SPDY3_1) return;
    // The session's own window lets through what its streams may carry.
    const growth = tuner.window - this.#sessionWindow;
    if (growth <= 0) return;
    this.#sessionWindow = tuner.window;
    this.#session.submitWindowUpdate(0, growth);
  }

  /** The measuring PING failed. */
  abandoned(): void {
    this.#tuner?.abandoned(performance.now());
  }

  /** The application has finished with bytes of a stream. */
  consumed(state: StreamState, size: number): void {
    this.#session.consume(state.id, size);
    if (this.#tuner === undefined || state.inbox.ended || state.ended) return;
    const growth = Math.min(
      this.#tuner.window - this.#initial - state.grown,
      this.#maxMemory - this.#grown,
    );
    if (growth <= 0) return;
    state.grown += growth;
    this.#grown += growth;
    this.#session.submitWindowUpdate(state.id, growth);
  }

  /** The stream's window is gone, and with it the memory it stood for. */
  closed(state: StreamState): void {
    this.#grown -= state.grown;
    state.grown = 0;
  }
}
