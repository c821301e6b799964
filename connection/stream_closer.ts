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
  closed(core: StreamCore, statusCode: number): void {
    this.#remove(core);
    const isCut = statusCode !== OK || core.resetByPeer;
    if (isCut && !this.#mayKeepUnread(core)) {
      core.sessionClosed(statusCode);
      // There is no room for the unread bytes: a reader gets the error at once.
      core.receiveBuffer.abort(core.failure);
    }
    this.#countUnread(core);
    core.sessionClosed(statusCode);
    core.removeUser();
    if (!core.init.own) return;
    const reason = core.ticket === 0
      ? undefined
      : closedBeforeSent(core.id, statusCode);
    this.#host.pending.closed(core, reason);
  }

  /** Fails a stream on this side and resets it. */
  giveUp(core: StreamCore, reason: unknown): void {
    const { session, pending, scheduler } = this.#host;
    session.submitRstStream(core.id, INTERNAL_ERROR);
    this.#remove(core);
    this.#countUnread(core);
    core.failed(reason);
    core.removeUser();
    if (core.init.own) pending.closed(core, reason);
    scheduler.flush();
  }

  #remove(core: StreamCore): void {
    const { streams, timeouts } = this.#host;
    streams.remove(core.id);
    timeouts.replied(core);
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
  #countUnread(core: StreamCore): void {
    const { receiveFlow, heldBytes } = this.#host;
    if (core.isShared) heldBytes.unread(core, core.receiveBuffer.size);
    receiveFlow.closed(core, heldBytes.full);
  }
}
