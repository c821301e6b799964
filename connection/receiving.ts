/**
 * Received bytes on their way to the readers: who has them, what credit the
 * peer gets for them, and when to stop reading.
 *
 * @module
 */

import {
  INITIAL_WINDOW_SIZE,
  PROTO_SPDY2,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../frame/constants.ts";
import type { Session } from "../session.ts";
import { Credit } from "./credit.ts";
import type { Inbox } from "./inbox.ts";
import type { ResolvedOptions } from "./options.ts";
import type { StreamState } from "./stream_state.ts";

/** What is asked of the connection. */
export interface ReceivingEvents {
  /** Sends a PING to measure the path. */
  ping(): Promise<number>;
  /** Credit was submitted: write soon. */
  flush(): void;
  /** Stop reading from the transport, or go on. */
  holdReading(hold: boolean): void;
}

/**
 * With flow control, streams' windows bound what may come, and their credit
 * follows the readers; that of the session comes back on arrival, so that no
 * stream waits for the reader of another. Without, the socket is the
 * back-pressure: reading stops while more than `maxBufferedBytes` are unread.
 */
export class Receiving {
  readonly #events: ReceivingEvents;
  readonly #bound: number;
  readonly #credit: Credit | undefined;
  /** Inboxes that hold pieces of the read under way. */
  readonly #unsettled: Inbox[] = [];
  /** Received bytes that nobody has read, over all streams. */
  #buffered = 0;
  #holding = false;
  /** Streams whose readers have finished with bytes since the last write. */
  readonly #due: StreamState[] = [];

  /** `ownSettings`: what was announced to the peer by now. */
  constructor(
    session: Session,
    options: ResolvedOptions,
    ownSettings: ReadonlyMap<number, number>,
    events: ReceivingEvents,
  ) {
    this.#events = events;
    this.#bound = options.maxBufferedBytes;
    if (options.flowControl === false || options.version === PROTO_SPDY2) {
      return;
    }
    const initial = ownSettings.get(SETTINGS_INITIAL_WINDOW_SIZE) ??
      INITIAL_WINDOW_SIZE;
    this.#credit = new Credit(session, initial, options);
  }

  /** Received bytes that nobody has read, over all streams. */
  get unread(): number {
    return this.#buffered;
  }

  /** Bytes that were read and for which the peer has no credit yet. */
  get uncredited(): number {
    return this.#due.reduce((sum, { uncredited }) => sum + uncredited, 0);
  }

  /** See `Credit.sessionWindow`. */
  get sessionWindow(): number {
    return this.#credit?.sessionWindow ?? 0;
  }

  /** A piece of the read buffer belongs to the stream. */
  came(state: StreamState, data: Uint8Array): void {
    this.#buffered += data.length;
    const credit = this.#credit;
    if (credit?.received(data.length)) {
      this.#events.ping().then(() => {
        credit.measured();
        this.#events.flush();
      }).catch(() => credit.abandoned());
    }
    if (state.inbox.push(data)) this.#unsettled.push(state.inbox);
  }

  /**
   * What came goes to the readers that wait. True when more is left for them:
   * those who come back before {@linkcode settle} get it from the read buffer.
   */
  deliver(): boolean {
    let left = false;
    for (const inbox of this.#unsettled) left = inbox.deliver() || left;
    return left;
  }

  /** The read buffer is about to be used again. */
  settle(): void {
    for (const inbox of this.#unsettled) inbox.settle();
    this.#unsettled.length = 0;
    if (this.#credit === undefined && this.#buffered > this.#bound) {
      this.#holding = true;
      this.#events.holdReading(true);
    }
  }

  /** The application has finished with bytes of the stream. */
  consumed(state: StreamState, consumed: number): void {
    const counted = Math.min(consumed, state.discounted);
    state.discounted -= counted;
    const size = consumed - counted;
    if (size === 0) return;
    this.#buffered -= size;
    if (this.#credit !== undefined) {
      if (state.uncredited === 0) this.#due.push(state);
      state.uncredited += size;
      this.#events.flush();
    } else if (this.#holding && this.#buffered <= this.#bound / 2) {
      this.#holding = false;
      this.#events.holdReading(false);
    }
  }

  /**
   * A write begins, so credit for what was read can leave. Not before: a peer
   * that does not read would have more and more of it queued, and might use it.
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
   * unless somebody sees to it that it is read or dropped.
   */
  closed(state: StreamState): void {
    this.#credit?.closed(state);
    if (state.countedWhenClosed) return;
    const rest = state.inbox.size;
    this.consumed(state, rest);
    state.discounted = rest;
  }
}
