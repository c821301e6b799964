/**
 * Decides when and how a connection ends.
 *
 * @module
 */

import type { SpdyError } from "../errors.ts";
import { GOAWAY_OK, GOAWAY_PROTOCOL_ERROR } from "../frame/constants.ts";
import type { GoawayFrame } from "../frame/types.ts";
import type { Session } from "../session.ts";
import type { HeaderMemory } from "./buffers/header_memory.ts";
import { Deferred, LazyPromise } from "./deferred.ts";
import {
  closedBy,
  goawayError,
  lazily,
  notOpened,
  peerGone,
  refusedByGoaway,
  sessionFailed,
  transportFailed,
} from "./end_errors.ts";
import type { ReceiveFlow } from "./flow/receive_flow.ts";
import type { SendScheduler } from "./flow/send_scheduler.ts";
import type { IoLoop } from "./io_loop.ts";
import type { ResolvedOptions } from "./options.ts";
import type { OpenStreams } from "./stream/open_streams.ts";
import type { PeerStreams } from "./stream/peer_streams.ts";
import type { PendingStreams } from "./stream/pending_streams.ts";
import type { StreamCloser } from "./stream_closer.ts";
import { now } from "./time/clock.ts";
import type { Pinger } from "./time/pinger.ts";
import type { QuietTimer } from "./time/quiet_timer.ts";
import type { Timeouts } from "./timeouts.ts";

/** The parts of a connection, all of which end with it. */
export interface ConnectionParts {
  readonly options: ResolvedOptions;
  readonly session: Session;
  readonly io: IoLoop;
  readonly streams: OpenStreams;
  readonly peerStreams: PeerStreams;
  readonly pending: PendingStreams;
  readonly scheduler: SendScheduler;
  readonly receiveFlow: ReceiveFlow;
  readonly pinger: Pinger;
  readonly timeouts: Timeouts;
  readonly headerMemory: HeaderMemory;
  readonly closer: StreamCloser;
}

/** The end of one connection: what has already ended, and what ends next. */
export class ConnectionEnd {
  /** Settles when the connection ends; rejects unless it ended cleanly. */
  readonly closed: LazyPromise<void> = new LazyPromise();
  readonly #parts: ConnectionParts;
  #begun = false;
  /** Whether the application submitted GOAWAY or closes the connection. */
  #goawaySubmitted = false;
  #peerGoaway: GoawayFrame | undefined;
  #inputEnded = false;
  #writeError: SpdyError | undefined;
  /** Resolves when all bytes whose writes have resolved are sent; exists while `close` waits for that. */
  #acceptedSent: Deferred<void> | undefined;
  /** Ends a connection of which only one direction is still open. */
  #deadline: QuietTimer | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** The end has begun: nothing is read or opened any more. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Why nothing can be sent any more; `undefined` while writing works. */
  get writeError(): SpdyError | undefined {
    return this.#writeError;
  }

  /** Whether GOAWAY was submitted or received. */
  get goingAway(): boolean {
    return this.#goawaySubmitted || this.#peerGoaway !== undefined;
  }

  /**
   * Whether this side submitted GOAWAY. It names the last stream that the peer had
   * opened by then; the peer sends all later ones again elsewhere.
   */
  get leaving(): boolean {
    return this.#goawaySubmitted;
  }

  /** Whether new streams may be opened. */
  get accepting(): boolean {
    return !this.#begun && !this.goingAway && !this.#inputEnded &&
      this.#writeError === undefined && !this.#parts.pending.exhausted;
  }

  /** Why a stream cannot be opened. */
  notOpened(): SpdyError {
    const idsUsedUp = !this.#begun && this.#parts.pending.exhausted;
    return notOpened(
      this.#peerGoaway,
      this.#goawaySubmitted,
      this.#inputEnded,
      idsUsedUp,
    );
  }

  // Called for the application.

  /** Sends GOAWAY; the connection ends when its last stream has closed. */
  goaway(statusCode: number): Promise<void> {
    const { session, pending, peerStreams, io } = this.#parts;
    // After the end, this GOAWAY would be the wrong reason why no stream can be opened.
    if (!this.#goawaySubmitted && !this.#begun) {
      // Throws for an invalid status.
      session.submitGoaway(statusCode);
      this.#goawaySubmitted = true;
      pending.failQueued(() => this.notOpened());
      peerStreams.refuseUnclaimed();
      io.flush();
    }
    return this.closed.promise;
  }

