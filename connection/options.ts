/**
 * Everything a `Connection` can be told, with defaults and ranges.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { PROTO_SPDY3_1, type ProtocolVersion } from "../frame/constants.ts";
import type { CtrlFrame, SettingsEntry } from "../frame/types.ts";
import type { DATA } from "../frame/constants.ts";
import { checkInterval, checkTimeout, checkWhole } from "../numbers.ts";
import type { SessionOptions } from "../session.ts";
import { CLIENT } from "../session/constants.ts";
import { DEFAULT_SESSION_LIMITS } from "../session/limits.ts";
import {
  checkSideAndVersion,
  resolveSettings,
  type SessionSettings,
} from "../session/options.ts";
import { checkSettings } from "../session/submit.ts";
import type { KeepAliveOptions } from "./keepalive.ts";
import { trailersRoom } from "./trailers.ts";
import type { SettingsStore } from "./settings_store.ts";

/** A DATA frame in a trace: its size, not its bytes. */
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

/** A frame as `onFrame` sees it. */
export type TracedFrame = CtrlFrame | TracedData;

/** Which way a frame went. */
export type FrameDirection = "sent" | "received";

/** Bounds on the growth of receive windows. */
export interface WindowTuningOptions {
  /** Largest window of a stream, bytes; default 16 MiB, 65536 to 2^31-1. */
  readonly maxWindow?: number;
  /** Most memory that all streams' windows together may grow by, bytes; default 4 MiB, 0 to 2^53-1. */
  readonly maxMemory?: number;
}

/**
 * What a `Connection` can be told besides its side and version. All of it is
 * optional; times are in ms, sizes in bytes.
 */
export interface ConnectionTuning {
  /** Bounds of the session; see `Limits`. Here `maxDataFrameSize` is 65536 by default. */
  readonly limits?: SessionOptions["limits"];
  /**
   * Default true. False: neither windows nor WINDOW_UPDATE, for peers that know
   * neither (moby/spdystream, Kubernetes). Back-pressure is then the socket,
   * see `maxBufferedBytes`. SPDY/2 has no flow control in any case.
   */
  readonly flowControl?: boolean;
  /** Header compression, default `"safe"`. */
  readonly headerCompression?: SessionOptions["headerCompression"];
  /** Header names kept out of compression besides the built-in ones. */
  readonly sensitiveHeaders?: string[];
  /** A client takes bidirectional streams that the server opens; default false. */
  readonly acceptServerStreams?: boolean;
  /** Server: tells the peer `limits.maxConcurrentStreams` by SETTINGS; default true. False for peers that ignore it (Kubernetes). */
  readonly announceStreams?: boolean;
  /**
   * Bytes collected for one write; default 524288, 1024 to 16777216. A full
   * buffer stops the senders. More than 262144 are collected only while the
   * transport takes a full buffer at 2 Gbit/s or faster, so that slow links stay
   * quick for what is urgent.
   */
  readonly maxSendBuffer?: number;
  /**
   * Without flow control only: received bytes that may wait to be read, over
   * all streams, before reading from the socket stops; default 4194304, 1 to
   * 2^53-1. One read more than that may come.
   */
  readonly maxBufferedBytes?: number;
  /**
   * Without flow control only: received bytes that may wait to be read while
   * the application waits for something that only reading can bring: bytes of
   * an empty stream, a response, trailers, a PING, a place for a new stream.
   * Until then `maxBufferedBytes` does not stop reading. Beyond it reading
   * stops, and when nothing of it is read for a second the connection fails
   * with an error that names the streams. Default 67108864, 1 to 2^53-1; below
   * `maxBufferedBytes` that counts.
   */
  readonly maxUnreadBytes?: number;
  /**
   * Without flow control only: beyond `maxUnreadBytes` reading stops for as long
   * as nothing is read, and the connection does not fail; default false. For
   * peers whose only back-pressure is the socket, and readers that may pause for
   * minutes.
   */
  readonly holdUnread?: boolean;
  /**
   * Streams of the peer that may wait to be taken by iterating over the
   * connection, ended ones among them; one more is reset with REFUSED_STREAM.
   * 0 to 2^31-1; default 256, or `limits.maxConcurrentStreams` if that is more.
   */
  readonly maxWaitingStreams?: number;
  /**
   * What the streams of the connection may hold besides the bytes within their
   * windows: header blocks (128 bytes and two for each character a header), the
   * streams themselves (2048 bytes each), and the unread bytes of streams that
   * have closed and that the application has not taken, or `serve` not answered.
   * Without windows those of a stream that is reset are dropped beyond it.
   * A stream of the peer beyond it is reset with REFUSED_STREAM, one that gets
   * headers beyond it with FRAME_TOO_LARGE. Bytes; default 2097152, 1 to 2^53-1.
   */
  readonly maxHeldBytes?: number;
  /**
   * SPDY/3.1 only: receive window of the whole session, bytes; default 1048576,
   * 65536 to 2^31-1. It bounds what may be under way over all streams, and
   * comes back on arrival: what waits unread is bounded by the windows of the
   * streams. It grows by as much as the tuned window of a stream.
   */
  readonly sessionWindow?: number;
  /** Growth of receive windows by measured bandwidth x delay; default true. */
  readonly windowTuning?: boolean | WindowTuningOptions;
  /** SETTINGS sent at the start. */
  readonly settings?: readonly SettingsEntry[];
  /** Client: where settings are kept that the server asked to persist. Needs `origin`. */
  readonly settingsStore?: SettingsStore;
  /**
   * Client: the server's scheme, host and port, such as `"https://example.org"`.
   * It is the key in `settingsStore`, and what `fetch` puts before a path.
   * `connect` fills it in.
   */
  readonly origin?: string;
  /** PINGs into silence; default none. */
  readonly keepAlive?: KeepAliveOptions;
  /** The connection closes after so long with no stream open and no byte received, ms; default 0: never. A whole number of at most 2^31-1, as all times are. */
  readonly idleTimeout?: number;
  /**
   * Own streams: reset with CANCEL when no SYN_REPLY came for so long after
   * the transport took the SYN_STREAM, ms. A
   * server also closes a connection that began with no stream for so long.
   * Default 0: never. At most 2^31-1.
   */
  readonly headerTimeout?: number;
  /**
   * Longest time a control frame of the peer may take from its head to its
   * last byte, ms; beyond it the connection ends. 0: never; default 30000.
   * At most 2^31-1.
   */
  readonly controlFrameTimeout?: number;
  /**
   * How long nothing may leave while the last bytes leave, and then how long
   * nothing may move, in either direction, while the peer is to close, before
   * the connection ends all the same, ms; default 1000, at most 2^31-1. 0: no
   * end to the wait. Streams whose peer has ended its direction of the transport
   * have as long to go on with their answers. A peer that has taken everything
   * and only sends is waited for 60 times as long.
   */
  readonly closeTimeout?: number;
  /** Called for each frame sent and received. What it throws ends the connection. */
  readonly onFrame?: (direction: FrameDirection, frame: TracedFrame) => void;
}

