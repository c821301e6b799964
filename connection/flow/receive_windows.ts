/**
 * Receive windows, which are restored as the application consumes bytes and adapted
 * to the path.
 *
 * @module
 */

import { INITIAL_WINDOW_SIZE } from "../../frame/constants.ts";
import { versionTraits } from "../../frame/version.ts";
import { MAX_FLOW_WINDOW } from "../../frame/window_update.ts";
import { resizeReceiveWindow, type Session } from "../../session.ts";
import type { ResolvedOptions } from "../options.ts";
import type { StreamCore } from "../stream/stream_core.ts";
import { now } from "../time/clock.ts";
import { WindowTuner } from "./window_tuner.ts";

/**
 * A body of more than this part of the initial window has its windows adapted. With an
 * eighth, a download at 200 ms would carry 6 % more in its first 2 s, but then npm's
 * spdy resets short responses: see below.
 */
const LONG = 1 / 2;

/**
 * The windows of a connection with flow control. In SPDY/3.1, the session's window
 * limits the bytes in flight, as the tuner requests. A stream's window limits the
 * unread bytes, and only grows.
 */
export class ReceiveWindows {
  readonly #session: Session;
  /** Whether the version has a window of the session. */
  readonly #hasSessionWindow: boolean;
  readonly #initial: number;
  readonly #maxMemory: number;
  readonly #tuner: WindowTuner | undefined;
  #sessionWindow = INITIAL_WINDOW_SIZE;
  /** Whether the window of the last measurement was not announced yet. */
  #isUnannounced = false;
  /** By how much the windows of all streams together have grown, bytes. */
  #grown = 0;

  /** Open streams of which so much was read that their windows are adapted. */
  #fast: Set<StreamCore> | undefined;

  /** `initial` is the window new streams have, bytes. */
  constructor(session: Session, initial: number, options: ResolvedOptions) {
    const { tuning, version, firstSessionWindow } = options;
    this.#session = session;
    this.#hasSessionWindow = versionTraits(version).sessionWindow;
    this.#initial = initial;
    this.#maxMemory = tuning?.maxMemory ?? Infinity;
    if (tuning !== undefined) {
      this.#tuner = new WindowTuner({
        initial: this.#hasSessionWindow ? firstSessionWindow : initial,
        max: tuning.maxWindow,
        // In SPDY/3, windows of streams do not become smaller than at first.
        least: this.#hasSessionWindow ? undefined : initial,
      });
    }
    this.#setSessionWindow(firstSessionWindow);
  }

  /** The intended receive window of the session, bytes. */
  get sessionWindow(): number {
    return this.#sessionWindow;
  }

  /** Bytes arrived; true when a PING should be sent to measure the path. */
  received(size: number): boolean {
    const tuner = this.#tuner;
    if (tuner === undefined) return false;
    const asks = tuner.received(size, now());
    this.#setSessionWindow(tuner.window);
    return asks;
  }

  /** A stream begins or ends; true when a PING should be sent to measure the path. */
  mayBeQuiet(): boolean {
    return this.#tuner?.mayBeQuiet(now()) ?? false;
  }

  /**
   * The measuring PING was answered. `sent` is the number of bytes that this side has sent
   * since then. If the session's window `mayWait`, it follows with {@linkcode announce},
   * or when bytes arrive.
   */
  measured(sent: number, mayWait = false): void {
    const tuner = this.#tuner;
    if (!tuner?.measured(now(), sent)) return;
    if (mayWait) this.#isUnannounced = true;
    else this.#setSessionWindow(tuner.window);
    // At once, because a round trip may pass before their next bytes arrive.
    for (const core of this.#fast ?? []) {
      if (core.receiveBuffer.size === 0 && !hasEnded(core)) {
        this.#resize(core, tuner.window);
      }
    }
  }

  /** Announces the window of the last measurement. */
  announce(): void {
    if (!this.#isUnannounced || this.#tuner === undefined) return;
    this.#setSessionWindow(this.#tuner.window);
  }

  /** The measuring PING failed. */
  abandoned(): void {
    this.#tuner?.abandoned(now());
  }

  /** The application has finished with bytes of a stream. */
  consumed(core: StreamCore, size: number): void {
    this.#session.consume(core.id, size);
    const tuner = this.#tuner;
    if (tuner === undefined || hasEnded(core)) return;
    // A short body needs no more window. In addition, npm's spdy 4.0.2 treats a
    // WINDOW_UPDATE for a stream that is about to end as an error and resets the
    // stream.
    core.read += size;
    if (core.read < this.#initial * LONG) return;
    this.#fast ??= new Set();
    this.#fast.add(core);
    this.#resize(core, tuner.window);
  }

  /** Adapts the window of a stream that is read quickly. */
  #resize(core: StreamCore, window: number): void {
    // The window of the stream is restored in steps of half the initial window,
    // which must not limit the rate of the path.
    const wanted = window <= this.#initial ? 0 : window - this.#initial / 2;
    // In SPDY/3.1, only the session's window becomes smaller.
    const least = this.#hasSessionWindow ? 0 : -Infinity;
    const change = Math.max(
      least,
      Math.min(
        Math.floor(wanted) - core.grown,
        this.#maxMemory - this.#grown,
      ),
    );
    core.grown += change;
    this.#grown += change;
    resizeReceiveWindow(this.#session, core.id, change);
  }

  /** The stream has closed, which frees the memory by which its window had grown. */
  closed(core: StreamCore): void {
    this.#grown -= core.grown;
    core.grown = 0;
    this.#fast?.delete(core);
  }

  #setSessionWindow(window: number): void {
    this.#isUnannounced = false;
    if (!this.#hasSessionWindow) return;
    const target = Math.min(window, MAX_FLOW_WINDOW);
    resizeReceiveWindow(this.#session, 0, target - this.#sessionWindow);
    this.#sessionWindow = target;
  }
}

/** Whether the peer sends no more bytes on the stream. */
function hasEnded(core: StreamCore): boolean {
  return core.receiveBuffer.ended || core.ended;
}