  /** Closes the connection: sends the bytes whose writes have resolved, and fails everything else. */
  async close(): Promise<void> {
    if (!this.#begun && this.#acceptedSent === undefined) {
      const { options, session, io } = this.#parts;
      const begin = now();
      this.#goawaySubmitted = true;
      if (this.#hasAcceptedBytes()) {
        await io.outputProgress.unlessStalled(
          options.closeTimeout,
          this.#whenAcceptedSent(),
        );
      }
      // The session sends one GOAWAY only.
      session.submitGoaway(GOAWAY_OK);
      const reason = lazily(() => closedBy("local", "this side closed it"));
      this.#end(undefined, reason, begin);
    }
    await this.closed.promise.catch(() => {});
  }

  #whenAcceptedSent(): Promise<void> {
    const sent = new Deferred<void>();
    this.#acceptedSent = sent;
    this.#parts.scheduler.onRelease = () => {
      if (!this.#hasAcceptedBytes()) sent.resolve();
    };
    return sent.promise;
  }

  #hasAcceptedBytes(): boolean {
    for (const { sender } of this.#parts.streams.values()) {
      if (sender.hasAcceptedBytes) return true;
    }
    return false;
  }

  // Called for the session's events.

  /** The peer sent GOAWAY. */
  goawayReceived(frame: GoawayFrame): void {
    const { pending, peerStreams, streams, closer } = this.#parts;
    this.#peerGoaway = frame;
    pending.failQueued(() => this.notOpened());
    peerStreams.refuseUnclaimed();
    // 2.6.6: streams above the last good one were not processed.
    for (const core of [...streams.values()]) {
      if (!core.init.own || core.id <= frame.lastGoodStreamId) continue;
      closer.giveUp(core, refusedByGoaway(core.id, frame));
    }
  }

  // Called for the events of the transport.

  /** Everything that was ready has been written. */
  idle(): void {
    const { streams, closer } = this.#parts;
    this.endIfDone();
    if (!this.#inputEnded || this.#begun) return;
    // The peer can no longer enlarge a window, so bytes that wait for it can never
    // be sent. Bytes that wait for a reply can still be sent after the application
    // replies.
    for (const core of [...streams.values()]) {
      if (core.sender.waitsForWindow) closer.giveUp(core, this.#peerClosed());
    }
    // Their RST_STREAMs are written next, and then this is called again.
  }

  /** Reading has ended, with an error if it failed. */
  inputEnded(error: unknown): void {
    this.#inputEnded = true;
    if (this.#writeError !== undefined) this.#cutOff(this.#writeError);
    else if (error === undefined) this.#halfClosed();
    else {
      this.fail(transportFailed("reading from the transport failed", error));
    }
  }

  /** Writing failed. The application can still read what the peer sent before. */
  outputFailed(error: unknown): void {
    if (this.#begun) return;
    const { streams, pending, pinger, io } = this.#parts;
    const reason = transportFailed("writing to the transport failed", error);
    this.#writeError = reason;
    for (const core of streams.values()) core.sendBuffer.fail(reason);
    pending.fail(() => reason);
    pinger.fail(() => reason);
    // While reading is paused, the end of input would not be noticed either.
    if (this.#inputEnded || io.readingPaused) {
      this.#cutOff(reason);
      return;
    }
    this.#watch(() => this.#cutOff(reason));
  }

  /** Reading is paused because too many bytes are unread. */
  readingPaused(): void {
    // Writing has failed, and the end of input would not be noticed.
    if (this.#writeError !== undefined) this.#cutOff(this.#writeError);
  }

  /**
   * The peer speaks another version of SPDY. It gets SETTINGS and GOAWAY of this version,
   * so that its error can name the version of this side.
   */
  otherVersion(error: SpdyError): void {
    this.#parts.session.submitGoaway(GOAWAY_PROTOCOL_ERROR);
    this.#end(error, () => error);
  }

  /** A callback of the application, or this package itself, threw `error`. */
  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.fail(closedBy("local", message, error));
  }

  /** The peer closed its direction of the transport; answers that are still being sent have `closeTimeout`. */
  #halfClosed(): void {
    const { streams, pending, pinger, closer, io } = this.#parts;
    const reason = lazily(() => this.#peerClosed());
    // After a GOAWAY of the peer this is a clean end of the connection, though not of
    // its open streams.
    const cutOff = this.#peerGoaway === undefined &&
      (streams.size > 0 || pending.waiting > 0);
    const failure = this.#sessionFailure() ?? (cutOff ? reason() : undefined);
    for (const core of [...streams.values()]) {
      if (!core.remoteEnded) closer.giveUp(core, reason());
    }
    pending.fail(reason);
    pinger.fail(reason);
    if (streams.size > 0) {
      // A peer that still reads cannot be distinguished from one that has disconnected.
      this.#watch(() => this.#end(failure, reason));
      io.flush();
      return;
    }
    this.#end(failure, reason);
  }

  /** Calls back when no byte has moved for `closeTimeout`. A reader that consumes bytes counts as well. */
  #watch(onQuiet: () => void): void {
    const { options, io, receiveFlow } = this.#parts;
    const deadline = io.progress.watch(options.closeTimeout, onQuiet);
    receiveFlow.onConsumed = () => deadline.touch();
    this.#deadline = deadline;
  }

  // The end.

  /** Ends the connection once the session has nothing more to do, or has failed. */
  endIfDone(): void {
    const { session, streams } = this.#parts;
    // A session that has failed sends its GOAWAY, and nothing of what waits.
    if (session.failure === undefined) {
      if (session.wantRead() || session.wantWrite()) {
        if (!this.#inputEnded || streams.size > 0) return;
      }
    }
    const failure = this.#sessionFailure();
    this.#end(failure, lazily(() => failure ?? this.#peerClosed()));
  }

  /** Why the session failed, or why the peer did not leave cleanly; `undefined` if neither is so. */
  #sessionFailure(): SpdyError | undefined {
    const { failure } = this.#parts.session;
    if (failure !== undefined) return sessionFailed(failure);
    const status = this.#peerGoaway?.statusCode ?? GOAWAY_OK;
    return status === GOAWAY_OK ? undefined : goawayError(status);
  }

  #peerClosed(): SpdyError {
    return this.#sessionFailure() ??
      peerGone("the peer closed the transport");
  }

  /** Both directions have ended. After a GOAWAY of the peer this is a clean end. */
  #cutOff(reason: SpdyError): void {
    const isClean = this.#peerGoaway !== undefined &&
      this.#sessionFailure() === undefined;
    if (isClean) this.#end(undefined, () => reason);
    else this.fail(reason);
  }

  /** Ends the connection at once, with an error. */
  fail(error: SpdyError): void {
    if (this.#begun) return;
    this.#settleAll(error, () => error);
    this.#parts.io.close();
    this.closed.reject(error);
  }

  /** Ends the connection after sending the last bytes and waiting for the peer to close. */
  #end(
    failure: SpdyError | undefined,
    reason: () => SpdyError,
    begin = now(),
  ): void {
    if (this.#begun) return;
    const { options, io } = this.#parts;
    this.#settleAll(failure, reason);
    io.finish(options.closeTimeout, begin).then(() => {
      if (failure === undefined) this.closed.resolve();
      else this.closed.reject(failure);
    });
  }

  #settleAll(failure: SpdyError | undefined, reason: () => SpdyError): void {
    const { streams, pending, pinger, peerStreams, timeouts, io } = this.#parts;
    this.#begun = true;
    this.#parts.receiveFlow.stop();
    this.#acceptedSent?.resolve();
    timeouts.stop();
    this.#parts.headerMemory.stop();
    io.progress.ignore(this.#deadline);
    for (const core of streams.values()) {
      core.failed(reason());
      streams.remove(core.id);
    }
    this.#parts.scheduler.clear();
    pending.fail(reason);
    pinger.fail(reason);
    peerStreams.queue.end(failure);
  }
}
