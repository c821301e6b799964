/**
 * What a session can be told besides its callbacks.
 *
 * @module
 */

import { InvalidArgumentError, UnsupportedVersionError } from "../errors.ts";
import { checkWhole } from "../numbers.ts";
import { checkOptions, show } from "../values.ts";
import {
  MAX_FRAME_LENGTH,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../frame/constants.ts";
import type { HeaderCompression } from "../frame/header_encoder.ts";
import { CALLBACK_NAMES, type SessionCallbacks } from "./callbacks.ts";
import { CLIENT, SERVER, type Side } from "./constants.ts";
import { type Limits, type ResolvedLimits, resolveLimits } from "./limits.ts";

/** Smallest `maxRecvCtrlFrameBuffer`: what the SPDY/3 draft (2.2.1) has every endpoint take. */
const MIN_CTRL_FRAME_BUFFER = 8192;

/** The settings of a session, all optional. */
export interface SessionSettings {
  /** Anything; read it as `session.userData`. */
  readonly userData?: unknown;
  /**
   * Give the peer its window back as data comes in; default true. False: the
   * application says by `consume` what it has finished with, or calls
   * `submitWindowUpdate` itself.
   */
  readonly autoWindowUpdate?: boolean;
  /**
   * Longest control frame that is taken, and longest header block after
   * inflating, bytes, 8192..2^24-1; sets `limits.maxControlFrameLength` and
   * `limits.maxHeaderBlock` where `limits` does not.
   */
  readonly maxRecvCtrlFrameBuffer?: number;
  /** How header blocks are compressed; default `"safe"`. */
  readonly headerCompression?: HeaderCompression;
  /** Header names treated as secret besides the built-in ones. */
  readonly sensitiveHeaders?: readonly string[];
  /**
   * Use windows and WINDOW_UPDATE; default true. SPDY/2 never does. False is
   * for peers that know neither (moby/spdystream, Kubernetes): no window holds
   * anything back, none is enforced, no WINDOW_UPDATE is sent.
   */
  readonly flowControl?: boolean;
  /**
   * Client only: take streams that the server opens without an associated
   * stream, or for both directions, as moby/spdystream does; default false.
   */
  readonly acceptServerStreams?: boolean;
  /**
   * Write the next frame over the last one: what the `send` callback gets is
   * then valid during the call only. For callbacks that copy it or hand it on
   * at once: bodies of DATA then go three times as fast, requests with short
   * ones a few percent faster; default false.
   */
  readonly reuseSendBuffer?: boolean;
  /**
   * Server only: tell the peer `limits.maxConcurrentStreams` by SETTINGS; default
   * true. False is for peers that ignore SETTINGS, such as moby/spdystream:
   * streams above the limit are refused all the same.
   */
  readonly announceStreams?: boolean;
  /** Bounds on what the peer can cause. */
  readonly limits?: Limits;
}

/** Key of {@linkcode TransportSettings}' one member: no name that an application could meet. */
export const BORROW_BODIES: unique symbol = Symbol("borrowBodies");

/** Key of another member of {@linkcode TransportSettings}. */
export const CREDIT_ON_ARRIVAL: unique symbol = Symbol("creditOnArrival");
/** Key of another member of {@linkcode TransportSettings}. */
export const LOWERED_BY_PING: unique symbol = Symbol("loweredByPing");
/** Key of another member of {@linkcode TransportSettings}. */
export const PUSH_BEFORE_PARENT: unique symbol = Symbol("pushBeforeParent");

/** What only the transport of this module asks for. */
export interface TransportSettings {
  /**
   * The payload of a DATA frame is handed to `send` by itself, behind its
   * head, and not copied: it is what the body's read callback returned, valid
   * during the call. Spares one of two copies.
   */
  readonly [BORROW_BODIES]?: boolean;
  /**
   * With `autoWindowUpdate: false`: the peer gets the session's window back as
   * DATA comes in, whatever becomes of its stream; `consume` gives back the
   * stream's window alone. Else a stream that nobody reads would hold back the
   * others.
   */
  readonly [CREDIT_ON_ARRIVAL]?: boolean;
  /**
   * A lower `INITIAL_WINDOW_SIZE` of this end binds the peer when it has
   * answered a PING that left behind it, not when it was written. The transport
   * sends that PING.
   */
  readonly [LOWERED_BY_PING]?: boolean;
  /**
   * A SYN_STREAM leaves no later than what was submitted after it on the stream
   * it belongs to, whatever its priority: a push whose stream has closed cannot
   * be sent. Its DATA goes by its own priority.
   */
  readonly [PUSH_BEFORE_PARENT]?: boolean;
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
  readonly loweredByPing: boolean;
  readonly pushBeforeParent: boolean;
  readonly limits: ResolvedLimits;
}

/** Throws unless `side` is `CLIENT` or `SERVER` (`InvalidArgumentError`) and `version` is known (`UnsupportedVersionError`). */
export function checkSideAndVersion(
  side: Side,
  version: ProtocolVersion,
): void {
  if (side !== CLIENT && side !== SERVER) {
    throw new InvalidArgumentError(
      `side ${show(side)} is neither CLIENT (1) nor SERVER (2)`,
    );
  }
  if (
    version !== PROTO_SPDY2 && version !== PROTO_SPDY3 &&
    version !== PROTO_SPDY3_1
  ) {
    throw new UnsupportedVersionError(
      `version ${
        show(version)
      } is none of PROTO_SPDY2 (2), PROTO_SPDY3 (3), PROTO_SPDY3_1 (4)`,
    );
  }
}

/**
 * Checks options and fills in the defaults.
 *
 * Throws `InvalidArgumentError` naming the option that is wrong.
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
    loweredByPing: options[LOWERED_BY_PING] ?? false,
    pushBeforeParent: options[PUSH_BEFORE_PARENT] ?? false,
    limits: resolveLimits(withCtrlFrameBuffer(options)),
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

function withCtrlFrameBuffer(options: SessionSettings): Limits {
  const { limits = {}, maxRecvCtrlFrameBuffer: buffer } = options;
  checkOptions("limits", limits);
  if (buffer === undefined) return limits;
  checkWhole(
    "maxRecvCtrlFrameBuffer",
    buffer,
    MIN_CTRL_FRAME_BUFFER,
    MAX_FRAME_LENGTH,
  );
  return {
    maxControlFrameLength: buffer,
    maxHeaderBlock: buffer,
    maxHeaderValueLength: buffer,
    ...limits,
  };
}
