/**
 * One end of a SPDY connection without I/O: it takes the peer's bytes, and
 * produces bytes to send and callbacks. The interface follows python-spdylay's.
 *
 * @module
 */

import { keepCompiledCode } from "./compiled_code.ts";
import {
  ERR_DEFERRED,
  ERR_INVALID_STATE,
  InvalidArgumentError,
  SpdyError,
} from "./errors.ts";
import {
  checkFlags,
  checkStreamId,
  checkStreamIdOrZero,
  checkUint32,
} from "./frame/check.ts";
import {
  CTRL_FLAG_FIN,
  CTRL_FLAG_NONE,
  CTRL_FLAG_UNIDIRECTIONAL,
  DATA_FLAG_FIN,
  HEADERS,
  type ProtocolVersion,
  SYN_REPLY,
} from "./frame/constants.ts";
import type { HeaderBytes } from "./frame/header_bytes.ts";
import type { SettingsEntry } from "./frame/types.ts";
import { checkWhole } from "./numbers.ts";
import { Application } from "./session/application.ts";
import type { ReadCtrl, SessionCallbacks } from "./session/callbacks.ts";
import type { Side } from "./session/constants.ts";
import { SessionCore } from "./session/core.ts";
import { type SessionCounters, sessionCounters } from "./session/counters.ts";
import type { DataTarget } from "./session/data_writer.ts";
import { Inbound } from "./session/inbound.ts";
import {
  checkSessionNames,
  checkSideAndVersion,
  RESOLVED,
  type ResolvedSettings,
  resolveSettings,
  type SessionSettings,
  type TransportSettings,
} from "./session/options.ts";
import { Outbound } from "./session/outbound.ts";
import type { StreamTable } from "./session/stream_table.ts";
import {
  checkAssociated,
  checkBody,
  checkBodyStream,
  checkSettings,
  checkWindowUpdate,
  maskFlags,
  submitHeaders,
  submitSynStream,
} from "./session/submit.ts";
import { checkBytes } from "./values.ts";

/**
 * Callbacks and settings of a {@linkcode Session}, all optional.
 *
 * @category Session
 */
export interface SessionOptions
  extends SessionCallbacks<Session>, SessionSettings {}

/**
 * Returns the next piece of a body, at most `length` bytes. The session calls it
 * whenever it can send a DATA frame, and copies the bytes before the next call.
 *
 * With the last bytes (or with an empty array, at the end) the callback sets
 * `readCtrl.flags = READ_EOF`. When it has no bytes yet it returns
 * `ERR_DEFERRED` or an empty array; after `Session.resumeData` it is called
 * again.
 *
 * `Session.send()` rethrows what the callback throws, with one exception:
 * `TemporalCallbackFailureError` resets the stream with `INTERNAL_ERROR`
 * instead. `CallbackFailureError` also fails the session with GOAWAY
 * `GOAWAY_INTERNAL_ERROR`; so does a return value that is not at most `length`
 * bytes. After any other exception the next `send()` calls the callback again.
 *
 * @category Session
 */
export type ReadCallback = (
  session: Session,
  streamId: number,
  length: number,
  readCtrl: ReadCtrl,
  source: unknown,
) => Uint8Array | typeof ERR_DEFERRED;

/**
 * The source of a stream's body.
 *
 * @example
 * ```ts
 * import { DataProvider, READ_EOF } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const source = { bytes: new TextEncoder().encode("hello"), sent: 0 };
 * const body = new DataProvider(source, (_session, _streamId, length, readCtrl) => {
 *   const piece = source.bytes.subarray(source.sent, source.sent + length);
 *   source.sent += piece.length;
 *   if (source.sent === source.bytes.length) readCtrl.flags = READ_EOF;
 *   return piece;
 * });
 * assertEquals(body.source, source);
 * ```
 *
 * @category Session
 */
export class DataProvider {
  static {
    keepCompiledCode(new DataProvider(undefined, () => ERR_DEFERRED));
  }

  /** Passed to the read callback unchanged. */
  source: unknown;
  /** Returns the bytes. */
  readCb: ReadCallback;

