/**
 * The state of one stream: both halves, its headers, its end. The connection passes
 * it the session's events; the public class `Stream` wraps it.
 *
 * @module
 */

import { InvalidArgumentError, StreamClosedError } from "../errors.ts";
import {
  CANCEL,
  CTRL_FLAG_FIN,
  CTRL_FLAG_NONE,
  CTRL_FLAG_UNIDIRECTIONAL,
  DATA_FLAG_FIN,
  DATA_FLAG_NONE,
  FRAME_TOO_LARGE,
  INTERNAL_ERROR,
  PROTOCOL_ERROR,
} from "../frame/constants.ts";
import { statusName } from "../frame/names.ts";
import type { NameValue, SynStreamFrame } from "../frame/types.ts";
import { DataProvider, type Session } from "../session.ts";
import { READ_EOF } from "../session/constants.ts";
import { Deferred, LazyPromise } from "./deferred.ts";
import { StreamResetError } from "./errors.ts";
import { ReceiveBuffer, type ReceiveBufferEvents } from "./receive_buffer.ts";
import { type HeadersHandler, Trailers } from "./trailers.ts";
import type { Reading } from "./peer_timer.ts";
import {
  type Place,
  SendBuffer,
  type SendBufferEvents,
} from "./send_buffer.ts";

/** What a stream uses of its connection. */
export interface StreamHost extends Reading {
  readonly session: Session;
  readonly options: {
    /** Limit on the headers of one stream's HEADERS frames, bytes; see `trailersRoom`. */
    readonly trailersRoom: number;
  };
  /** Something was submitted: write soon. */
  flush(): void;
  /** The stream has bytes, headers or its end to submit. */
  ready(state: StreamCore): void;
  /** A writer waits for the send buffer to take its chunk. */
  collect(): void;
  /** The application waits for something from the peer. */
  waits(): void;
  /** The application has finished with so many received bytes. */
  consumed(state: StreamCore, size: number): void;
  /** Opens a unidirectional stream that is associated with `parent`; resolves to the result of `present`. */
  push<T>(
    parent: StreamCore,
    nv: NameValue[],
    options: PushOptions,
    present: (state: StreamCore) => T,
  ): Promise<T>;
  /** Reserves memory for so many bytes in addition to the send buffer; false when there is no room. */
  reserve(size: number): boolean;
  /** Releases reserved memory. */
  release(size: number): void;
  /** Counts received headers of the stream; false when there is no room for them. */
  takesHeaders(state: StreamCore, nv: readonly NameValue[]): boolean;
  /** Nobody has the stream any more. */
  released(state: StreamCore): void;
}

/**
 * The options of a push.
 *
 * @category Connection
 */
export interface PushOptions {
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7; default that of the associated stream. */
  readonly pri?: number;
  /** Cancels the stream. Before its SYN_STREAM is sent, `push` rejects; afterwards the stream is reset with CANCEL. */
  readonly signal?: AbortSignal;
}

/** The parameters with which a stream was opened. */
export interface StreamOrigin {
  /** Opened by this side. */
  readonly own: boolean;
  readonly headers: NameValue[];
  readonly pri: number;
  readonly associatedStreamId: number;
  readonly unidirectional: boolean;
  /** The opener's half ended with the SYN_STREAM. */
  readonly fin: boolean;
}

/** The parameters of a stream that the peer opened. */
export function originAtPeer(frame: SynStreamFrame): StreamOrigin {
  return {
    own: false,
    headers: frame.nv,
    pri: frame.pri,
    associatedStreamId: frame.assocStreamId,
    unidirectional: (frame.flags & CTRL_FLAG_UNIDIRECTIONAL) !== 0,
    fin: (frame.flags & CTRL_FLAG_FIN) !== 0,
  };
}

/** Whether an application waits for input; see {@linkcode StreamCore.wait}. */
export type Wait = "none" | "watch" | "need";

interface HeldHeaders {
  readonly nv: NameValue[];
  readonly fin: boolean;
  readonly sent: Deferred<void>;
  /** Its place among the bytes of the stream. */
  readonly place: Place;
}

