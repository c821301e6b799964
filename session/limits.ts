/**
 * The limits of a session: how much a peer can make it do or hold, with the
 * defaults.
 *
 * @module
 */

import { MAX_FRAME_LENGTH } from "../frame/constants.ts";
import {
  DEFAULT_FRAME_LIMITS,
  type FrameLimits,
  isResolved,
  keepResolved,
  resolveFrameLimits,
} from "../frame/limits.ts";
import { checkWhole, MAX_INT32 } from "../numbers.ts";
import { checkNames } from "../values.ts";

/**
 * The limits of a session, including those of `FrameLimits` for single frames.
 *
 * The budgets use no clock: useless frames spend them, and useful work restores
 * them (payload bytes in either direction, replies written, streams that end
 * without a reset). Unless the limit says otherwise, a peer that exceeds it gets
 * GOAWAY `PROTOCOL_ERROR`, and `session.failure` names the limit.
 *
 * @example
 * ```ts
 * import { type Limits, PROTO_SPDY3_1, SERVER, Session } from "@spdy/spdy";
 *
 * const limits: Limits = { maxConcurrentStreams: 10, maxHeaderBlock: 8192 };
 * new Session(SERVER, PROTO_SPDY3_1, { limits });
 * ```
 *
 * @category Session
 */
export interface Limits extends FrameLimits {
  /**
   * Streams the peer may have open at once, 0..2^31-1; default 100. The
   * constructor of a server queues a SETTINGS frame that announces it, unless it is
   * 2^31-1, `announceStreams` is false, or the application submits its own value
   * first. A stream above the limit is refused with RST_STREAM `REFUSED_STREAM`.
   */
  readonly maxConcurrentStreams?: number;
  /** Longest payload of a DATA frame that is sent, bytes, 1..2^24-1; default 16384, in a `Connection` 65536. */
  readonly maxDataFrameSize?: number;
  /**
   * Frames that the session queued itself (PING replies, RST_STREAMs,
   * WINDOW_UPDATEs) and that the transport has not taken yet; default 1000.
   */
  readonly maxQueuedReplies?: number;
  /**
   * PINGs of this side that may wait for replies; default 1000. Beyond it
   * `submitPing` throws.
   */
  readonly maxOutstandingPings?: number;
  /**
   * Streams of the peer that are reset before this side replied, or refused; default
   * 1000. Replies written and streams that end without a reset restore it.
   */
  readonly maxRapidResets?: number;
  /** SETTINGS frames without useful work between them; default 1000. */
  readonly maxIdleSettings?: number;
  /** WINDOW_UPDATE frames without useful work between them; default 10000. */
  readonly maxIdleWindowUpdates?: number;
  /** Empty DATA frames without FIN; default 1000. */
  readonly maxIdleEmptyData?: number;
  /**
   * Sent DATA frames that the peer's windows cut below 256 bytes, without useful
   * work between them; default 10000.
   */
  readonly maxTinyData?: number;
  /** HEADERS frames without useful work between them; default 1000. */
  readonly maxIdleHeaders?: number;
  /**
   * Frames of unknown types, and other ignored frames (NOOP, CREDENTIAL, other
   * versions, streams that do not exist); default 1000. DATA that the peer sent
   * before it learned of a reset or refusal does not count.
   */
  readonly maxIdleIgnored?: number;
}

/** The limits of a session without those of the frame layer. */
export type SessionLimits = Required<Omit<Limits, keyof FrameLimits>>;

/** Every limit of a session, with its value. */
export type ResolvedLimits = Required<Limits>;

/** The defaults of {@linkcode Limits}. */
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

/** Names of the session's limits: a limit without a default is a type error. */
const SESSION_LIMIT_NAMES = Object.keys(
  DEFAULT_SESSION_LIMITS,
) as (keyof SessionLimits)[];

/** Names of all limits, those of frames included. */
const LIMIT_NAMES: Readonly<Record<string, true>> = Object.fromEntries(
  [...SESSION_LIMIT_NAMES, ...Object.keys(DEFAULT_FRAME_LIMITS)]
    .map((name) => [name, true]),
);

/**
 * Fills in the defaults: those of `own`, then those of {@linkcode Limits}. A limit that is
 * `undefined` counts as not set.
 *
 * Throws `InvalidArgumentError` when a limit is not a whole number in its range.
 */
export function resolveLimits(
  limits: Limits,
  own: Limits = {},
): ResolvedLimits {
  if (isResolved(limits)) return limits as ResolvedLimits;
  checkNames("limits", limits, LIMIT_NAMES);
  const resolved = { ...DEFAULT_SESSION_LIMITS };
  for (const name of SESSION_LIMIT_NAMES) {
    const value = limits[name] ?? own[name] ?? resolved[name];
    const isFrameSize = name === "maxDataFrameSize";
    const lowest = isFrameSize ? 1 : 0;
    const highest = isFrameSize ? MAX_FRAME_LENGTH : MAX_INT32;
    resolved[name] = checkWhole(`limits.${name}`, value, lowest, highest);
  }
  return keepResolved({ ...resolved, ...resolveFrameLimits(limits, own) });
}
