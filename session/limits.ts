/**
 * What a peer can make a session do or hold: every bound there is, each with
 * its default.
 *
 * @module
 */

import { MAX_FRAME_LENGTH } from "../frame/constants.ts";
import { type FrameLimits, resolveFrameLimits } from "../frame/limits.ts";
import { checkWhole } from "../numbers.ts";

/**
 * The bounds of a session. Those that the frames themselves have to keep come
 * from `FrameLimits`.
 *
 * No clock is read: a budget is spent by frames that bring nothing, and given
 * back by useful work (payload bytes in either direction, replies written,
 * streams that end well). A peer that passes a bound is told GOAWAY
 * `PROTOCOL_ERROR`, and `session.failure` says which bound it was, unless
 * something else is named.
 *
 * @example
 * ```ts
 * import { type Limits, PROTO_SPDY3_1, SERVER, Session } from "@spdy/spdy";
 *
 * const limits: Limits = { maxConcurrentStreams: 10, maxHeaderBlock: 8192 };
 * new Session(SERVER, PROTO_SPDY3_1, { limits });
 * ```
 */
export interface Limits extends FrameLimits {
  /**
   * Streams the peer may have open at once, 0..2^31-1; default 100. A server
   * announces it in a SETTINGS frame that it queues when it is made, unless it
   * is 2^31-1, `announceStreams` is false, or the application submits a value of its own first. A stream
   * above it is refused with RST_STREAM `REFUSED_STREAM`.
   */
  readonly maxConcurrentStreams?: number;
  /** Longest payload of a DATA frame that is sent, bytes, 1..2^24-1; default 16384, of a `Connection` 65536. */
  readonly maxDataFrameSize?: number;
  /**
   * Frames that the session queued by itself (PING replies, RST_STREAMs,
   * WINDOW_UPDATEs) and that the transport did not take yet; default 1000.
   */
  readonly maxQueuedReplies?: number;
  /**
   * PINGs of this end that may wait for their replies; default 1000. One more
   * makes `submitPing` throw.
   */
  readonly maxOutstandingPings?: number;
  /**
   * Streams of the peer that end in a reset before anything was replied, or
   * are refused; default 1000. Given back by replies written and by streams
   * that end well.
   */
  readonly maxRapidResets?: number;
  /** SETTINGS frames without useful work between them; default 1000. */
  readonly maxIdleSettings?: number;
  /** WINDOW_UPDATE frames without useful work between them; default 10000. */
  readonly maxIdleWindowUpdates?: number;
  /** DATA frames that are empty and do not end their stream; default 1000. */
  readonly maxIdleEmptyData?: number;
  /**
   * DATA frames sent that the peer's windows cut below 256 bytes, without
   * useful work between them; default 10000.
   */
  readonly maxTinyData?: number;
  /** HEADERS frames without useful work between them; default 1000. */
  readonly maxIdleHeaders?: number;
  /**
   * Frames of unknown types, and frames that are passed over (NOOP,
   * CREDENTIAL, other versions, streams that do not exist); default 1000. DATA
   * that was under way when its stream was reset or refused is not counted.
   */
  readonly maxIdleIgnored?: number;
}

/** The bounds of a session that are not those of the frame layer. */
export type SessionLimits = Required<Omit<Limits, keyof FrameLimits>>;

/** Every bound of a session, with its value. */
export type ResolvedLimits = Required<Limits>;

/** The bounds that hold where {@linkcode Limits} names none. */
export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  maxConcurrentStreams: 100,
  maxDataFrameSize: 16384,
  maxQueuedReplies: 1000,
  maxOutstandingPings: 1000,
  maxRapidResets: 1000,
  maxIdleSettings: 1000,
  maxIdleWindowUpdates: 10000,
  maxIdleEmptyData: 1000,
  maxTinyData: 10000,
  maxIdleHeaders: 1000,
  maxIdleIgnored: 1000,
};

/**
 * Fills in the defaults.
 *
 * Throws `InvalidArgumentError` when a bound is not a whole number in its range.
 */
export function resolveLimits(limits: Limits): ResolvedLimits {
  const resolved = { ...DEFAULT_SESSION_LIMITS };
  for (const name of limitNames()) {
    const value = limits[name] ?? DEFAULT_SESSION_LIMITS[name];
    const isFrameSize = name === "maxDataFrameSize";
    const lowest = isFrameSize ? 1 : 0;
    const highest = isFrameSize ? MAX_FRAME_LENGTH : 0x7fffffff;
    resolved[name] = checkWhole(`limits.${name}`, value, lowest, highest);
  }
  return { ...resolved, ...resolveFrameLimits(limits) };
}

function limitNames(): (keyof SessionLimits)[] {
  return [
    "maxConcurrentStreams",
    "maxDataFrameSize",
    "maxQueuedReplies",
    "maxOutstandingPings",
    "maxRapidResets",
    "maxIdleSettings",
    "maxIdleWindowUpdates",
    "maxIdleEmptyData",
    "maxTinyData",
    "maxIdleHeaders",
    "maxIdleIgnored",
  ];
}
