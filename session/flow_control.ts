/**
 * Flow-control arithmetic (SPDY/3 draft 2.6.8) that can overflow, in one file so
 * that it can be tested alone.
 *
 * @module
 */

import { MAX_FLOW_WINDOW } from "../frame/window_update.ts";

/** Adds `delta` to `window`; `undefined` when the sum exceeds {@linkcode MAX_FLOW_WINDOW}. */
export function raiseWindow(window: number, delta: number): number | undefined {
  const raised = window + delta;
  return raised > MAX_FLOW_WINDOW ? undefined : raised;
}

/**
 * Bytes of DATA that one frame may carry now: as many as both windows and the
 * frame size allow, 0 when a window is used up or negative.
 */
export function sendableLength(
  maxFrame: number,
  streamWindow: number,
  sessionWindow: number,
): number {
  return Math.max(0, Math.min(maxFrame, streamWindow, sessionWindow));
}

/** Number of received or consumed bytes at which a WINDOW_UPDATE is due: half the initial window, as in spdylay. */
export function updateThreshold(initialWindow: number): number {
  return Math.floor(initialWindow / 2);
}

/**
 * One receive window, of a stream or of the session: how many bytes the peer may
 * still send, and how many are to be granted to it again.
 */
export class ReceiveWindow {
  #available: number;
  #unacknowledged = 0;
  #consumed = 0;
  #unconsumed = 0;
  /** Consumed bytes that are not granted again: the window becomes smaller by them. */
  #withheld = 0;

  /** Creates a window of which the peer has used nothing yet. */
  constructor(initialWindow: number) {
    this.#available = initialWindow;
  }

  /** Bytes the peer may still send. */
  get available(): number {
    return this.#available;
  }

  /** Bytes delivered that the application has not yet consumed. */
  get unconsumed(): number {
    return this.#unconsumed;
  }

  /**
   * The full size of the window, bytes: what the peer may still send, what the
   * application has not consumed, and what is still to be granted again. Only
   * {@linkcode reduce}, {@linkcode enlarge} and a {@linkcode grant} of bytes that were
   * not to be granted again change it. Bytes of a frame that has not arrived completely
   * are not included.
   */
  get span(): number {
    return this.#available + this.#unconsumed + this.#consumed +
      this.#unacknowledged - this.#withheld;
  }

  /** Charges the window for a frame of `length` bytes; false when it does not fit (2.6.8). */
  charge(length: number): boolean {
    if (length > this.#available) return false;
    this.#available -= length;
    return true;
  }

  /** Lets the peer send `delta` more bytes. */
  grant(delta: number): void {
    this.#available = Math.min(MAX_FLOW_WINDOW, this.#available + delta);
  }

  /** Makes the window smaller by `size` bytes: the next `size` bytes that are consumed are not granted again. */
  reduce(size: number): void {
    this.#withheld += size;
    this.#withhold();
  }

  /**
   * Makes the window larger by `size` bytes. First cancels what {@linkcode reduce} has not
   * withheld yet; returns the rest of `size`, which a WINDOW_UPDATE has to grant.
   */
  enlarge(size: number): number {
    const taken = Math.min(size, this.#withheld);
    this.#withheld -= taken;
    return size - taken;
  }

  #withhold(): void {
    const size = Math.min(this.#consumed, this.#withheld);
    this.#consumed -= size;
    this.#withheld -= size;
  }

  /** Counts `size` bytes for the next automatic update; returns its delta when it is due, else 0. */
  receive(size: number, threshold: number): number {
    this.#unacknowledged += size;
    if (this.#unacknowledged < threshold) return 0;
    const delta = this.#unacknowledged;
    this.#unacknowledged = 0;
    return delta;
  }

  /** The application acknowledged `delta` bytes with a WINDOW_UPDATE of its own. */
  acknowledge(delta: number): void {
    this.#unacknowledged = Math.max(0, this.#unacknowledged - delta);
  }

  /** Counts `size` bytes as delivered but not yet consumed. */
  deliver(size: number): void {
    this.#unconsumed += size;
  }

  /** Counts `size` delivered bytes as consumed; returns the delta of the update when it is due, else 0. */
  consume(size: number, threshold: number): number {
    this.#unconsumed -= size;
    this.#consumed += size;
    if (this.#withheld > 0) this.#withhold();
    if (this.#consumed < threshold) return 0;
    const delta = this.#consumed;
    this.#consumed = 0;
    return delta;
  }
}
