/**
 * Removes streams from the connection when they have ended.
 *
 * @module
 */

import { INTERNAL_ERROR, OK } from "../frame/constants.ts";
import type { Session } from "../session.ts";
import { closedBeforeSent } from "./end_errors.ts";
import type { ReceiveFlow } from "./flow/receive_flow.ts";
import type { SendScheduler } from "./flow/send_scheduler.ts";
import type { HeldBytes } from "./stream/held_bytes.ts";
import type { OpenStreams } from "./stream/open_streams.ts";
import type { PendingStreams } from "./stream/pending_streams.ts";
import type { StreamCore } from "./stream/stream_core.ts";
import type { Timeouts } from "./timeouts.ts";

/** The parts of a connection that count its streams. */
export interface StreamCloserHost {
  readonly session: Session;
  readonly streams: OpenStreams;
  readonly scheduler: SendScheduler;
  readonly timeouts: Timeouts;
  readonly receiveFlow: ReceiveFlow;
  readonly heldBytes: HeldBytes;
  readonly pending: PendingStreams;
}

/** Ends streams that the session has closed, and those that this side resets. */
export class StreamCloser {
  readonly #host: StreamCloserHost;

  constructor(host: StreamCloserHost) {
    this.#host = host;
  }

  /** The session has closed the stream. */
  closed(state: StreamCore, statusCode: number): void {
    this.#remove(state);
    const isCut = statusCode !== OK || state.resetByPeer;
    if (isCut && !this.#mayKeepUnread(state)) {
      state.sessionClosed(statusCode);
      // There is no room for the unread bytes: a reader gets the error at once.
      state.receiveBuffer.abort(state.failure);
    }
    this.#countUnread(state);
    state.sessionClosed(statusCode);
    state.removeUser();
    if (!state.init.own) return;
    const reason = state.ticket === 0
      ? undefined
      : closedBeforeSent(state.id, statusCode);
    this.#host.pending.closed(state, reason);
  }

  /** Fails a stream on this side and resets it. */
  giveUp(state: StreamCore, reason: unknown): void {
    const { session, pending, scheduler } = this.#host;
    session.submitRstStream(state.id, INTERNAL_ERROR);
    this.#remove(state);
    this.#countUnread(state);
    state.failed(reason);
    state.removeUser();
    if (state.init.own) pending.closed(state, reason);
    scheduler.flush();
  }

  #remove(state: StreamCore): void {
    const { streams, timeouts } = this.#host;
    streams.remove(state.id);
    timeouts.replied(state);
    if (streams.size === 0) timeouts.streamsClosed();
  }

  /**
   * Whether the unread bytes of a stream that ended early may be kept for its
   * handler. Without windows, many such streams could otherwise each keep as many
   * bytes as all streams together may have unread.
   */
  #mayKeepUnread({ isShared, receiveBuffer }: StreamCore): boolean {
    const { receiveFlow, heldBytes } = this.#host;
    return receiveFlow.hasWindows || !isShared ||
      heldBytes.mayHold(receiveBuffer.size);
  }

  /** The session's windows no longer count the unread bytes, but a handler may still read them. */
  #countUnread(state: StreamCore): void {
    const { receiveFlow, heldBytes } = this.#host;
    if (state.isShared) heldBytes.unread(state, state.receiveBuffer.size);
    receiveFlow.closed(state, heldBytes.full);
  }
}
