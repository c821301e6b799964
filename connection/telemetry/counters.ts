/**
 * Read-only counters of a connection, for metrics and for tests.
 *
 * @module
 */

import type { SessionCounters } from "../../session/counters.ts";

/** Values that a connection counts. */
export interface Traffic {
  framesSent: number;
  framesReceived: number;
  bytesReceived: number;
}

/**
 * The counters of a connection. When no stream is open and nothing is in progress,
 * all except the windows are 0.
 */
export interface ConnectionCounters {
  /** Open streams. */
  readonly streams: number;
  /** Streams with something to submit. */
  readonly ready: number;
  /** Own streams that wait for the peer's limit or for their SYN_STREAM to be sent. */
  readonly opening: number;
  /** Own streams submitted or open. */
  readonly ownStreams: number;
  /** Bytes copied out of writers. */
  readonly reserved: number;
  /** Received bytes that the application has not read. */
  readonly unread: number;
  /** Bytes that were read and are not in a WINDOW_UPDATE yet. */
  readonly pendingUpdate: number;
  /** Whether reading is paused. */
  readonly readingHeld: boolean;
  /** The intended receive window of the session, bytes; 0 without flow control. */
  readonly sessionWindow: number;
  /** Whether the end has begun: nothing is read or opened any more. */
  readonly ending: boolean;
  readonly session: SessionCounters;
}