  /** Throws `InvalidArgumentError` when `readCb` is not a function. */
  constructor(source: unknown, readCb: ReadCallback) {
    if (typeof readCb !== "function") {
      throw new InvalidArgumentError("readCb is not a function");
    }
    this.source = source;
    this.readCb = readCb;
  }
}

/** The settings in `options`; checks them, unless that was done before. */
function settingsOf(
  options: SessionOptions & TransportSettings,
): ResolvedSettings {
  const resolved = options?.[RESOLVED];
  if (resolved !== undefined) return resolved;
  checkSessionNames(options);
  return resolveSettings(options);
}

/** The streams of a session; for the connection layer, which keeps its own state of a stream as the user data. */
export let streamsOf: (session: Session) => StreamTable<Session>;
/** The counters of a session; for other layers of this package and for tests. */
export let countersOf: (session: Session) => SessionCounters;
/** See `SessionCore.resizeReceiveWindow`; for the connection layer. */
export let resizeReceiveWindow: (
  session: Session,
  streamId: number,
  change: number,
) => void;
/**
 * Puts bytes of a stream into `target` at once, as DATA frames without FIN; for the
 * connection layer. Returns false and sends nothing unless all of them can be sent before
 * everything else: nothing is queued, no callback runs, and the windows and `target`
 * have room. A frame takes 0.6 us less than with an item in the queue and a read callback.
 */
export let sendNow: (
  session: Session,
  streamId: number,
  data: Uint8Array,
  target: DataTarget,
) => boolean;
/**
 * Releases most of the memory of the header compression of a session. It keeps the last
 * 32 KiB of the received headers, and the last sent block. The next block that is sent may
 * be longer.
 */
export let shrinkHeaders: (session: Session) => void;
/** The total length of the header blocks that a session has sent and received. */
export let headerBytesOf: (
  session: Session,
) => Readonly<Record<"sent" | "received", Readonly<HeaderBytes>>>;

/**
 * One end of a SPDY connection: `submit` calls queue frames, `send()` writes
 * them, `recv()` reads the peer's frames, and callbacks report what happened. It
 * does no I/O and never waits.
 *
 * The peer's bytes never make it throw. When the peer breaks a rule that ends
 * the session, GOAWAY is sent before everything else, later input is discarded,
 * and {@linkcode failure} says why.
 *
 * @example A client and a server in one program
 * ```ts
 * import { CLIENT, DataProvider, PROTO_SPDY3_1, READ_EOF, SERVER, Session } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * let text = "";
 * const server: Session = new Session(SERVER, PROTO_SPDY3_1, {
 *   send: (_session, data) => (client.recv(data), data.length),
 *   onRequestRecv: (session, streamId) => {
 *     const body = new DataProvider("hello", (_s, _id, _length, readCtrl, source) => {
 *       readCtrl.flags = READ_EOF;
 *       return new TextEncoder().encode(String(source));
 *     });
 *     session.submitResponse(streamId, [[":status", "200"], [":version", "HTTP/1.1"]], body);
 *   },
 * });
 * const client: Session = new Session(CLIENT, PROTO_SPDY3_1, {
 *   send: (_session, data) => (server.recv(data), data.length),
 *   onDataChunkRecv: (_session, _flags, _streamId, data) => {
 *     text += new TextDecoder().decode(data);
 *   },
 * });
 *
 * client.submitRequest(0, [[":method", "GET"], [":path", "/"]]);
 * client.send();
 * server.send();
 * assertEquals(text, "hello");
 * ```
 *
 * @category Session
 */
export class Session {
  readonly #core: SessionCore<Session>;
  readonly #inbound: Inbound<Session>;
  readonly #outbound: Outbound<Session>;

  static {
    streamsOf = (session) => session.#core.streams;
    countersOf = (session) =>
      sessionCounters(session.#core, session.#inbound.parser.unfinishedData);
    resizeReceiveWindow = (session, streamId, change) =>
      session.#core.resizeReceiveWindow(streamId, change);
    sendNow = (session, streamId, data, target) =>
      !session.#core.app.isBusy && !session.#outbound.wantsWrite &&
      session.#core.app.run(
        "send",
        () => session.#outbound.sendNow(streamId, data, target),
      );
    shrinkHeaders = (session) => {
      session.#outbound.shrink();
      session.#inbound.parser.shrink();
    };
    headerBytesOf = (session) => ({
      sent: session.#outbound.headerBytes,
      received: session.#inbound.parser.headerBytes,
    });
  }

