/**
 * The options of a session, without its callbacks.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { MAX_FRAME_LENGTH, type ProtocolVersion } from "../frame/constants.ts";
import type { HeaderCompression } from "../frame/header_encoder.ts";
import { versionTraits } from "../frame/version.ts";
import { checkWhole } from "../numbers.ts";
import { checkNames, checkOptions, type Names, show } from "../values.ts";
import { CALLBACK_NAMES, type SessionCallbacks } from "./callbacks.ts";
import { CLIENT, SERVER, type Side } from "./constants.ts";
import { type Limits, type ResolvedLimits, resolveLimits } from "./limits.ts";

/** Smallest `maxRecvCtrlFrameBuffer`: every endpoint must accept control frames of this size (SPDY/3 draft 2.2.1). */
const MIN_CTRL_FRAME_BUFFER = 8192;

/**
 * The settings of a session, all optional.
 *
 * @category Session
 */
export interface SessionSettings {
  /** Any value; `session.userData` returns it. */
  readonly userData?: unknown;
  /**
   * Restore the peer's window as data arrives; default true. If false, the
   * application reports the bytes it has finished with by `consume`, or calls
   * `submitWindowUpdate` itself.
   */
  readonly autoWindowUpdate?: boolean;
  /**
   * Longest control frame that is accepted, and longest header block after
   * decompression, bytes, 8192..2^24-1. It sets `limits.maxControlFrameLength`,
   * `limits.maxHeaderBlock` and `limits.maxHeaderValueLength`, unless `limits` does.
   */
  readonly maxRecvCtrlFrameBuffer?: number;
  /** How header blocks are compressed; default `"safe"`. */
  readonly headerCompression?: HeaderCompression;
  /** Header names to treat as secret, in addition to the built-in ones. */
  readonly sensitiveHeaders?: readonly string[];
  /**
   * Use windows and WINDOW_UPDATE; default true. SPDY/2 never does. Set it to false
   * for peers that support neither (moby/spdystream, Kubernetes): no window limits
   * what is sent or received, and no WINDOW_UPDATE is sent.
   */
  readonly flowControl?: boolean;
  /**
   * Client only: accept streams that the server opens without an associated
   * stream, or as bidirectional, as moby/spdystream does; default false.
   */
  readonly acceptServerStreams?: boolean;
  /**
   * Overwrite the last frame with the next one; default false. The bytes passed to
   * the `send` callback are then valid only during the call, so it must copy or
   * write them at once. Large bodies are then sent three times as fast, and
   * requests with short bodies a few percent faster.
   */
  readonly reuseSendBuffer?: boolean;
  /**
   * Server only: announce `limits.maxConcurrentStreams` in SETTINGS; default true.
   * Set it to false for peers that ignore SETTINGS, such as moby/spdystream. Streams
   * above the limit are refused either way.
   */
  readonly announceStreams?: boolean;
  /** Limits on what the peer can cause. */
  readonly limits?: Limits;
}

/** Key of a member of {@linkcode TransportSettings}: a symbol, so that applications cannot set it by accident. */
export const BORROW_BODIES: unique symbol = Symbol("borrowBodies");

/** Key of another member of {@linkcode TransportSettings}. */
export const CREDIT_ON_ARRIVAL: unique symbol = Symbol("creditOnArrival");
/** Key of another member of {@linkcode TransportSettings}. */
export const URGENT_UPDATES: unique symbol = Symbol("urgentUpdates");
/** Key of another member of {@linkcode TransportSettings}. */
export const LOWERED_BY_PING: unique symbol = Symbol("loweredByPing");
/** Key of another member of {@linkcode TransportSettings}. */
export const SETTINGS_FIRST: unique symbol = Symbol("settingsFirst");
/** Key of another member of {@linkcode TransportSettings}. */
export const PUSH_BEFORE_PARENT: unique symbol = Symbol("pushBeforeParent");
/** Key of another member of {@linkcode TransportSettings}. */
export const EARLY_STREAMS: unique symbol = Symbol("earlyStreams");
/** Key of another member of {@linkcode TransportSettings}. */
export const ESCAPED_HEADERS: unique symbol = Symbol("escapedHeaders");

/** Key of another member of {@linkcode TransportSettings}. */
export const ON_STREAM_DATA: unique symbol = Symbol("onStreamData");

/** Key of another member of {@linkcode TransportSettings}. */
export const DATA_ROOM: unique symbol = Symbol("dataRoom");

