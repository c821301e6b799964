/**
 * The options of a `Connection`, with defaults and ranges.
 *
 * @module
 */

import {
  INITIAL_WINDOW_SIZE,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../frame/constants.ts";
import type { DATA } from "../frame/constants.ts";
import type { CtrlFrame, SettingsEntry } from "../frame/types.ts";
import { MAX_FLOW_WINDOW } from "../frame/window_update.ts";
import {
  checkInterval,
  checkTimeout,
  checkWhole,
  MAX_INT32,
} from "../numbers.ts";
import type { SessionOptions } from "../session.ts";
import { CLIENT } from "../session/constants.ts";
import {
  DEFAULT_SESSION_LIMITS,
  type Limits,
  type ResolvedLimits,
  resolveLimits,
} from "../session/limits.ts";
import {
  checkSideAndVersion,
  resolveSettings,
  type SessionSettings,
} from "../session/options.ts";
import { checkNames, copyOptions, type Names } from "../values.ts";
import { HEADS } from "./buffers/shared_buffers.ts";
import { trailersRoom } from "./buffers/trailers.ts";
import { checkKinds } from "./option_kinds.ts";
import type { SettingsStore } from "./settings_store.ts";
import type { FirstWrites } from "./time/first_writes.ts";
import { KEEPALIVE_NAMES, type KeepAliveOptions } from "./time/keepalive.ts";

/**
 * A DATA frame in a trace: its size, without its bytes.
 *
 * @category Connection
 */
export interface TracedData {
  /** {@linkcode DATA}. */
  readonly frameType: typeof DATA;
  /** Stream id, 1..2^31-1. */
  readonly streamId: number;
  /** Flags byte, 0..255. */
  readonly flags: number;
  /** Payload length, bytes. */
  readonly length: number;
}

/**
 * A frame as passed to `onFrame`.
 *
 * @category Connection
 */
export type TracedFrame = CtrlFrame | TracedData;

/**
 * The direction of a frame.
 *
 * @category Connection
 */
export type FrameDirection = "sent" | "received";

/**
 * Limits on the growth of receive windows.
 *
 * @category Connection
 */
export interface WindowTuningOptions {
  /** Largest window of a stream, and of the session, bytes; default 16 MiB, 65536 to 2^31-1. */
  readonly maxWindow?: number;
  /** Most bytes by which the windows of all streams together may grow; default 4 MiB, 0 to 2^53-1. */
  readonly maxMemory?: number;
}

/**
 * The options of a `Connection` besides its side and version. All are optional.
 * Times are in ms, and sizes in bytes.
 *
 * @category Connection
 */
export interface ConnectionTuning {
  /** Limits of the session; see `Limits`. The default of `maxDataFrameSize` is 65536 here. */
  readonly limits?: SessionOptions["limits"];
  /**
   * Use windows and WINDOW_UPDATE; default true. Set it to false for peers that
   * support neither (moby/spdystream, Kubernetes). The socket then provides
   * back-pressure; see `maxBufferedBytes`. SPDY/2 never has flow control.
   */
  readonly flowControl?: boolean;
  /** Policy of header compression; default `"safe"`. */
  readonly headerCompression?: SessionOptions["headerCompression"];
  /** Header names whose values are secret, in addition to the built-in ones; see `headerCompression`. */
  readonly sensitiveHeaders?: string[];
  /** Client: accept bidirectional streams that the server opens; default false. */
  readonly acceptServerStreams?: boolean;
  /** Server: announce `limits.maxConcurrentStreams` in SETTINGS; default true. Set it to false for peers that ignore SETTINGS (Kubernetes). */
  readonly announceStreams?: boolean;
  /**
   * Most bytes collected for one write; default 525312 (512 KiB of DATA with the heads
   * of its frames), 1024 to 16777216. A full buffer stops the senders. More than 15360
   * are collected only while the transport takes as many in 1 ms, so that urgent
   * frames do not wait long on slow links.
   */
  readonly maxSendBuffer?: number;
  /**
   * Without flow control: the number of unread received bytes, over all streams,
   * above which reading from the socket stops; default 4194304, 1 to 2^53-1. The
   * last read from the socket can exceed it. With or without flow control: the bytes
   * that requests above `maxConcurrentStreams` may hold while they wait for a place in
   * `serve`; see `maxWaitingStreams`. The latest that do not fit are refused.
   */
  readonly maxBufferedBytes?: number;
  /**
   * Only without flow control: the limit that replaces `maxBufferedBytes` while the
   * application waits for something that only more input can provide: bytes of an
   * empty stream, a response, trailers, a PING reply, or room for a new stream.
   * Above it reading from the socket stops, and if the application reads none of
   * the bytes for a second, the connection fails with an error that names the
   * streams. Default 67108864, 1 to 2^53-1; `maxBufferedBytes` applies if it is
   * larger.
   */
  readonly maxUnreadBytes?: number;
  /**
   * Only without flow control: above `maxUnreadBytes`, stop reading for as long as
   * the application reads nothing, instead of failing the connection; default
   * false. For readers that may pause for minutes.
   */
  readonly holdUnread?: boolean;
  /**
   * Most streams of the peer, including ended ones, that wait until the application
   * takes them by iterating over the connection. Further ones are reset with
   * REFUSED_STREAM. 0 to 2^31-1; default 256, or `limits.maxConcurrentStreams` if
   * that is larger.
   */
  readonly maxWaitingStreams?: number;
  /**
   * Most memory of the connection's streams besides the bytes within their windows,
   * bytes; 1 to 2^53-1. Default: 2097152, or 8192 for each stream that
   * `limits.maxConcurrentStreams` allows, or 8192 for each stream that this side has
   * open, whichever is the largest. It includes header blocks (128 bytes for each
   * header, and at most two for each character), the streams themselves (2048 bytes
   * each), and the unread bytes of closed streams that the application has not taken
   * or `serve` has not answered. Beyond it, a new stream of the peer is reset with
   * REFUSED_STREAM, and a stream that receives more headers is reset with
   * FRAME_TOO_LARGE. Without windows, the unread bytes of a stream that is reset are
   * dropped.
   */
  readonly maxHeldBytes?: number;
  /**
   * SPDY/3.1 only: receive window of the whole session at the start, bytes, 65536
   * to 2^31-1. It limits the bytes in flight over all streams and is restored as
   * bytes arrive; the windows of the streams limit the unread bytes. Default:
   * 65536, and up to 1048576 as soon as the round trip is known; 1048576 without
   * `windowTuning`. With `windowTuning`, it becomes as large or as small as the
   * path requires.
   */
  readonly sessionWindow?: number;
  /** Whether to adapt receive windows to the measured bandwidth-delay product; default true. */
  readonly windowTuning?: boolean | WindowTuningOptions;
  /** SETTINGS to send at the start. */
  readonly settings?: readonly SettingsEntry[];
  /** Client: stores the settings that the server asks to persist. Needs `origin`. */
  readonly settingsStore?: SettingsStore;
  /**
   * Client: the server's scheme, host and port, such as `"https://example.org"`.
   * It is the key in `settingsStore`, and the base of relative URLs in `fetch`.
   * `connect` sets it.
   */
  readonly origin?: string;
  /** When to send PINGs to a silent peer; default never. */
  readonly keepAlive?: KeepAliveOptions;
  /**
   * Closes the connection after this time without an open stream and without a
   * received byte, ms; default 0: no limit. All times are whole numbers of at most
   * 2^31-1.
   */
  readonly idleTimeout?: number;
  /**
   * How long to wait for the SYN_REPLY of a stream that this side opened, ms, after
   * the transport took the SYN_STREAM. Then the stream is reset with CANCEL. A
   * server also ends a connection if the client opens no stream in this time after
   * the start. Default 0: no limit. At most 2^31-1.
   */
  readonly headerTimeout?: number;
  /**
   * Longest time in which a control frame of the peer must arrive completely, ms;
   * otherwise the connection ends. 0: no limit; default 30000. At most 2^31-1.
   */
  readonly controlFrameTimeout?: number;
  /**
   * Longest time without progress while a connection closes, ms; default 1000, at
   * most 2^31-1; 0: no limit. While it sends its last bytes, the transport must
   * accept some of them within this time. While it then waits for the peer to
   * close, bytes must move in either direction. Otherwise the connection ends at
   * once. When the peer has closed its direction of the transport, responses that
   * are still being sent have the same limit. For a peer that has received
   * everything and only continues to send, the limit is 60 times as long.
   */
  readonly closeTimeout?: number;
  /** Called for each frame sent and received. An exception ends the connection. */
  readonly onFrame?: (direction: FrameDirection, frame: TracedFrame) => void;
}

/**
 * The options of `new Connection`.
 *
 * @category Connection
 */
export interface ConnectionOptions extends ConnectionTuning {
  /** `CLIENT` or `SERVER`. */
  readonly side: 1 | 2;
  /** The protocol version. */
  readonly version: ProtocolVersion;
}

/** The names of `ConnectionTuning`, for the checks of options that extend it. */
export const TUNING_NAMES: Names<ConnectionTuning> = {
  limits: true,
  flowControl: true,
  headerCompression: true,
  sensitiveHeaders: true,
  acceptServerStreams: true,
  announceStreams: true,
  maxSendBuffer: true,
  maxBufferedBytes: true,
  maxUnreadBytes: true,
  holdUnread: true,
  maxWaitingStreams: true,
  maxHeldBytes: true,
  sessionWindow: true,
  windowTuning: true,
  settings: true,
  settingsStore: true,
  origin: true,
  keepAlive: true,
  idleTimeout: true,
  headerTimeout: true,
  controlFrameTimeout: true,
  closeTimeout: true,
  onFrame: true,
};

const CONNECTION_NAMES: Names<ConnectionOptions> = {
  ...TUNING_NAMES,
  side: true,
  version: true,
};

const WINDOW_TUNING_NAMES: Names<WindowTuningOptions> = {
  maxWindow: true,
  maxMemory: true,
};

/**
 * The options that belong to a connection. `connect`, `serve` and others have
 * additional ones, which `new Connection` would refuse.
 */
export function tuningOf(options: ConnectionTuning): ConnectionTuning {
  return copyOptions(options, TUNING_NAMES);
}

/**
 * Key of an option that only `serve` sets: the peer's streams wait for a place
 * (`maxWaitingStreams`), so that streams that it opens before it knows the limit
 * are not refused. It is a symbol, so that applications cannot set it by accident.
 */
export const STREAMS_WAIT: unique symbol = Symbol("streamsWait");

/**
 * Server: where the first write waits briefly for the first request; see
 * {@linkcode IoLoop.flushSoon}.
 */
export const FIRST_WRITE_WAITS: unique symbol = Symbol("firstWriteWaits");

/** Options that only this package sets. */
export interface InternalOptions {
  readonly [FIRST_WRITE_WAITS]?: FirstWrites;
  readonly [STREAMS_WAIT]?: boolean;
}

/** Options with every default filled in. */
export interface ResolvedOptions extends ConnectionOptions, InternalOptions {
  readonly limits: ResolvedLimits;
  readonly maxSendBuffer: number;
  readonly maxBufferedBytes: number;
  readonly maxUnreadBytes: number;
  readonly maxWaitingStreams: number;
  readonly maxHeldBytes: number;
  /**
   * What all streams may hold, bytes for each stream that this side has open; used
   * if the result is more than `maxHeldBytes`.
   */
  readonly heldPerOwnStream: number;
  readonly trailersRoom: number;
  readonly sessionWindow: number;
  /** The receive window that the session has at the start, bytes. */
  readonly firstSessionWindow: number;
  /** `undefined`: windows are not tuned. */
  readonly tuning: Required<WindowTuningOptions> | undefined;
  readonly idleTimeout: number;
  readonly headerTimeout: number;
  readonly controlFrameTimeout: number;
  readonly closeTimeout: number;
}

/**
 * What a stream may hold on average, unless `maxHeldBytes` is set: 2 KiB for the
 * stream and 20 headers of 80 characters.
 */
const HELD_PER_STREAM = 8192;

/** Options that {@linkcode resolveOnce} returned. */
const resolvedOnce = new WeakSet<ConnectionOptions>();

/**
 * Resolves options that many connections have in common. {@linkcode resolveOptions}
 * returns the result as it is, which saves 5 % of an accept and 700 bytes of each
 * connection.
 */
export function resolveOnce(
  options: ConnectionOptions & InternalOptions,
): ResolvedOptions {
  const resolved = Object.freeze(resolveOptions(options));
  resolvedOnce.add(resolved);
  return resolved;
}

/** Whether many connections have these options in common; see {@linkcode resolveOnce}. */
export function isShared(options: ResolvedOptions): boolean {
  return resolvedOnce.has(options);
}

/**
 * Fills in the defaults.
 *
 * Throws `InvalidArgumentError`, which names the option, for an unknown option and
 * for one out of its range, and `UnsupportedVersionError` for an unknown version.
 */
export function resolveOptions(options: ConnectionOptions): ResolvedOptions {
  if (resolvedOnce.has(options)) return options as ResolvedOptions;
  checkNames("a Connection", options, CONNECTION_NAMES);
  checkSideAndVersion(options.side, options.version);
  resolveSettings(sessionSettings(options));
  checkKinds(options);
  const { windowTuning = true, keepAlive } = options;
  const tuning = typeof windowTuning === "object" ? windowTuning : {};
  checkNames("windowTuning", tuning, WINDOW_TUNING_NAMES);
  if (keepAlive !== undefined) {
    checkNames("keepAlive", keepAlive, KEEPALIVE_NAMES);
    checkInterval("keepAlive.interval", keepAlive.interval);
    checkTimeout("keepAlive.timeout", keepAlive.timeout ?? 0);
  }
  const {
    maxSendBuffer = DEFAULT_SEND_BUFFER,
    maxBufferedBytes = 4 * 1024 * 1024,
    maxUnreadBytes = 64 * 1024 * 1024,
    maxWaitingStreams = Math.max(256, maxConcurrentStreams(options)),
    maxHeldBytes = Math.max(
      2 * 1024 * 1024,
      HELD_PER_STREAM * maxConcurrentStreams(options),
    ),
    sessionWindow = 1024 * 1024,
    idleTimeout = 0,
    headerTimeout = 0,
    controlFrameTimeout = 30_000,
    closeTimeout = 1000,
  } = options;
  return {
    ...options,
    // The spread does not copy the getters and methods of a class.
    ...copyOptions(options, CONNECTION_NAMES),
    limits: withFrameSize(options.limits),
    maxSendBuffer: checkWhole("maxSendBuffer", maxSendBuffer, 1024, 1 << 24),
    maxBufferedBytes: checkWhole(
      "maxBufferedBytes",
      maxBufferedBytes,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    maxUnreadBytes: checkWhole(
      "maxUnreadBytes",
      maxUnreadBytes,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    maxWaitingStreams: checkWhole(
      "maxWaitingStreams",
      maxWaitingStreams,
      0,
      MAX_INT32,
    ),
    maxHeldBytes: checkWhole(
      "maxHeldBytes",
      maxHeldBytes,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    heldPerOwnStream: options.maxHeldBytes === undefined ? HELD_PER_STREAM : 0,
    trailersRoom: trailersRoom(options.limits),
    sessionWindow: checkWhole(
      "sessionWindow",
      sessionWindow,
      65536,
      MAX_FLOW_WINDOW,
    ),
    idleTimeout: checkTimeout("idleTimeout", idleTimeout),
    headerTimeout: checkTimeout("headerTimeout", headerTimeout),
    controlFrameTimeout: checkTimeout(
      "controlFrameTimeout",
      controlFrameTimeout,
    ),
    // If the application sets no value, the path is measured first.
    firstSessionWindow:
      options.sessionWindow === undefined && windowTuning !== false
        ? INITIAL_WINDOW_SIZE
        : sessionWindow,
    closeTimeout: checkTimeout("closeTimeout", closeTimeout),
    onFrame: options.onFrame || undefined,
    tuning: windowTuning === false ? undefined : {
      maxWindow: checkWhole(
        "windowTuning.maxWindow",
        tuning.maxWindow ?? 16 * 1024 * 1024,
        65536,
        MAX_FLOW_WINDOW,
      ),
      maxMemory: checkWhole(
        "windowTuning.maxMemory",
        tuning.maxMemory ?? 4 * 1024 * 1024,
        0,
        Number.MAX_SAFE_INTEGER,
      ),
    },
  };
}

/**
 * Throws the errors that `new Connection` would throw for {@linkcode tuningOf}
 * these options. Called before connecting or listening, because a later error would
 * leave a socket open or end each accepted connection without a message. `origin` is
 * what the caller sets if the options have none.
 */
export function checkTuning(
  options: ConnectionTuning,
  version: ProtocolVersion = PROTO_SPDY3_1,
  origin?: string,
): void {
  const tuning = { origin, ...tuningOf(options) };
  resolveOptions({ ...tuning, side: CLIENT, version });
}

/** Checks the options of a function that sets the origin, as soon as it is known. */
export function checkClientTuning(
  options: ConnectionTuning,
  version?: ProtocolVersion,
): void {
  checkTuning(options, version, "http://localhost");
}

/**
 * Default of the longest payload of a DATA frame, bytes:
 * an eighth of the send buffer. Moving a frame takes about 1 us whatever its
 * size, which with 16 KiB was a tenth of the time of a bulk transfer.
 */
export const DATA_FRAME_SIZE: number = 64 * 1024;
/**
 * Default of `maxSendBuffer`: the largest window on loopback leaves in one write. If it had
 * no room for the heads of the frames, their last bytes would need a write of their own.
 */
const DEFAULT_SEND_BUFFER = 512 * 1024 + HEADS;

function withFrameSize(limits: Limits = {}): ResolvedLimits {
  return resolveLimits(limits, { maxDataFrameSize: DATA_FRAME_SIZE });
}

/** The application's options for the session of a connection. */
export function sessionSettings(options: ConnectionTuning): SessionSettings {
  return {
    flowControl: options.flowControl,
    headerCompression: options.headerCompression,
    sensitiveHeaders: options.sensitiveHeaders,
    acceptServerStreams: options.acceptServerStreams,
    announceStreams: options.announceStreams,
    limits: options.limits,
  };
}

/** Most open streams of the peer. */
export function maxConcurrentStreams({ limits }: ConnectionTuning): number {
  return limits?.maxConcurrentStreams ??
    DEFAULT_SESSION_LIMITS.maxConcurrentStreams;
}