  /**
   * Creates one end of a connection.
   *
   * Throws `UnsupportedVersionError` for another version, and
   * `InvalidArgumentError` when another argument or option is invalid.
   *
   * @param side `CLIENT` or `SERVER`
   * @param version `PROTO_SPDY2`, `PROTO_SPDY3` or `PROTO_SPDY3_1`
   */
  constructor(
    side: Side,
    version: ProtocolVersion,
    options: SessionOptions = {},
  ) {
    checkSideAndVersion(side, version);
    const settings = settingsOf(options);
    const application = new Application<Session>(this, options);
    this.#core = new SessionCore(side, version, settings, application);
    this.#inbound = new Inbound(this.#core, version);
    this.#outbound = new Outbound(this.#core, version);
  }

  /** The `userData` option. */
  get userData(): unknown {
    return this.#core.options.userData;
  }

  /**
   * Why the session failed, when the peer or a read callback caused the failure;
   * otherwise `undefined`. `initiator` says which of the two caused it. `code` is
   * an `ERR_*` number: that of the parse error, or `ERR_PROTO` for other
   * protocol violations and for limits.
   */
  get failure(): SpdyError | undefined {
    return this.#core.failure;
  }

  /**
   * Writes queued frames with the `send` callback until no frame is left or the
   * callback takes no more bytes.
   *
   * Rethrows what the callbacks throw. Throws `CallbackFailureError` when the
   * `send` callback returns more than it was given, and `SpdyError`
   * (`ERR_INVALID_STATE`) when called inside a callback.
   */
  send(): void {
    this.#core.app.run("send", () => this.#outbound.send());
  }