/** Key of another member of {@linkcode TransportSettings}. */
export const SENT_WITHOUT_HEADERS: unique symbol = Symbol("sentWithoutHeaders");

/** Key of another member of {@linkcode TransportSettings}. */
export const RESOLVED: unique symbol = Symbol("resolved");

/** See {@linkcode TransportSettings}. */
export type StreamDataCallback = (userData: unknown, data: Uint8Array) => void;

/** Settings that only the connection layer of this package uses. */
export interface TransportSettings {
  /**
   * Pass the payload of a DATA frame to `send` separately, after its head, without
   * a copy: the array that the body's read callback returned, valid only during the
   * call. This saves one of two copies.
   */
  readonly [BORROW_BODIES]?: boolean;
  /**
   * With `autoWindowUpdate: false`: restore the session's window as DATA arrives,
   * and only the stream's window by `consume`. Otherwise a stream that nobody reads
   * would block the others.
   */
  readonly [CREDIT_ON_ARRIVAL]?: boolean;
  /**
   * Send WINDOW_UPDATEs with the highest priority of a stream. Otherwise each has that
   * of its stream, and the session's has the lowest, as in spdylay: while this side has
   * more urgent DATA to send, the peer runs out of window.
   */
  readonly [URGENT_UPDATES]?: boolean;
  /**
   * Enforce a lower `INITIAL_WINDOW_SIZE` of this side once the peer has answered a
   * PING that was sent after it, not once the SETTINGS frame was written. The
   * connection layer sends that PING.
   */
  readonly [LOWERED_BY_PING]?: boolean;
  /**
   * Send the first SETTINGS before every PING that is submitted after it, and before
   * replies to the peer's PINGs: after either of them, the other side may rely on having
   * seen all values. In spdylay, a PING overtakes it.
   */
  readonly [SETTINGS_FIRST]?: boolean;
  /**
   * Send a pushed SYN_STREAM before frames that are submitted later on its
   * associated stream, whatever its priority: a push cannot be sent after that
   * stream has closed. The DATA of the push has its own priority.
   */
  readonly [PUSH_BEFORE_PARENT]?: boolean;
  /**
   * How many streams the peer may open above `MAX_CONCURRENT_STREAMS`, until it has
   * answered a PING that was sent after the SETTINGS: before that it cannot know the
   * limit. Default 0.
   */
  readonly [EARLY_STREAMS]?: number;
  /**
   * Called like `onDataChunkRecv`, but with the user data of the stream instead of
   * its id, which saves the look-up of the stream.
   */
  readonly [ON_STREAM_DATA]?: StreamDataCallback;
  /**
   * Called before each frame: how long the payload of a DATA frame may be now,
   * bytes. 0: `send` takes nothing, so no frame is prepared. A frame that is
   * prepared would be sent before a more urgent one that is submitted later.
   */
  readonly [DATA_ROOM]?: () => number;
  /**
   * Accept header values with escaped bytes (see `frame/escaped_text.ts`): the HTTP
   * layer sends values that are not UTF-8.
   */
  readonly [ESCAPED_HEADERS]?: boolean;
  /**
   * Call `beforeCtrlSend` and `onCtrlSend` with frames that have no headers: copying
   * these for each frame is 6 % of what a request allocates.
   */
  readonly [SENT_WITHOUT_HEADERS]?: boolean;
  /**
   * The result of {@linkcode resolveSettings}, computed once for many sessions. The options
   * with the names of its members are then not read, and the callbacks are not checked.
   */
  readonly [RESOLVED]?: ResolvedSettings;
}

/** The settings of a session, checked and complete. */
export interface ResolvedSettings {
  readonly userData: unknown;
  readonly autoWindowUpdate: boolean;
  readonly headerCompression: HeaderCompression;
  readonly sensitiveHeaders: readonly string[];
  readonly flowControl: boolean;
  readonly acceptServerStreams: boolean;
  readonly reuseSendBuffer: boolean;
  readonly announceStreams: boolean;
  readonly borrowBodies: boolean;
  readonly creditOnArrival: boolean;
  readonly urgentUpdates: boolean;
  readonly loweredByPing: boolean;
  readonly settingsFirst: boolean;
  readonly pushBeforeParent: boolean;
  readonly escapedHeaders: boolean;
  readonly earlyStreams: number;
  readonly limits: ResolvedLimits;
}

