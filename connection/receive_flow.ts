/**
 * Passes received bytes to the streams, grants the peer window for them, and decides
 * when to stop reading from the transport.
 *
 * @module
 */

import {
  INITIAL_WINDOW_SIZE,
  PROTO_SPDY2,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../frame/constants.ts";
import type { Session } from "../session.ts";
import { ReceiveWindows } from "./receive_windows.ts";
import type { ReceiveBuffer } from "./receive_buffer.ts";
import type { ResolvedOptions } from "./options.ts";
import { QuietTimer } from "./quiet_timer.ts";
import type { StreamCore, Wait } from "./stream_core.ts";

/** How long an application may wait for more input while it reads none of the bytes that fill its limit, ms. */
const PATIENCE = 1000;

/** Requests to the connection. */
export interface ReceiveFlowEvents {
  /** Sends a PING to measure the path. */
  ping(): Promise<number>;
  /** WINDOW_UPDATEs were submitted: write soon. */
  flush(): void;
  /** Pause reading from the transport, or resume it. */
  holdReading(hold: boolean): void;
  /** Whether the application waits for something that only more input can provide. */
  wait(): Wait;
  /** The application waits, although it reads none of the bytes that fill its limit. */
  stuck(most: number): void;
}

/**
 * With flow control, streams' windows bound what may come, and their credit
 * follows the readers; that of the session comes back on arrival, so that no
 * stream waits for the reader of another. Without, the socket is the
 * back-pressure: reading stops while more than `maxBufferedBytes` are unread,
 * or, as long as the application waits for what only reading can bring,
 * `maxUnreadBytes`.
 */
export class ReceiveFlow {
  readonly #events: ReceiveFlowEvents;
  readonly #bound: number;
  readonly #most: number;
  /** Reading may be held for as long as it takes. */
  readonly #mayHold: boolean;
  readonly #credit: ReceiveWindows | undefined;
  /** Receive buffers that hold pieces of the current read. */
  readonly #unsettled: ReceiveBuffer[] = [];
  /** Received bytes that nobody has read, over all streams. */
  #buffered = 0;
  #holding = false;
  /** The connection ends. */
  #stopped = false;
  /** Called when the application has finished with bytes. */
  onConsumed: (() => void) | undefined;
  /** Runs while the application waits and reading is held all the same. */
  #stuck: QuietTimer | undefined;
  /** Streams whose readers have finished with bytes since the last write. */
  readonly #due: StreamCore[] = [];

  /** `ownSettings`: what was announced to the peer by now. */
  constructor(
    session: Session,
    options: ResolvedOptions,
    ownSettings: ReadonlyMap<number, number>,
    events: ReceiveFlowEvents,
  ) {
    this.#events = events;
    this.#bound = options.maxBufferedBytes;
    this.#most = Math.max(options.maxBufferedBytes, options.maxUnreadBytes);
    this.#mayHold = options.holdUnread ?? false;
    if (options.flowControl === false || options.version === PROTO_SPDY2) {
      return;
    }
    const initial = ownSettings.get(SETTINGS_INITIAL_WINDOW_SIZE) ??
      INITIAL_WINDOW_SIZE;
    this.#credit = new ReceiveWindows(session, initial, options);
  }

  /** Whether the connection has flow control. */
  get windows(): boolean {
    return this.#credit !== undefined;
  }

  /** Received bytes that nobody has read, over all streams. */
  get unread(): number {
    return this.#buffered;
  }

  /** Bytes that were read and for which the peer has no credit yet. */
  get uncredited(): number {
    return this.#due.reduce((sum, { uncredited }) => sum + uncredited, 0);
  }

  /** See `ReceiveWindows.sessionWindow`. */
  get sessionWindow(): number {
    return this.#credit?.sessionWindow ?? 0;
  }

  /** A piece of the read buffer belongs to the stream. */
  received(state: StreamCore, data: Uint8Array): void {
    this.#buffered += data.length;
    const credit = this.#credit;
    if (credit?.received(data.length)) {
      this.#events.ping().then(() => {
        credit.measured();
        this.#events.flush();
      }).catch(() => credit.abandoned());
    }
    if (state.receiveBuffer.push(data)) {
      this.#unsettled.push(state.receiveBuffer);
    }
  }

  /**
   * What came goes to the readers that wait. True when more is left for them:
   * those who come back before {@linkcode settle} get it from the read buffer.
   */
  deliver(): boolean {
    let left = false;
    for (const receiveBuffer of this.#unsettled) {
      left = receiveBuffer.deliver() || left;
    }
    return left;
  }

  /** Copies the rest of the read buffer, which is about to be reused. */
  settle(): void {
    for (const receiveBuffer of this.#unsettled) receiveBuffer.settle();
    this.#unsettled.length = 0;
    this.reconsider();
  }

  /** Pauses or resumes reading, depending on the unread bytes and on what the application waits for. */
  reconsider(): void {
    if (this.#credit !== undefined || this.#stopped) return;
    const bound = this.#holding ? this.#bound / 2 : this.#bound;
    if (this.#buffered <= bound) return this.#hold(false);
    const wait = this.#events.wait();
    this.#hold(wait === "none" || this.#buffered > this.#most);
    // To hold reading may have ended the connection.
    if (!this.#holding || this.#stopped) return;
    if (wait !== "need" || this.#mayHold) return;
    this.#stuck ??= new QuietTimer(PATIENCE, () => {
      if (this.#events.wait() === "need") this.#events.stuck(this.#most);
    });
  }

  /** The connection ends: nothing is held back or waited for any more. */
  stop(): void {
    this.#stopped = true;
    this.#stopTimer();
  }

  #stopTimer(): void {
    this.#stuck?.stop();
    this.#stuck = undefined;
  }

  #hold(hold: boolean): void {
    if (!hold) this.#stopTimer();
    if (hold === this.#holding) return;
    this.#holding = hold;
    this.#events.holdReading(hold);
  }

  /** The application has finished with bytes of the stream. */
  consumed(state: StreamCore, size: number): void {
    if (this.#stopped) return;
    this.#consume(state, size);
    this.onConsumed?.();
  }

  #consume(state: StreamCore, consumed: number): void {
    const counted = Math.min(consumed, state.discounted);
    state.discounted -= counted;
    const size = consumed - counted;
    if (size === 0) return;
    this.#buffered -= size;
    if (this.#credit !== undefined) {
      if (state.uncredited === 0) this.#due.push(state);
      state.uncredited += size;
      this.#events.flush();
    } else if (this.#holding) {
      this.#stuck?.touch();
      const mayGoOn = this.#buffered <= this.#bound / 2 ||
        this.#stuck !== undefined;
      if (mayGoOn) this.reconsider();
    }
  }

  /**
   * Submits WINDOW_UPDATEs for the bytes that were read. Only when a write begins:
   * otherwise a peer that does not read would make the queue of them grow.
   */
  giveCredit(): void {
    for (const state of this.#due) {
      this.#credit?.consumed(state, state.uncredited);
      state.uncredited = 0;
    }
    this.#due.length = 0;
  }

  /**
   * The stream has closed, and its window with it. What is left to read of it
   * may never be read, so it holds nobody else back: it counts as consumed,
   * unless somebody sees to it that it is read or dropped. When closed streams
   * hold as much as they may (`isFull`), it counts until whoever has the stream
   * reads it or lets go of the stream.
   */
  closed(state: StreamCore, isFull: boolean): void {
    const rest = state.receiveBuffer.size;
    // What a window had grown by counts as long as bytes lie there.
    if (rest === 0 || !state.isShared) this.#credit?.closed(state);
    const isHeld = isFull && state.isShared && !this.windows;
    if (!isHeld) this.#discount(state);
  }

  /** What is left to read of the stream counts as consumed. */
  #discount(state: StreamCore): void {
    if (state.countedWhenClosed) return;
    const { size } = state.receiveBuffer;
    // First what is discounted already.
    this.#consume(state, size);
    state.discounted = size;
  }

  /** Nobody has the stream any more. */
  released(state: StreamCore): void {
    this.#credit?.closed(state);
    this.#discount(state);
  }
}
