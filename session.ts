/**
 * One end of a SPDY connection without the connection: bytes in, bytes and
 * callbacks out. The interface is python-spdylay's.
 *
 * @module
 */

import { checkWhole } from "./numbers.ts";
import { checkBytes } from "./values.ts";
import {
  ERR_DEFERRED,
  ERR_INVALID_STATE,
  InvalidArgumentError,
  SpdyError,
} from "./errors.ts";
import { checkFlags, checkUint32 } from "./frame/check.ts";
import {
  CTRL_FLAG_FIN,
  CTRL_FLAG_NONE,
  CTRL_FLAG_UNIDIRECTIONAL,
  DATA_FLAG_FIN,
  HEADERS,
  MAX_STREAM_ID,
  type ProtocolVersion,
  SYN_REPLY,
} from "./frame/constants.ts";
import type { SettingsEntry } from "./frame/types.ts";
import { Application } from "./session/application.ts";
import type { ReadCtrl, SessionCallbacks } from "./session/callbacks.ts";
import type { Side } from "./session/constants.ts";
import { SessionCore } from "./session/core.ts";
import { type SessionCounters, sessionCounters } from "./session/counters.ts";
import { Inbound } from "./session/inbound.ts";
import {
  checkSideAndVersion,
  resolveSettings,
  type SessionSettings,
} from "./session/options.ts";
import { Outbound } from "./session/outbound.ts";
import {
  checkAnyStreamId,
  checkAssociated,
  checkBody,
  checkBodyStream,
  checkSettings,
  checkWindowUpdate,
  maskFlags,
  submitHeaders,
  submitSynStream,
} from "./session/submit.ts";

/** Callbacks and settings of a {@linkcode Session}, all optional. */
export interface SessionOptions
  extends SessionCallbacks<Session>, SessionSettings {}

/**
 * Gives a body piece by piece: at most `length` bytes, called whenever a DATA
 * frame can go out. The bytes are copied before it is called again.
 *
 * With the last bytes (or with none, at the end) it sets
 * `readCtrl.flags = READ_EOF`. While it has none it returns `ERR_DEFERRED`, or
 * no bytes; `Session.resumeData` has it called again.
 *
 * What it throws comes out of `Session.send()`. `TemporalCallbackFailureError`
 * does not: it resets the stream with `INTERNAL_ERROR`. `CallbackFailureError`
 * fails the session with GOAWAY `GOAWAY_INTERNAL_ERROR`, and so does returning
 * anything but at most `length` bytes. After any other exception the next
 * `send()` asks again.
 */
export type ReadCallback = (
  session: Session,
  streamId: number,
  length: number,
  readCtrl: ReadCtrl,
  source: unknown,
) => Uint8Array | typeof ERR_DEFERRED;

/**
 * Where the body of a stream comes from.
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
 */
export class DataProvider {
  /** Handed to the read callback as it is. */
  source: unknown;
  /** Gives the bytes. */
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

/** What a session counts; for the layers of this module and tests. */
export let countersOf: (session: Session) => SessionCounters;

/**
 * One end of a SPDY connection: `submit` calls queue frames, `send()` writes
 * them, `recv()` reads those of the peer, and callbacks tell what happened. It
 * does no I/O and never waits.
 *
 * Bytes of the peer never make it throw. When the peer breaks a rule that ends
 * the session, GOAWAY goes out before all else, input is discarded, and
 * {@linkcode failure} says why.
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
 */
export class Session {
  /**
   * Keeps the code of {@linkcode DataProvider} compiled while there is no other;
   * see `zlib/deflate.ts`. It stands here because a private member, even a static
   * one, would make the declared class a type that no object literal fits.
   */
  static readonly #keptProvider: DataProvider = new DataProvider(
    undefined,
    () => ERR_DEFERRED,
  );

  readonly #core: SessionCore<Session>;
  readonly #inbound: Inbound<Session>;
  readonly #outbound: Outbound<Session>;

