/**
 * What a session counts, to be looked at and not to be changed: tests hold it
 * against what they saw happen.
 *
 * @module
 */

import type { SessionCore } from "./core.ts";
import type { ReceiveWindow } from "./flow_control.ts";

/** One receive window, bytes. */
export interface WindowCounters {
  /** What the peer may still send. */
  readonly available: number;
  /** What the application has and is not done with. */
  readonly unconsumed: number;
  /** All that the window spans; changes only when the window does. */
  readonly span: number;
}

/** One stream of a session. */
export interface SessionStreamCounters {
  readonly id: number;
  /** The peer may still send on it: neither reset, nor about to be, nor ended by it. */
  readonly open: boolean;
  /** Bytes it may send as far as its own window goes. */
  readonly sendWindow: number;
  readonly receiveWindow: WindowCounters | undefined;
}

/** A session. */
export interface SessionCounters {
  /** Bytes it may send; infinite without a window of the session. */
  readonly sendWindow: number;
  readonly receiveWindow: WindowCounters | undefined;
  readonly streams: readonly SessionStreamCounters[];
}

/** Reads the counters; `unfinished` is the DATA frame under way. */
export function sessionCounters<S>(
  core: SessionCore<S>,
  unfinished: { streamId: number; remaining: number },
): SessionCounters {
  const { streamId, remaining } = unfinished;
  const streams = [...core.streams.values()].map((stream) => ({
    id: stream.id,
    open: stream.state !== "closing" && !stream.shutRead,
    sendWindow: core.peer.initialWindow + stream.sendCredit,
    receiveWindow: windowCounters(
      stream.receiveWindow,
      stream.id === streamId ? remaining : 0,
    ),
  }));
  return {
    sendWindow: core.sendWindow,
    receiveWindow: windowCounters(core.receiveWindow, remaining),
    streams,
  };
}

/** The window was charged for the whole frame when its head came. */
function windowCounters(
  window: ReceiveWindow | undefined,
  underWay: number,
): WindowCounters | undefined {
  return window && {
    available: window.available,
    unconsumed: window.unconsumed,
    span: window.span + underWay,
  };
}