/** What `new Connection` takes after the transport. */
export interface ConnectionOptions extends ConnectionTuning {
  /** `CLIENT` or `SERVER`. */
  readonly side: 1 | 2;
  /** The protocol version both sides know. */
  readonly version: ProtocolVersion;
}

/** Options with every default filled in. */
export interface ResolvedOptions extends ConnectionOptions {
  readonly maxSendBuffer: number;
  readonly maxBufferedBytes: number;
  readonly maxUnreadBytes: number;
  readonly maxWaitingStreams: number;
  readonly maxHeldBytes: number;
  /** What all streams may hold for each stream that this side has open, bytes, if that is more than `maxHeldBytes`. */
  readonly heldPerOwnStream: number;
  readonly trailersRoom: number;
  readonly sessionWindow: number;
  /** `undefined`: windows are not tuned. */
  readonly tuning: Required<WindowTuningOptions> | undefined;
  readonly idleTimeout: number;
  readonly headerTimeout: number;
  readonly controlFrameTimeout: number;
  readonly closeTimeout: number;
}

/** What a stream may hold on average unless `maxHeldBytes` says otherwise: 2 KiB for the stream and 20 headers of 80 characters. */
const HELD_PER_STREAM = 8192;

/**
 * Fills in the defaults.
 *
 * Throws `InvalidArgumentError` naming the option that is out of its range,
 * `UnsupportedVersionError` for a version that is none.
 */
export function resolveOptions(options: ConnectionOptions): ResolvedOptions {
  checkSideAndVersion(options.side, options.version);
  resolveSettings(sessionSettings(options));
  checkSettings(options.settings ?? []);
  const { windowTuning = true, keepAlive } = options;
  const tuning = typeof windowTuning === "object" ? windowTuning : {};
  if (keepAlive !== undefined) {
    checkInterval("keepAlive.interval", keepAlive.interval);
    checkTimeout("keepAlive.timeout", keepAlive.timeout ?? 0);
  }
  if (options.settingsStore !== undefined && options.origin === undefined) {
    throw new InvalidArgumentError("settingsStore needs an origin");
  }
  const {
    maxSendBuffer = 512 * 1024,
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
      0x7fffffff,
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
      0x7fffffff,
    ),
    idleTimeout: checkTimeout("idleTimeout", idleTimeout),
    headerTimeout: checkTimeout("headerTimeout", headerTimeout),
    controlFrameTimeout: checkTimeout(
      "controlFrameTimeout",
      controlFrameTimeout,
    ),
    closeTimeout: checkTimeout("closeTimeout", closeTimeout),
    tuning: windowTuning === false ? undefined : {
      maxWindow: checkWhole(
        "windowTuning.maxWindow",
        tuning.maxWindow ?? 16 * 1024 * 1024,
        65536,
        0x7fffffff,
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
 * Throws what `new Connection` would for these options. Whoever connects or
 * listens asks first: an error after that would leave a socket open, or end each
 * connection in silence.
 */
export function checkTuning(
  options: ConnectionTuning,
  version: ProtocolVersion = PROTO_SPDY3_1,
): void {
  // `connect` and `connectUpgrade` fill the origin in.
  const origin = options.origin ?? "http://localhost";
  resolveOptions({ ...options, origin, side: CLIENT, version });
}

/** What the session under a connection is told by the application. */
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

/** Streams that the peer may have open at once. */
export function maxConcurrentStreams({ limits }: ConnectionTuning): number {
  return limits?.maxConcurrentStreams ??
    DEFAULT_SESSION_LIMITS.maxConcurrentStreams;
}