  static {
    countersOf = (session) =>
      sessionCounters(session.#core, session.#inbound.unfinishedData);
  }

  /**
   * Makes one end of a connection.
   *
   * @param side `CLIENT` or `SERVER`
   * @param version `PROTO_SPDY2`, `PROTO_SPDY3` or `PROTO_SPDY3_1`
   *
   * Throws `UnsupportedVersionError` for another version and
   * `InvalidArgumentError` for anything else that is wrong.
   */
  constructor(
    side: Side,
    version: ProtocolVersion,
    options: SessionOptions = {},
  ) {
    checkSideAndVersion(side, version);
    const settings = resolveSettings(options);
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
   * Why the session failed, when the peer or a read callback made it fail;
   * else `undefined`. `initiator` says which of them, `code` is an `ERR_*`
   * number: that of the parse error, `ERR_PROTO` for other broken rules and
   * for limits.
   */
  get failure(): SpdyError | undefined {
    return this.#core.failure;
  }

  /**
   * Writes queued frames by the `send` callback until none is left or it takes
   * no more.
   *
   * Throws what the `send` callback, read callbacks and other callbacks throw,
   * `CallbackFailureError` when the `send` callback returns more than it was
   * given, and `SpdyError` (`ERR_INVALID_STATE`) inside a callback.
   */
  send(): void {
    this.#core.app.run("send", () => this.#outbound.send());
  }

  /**
   * Reads frames of the peer: those in `data`, all of it; without `data`
   * whatever the `recv` callback gives until it would block.
   *
   * Throws what callbacks throw: `EOFError` when the `recv` callback found the
   * end of input. Throws `CallbackFailureError` when there is neither `data`
   * nor a `recv` callback or it gives more than asked for, `SpdyError`
   * (`ERR_INVALID_STATE`) inside a callback, and `InvalidArgumentError` when
   * `data` is not a `Uint8Array` or its buffer was transferred.
   */
  recv(data?: Uint8Array): void {
    if (data !== undefined) checkBytes("data", data);
    this.#core.app.run("recv", () => {
      if (data === undefined) this.#inbound.receiveAll();
      else this.#inbound.receive(data);
    });
  }

  /**
   * Lets a body go on whose read callback had returned `ERR_DEFERRED`.
   *
   * Throws `InvalidArgumentError` when the stream has no such body.
   */
  resumeData(streamId: number): void {
    checkAnyStreamId("streamId", streamId);
    const stream = this.#core.streams.get(streamId);
    if (!stream || !this.#core.bodies.resume(stream, "deferred")) {
      throw new InvalidArgumentError(
        `stream ${streamId} has no deferred DATA`,
      );
    }
  }

  /**
   * True while the peer may send something of use. When neither `wantRead`
   * nor {@linkcode wantWrite} is true the connection is to be closed.
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
   * What was given with the request or SYN_STREAM; `undefined` for streams of the
   * peer and unknown ones. Throws `InvalidArgumentError` for what is no stream id.
   */
  getStreamUserData(streamId: number): unknown {
    checkAnyStreamId("streamId", streamId);
    return this.#core.streams.get(streamId)?.userData;
  }

  /** Frames in the queue, DATA counted once a body; without deferred DATA and the frame in progress. */
  getOutboundQueueSize(): number {
    const { queue, bodies, sendWindow } = this.#core;
    return queue.size(sendWindow > 0) + bodies.behind;
  }

  /** Where a control frame began whose end has not come, bytes from the start of input; -1 without one. */
  get unfinishedControl(): number {
    return this.#inbound.unfinishedControl;
  }

  /** The lowest priority: 3 in SPDY/2, else 7. The highest is 0. */
  getPriLowest(): number {
    return this.#core.traits.lowestPriority;
  }

  /**
   * Ends the session: GOAWAY with `statusCode` goes out before all that is
   * queued, nothing goes out behind it, input is discarded from now on.
   *
   * Throws `InvalidArgumentError` for a status that is not 32 bits.
   */
  failSession(statusCode: number): void {
    checkUint32("statusCode", statusCode);
    this.#core.fail(statusCode);
  }

