/**
 * Opens streams of this side: within the peer's limit and by priority. Each can be
 * cancelled.
 *
 * @module
 */

import type { SpdyError } from "../../errors.ts";
import {
  CANCEL,
  CTRL_FLAG_FIN,
  CTRL_FLAG_NONE,
  CTRL_FLAG_UNIDIRECTIONAL,
  INITIAL_MAX_CONCURRENT_STREAMS,
} from "../../frame/constants.ts";
import type { Session } from "../../session.ts";
import { Deferred } from "../deferred.ts";
import { endedBeforeOpened, lazily, noneAllowed } from "../end_errors.ts";
import { OpenQueue } from "./open_queue.ts";
import type { StreamCore } from "./stream_core.ts";
import type { StreamInit } from "./stream_init.ts";

/** A stream of this side from `open` until its SYN_STREAM is sent. */
export abstract class Opening {
  readonly signal: AbortSignal | undefined;
  /**
   * Who may reject the stream with {@linkcode PendingStreams.giveUpNext} while it waits
   * for a place, so that it is opened on another connection; `undefined`: nobody.
   */
  readonly mover: object | undefined;
  /** The stream; set by `ConnectionCore.open`. */
  core!: StreamCore;
  /** The SYN_STREAM was sent. */
  delivered = false;

  constructor(signal: AbortSignal | undefined, mover: object | undefined) {
    this.signal = signal;
    this.mover = mover;
  }

  /**
   * The SYN_STREAM is in the write buffer, and the stream has its id. Does nothing after
   * `failed`, and does not throw.
   */
  abstract opened(core: StreamCore): void;

  /** The stream is not opened. Only the first call has an effect, and none after `opened`. */
  abstract failed(error: unknown): void;
}

/** The opening of a stream for a caller that awaits it. */
export class AwaitedOpening<T> extends Opening {
  readonly #opened = new Deferred<T>();
  readonly #present: (core: StreamCore) => T;

  /** {@linkcode promise} resolves to the result of `present`. */
  constructor(
    present: (core: StreamCore) => T,
    signal: AbortSignal | undefined,
    mover?: object,
  ) {
    super(signal, mover);
    this.#present = present;
  }

  get promise(): Promise<T> {
    return this.#opened.promise;
  }

  override opened(core: StreamCore): void {
    this.#opened.resolve(this.#present(core));
  }

  override failed(error: unknown): void {
    this.#opened.reject(error);
  }
}

/**
 * Streams that may be opened before the peer has sent anything: a server begins with
 * its SETTINGS, and the SPDY/3 draft (2.6.4) recommends no limit below this.
 */
const EARLY_STREAMS = 100;

/** Streams of this side from `open` until their SYN_STREAM is sent. */
export class PendingStreams {
  readonly #session: Session;
  readonly #askPeer: () => void;
  readonly #queue = new OpenQueue<Opening>();
  /**
   * Streams that were submitted to the session and not sent yet; the `ticket` of a
   * `StreamCore` is its index here plus 1.
   */
  readonly #submitted: Opening[] = [];
  /** Number of this side's streams that are submitted or open. */
  #open = 0;
  #limit = EARLY_STREAMS;
  #exhausted = false;
  #peer: "silent" | "asked" | "responded" = "silent";
  /** Most connections have none. */
  #roomListeners: Set<() => void> | undefined;

  /** `askPeer` is called once, when streams wait for a peer that has sent nothing. */
  constructor(session: Session, askPeer: () => void) {
    this.#session = session;
    this.#askPeer = askPeer;
  }

  /** Streams whose SYN_STREAM is not sent. */
  get waiting(): number {
    return this.#queue.size + this.#submitted.length;
  }

  /** Streams that wait for the peer's limit. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Number of this side's streams that are submitted or open. */
  get occupied(): number {
    return this.#open;
  }

  /** Whether a stream that is opened now does not have to wait for a place. */
  get hasRoom(): boolean {
    return this.#open < this.#limit && this.#queue.size === 0;
  }

  /** Number of streams that can be opened now without waiting for a place. */
  get room(): number {
    return this.hasRoom ? this.#limit - this.#open : 0;
  }

  /** Most open streams of this side. */
  get limit(): number {
    return this.#limit;
  }

  /** The peer's MAX_CONCURRENT_STREAMS changed. */
  set limit(value: number) {
    this.#peer = "responded";
    this.#limit = value;
    this.#submitNext();
  }