  /**
   * Reads the peer's frames: all of `data`, or, without `data`, what the `recv`
   * callback returns until it would block.
   *
   * Rethrows what the callbacks throw, such as `EOFError` when the `recv`
   * callback reached the end of input. Throws `CallbackFailureError` when there
   * is neither `data` nor a `recv` callback, or when the callback returns more
   * than was requested; `SpdyError` (`ERR_INVALID_STATE`) when called inside a
   * callback; and `InvalidArgumentError` when `data` is not a `Uint8Array` or its
   * buffer was transferred.
   */
  recv(data?: Uint8Array): void {
    if (data !== undefined) checkBytes("data", data);
    this.#core.app.run("recv", () => {
      if (data === undefined) this.#inbound.receiveAll();
      else this.#inbound.parser.push(data);
    });
  }

  /**
   * Resumes a body whose read callback returned `ERR_DEFERRED`.
   *
   * Throws `InvalidArgumentError` when the stream has no such body.
   */
  resumeData(streamId: number): void {
    checkStreamIdOrZero("streamId", streamId);
    const stream = this.#core.streams.get(streamId);
    if (!stream || !this.#core.bodies.resume(stream, "deferred")) {
      throw new InvalidArgumentError(
        `stream ${streamId} has no deferred DATA`,
      );
    }
  }

  /**
   * True while the session still expects frames from the peer. When neither
   * `wantRead` nor {@linkcode wantWrite} is true, close the connection.
   */
  wantRead(): boolean {
    const core = this.#core;
    return !core.failing && (!core.goingAway || core.streams.size > 0);
  }

  /** True while {@linkcode send} has something to write. Deferred DATA does not count. */
  wantWrite(): boolean {
    return this.#outbound.wantsWrite;
  }

  /**
   * The user data that was submitted with the request or SYN_STREAM; `undefined`
   * for the peer's streams and for unknown ones. Throws `InvalidArgumentError`
   * when `streamId` is not a stream id.
   */
  getStreamUserData(streamId: number): unknown {
    checkStreamIdOrZero("streamId", streamId);
    return this.#core.streams.get(streamId)?.userData;
  }

  /** Number of queued frames. Each body counts as one frame; deferred DATA and the frame being written do not count. */
  getOutboundQueueSize(): number {
    const { queue, bodies, sendWindow } = this.#core;
    return queue.size(sendWindow > 0) + bodies.behind;
  }

  /** Offset in bytes, from the start of input, of a control frame that has arrived only in part; -1 if there is none. */
  get unfinishedControl(): number {
    return this.#inbound.parser.unfinishedControl;
  }

  /** The lowest priority: 3 in SPDY/2, 7 in SPDY/3 and SPDY/3.1. The highest is 0. */
  getPriLowest(): number {
    return this.#core.traits.lowestPriority;
  }

  /**
   * Ends the session: GOAWAY with `statusCode` is sent before everything queued,
   * nothing is sent after it, and input is discarded from now on.
   *
   * A session sends one GOAWAY. That of a further call, or of a call after the GOAWAY of
   * `submitGoaway` was written, is reported to `onCtrlNotSend` with
   * `ERR_GOAWAY_ALREADY_SENT`, as in spdylay. Frames that are still queued, also a GOAWAY,
   * are dropped: `onDataNotSend` is called for their bodies, and `onCtrlNotSend` is not
   * called.
   *
   * Throws `InvalidArgumentError` for a status that is not 32 bits.
   */
  failSession(statusCode: number): void {
    checkUint32("statusCode", statusCode);
    this.#core.fail(statusCode);
  }

  /**
   * Queues a request: SYN_STREAM and, when there is a body, DATA that ends
   * with FIN. The stream gets its id just before `beforeCtrlSend` is called.
   *
   * Throws `InvalidArgumentError` for a bad priority, header or provider.
   */
  submitRequest(
    pri: number,
    nv: readonly (readonly [name: string, value: string])[],
    dataPrd?: DataProvider,
    streamUserData?: unknown,
  ): void {
    if (dataPrd !== undefined) checkBody(dataPrd);
    const flags = dataPrd === undefined ? CTRL_FLAG_FIN : CTRL_FLAG_NONE;
    submitSynStream(this.#core, flags, 0, pri, nv, dataPrd, streamUserData);
  }

  /**
   * Queues a response: SYN_REPLY and, when there is a body, DATA that ends
   * with FIN. The stream's state is checked when the frame is sent.
   *
   * Throws `InvalidArgumentError` for a bad id, header or provider.
   */
  submitResponse(
    streamId: number,
    nv: readonly (readonly [name: string, value: string])[],
    dataPrd?: DataProvider,
  ): void {
    if (dataPrd !== undefined) checkBody(dataPrd);
    const flags = dataPrd === undefined ? CTRL_FLAG_FIN : CTRL_FLAG_NONE;
    submitHeaders(this.#core, SYN_REPLY, flags, streamId, nv, dataPrd);
  }

  /**
   * Queues SYN_STREAM. Only `CTRL_FLAG_FIN` and `CTRL_FLAG_UNIDIRECTIONAL` of
   * `flags` are used. On a server, `assocStreamId` is the stream that the new one
   * is pushed for, 0 for none; on a client it is ignored.
   *
   * Throws `InvalidArgumentError` for a bad argument.
   */
  submitSynStream(
    flags: number,
    assocStreamId: number,
    pri: number,
    nv: readonly (readonly [name: string, value: string])[],
    streamUserData?: unknown,
  ): void {
    const masked = maskFlags(flags, CTRL_FLAG_FIN | CTRL_FLAG_UNIDIRECTIONAL);
    const assoc = checkAssociated(this.#core, assocStreamId);
    submitSynStream(
      this.#core,
      masked,
      assoc,
      pri,
      nv,
      undefined,
      streamUserData,
    );
  }

  /** Queues SYN_REPLY. Only `CTRL_FLAG_FIN` of `flags` is used. Throws `InvalidArgumentError` for a bad argument. */
  submitSynReply(
    flags: number,
    streamId: number,
    nv: readonly (readonly [name: string, value: string])[],
  ): void {
    const masked = maskFlags(flags, CTRL_FLAG_FIN);
    submitHeaders(this.#core, SYN_REPLY, masked, streamId, nv);
  }

  /** Queues HEADERS. Only `CTRL_FLAG_FIN` of `flags` is used. Throws `InvalidArgumentError` for a bad argument. */
  submitHeaders(
    flags: number,
    streamId: number,
    nv: readonly (readonly [name: string, value: string])[],
  ): void {
    const masked = maskFlags(flags, CTRL_FLAG_FIN);
    submitHeaders(this.#core, HEADERS, masked, streamId, nv);
  }

  /**
   * Queues a body for an open stream, after the bodies it already has. With
   * `DATA_FLAG_FIN` the last DATA frame of the body closes this side's half of the
   * stream.
   *
   * Throws `InvalidArgumentError` for a bad argument, and `StreamClosedError`
   * when no DATA can be sent on the stream. `onDataNotSend` reports a body that
   * cannot be sent later on.
   */
  submitData(streamId: number, flags: number, dataPrd: DataProvider): void {
    const masked = maskFlags(flags, DATA_FLAG_FIN);
    checkBody(dataPrd);
    const stream = checkBodyStream(this.#core, streamId);
    this.#core.bodies.submit(stream, masked !== 0, dataPrd);
  }

  /**
   * Queues RST_STREAM. From now on an open stream neither receives nor sends
   * anything; it closes when the frame is written.
   *
   * Throws `InvalidArgumentError` for a bad id or status.
   */
  submitRstStream(streamId: number, statusCode: number): void {
    checkStreamIdOrZero("streamId", streamId);
    checkUint32("statusCode", statusCode);
    this.#core.resetStream(streamId, statusCode, false);
  }

  /**
   * Queues PING, which is sent before other frames. `onCtrlRecv` reports the
   * reply.
   *
   * Throws `SpdyError` (`ERR_INVALID_STATE`) when `limits.maxOutstandingPings`
   * PINGs are waiting for replies.
   */
  submitPing(): void {
    this.#core.pushPing(this.#core.pings.take(), false);
  }

  /**
   * Queues GOAWAY with the lowest priority: frames that are queued already and can be sent
   * are sent before it. Once it is written, neither side opens streams; existing streams
   * continue.
   *
   * Throws `InvalidArgumentError` for a status that is not 32 bits.
   */
  submitGoaway(statusCode: number): void {
    checkUint32("statusCode", statusCode);
    this.#core.pushGoaway(statusCode);
  }

  /**
   * Queues SETTINGS, with the entries sorted by id. The session uses the values
   * from now on.
   *
   * Throws `InvalidArgumentError` for an unknown or duplicate id, and for flags
   * or values out of range.
   */
  submitSettings(flags: number, iv: readonly SettingsEntry[]): void {
    checkFlags(flags);
    this.#core.submitSettings(flags, checkSettings(iv));
  }

  /**
   * Queues WINDOW_UPDATE: the peer may send `deltaWindowSize` (1..2^31-1)
   * more bytes on the stream, or on the session (stream 0, SPDY/3.1 only).
   *
   * Throws `InvalidArgumentError` for a bad delta or a session without flow
   * control, and `StreamClosedError` for a stream that is not open.
   */
  submitWindowUpdate(streamId: number, deltaWindowSize: number): void {
    checkWindowUpdate(this.#core, streamId, deltaWindowSize);
    this.#core.submitWindowUpdate(streamId, deltaWindowSize);
  }

  /**
   * Tells the session that the application has finished with `size` of the bytes
   * that `onDataChunkRecv` delivered for the stream, which may have closed since.
   * Only for sessions with `autoWindowUpdate: false`. The session then restores
   * the windows with WINDOW_UPDATEs of at least half the initial window. Bytes
   * that arrive after the stream's RST_STREAM are not delivered and need no call.
   *
   * Throws `SpdyError` (`ERR_INVALID_STATE`) for other sessions, and
   * `InvalidArgumentError` for more bytes than were delivered.
   */
  consume(streamId: number, size: number): void {
    checkStreamId(streamId);
    checkWhole("size", size, 0, Number.MAX_SAFE_INTEGER);
    if (this.#core.options.autoWindowUpdate) {
      throw new SpdyError(
        "consume() needs the option autoWindowUpdate: false",
        ERR_INVALID_STATE,
      );
    }
    if (!this.#inbound.data.consume(streamId, size)) {
      throw new InvalidArgumentError(
        `size ${size} is more than stream ${streamId} has delivered`,
      );
    }
  }
}
