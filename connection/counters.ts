/**
 * Read-only counters of a connection, which tests compare with what they observed.
 *
 * @module
 */

import type { SessionCounters } from "../session/counters.ts";

/** What a connection counts as it goes. */
export interface Traffic {
  framesSent: number;
  framesReceived: number;
  bytesReceived: number;
}

/** A connection. When it is at rest with no stream open, all but the windows is 0. */
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
  /** Bytes that were read and for which the peer has no credit yet. */
  readonly uncredited: number;
  /** Reading is held back. */
  readonly readingHeld: boolean;
  /** The receive window that the session is meant to have, bytes; 0 without flow control. */
  readonly sessionWindow: number;
  /** The end has begun: nothing is read or opened any more. */
  readonly ending: boolean;
  readonly session: SessionCounters;
}
