/**
 * The state of one stream: both halves, its headers, its end. The connection passes
 * it the session's events; the public class `Stream` wraps it.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import {
  CANCEL,
  FRAME_TOO_LARGE,
  INTERNAL_ERROR,
  PROTOCOL_ERROR,
  type ProtocolVersion,
} from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { LONG_COUNT } from "../../numbers.ts";
import type { Session } from "../../session.ts";
import {
  ReceiveBuffer,
  type ReceiveBufferEvents,
} from "../buffers/receive_buffer.ts";
import {
  SendBuffer,
  type SendBufferEvents,
  type SendMemory,
} from "../buffers/send_buffer.ts";
import { type HeadersHandler, Trailers } from "../buffers/trailers.ts";
import { Deferred, LazyPromise, type Listener } from "../deferred.ts";
import {
  alreadyEnded,
  bytesDropped,
  endedBefore,
  noRoomForHeaders,
  resetByPeer,
  resetForPeer,
  resetHere,
} from "../end_errors.ts";
import { StreamResetError } from "../errors.ts";
import type { Reading } from "../time/peer_timer.ts";
import type { PushOptions, StreamInit } from "./stream_init.ts";
import { type SendingStream, StreamSender } from "./stream_sender.ts";

/** Work that waits until the session is not busy. */
export interface Task {
  /** Called when all bytes of a read have been passed to their streams. Does not throw. */
  run(): void;
}

/** The parts of a connection that a stream uses. */
export interface StreamHost extends Reading {
  readonly session: Session;
  readonly options: {
    /** Limit on the headers of one stream's HEADERS frames, bytes; see `trailersRoom`. */
    readonly trailersRoom: number;
    /** Version of the connection. */
    readonly version: ProtocolVersion;
  };
  /** See `SendScheduler`. */
  readonly scheduler: SendMemory & {
    flush(): void;
    add(core: StreamCore): void;
    sendNow(core: StreamCore, chunk: Uint8Array): boolean;
    collect(): void;
    writerContinues(): void;
  };
  /** See `ReceiveFlow`. */
  readonly receiveFlow: {
    /** Called when the application waits for something from the peer. */
    reconsider(): void;
    /** Called when the application has finished with `size` received bytes. */
    consumed(core: StreamCore, size: number): void;
    /** The stream has no users any more. */
    released(core: StreamCore): void;
  };
  /** See `HeldBytes`. */
  readonly heldBytes: {
    /** Counts received headers of the stream; false when there is no room for them. */
    headers(core: StreamCore, nv: readonly NameValue[]): boolean;
    /** The stream has no users any more. */
    release(core: StreamCore): void;
  };
  /** Runs the task when the current read was processed, or the frames for a write were made. */
  later(task: Task): void;
  /**
   * Calls `filled` once when the frames for the next write were made; `hasRoom` is whether
   * the write buffer would have taken more.
   */
  afterFill(filled: (hasRoom: boolean) => void): void;
  /** Opens a unidirectional stream that is associated with `parent`; resolves to the result of `present`. */
  push<T>(
    parent: StreamCore,
    nv: NameValue[],
    options: PushOptions,
    present: (core: StreamCore) => T,
  ): Promise<T>;
}

/** Whether an application waits for input; see {@linkcode StreamCore.wait}. */
export type Wait = "none" | "watch" | "need";

