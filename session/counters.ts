/**
 * Read-only counters of a session, for the connection layer and for tests.
 *
 * @module
 */

import type { SessionCore } from "./core.ts";
import type { ReceiveWindow } from "./flow_control.ts";

/** One receive window, bytes. */
export interface WindowCounters {
  /** Bytes that the peer may still send. */
  readonly available: number;
  /** Bytes that the application has received and not consumed. */
  readonly unconsumed: number;
  /** The full size of the window; see `ReceiveWindow.span`. */
  readonly span: number;
}

/** One stream of a session. */
export interface SessionStreamCounters {
  readonly id: number;
  /** The peer may still send: it has not closed its half, and no RST_STREAM was sent or queued. */
  readonly open: boolean;
  /** Bytes that the stream's own window lets this side send. */
  readonly sendWindow: number;
  readonly receiveWindow: WindowCounters | undefined;
}

/** The counters of a session. */
export interface SessionCounters {
  /** Bytes that the session window lets this side send; infinite when there is none. */
  readonly sendWindow: number;
  readonly receiveWindow: WindowCounters | undefined;
  readonly streams: readonly SessionStreamCounters[];
  /** Times that a body was set aside because a window was used up. */
  readonly windowStalls: number;
}

/** Reads the counters; `unfinished` is the DATA frame that has arrived only in part. */
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
    windowStalls: core.windowStalls,
  };
}

/** Adds the bytes that have not arrived yet: the window was charged for the whole frame when its head arrived. */
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