/** Throws `InvalidArgumentError` unless `side` is `CLIENT` or `SERVER`, and `UnsupportedVersionError` unless `version` is known. */
export function checkSideAndVersion(
  side: Side,
  version: ProtocolVersion,
): void {
  if (side !== CLIENT && side !== SERVER) {
    throw new InvalidArgumentError(
      `side ${show(side)} is neither CLIENT (1) nor SERVER (2)`,
    );
  }
  versionTraits(version);
}

/** The settings that an application can set. */
const SETTING_NAMES: Names<SessionSettings> = {
  userData: true,
  autoWindowUpdate: true,
  maxRecvCtrlFrameBuffer: true,
  headerCompression: true,
  sensitiveHeaders: true,
  flowControl: true,
  acceptServerStreams: true,
  reuseSendBuffer: true,
  announceStreams: true,
  limits: true,
};

/** Everything that `new Session` takes. */
const SESSION_NAMES: Readonly<Record<string, true>> = Object.fromEntries(
  [...Object.keys(SETTING_NAMES), ...CALLBACK_NAMES].map((
    name,
  ) => [name, true]),
);

/** Throws `InvalidArgumentError` for an option that a session does not have. */
export function checkSessionNames(options: object): void {
  checkOptions("options", options);
  // python-spdylay's `config` object sets what are options here.
  if ("config" in options) {
    throw new InvalidArgumentError(
      'a Session has no option "config"; set "userData", "autoWindowUpdate" and the others of SessionOptions',
    );
  }
  checkNames("a Session", options, SESSION_NAMES);
}

/**
 * Checks options and fills in the defaults.
 *
 * Throws an `InvalidArgumentError` that names the invalid option.
 */
export function resolveSettings(
  options: SessionSettings & TransportSettings & SessionCallbacks<never>,
): ResolvedSettings {
  checkOptions("options", options);
  for (const name of CALLBACK_NAMES) {
    const callback: unknown = options[name];
    if (callback !== undefined && typeof callback !== "function") {
      throw new InvalidArgumentError(`option ${name} is not a function`);
    }
  }
  const { headerCompression = "safe", sensitiveHeaders = [] } = options;
  if (!["safe", "full", "none"].includes(headerCompression)) {
    throw new InvalidArgumentError(
      `headerCompression ${
        show(headerCompression)
      } is none of "safe", "full", "none"`,
    );
  }
  if (
    !Array.isArray(sensitiveHeaders) ||
    !sensitiveHeaders.every((name) => typeof name === "string")
  ) {
    throw new InvalidArgumentError("sensitiveHeaders is not a list of strings");
  }
  return {
    userData: options.userData,
    autoWindowUpdate: boolean(options, "autoWindowUpdate", true),
    headerCompression,
    sensitiveHeaders,
    flowControl: boolean(options, "flowControl", true),
    acceptServerStreams: boolean(options, "acceptServerStreams", false),
    reuseSendBuffer: boolean(options, "reuseSendBuffer", false),
    announceStreams: boolean(options, "announceStreams", true),
    borrowBodies: options[BORROW_BODIES] ?? false,
    creditOnArrival: options[CREDIT_ON_ARRIVAL] ?? false,
    urgentUpdates: options[URGENT_UPDATES] ?? false,
    loweredByPing: options[LOWERED_BY_PING] ?? false,
    settingsFirst: options[SETTINGS_FIRST] ?? false,
    pushBeforeParent: options[PUSH_BEFORE_PARENT] ?? false,
    escapedHeaders: options[ESCAPED_HEADERS] ?? false,
    earlyStreams: options[EARLY_STREAMS] ?? 0,
    limits: resolveSessionLimits(options),
  };
}

function boolean(
  options: SessionSettings,
  name:
    | "autoWindowUpdate"
    | "flowControl"
    | "acceptServerStreams"
    | "reuseSendBuffer"
    | "announceStreams",
  fallback: boolean,
): boolean {
  const value = options[name] ?? fallback;
  if (typeof value !== "boolean") {
    throw new InvalidArgumentError(`${name} ${show(value)} is not a boolean`);
  }
  return value;
}

function resolveSessionLimits(options: SessionSettings): ResolvedLimits {
  const { limits = {}, maxRecvCtrlFrameBuffer: buffer } = options;
  checkOptions("limits", limits);
  if (buffer === undefined) return resolveLimits(limits);
  checkWhole(
    "maxRecvCtrlFrameBuffer",
    buffer,
    MIN_CTRL_FRAME_BUFFER,
    MAX_FRAME_LENGTH,
  );
  return resolveLimits(limits, {
    maxControlFrameLength: buffer,
    maxHeaderBlock: buffer,
    maxHeaderValueLength: buffer,
  });
}