  /** The peer has sent something: if it has announced no limit, there is none. */
  peerResponded(): void {
    if (this.#peer !== "responded") this.limit = INITIAL_MAX_CONCURRENT_STREAMS;
  }

  /**
   * Adds a listener that is called when a stream does not have to wait for a place any
   * more. Several can listen: the application may give a connection to several origins.
   */
  onRoom(listener: () => void): void {
    this.#roomListeners ??= new Set();
    this.#roomListeners.add(listener);
  }

  /** Removes a listener. */
  offRoom(listener: () => void): void {
    this.#roomListeners?.delete(listener);
  }

  /** Opens a stream. Throws when it cannot be submitted. */
  open(opening: Opening): void {
    const { core, signal } = opening;
    signal?.throwIfAborted();
    // A push to a peer that allows none could wait forever, together with the
    // handler that pushes.
    if (this.#limit === 0 && core.init.unidirectional) throw noneAllowed();
    if (this.hasRoom) {
      this.#submit(opening);
    } else {
      this.#queue.push(core.init.pri, opening);
      if (this.#peer === "silent") {
        this.#peer = "asked";
        this.#askPeer();
      }
    }
    if (signal !== undefined) this.#watch(opening, signal);
  }

  /** The SYN_STREAM was sent. */
  sent(core: StreamCore): void {
    const opening = this.#takeSubmitted(core);
    if (opening === undefined) return;
    opening.delivered = true;
    opening.opened(core);
    if (opening.signal?.aborted) core.reset(CANCEL, opening.signal.reason);
  }

  /** The SYN_STREAM could not be sent. */
  notSent(core: StreamCore, error: unknown): void {
    const opening = this.#takeSubmitted(core);
    if (opening === undefined) return;
    this.#open--;
    core.failed(error);
    opening.failed(error);
    this.#submitNext();
  }

  /**
   * A stream of this side has closed. This can happen before all of its SYN_STREAM is
   * sent, for example when its parent is cancelled: `open` then rejects with `reason`.
   */
  closed(core: StreamCore, reason: unknown): void {
    this.#open--;
    this.#takeSubmitted(core)?.failed(reason);
    this.#submitNext();
  }

  /**
   * The session has no id left for a new stream (SPDY/3 draft 2.3.2): fails all streams
   * that have none. Streams that are opened later are refused by the connection.
   */
  idsUsedUp(reason: () => SpdyError): void {
    this.#exhausted = true;
    const error = lazily(reason);
    // The queue first, so that none of its streams takes the place of one that
    // fails.
    this.failQueued(error);
    for (const { core } of [...this.#submitted]) {
      if (core.id === 0) this.notSent(core, error());
    }
  }

  /** Whether all stream ids of this side are used. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** Rejects the next stream of `mover` that waits for a place; false when there is none. */
  giveUpNext(mover: object, reason: unknown): boolean {
    const opening = this.#queue.shift((each) => each.mover === mover);
    if (opening === undefined) return false;
    opening.core.failed(reason);
    opening.failed(reason);
    return true;
  }

  /** Fails the streams that are not submitted. `reason` is only called if there are any. */
  failQueued(reason: () => SpdyError): void {
    const error = lazily(reason);
    for (;;) {
      const opening = this.#queue.shift();
      if (opening === undefined) return;
      opening.core.failed(error());
      opening.failed(error());
    }
  }

  /**
   * The connection ended: fails all streams whose SYN_STREAM was not sent. `reason` is
   * only called if there are any.
   */
  fail(reason: () => SpdyError): void {
    const error = lazily(() => endedBeforeOpened(reason()));
    this.failQueued(error);
    for (const opening of this.#submitted.splice(0)) {
      opening.core.ticket = 0;
      opening.core.failed(error());
      opening.failed(error());
    }
  }

  #takeSubmitted(core: StreamCore): Opening | undefined {
    if (core.ticket === 0) return undefined;
    const place = core.ticket - 1;
    core.ticket = 0;
    const opening = this.#submitted[place];
    const last = this.#submitted.pop();
    // The last one moves to its place.
    if (last !== undefined && last !== opening) {
      this.#submitted[place] = last;
      last.core.ticket = place + 1;
    }
    return opening;
  }

  #submitNext(): void {
    while (this.#open < this.#limit) {
      const opening = this.#queue.shift();
      if (opening === undefined) {
        if (this.#roomListeners === undefined) return;
        for (const listener of this.#roomListeners) listener();
        return;
      }
      try {
        this.#submit(opening);
      } catch (error) {
        opening.core.failed(error);
        opening.failed(error);
      }
    }
  }

  #submit(opening: Opening): void {
    const { core } = opening;
    const { init } = core;
    this.#session.submitSynStream(
      flagsOf(init),
      init.associatedStreamId,
      init.pri,
      init.headers,
      core,
    );
    this.#open++;
    core.ticket = this.#submitted.push(opening);
  }

  #watch(opening: Opening, signal: AbortSignal): void {
    const { core } = opening;
    const onAbort = (): void => {
      if (opening.delivered) {
        core.reset(CANCEL, signal.reason);
        return;
      }
      // A SYN_STREAM in the session's queue cannot be removed; the stream is reset
      // when it is sent.
      opening.failed(signal.reason);
      if (this.#queue.delete(core.init.pri, opening)) {
        core.failed(signal.reason);
      }
    };
    signal.addEventListener("abort", onAbort, { once: true });
    core.onEnd(() => signal.removeEventListener("abort", onAbort));
  }
}

function flagsOf({ fin, unidirectional }: StreamInit): number {
  return (fin ? CTRL_FLAG_FIN : CTRL_FLAG_NONE) |
    (unidirectional ? CTRL_FLAG_UNIDIRECTIONAL : CTRL_FLAG_NONE);
}