  /**
   * Queues a request: SYN_STREAM and, when there is a body, DATA that ends
   * with FIN. Its id is known from `beforeCtrlSend` on.
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
   * with FIN. The stream is looked at when the frame is sent.
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
   * Queues SYN_STREAM. Of `flags` only `CTRL_FLAG_FIN` and
   * `CTRL_FLAG_UNIDIRECTIONAL` count. A server names in `assocStreamId` the
   * stream it pushes for, 0 for none; a client's is ignored.
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

  /** Queues SYN_REPLY; of `flags` only `CTRL_FLAG_FIN` counts. Throws `InvalidArgumentError` for a bad argument. */
  submitSynReply(
    flags: number,
    streamId: number,
    nv: readonly (readonly [name: string, value: string])[],
  ): void {
    const masked = maskFlags(flags, CTRL_FLAG_FIN);
    submitHeaders(this.#core, SYN_REPLY, masked, streamId, nv);
  }

  /** Queues HEADERS; of `flags` only `CTRL_FLAG_FIN` counts. Throws `InvalidArgumentError` for a bad argument. */
  submitHeaders(
    flags: number,
    streamId: number,
    nv: readonly (readonly [name: string, value: string])[],
  ): void {
    const masked = maskFlags(flags, CTRL_FLAG_FIN);
    submitHeaders(this.#core, HEADERS, masked, streamId, nv);
  }

  /**
   * Queues a body for an open stream, behind those it already has. With
   * `DATA_FLAG_FIN` its last DATA frame ends this end's half.
   *
   * Throws `InvalidArgumentError` for a bad argument and `StreamClosedError`
   * when the stream takes no DATA. What keeps the body from being sent later
   * is told by `onDataNotSend`.
   */
  submitData(streamId: number, flags: number, dataPrd: DataProvider): void {
    const masked = maskFlags(flags, DATA_FLAG_FIN);
    checkBody(dataPrd);
    const stream = checkBodyStream(this.#core, streamId);
    this.#core.bodies.submit(stream, masked !== 0, dataPrd);
  }

  /**
   * Queues RST_STREAM. An open stream takes and sends nothing from now on, and
   * closes when the frame is written.
   *
   * Throws `InvalidArgumentError` for a bad id or status.
   */
  submitRstStream(streamId: number, statusCode: number): void {
    checkAnyStreamId("streamId", streamId);
    checkUint32("statusCode", statusCode);
    this.#core.resetStream(streamId, statusCode, false);
  }

  /**
   * Queues PING, which goes out before all else. `onCtrlRecv` tells the reply.
   *
   * Throws `SpdyError` (`ERR_INVALID_STATE`) when `limits.maxOutstandingPings`
   * wait for their replies.
   */
  submitPing(): void {
    this.#core.pushPing(this.#core.pings.take(), false);
  }

  /**
   * Queues GOAWAY, behind all other frames: no more streams are opened or
   * taken once it is written, those under way go on.
   *
   * Throws `InvalidArgumentError` for a status that is not 32 bits.
   */
  submitGoaway(statusCode: number): void {
    checkUint32("statusCode", statusCode);
    this.#core.pushGoaway(statusCode);
  }

  /**
   * Queues SETTINGS, entries sorted by id. The values count from now on.
   *
   * Throws `InvalidArgumentError` for an id that is unknown or stands twice,
   * and for flags or values out of range.
   */
  submitSettings(flags: number, iv: readonly SettingsEntry[]): void {
    checkFlags(flags);
    this.#core.submitSettings(flags, checkSettings(iv));
  }

  /**
   * Queues WINDOW_UPDATE: the peer may send `deltaWindowSize` (1..2^31-1)
   * bytes more on the stream, or on the session (stream 0, SPDY/3.1 only).
   *
   * Throws `InvalidArgumentError` for a bad delta and for sessions without
   * windows, `StreamClosedError` for a stream that is not open.
   */
  submitWindowUpdate(streamId: number, deltaWindowSize: number): void {
    checkWindowUpdate(this.#core, streamId, deltaWindowSize);
    this.#core.submitWindowUpdate(streamId, deltaWindowSize);
  }

  /**
   * The application is done with `size` bytes of the stream that
   * `onDataChunkRecv` brought; the stream may have closed since. What comes for
   * a stream after its RST_STREAM is not delivered and needs no call. The windows are given back in WINDOW_UPDATEs of at least half
   * the initial window. For sessions with `autoWindowUpdate: false`.
   *
   * Throws `SpdyError` (`ERR_INVALID_STATE`) for other sessions,
   * `InvalidArgumentError` for more bytes than were delivered.
   */
  consume(streamId: number, size: number): void {
    checkWhole("streamId", streamId, 1, MAX_STREAM_ID);
    checkWhole("size", size, 0, Number.MAX_SAFE_INTEGER);
    if (this.#core.options.autoWindowUpdate) {
      throw new SpdyError(
        "consume() needs the option autoWindowUpdate: false",
        ERR_INVALID_STATE,
      );
    }
    if (!this.#inbound.consume(streamId, size)) {
      throw new InvalidArgumentError(
        `size ${size} is more than stream ${streamId} has delivered`,
      );
    }
  }
}