export class StreamCore
  implements ReceiveBufferEvents, SendBufferEvents, Reading {
  /** 0 until the SYN_STREAM is sent. */
  id: number;
  readonly origin: StreamOrigin;
  readonly receiveBuffer: ReceiveBuffer;
  readonly sendBuffer: SendBuffer;
  readonly response: LazyPromise<NameValue[]> = new LazyPromise();
  readonly trailers: LazyPromise<NameValue[]> = new LazyPromise();
  readonly closed: LazyPromise<number> = new LazyPromise();
  /** Its place, from 1, among the streams whose SYN_STREAM is submitted but not sent; 0 for none. */
  ticket = 0;
  /** Whether it is in the connection's list of streams with something to submit. */
  listed = false;
  /** The peer sent RST_STREAM. */
  resetByPeer = false;
  /** Bytes that the application has finished with. */
  read = 0;
  /** By how much its receive window has grown over the initial one, bytes. */
  grown = 0;
  /** Bytes that were read but not yet granted to the peer again. */
  uncredited = 0;
  /** Unread bytes that already count as consumed. */
  discounted = 0;
  /** Memory that it takes in the connection, bytes; see `Holdings`. */
  held = 0;
  /** Number of its users: the session, the queue of the peer's streams, a handler. */
  #users = 1;
  /** Cancelling the readable end drops later bytes instead of resetting the stream. */
  keepOnCancel = false;
  /** Its unread bytes still count after it has closed; see `ReceiveFlow.closed`. */
  countedWhenClosed = false;
  /** This package reads the stream itself, so a pending read does not mean that the application waits. */
  readInBackground = false;
  /** The application waits for headers in the HEADERS frames of a push. */
  headAwaited = false;
  /** Receives the streams pushed for this one, instead of the connection's iterator. */
  onPush: ((pushed: StreamCore) => void) | undefined;
  /**
   * Pushes are refused while nobody iterates over the connection, and with so
   * many streams waiting there; `undefined`: they may wait for an iterator,
   * `maxWaitingStreams` at most.
   */
  mostWaiting: number | undefined;
  /** Runs once when the stream has ended, for any reason. */
  onEnd: (() => void) | undefined;

  readonly #host: StreamHost;
  #ended = false;
  #error: unknown;
  #replied: boolean;
  #provider: DataProvider | undefined;
  /** A DATA item is in the session's queue. */
  #sending = false;
  #held: HeldHeaders[] = [];
  /** The SYN_REPLY that is submitted but not sent. */
  #unsentReply: Deferred<void> | undefined;
  /** The HEADERS frames that are submitted but not sent, in order. */
  #unsent: HeldHeaders[] = [];
  /** Created with the first HEADERS frame or handler. */
  #later: Trailers | undefined;

  constructor(host: StreamHost, id: number, origin: StreamOrigin) {
    this.#host = host;
    this.id = id;
    this.origin = origin;
    this.receiveBuffer = new ReceiveBuffer(this);
    this.sendBuffer = new SendBuffer(this);
    // On its own streams this side can send DATA without a reply.
    this.#replied = origin.own;
    const sends = origin.own ? !origin.fin : !origin.unidirectional;
    const receives = origin.own ? !origin.unidirectional : !origin.fin;
    if (!sends) this.sendBuffer.finish();
    if (!receives) this.endRemote();
    if (origin.own && origin.unidirectional) {
      this.response.rejectWith(() =>
        new InvalidArgumentError(
          `stream ${this.id} is unidirectional: the peer sends no reply on it`,
        )
      );
    } else if (!origin.own) {
      this.response.rejectWith(() =>
        new InvalidArgumentError(
          `stream ${id} was opened by the peer and has no response: answer it with reply()`,
        )
      );
    }
  }

  /** Since when its connection reads; see {@linkcode Reading}. */
  readingSince(): number | undefined {
    return this.#host.readingSince();
  }

  /** How long its connection has read; see {@linkcode Reading}. */
  readingTime(): number {
    return this.#host.readingTime();
  }

  /** Whether it has closed or failed. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Why the stream failed; `undefined` while it is open, and after a clean end. */
  get failure(): unknown {
    return this.#error;
  }

  /** Whether the peer's half has ended. */
  get remoteEnded(): boolean {
    return this.trailers.settled;
  }

  /** Whether bytes wait only for the peer's window. */
  get waitsForWindow(): boolean {
    return this.#replied && this.sendBuffer.size > 0;
  }

  /** Whether bytes whose writes have resolved are still to be sent. */
  get hasAcceptedBytes(): boolean {
    return this.#replied && this.sendBuffer.accepted > 0;
  }

  /**
   * Whether the application waits on this stream for something that only more input
   * can provide: `"need"`, or `"watch"` when it only waits for the end of the stream.
   */
  get wait(): Wait {
    if (this.readInBackground) return "none";
    const { receiveBuffer } = this;
    const reads = receiveBuffer.readerWaits && !receiveBuffer.ended;
    const needs = reads || this.headAwaited || this.response.awaited ||
      this.trailers.awaited;
    if (needs) return "need";
    return this.closed.awaited ? "watch" : "none";
  }

  /** Whether it has another user than the session. */
  get isShared(): boolean {
    return this.#users > 1;
  }

  /** Adds a user of the stream, until {@linkcode removeUser}. */
  addUser(): void {
    this.#users++;
  }

  /** Removes a user of the stream. */
  removeUser(): void {
    if (--this.#users === 0) this.#host.released(this);
  }

  // Called by the application's side.

  /** A promise for the application, which waits for it from now on. */
  promiseOf<T>(lazy: LazyPromise<T>): Promise<T> {
    const { promise } = lazy;
    this.#host.waits();
    return promise;
  }

  /** Opens a stream that is associated with this one. */
  push<T>(
    nv: NameValue[],
    options: PushOptions,
    present: (state: StreamCore) => T,
  ): Promise<T> {
    return this.#host.push(this, nv, options, present);
  }

  /** Replies; resolves when the reply has been sent. */
  reply(nv: NameValue[], fin: boolean): Promise<void> {
    this.submitReply(nv, fin);
    return this.whenReplySent();
  }

  /** Submits the reply without waiting until it is sent. */
  submitReply(nv: NameValue[], fin: boolean): void {
    if (this.origin.own || this.origin.unidirectional) {
      throw new InvalidArgumentError(
        `stream ${this.id} cannot be replied to: ${
          this.origin.own ? "this side opened it" : "it is unidirectional"
        }`,
      );
    }
    this.#checkAlive();
    this.sendBuffer.check();
    if (this.#replied) {
      throw new InvalidArgumentError(`stream ${this.id} already has a reply`);
    }
    const { session } = this.#host;
    // Bytes written before the reply are sent after it, and FIN after them.
    const ends = fin && this.sendBuffer.idle;
    session.submitSynReply(ends ? CTRL_FLAG_FIN : CTRL_FLAG_NONE, this.id, nv);
    this.#replied = true;
    if (ends) this.sendBuffer.finish();
    else if (fin) this.sendBuffer.end();
    this.#host.ready(this);
  }

  /** Resolves when the reply that was just submitted has been sent. */
  whenReplySent(): Promise<void> {
    this.#unsentReply = new Deferred<void>();
    return this.#unsentReply.promise;
  }

  sendHeaders(nv: NameValue[], fin: boolean): Promise<void> {
    this.#checkAlive();
    if (!this.#replied) {
      throw new InvalidArgumentError(
        `stream ${this.id} has no reply yet: call reply() before sendHeaders()`,
      );
    }
    this.sendBuffer.check();
    if (this.sendBuffer.ended || this.sendBuffer.ending) {
      throw new InvalidArgumentError(
        `this side has already ended its half of stream ${this.id}`,
      );
    }
    const sent = new Deferred<void>();
    this.#held.push({ nv, fin, sent, place: this.sendBuffer.place() });
    if (fin) this.sendBuffer.seal();
    this.#host.ready(this);
    return sent.promise;
  }

  /** Ends the stream at once; `error` is what pending calls reject with. */
  reset(statusCode: number, error?: unknown): void {
    if (this.#ended) return;
    const reason = error ?? new StreamResetError(
      `stream ${this.id} was reset by this side with ${statusName(statusCode)}`,
      { streamId: this.id, statusCode },
    );
    // The session has no stream for a push that ended with its SYN_STREAM.
    const { own, unidirectional, fin } = this.origin;
    const over = !own && unidirectional && fin;
    if (this.id !== 0 && !over) {
      this.#host.session.submitRstStream(this.id, statusCode);
      this.#host.flush();
    }
    this.#abandon(reason);
  }

  /** Drops what the peer sends; with the first dropped byte, reading fails with an error that contains `why`. */
  dropBody(why: string): void {
    if (this.remoteEnded && this.receiveBuffer.size === 0) return;
    this.receiveBuffer.discard(() =>
      new StreamClosedError(
        `stream ${this.id}: the bytes that the peer sent were dropped: ${why}`,
        { initiator: "local" },
      )
    );
  }

  set onHeaders(handler: HeadersHandler | undefined) {
    this.#later ??= new Trailers();
    this.#later.handler = handler;
  }

  get onHeaders(): HeadersHandler | undefined {
    return this.#later?.handler;
  }

  // Called by the connection for the session's events.

  replyReceived(nv: NameValue[], fin: boolean): void {
    if (!this.#host.takesHeaders(this, nv)) {
      this.reset(FRAME_TOO_LARGE, this.#noRoom());
      return;
    }
    this.response.resolve(nv);
    if (fin) this.endRemote();
  }

  headersReceived(nv: NameValue[], fin: boolean): void {
    if (!this.#host.takesHeaders(this, nv)) {
      this.reset(FRAME_TOO_LARGE, this.#noRoom());
      return;
    }
    this.#later ??= new Trailers();
    try {
      if (!this.#later.add(nv, fin, this.#host.options.trailersRoom)) {
        this.reset(FRAME_TOO_LARGE);
        return;
      }
    } catch (error) {
      // The application's handler threw, which ends only its stream.
      this.reset(INTERNAL_ERROR, error);
      return;
    }
    if (fin) this.endRemote();
  }

  /** The peer sent FIN, or cannot send on this stream. */
  endRemote(): void {
    this.trailers.resolve(this.#later?.all ?? []);
    this.receiveBuffer.finish();
  }

  /** The SYN_REPLY was sent, or could not be. */
  replySent(error?: unknown): void {
    settle(this.#unsentReply, error);
    this.#unsentReply = undefined;
    // Without a reply, which may have been too large, nothing else can be sent.
    if (error !== undefined) this.reset(INTERNAL_ERROR, error);
  }

  /** The first submitted HEADERS were sent, or could not be. */
  headersSent(error?: unknown): void {
    const headers = this.#unsent.shift();
    if (headers === undefined) return;
    settle(headers.sent, error);
    if (!headers.fin) this.#host.ready(this);
    else if (error === undefined) this.sendBuffer.finish();
    // Without the trailers the peer would wait for FIN forever.
    else this.reset(INTERNAL_ERROR, error);
  }

  /** The session has closed the stream. */
  sessionClosed(statusCode: number): void {
    if (this.#ended) return;
    if (statusCode === 0 && !this.resetByPeer) {
      this.#ended = true;
      this.sendBuffer.finish();
      this.endRemote();
      this.closed.resolve(0);
      this.#rejectUnsettled();
      this.onEnd?.();
      return;
    }
    // 0 is not a valid status of RST_STREAM (2.6.3); the stream is reset all the same.
    this.closed.resolve(statusCode === 0 ? PROTOCOL_ERROR : statusCode);
    if (this.#error === undefined) {
      const status = statusCode === 0 ? "status 0" : statusName(statusCode);
      this.failed(
        new StreamResetError(
          `stream ${this.id} was reset ${
            this.resetByPeer
              ? `by the peer with ${status}`
              : `by this side with ${status} because of what the peer sent on it`
          }`,
          { streamId: this.id, statusCode, initiator: "remote" },
        ),
      );
    } else {
      this.#ended = true;
      this.onEnd?.();
    }
  }

  /** Fails the stream; bytes that have arrived can still be read. */
  failed(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.receiveBuffer.fail(error);
    this.#rejectAll(error);
    this.onEnd?.();
  }

  /** Submits waiting headers and bytes; called when the send buffer has room. */
  submit(session: Session): void {
    this.listed = false;
    if (this.#ended || this.#error !== undefined || !this.#replied) return;
    if (this.#sending) return;
    while (
      this.#held.length > 0 && this.sendBuffer.before(this.#held[0].place) === 0
    ) {
      this.#submitHeaders(session, this.#held.shift() as HeldHeaders);
    }
    // DATA in the session's queue can overtake HEADERS.
    if (this.#unsent.length > 0) return;
    const fin = this.sendBuffer.complete && this.#held.length === 0;
    if (this.#sendable > 0 || fin && !this.sendBuffer.ended) {
      this.#submitData(session, fin);
    }
  }

  /**
   * Submits waiting bytes at once, so that a reply and a short body are sent together
   * and read at once.
   */
  submitNow(): void {
    this.submit(this.#host.session);
  }

  /** Returns at most `length` bytes to the session. */
  provide(length: number, readCtrl: { flags: number }): Uint8Array {
    const view = this.sendBuffer.take(Math.min(length, this.#sendable));
    if (this.#sendable === 0) {
      this.#sending = false;
      // After a failure no FIN is sent: the peer must not take a part for the whole.
      if (this.#error !== undefined) return view;
      readCtrl.flags = READ_EOF;
      if (
        this.#held.length > 0 || this.sendBuffer.size > 0 ||
        this.sendBuffer.ending
      ) this.#host.ready(this);
    }
    return view;
  }

  // ReceiveBufferEvents

  waits(): void {
    this.#host.waits();
  }

  consumed(size: number): void {
    this.#host.consumed(this, size);
  }

  cancelled(reason: unknown, size: number): void {
    if (size > 0) this.#host.consumed(this, size);
    if (!this.remoteEnded && !this.keepOnCancel) this.reset(statusOf(reason));
  }

  // SendBufferEvents

  ready(): void {
    this.#host.ready(this);
    if (this.sendBuffer.writerWaits) this.#host.collect();
  }

  aborted(reason: unknown): void {
    this.reset(statusOf(reason));
  }

  reserve(size: number): boolean {
    return this.#host.reserve(size);
  }

  release(size: number): void {
    this.#host.release(size);
  }

  /** Bytes that may be sent before the next HEADERS. */
  get #sendable(): number {
    const { size } = this.sendBuffer;
    return this.#held.length === 0
      ? size
      : Math.min(size, this.sendBuffer.before(this.#held[0].place));
  }

  #submitHeaders(session: Session, headers: HeldHeaders): void {
    const { nv, fin, sent } = headers;
    try {
      session.submitHeaders(fin ? CTRL_FLAG_FIN : CTRL_FLAG_NONE, this.id, nv);
    } catch (error) {
      if (fin) this.sendBuffer.unseal();
      sent.reject(error);
      return;
    }
    this.#unsent.push(headers);
  }

  #submitData(session: Session, fin: boolean): void {
    this.#provider ??= new DataProvider(this, provideFrom);
    this.#sending = true;
    session.submitData(
      this.id,
      fin ? DATA_FLAG_FIN : DATA_FLAG_NONE,
      this.#provider,
    );
  }

  #noRoom(): StreamResetError {
    return new StreamResetError(
      `stream ${this.id} was reset by this side with FRAME_TOO_LARGE: with the headers that the peer sent on it, the streams of the connection hold more than maxHeldBytes`,
      {
        streamId: this.id,
        statusCode: FRAME_TOO_LARGE,
        initiator: "remote",
      },
    );
  }

  #checkAlive(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#ended) {
      throw new StreamResetError(`stream ${this.id} has already ended`, {
        streamId: this.id,
        statusCode: 0,
      });
    }
  }

  /** This side gave up the stream: drops its unread bytes and rejects its promises. */
  #abandon(reason: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = reason;
    this.receiveBuffer.abort(reason);
    this.#rejectAll(reason);
  }

  #rejectAll(error: unknown): void {
    this.#error ??= error;
    this.sendBuffer.fail(error);
    this.response.reject(error);
    this.trailers.reject(error);
    if (this.#ended) this.closed.reject(error);
    this.#unsentReply?.reject(error);
    for (const { sent } of this.#unsent.splice(0)) sent.reject(error);
    for (const { sent } of this.#held.splice(0)) sent.reject(error);
  }

  /** Both halves ended cleanly: rejects the promises that cannot resolve any more. */
  #rejectUnsettled(): void {
    if (
      this.response.settled && this.#unsentReply === undefined &&
      this.#unsent.length === 0 && this.#held.length === 0
    ) return;
    const error = new StreamResetError(
      `stream ${this.id} ended before this was sent or received`,
      { streamId: this.id, statusCode: 0 },
    );
    this.response.reject(error);
    this.#unsentReply?.reject(error);
    for (const { sent } of this.#unsent.splice(0)) sent.reject(error);
    for (const { sent } of this.#held.splice(0)) sent.reject(error);
  }
}

/** The read callback of all streams, which saves a closure for each. */
function provideFrom(
  _session: Session,
  _streamId: number,
  length: number,
  readCtrl: { flags: number },
  source: unknown,
): Uint8Array {
  return (source as StreamCore).provide(length, readCtrl);
}

function settle(
  sent: Deferred<void> | undefined,
  error: unknown,
): void {
  if (error === undefined) sent?.resolve();
  else sent?.reject(error);
}

/** The status in the reason of a cancelled reader or aborted writer; CANCEL if it has none. */
function statusOf(reason: unknown): number {
  return reason instanceof StreamResetError && reason.statusCode > 0
    ? reason.statusCode
    : CANCEL;
}