export class StreamCore
  implements ReceiveBufferEvents, SendBufferEvents, SendingStream, Reading {
  /** 0 until the SYN_STREAM is sent. */
  id: number;
  readonly init: StreamInit;
  readonly receiveBuffer: ReceiveBuffer;
  readonly sendBuffer: SendBuffer;
  readonly sender: StreamSender;
  readonly trailers: LazyPromise<NameValue[]> = new LazyPromise();
  readonly closed: LazyPromise<number> = new LazyPromise();
  /** Its place, from 1, among the streams whose SYN_STREAM is submitted but not sent; 0 for none. */
  ticket = 0;
  /** It is in the list of `SendScheduler`. */
  isScheduled = false;
  /** It is counted in `OpenStreams`. */
  isListedOpen = false;
  /** The peer sent RST_STREAM. */
  resetByPeer = false;
  /** Bytes that the application has finished with. */
  read: number = LONG_COUNT;
  /** How much its receive window has grown, bytes. */
  grown = 0;
  /** Bytes that were read and are not in a WINDOW_UPDATE yet. */
  pendingUpdate = 0;
  /** Unread bytes that already count as consumed. */
  discounted = 0;
  /** Memory that it takes in the connection, bytes; see `HeldBytes`. */
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
   * If the application does not iterate over the connection, or this number of
   * streams waits there, pushes are refused; `undefined`: up to `maxWaitingStreams`
   * of them wait for an iterator.
   */
  mostWaiting: number | undefined;

  readonly #host: StreamHost;
  #response: LazyPromise<NameValue[]> | undefined;
  #ended = false;
  #error: unknown;
  #endListeners: (() => void)[] = NO_LISTENERS;
  /** Created with the first HEADERS frame or handler. */
  #laterHeaders: Trailers | undefined;

  constructor(host: StreamHost, id: number, init: StreamInit) {
    this.#host = host;
    this.id = id;
    this.init = init;
    this.receiveBuffer = new ReceiveBuffer(this);
    this.sendBuffer = new SendBuffer(this, host.scheduler);
    this.sender = new StreamSender(this, host.session);
    const sends = init.own ? !init.fin : !init.unidirectional;
    const receives = init.own ? !init.unidirectional : !init.fin;
    if (!sends) this.sendBuffer.finish();
    if (!receives) this.endRemote();
    if (init.own && init.unidirectional) {
      this.response.rejectWith(() =>
        new InvalidArgumentError(
          `stream ${this.id} is unidirectional: the peer sends no reply on it`,
        )
      );
    }
  }

  /** The headers of the peer's SYN_REPLY. A stream of the peer has one only if it is read: 0.2 KB. */
  get response(): LazyPromise<NameValue[]> {
    if (this.#response === undefined) {
      this.#response = new LazyPromise();
      if (!this.init.own) {
        this.#response.rejectWith(() =>
          new InvalidArgumentError(
            `stream ${this.id} was opened by the peer and has no response: answer it with reply()`,
          )
        );
      }
    }
    return this.#response;
  }

  /** Since when its connection reads; see {@linkcode Reading}. */
  readingSince(): number | undefined {
    return this.#host.readingSince();
  }

  /** How long its connection has read; see {@linkcode Reading}. */
  readingTime(): number {
    return this.#host.readingTime();
  }

  /** Version of the connection. */
  get version(): ProtocolVersion {
    return this.#host.options.version;
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

  /**
   * Whether the application waits on this stream for something that only more input
   * can provide: `"need"`, or `"watch"` when it only waits for the end of the stream.
   */
  get wait(): Wait {
    if (this.readInBackground) return "none";
    const { receiveBuffer } = this;
    const reads = receiveBuffer.readerWaits && !receiveBuffer.ended;
    const needs = reads || this.headAwaited || this.#response?.awaited ||
      this.trailers.awaited;
    if (needs) return "need";
    return this.closed.awaited ? "watch" : "none";
  }

  /**
   * Calls `listener` once when the stream has ended, for any reason: at once when it
   * has ended already. Returns a function that removes the listener.
   */
  onEnd(listener: () => void): () => void {
    if (this.#ended) {
      listener();
      return () => {};
    }
    this.#endListeners = [...this.#endListeners, listener];
    return () => {
      this.#endListeners = this.#endListeners.filter((each) =>
        each !== listener
      );
    };
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
    if (--this.#users > 0) return;
    this.#host.heldBytes.release(this);
    this.#host.receiveFlow.released(this);
  }

  // Called by the application's side.

  /** A promise for the application, which waits for it from now on. */
  promiseOf<T>(lazy: LazyPromise<T>): Promise<T> {
    const { promise } = lazy;
    this.#host.receiveFlow.reconsider();
    return promise;
  }

  /** Tells `listener`, which waits from now on, of the response; see `LazyPromise.listen`. */
  awaitResponse(listener: Listener<NameValue[]>): void {
    this.response.listen(listener);
    this.#host.receiveFlow.reconsider();
  }

  /** Runs the task when the current read was processed, or the frames for a write were made. */
  later(task: Task): void {
    this.#host.later(task);
  }

  /**
   * Resolves when the frames and bytes so far are in the write buffer, except bytes that
   * wait for the peer's window, or when the stream has ended.
   */
  whenBuffered(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    const buffered = new Deferred<void>();
    const filled = (hasRoom: boolean): void => {
      if (hasRoom || this.sender.isSent) buffered.resolve();
      else if (!this.#ended) this.#host.afterFill(filled);
    };
    this.onEnd(() => buffered.resolve());
    this.#host.afterFill(filled);
    this.schedule();
    return buffered.promise;
  }

  /** Opens a stream that is associated with this one. */
  push<T>(
    nv: NameValue[],
    options: PushOptions,
    present: (core: StreamCore) => T,
  ): Promise<T> {
    return this.#host.push(this, nv, options, present);
  }

  /** Ends the stream at once; `error` is what pending calls reject with. */
  reset(statusCode: number, error?: unknown): void {
    if (this.#ended || this.#isReset) return;
    const reason = error ?? resetHere(this.id, statusCode);
    // The session has no stream for a push that ended with its SYN_STREAM.
    const { own, unidirectional, fin } = this.init;
    const over = !own && unidirectional && fin;
    if (this.id !== 0 && !over) {
      this.#host.session.submitRstStream(this.id, statusCode);
      this.#host.scheduler.flush();
    }
    this.#abandon(reason);
  }

  /** Whether this side has reset it; the RST_STREAM may not be sent yet. */
  get #isReset(): boolean {
    return this.#error !== undefined && this.id !== 0;
  }

  /** Drops what the peer sends; with the first dropped byte, reading fails with an error that contains `why`. */
  dropBody(why: string): void {
    this.receiveBuffer.discard(() => bytesDropped(this.id, why));
  }

  set onHeaders(handler: HeadersHandler | undefined) {
    this.#laterHeaders ??= new Trailers();
    this.#laterHeaders.handler = handler;
  }

  get onHeaders(): HeadersHandler | undefined {
    return this.#laterHeaders?.handler;
  }

  // Called by the connection for the session's events.

  replyReceived(nv: NameValue[], fin: boolean): void {
    if (!this.#host.heldBytes.headers(this, nv)) {
      this.reset(FRAME_TOO_LARGE, noRoomForHeaders(this.id));
      return;
    }
    this.response.resolve(nv);
    if (fin) this.endRemote();
  }

  headersReceived(nv: NameValue[], fin: boolean): void {
    if (!this.#host.heldBytes.headers(this, nv)) {
      this.reset(FRAME_TOO_LARGE, noRoomForHeaders(this.id));
      return;
    }
    this.#laterHeaders ??= new Trailers();
    try {
      if (!this.#laterHeaders.add(nv, fin, this.#host.options.trailersRoom)) {
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
    const later = this.#laterHeaders;
    if (later === undefined) this.trailers.resolveWith(noHeaders);
    else this.trailers.resolve(later.all);
    this.receiveBuffer.finish();
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
      this.#notifyEnd();
      return;
    }
    // 0 is not a valid status of RST_STREAM (2.6.3), so PROTOCOL_ERROR is reported.
    this.closed.resolve(statusCode === 0 ? PROTOCOL_ERROR : statusCode);
    if (this.#error === undefined) {
      this.failed(
        this.resetByPeer
          ? resetByPeer(this, statusCode)
          : resetForPeer(this.id, statusCode),
      );
    } else {
      this.#ended = true;
      this.#notifyEnd();
    }
  }

  #notifyEnd(): void {
    const listeners = this.#endListeners;
    this.#endListeners = NO_LISTENERS;
    for (const listener of listeners) listener();
  }

  /** Fails the stream; bytes that have arrived can still be read. */
  failed(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.receiveBuffer.fail(error);
    this.#rejectAll(error);
    this.#notifyEnd();
  }

  // ReceiveBufferEvents

  waits(): void {
    this.#host.receiveFlow.reconsider();
  }

  consumed(size: number): void {
    this.#host.receiveFlow.consumed(this, size);
  }

  cancelled(reason: unknown, size: number): void {
    if (size > 0) this.#host.receiveFlow.consumed(this, size);
    if (!this.remoteEnded && !this.keepOnCancel) this.reset(statusOf(reason));
  }

  // SendBufferEvents

  ready(): void {
    this.schedule();
    if (this.sendBuffer.writerWaits) this.#host.scheduler.collect();
  }

  writerContinues(): void {
    this.#host.scheduler.writerContinues();
  }

  sendNow(chunk: Uint8Array): boolean {
    return this.#host.scheduler.sendNow(this, chunk);
  }

  aborted(reason: unknown): void {
    this.reset(statusOf(reason));
  }

  // SendingStream

  schedule(): void {
    this.#host.scheduler.add(this);
  }

  checkOpen(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#ended) throw alreadyEnded(this.id);
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
    if (this.init.own) this.response.reject(error);
    this.trailers.reject(error);
    if (this.#ended) this.closed.reject(error);
    this.sender.rejectUnsent(error);
  }

  /** Both halves ended cleanly: rejects the promises that cannot resolve any more. */
  #rejectUnsettled(): void {
    const hasResponse = !this.init.own || this.response.settled;
    if (hasResponse && !this.sender.hasUnsentHeaders) return;
    if (!hasResponse) {
      this.response.reject(endedBefore(this.id, "the peer sent a response"));
    }
    this.sender.rejectUnsent(endedBefore(this.id, "these headers were sent"));
  }
}

/** The status in the reason of a cancelled reader or aborted writer; CANCEL if it has none. */
function statusOf(reason: unknown): number {
  return reason instanceof StreamResetError && reason.statusCode > 0
    ? reason.statusCode
    : CANCEL;
}

function noHeaders(): NameValue[] {
  return [];
}

/** Most streams have no listener. */
const NO_LISTENERS: (() => void)[] = [];
