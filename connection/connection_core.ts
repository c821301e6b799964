/**
 * A session on a transport: turns the session's callbacks into streams and promises,
 * and ends everything when the session or the transport ends.
 *
 * @module
 */

import { SpdyError, StreamClosedError } from "../errors.ts";
import {
  CANCEL,
  CTRL_FLAG_FIN,
  CTRL_FLAG_NONE,
  CTRL_FLAG_UNIDIRECTIONAL,
  GOAWAY_OK,
  INITIAL_WINDOW_SIZE,
  INTERNAL_ERROR,
  OK,
  REFUSED_STREAM,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
} from "../frame/constants.ts";
import type {
  GoawayFrame,
  NameValue,
  SettingsEntry,
  SettingsFrame,
  SynStreamFrame,
} from "../frame/types.ts";
import { countersOf, Session } from "../session.ts";
import { CLIENT } from "../session/constants.ts";
import { IdMap } from "../session/id_map.ts";
import { AcceptQueue } from "./accept_queue.ts";
import { endOfTurn, now } from "./clock.ts";
import type { ConnectionCounters } from "./counters.ts";
import type { Departure } from "./departures.ts";
import { Deferred, handled, LazyPromise } from "./deferred.ts";
import { FirstFrame } from "./first_frame.ts";
import { Holdings, sizeOfStream } from "./holdings.ts";
import "./warm.ts";
import { Timeouts } from "./timeouts.ts";
import { PendingStreams } from "./pending_streams.ts";
import type { ResolvedOptions } from "./options.ts";
import { Pinger } from "./pinger.ts";
import { IoLoop, type IoLoopEvents } from "./io_loop.ts";
import type { QuietTimer } from "./quiet_timer.ts";
import {
  broken,
  closedBeforeSent,
  closedBy,
  goawayError,
  notOpened,
  peerGone,
  refusedByGoaway,
  sessionFailed,
} from "./reasons.ts";
import { ReceiveFlow } from "./receive_flow.ts";
import { type SessionEvents, sessionOptions } from "./session_events.ts";
import { createStream, stateOf, type Stream } from "./stream.ts";
import {
  applySettings,
  firstSettings,
  persistSettings,
} from "./settings_store.ts";
import {
  originAtPeer,
  type PushOptions,
  StreamCore,
  type StreamHost,
  type Wait,
} from "./stream_core.ts";
import type { Wire } from "./transport.ts";

/** Most streams with unread bytes that an error names. */
const MOST_NAMED = 8;

/** The parameters of a stream that this side opens. */
export interface OpenRequest {
  readonly headers: NameValue[];
  readonly pri: number;
  readonly fin: boolean;
  readonly unidirectional: boolean;
  readonly associatedStreamId: number;
  readonly signal: AbortSignal | undefined;
}

export class ConnectionCore implements StreamHost, IoLoopEvents, SessionEvents {
  readonly session: Session;
  readonly options: ResolvedOptions;
  /** Settles when the connection ends; rejects unless it ended cleanly. */
  readonly closed: LazyPromise<void> = new LazyPromise();
  readonly ownSettings: Map<number, number> = new Map();
  readonly peerSettings: Map<number, number> = new Map();
  /** Streams that the peer opened. */
  readonly incoming: AcceptQueue<Stream> = new AcceptQueue(
    (stream) => stateOf(stream).addUser(),
    (stream) => stateOf(stream).removeUser(),
  );

  readonly #io: IoLoop;
  readonly #streams = new IdMap<StreamCore>();
  readonly #pending: PendingStreams;
  readonly #pinger: Pinger;
  readonly #timeouts: Timeouts;
  readonly #receiveFlow: ReceiveFlow;
  readonly #holdings: Holdings;
  /** Streams with something to submit before the next write. */
  #ready: StreamCore[] = [];
  /** The PING of keepalive, until it is in the send buffer. */
  #asked: Departure | undefined;
  /** PINGs that the application waits for. */
  #pings = 0;
  /** The application has waited for a stream of the peer. */
  #iterated = false;
  /** The largest initial window that the peer may assume, bytes. */
  #widest = INITIAL_WINDOW_SIZE;
  /** Small chunks copied out of writers, bytes. */
  #reserved = 0;
  #ending = false;
  /** Resolves when all bytes whose writes have resolved are sent; exists while a close waits for that. */
  #bytesLeft: Deferred<void> | undefined;
  #goawaySubmitted = false;
  #peerGoaway: GoawayFrame | undefined;
  /** The session failed and sent GOAWAY itself. */
  #sessionFailed = false;
  #inputEnded = false;
  #writeError: SpdyError | undefined;
  /** Checks the peer's first frame; `undefined` afterwards. */
  #firstFrame: FirstFrame | undefined;
  /** Ends a connection of which only one direction is still open. */
  #deadline: QuietTimer | undefined;

  constructor(wire: Wire, options: ResolvedOptions) {
    this.options = options;
    const { side, version } = options;
    this.session = new Session(side, version, sessionOptions(this, options));
    this.#io = new IoLoop(wire, options.maxSendBuffer, this);
    this.#firstFrame = new FirstFrame(side, version);
    // Every peer answers a PING, and its SETTINGS come first.
    this.#pending = new PendingStreams(
      this.session,
      () => void handled(this.#ping()),
    );
    // moby/spdystream sets no limit, and kubelets that use it lose output on a PING.
    if (options.flowControl === false) this.#pending.peerResponded();
    this.#pinger = new Pinger(side, () => {
      this.session.submitPing();
      this.flush();
    });
    const first = firstSettings(options);
    if (first.length > 0) this.session.submitSettings(0, first);
    applySettings(this.ownSettings, options.settings ?? []);
    this.#receiveFlow = new ReceiveFlow(
      this.session,
      options,
      this.ownSettings,
      {
        ping: () => this.#ping(),
        flush: () => this.flush(),
        holdReading: (hold) => this.#holdReading(hold),
        wait: () => this.#wait(),
        stuck: (most) => this.#fail(closedBy("local", this.#unread(most))),
      },
    );
    this.#holdings = new Holdings(
      options.maxHeldBytes,
      () => options.heldPerOwnStream * this.#pending.occupied,
    );
    this.#timeouts = new Timeouts(options, {
      ping: () => this.#keepAlivePing(),
      readingSince: () => this.readingSince(),
      readingTime: () => this.readingTime(),
      openStreams: () => this.#streams.size + this.#pending.waiting,
      timedOut: (message) => this.#fail(closedBy("remote", message)),
      idle: () => void this.close(),
    });
    this.flush();
    this.#io.start();
  }

  /** The counters of the connection, for tests. */
  get counters(): ConnectionCounters {
    return {
      streams: this.#streams.size,
      ready: this.#ready.length,
      opening: this.#pending.waiting,
      ownStreams: this.#pending.occupied,
      reserved: this.#reserved,
      unread: this.#receiveFlow.unread,
      uncredited: this.#receiveFlow.uncredited,
      readingHeld: this.#io.readingPaused,
      sessionWindow: this.#receiveFlow.sessionWindow,
      ending: this.#ending,
      session: countersOf(this.session),
    };
  }

  // Called by the public class.

  /**
   * Opens a stream; resolves to the result of `present`. Rejects with `unprocessed`
   * set when its SYN_STREAM was certainly not sent; throws when it cannot be sent.
   */
  open<T>(
    request: OpenRequest,
    present: (state: StreamCore) => T,
  ): Promise<T> {
    if (!this.accepting) throw this.#notOpened();
    const state = new StreamCore(this, 0, {
      own: true,
      headers: request.headers,
      pri: request.pri,
      associatedStreamId: request.associatedStreamId,
      unidirectional: request.unidirectional,
      fin: request.fin,
    });
    const flags = (request.fin ? CTRL_FLAG_FIN : CTRL_FLAG_NONE) |
      (request.unidirectional ? CTRL_FLAG_UNIDIRECTIONAL : CTRL_FLAG_NONE);
    const opened = this.#pending.open(state, flags, request.signal, present);
    if (this.#pending.queued > 0) this.waits();
    this.flush();
    return opened;
  }

  /** Whether new streams may be opened. */
  get accepting(): boolean {
    return !this.#ending && !this.#goawaySubmitted && !this.#peerGoaway &&
      !this.#inputEnded && this.#writeError === undefined;
  }

  /** The next stream that the peer opened, for the application. */
  accept(): Promise<IteratorResult<Stream, undefined>> {
    const next = this.incoming.next();
    if (this.incoming.reading > 0) {
      this.#iterated = true;
      this.waits();
    }
    return next;
  }

  /** A PING that the application waits for. */
  async ping(): Promise<number> {
    this.#pings++;
    try {
      const answer = this.#ping();
      this.waits();
      return await answer;
    } finally {
      this.#pings--;
    }
  }

  async #ping(): Promise<number> {
    if (this.#ending) throw closedBy("local", "no PING can be sent any more");
    if (this.#writeError !== undefined) throw this.#writeError;
    return await this.#pinger.ping();
  }

  /** The first PING that leaves now is the one that keepalive counts from. */
  #keepAlivePing(): Departure {
    const asked = this.#io.departures.expect();
    this.#asked = asked;
    // Not sent, since too many are unanswered: those ask the peer as well.
    this.#ping().catch(() => this.#put(asked));
    return asked;
  }

  /** The frame ends where the send buffer ends now. */
  #put(departure: Departure): Departure {
    this.#io.departures.put(departure, this.#io.out.appended);
    return departure;
  }

  sendSettings(flags: number, entries: SettingsEntry[]): void {
    this.session.submitSettings(flags, entries);
    applySettings(this.ownSettings, entries);
    this.flush();
  }

  /** Sends GOAWAY; the connection ends when its last stream has closed. */
  goaway(statusCode: number): Promise<void> {
    if (!this.#goawaySubmitted && !this.#ending) {
      this.#goawaySubmitted = true;
      this.session.submitGoaway(statusCode);
      this.#pending.failQueued(this.#notOpened());
      this.#refuseUnclaimed();
      this.flush();
    }
    return this.closed.promise;
  }

  /** Closes the connection: sends the bytes whose writes have resolved, and fails everything else. */
  async close(): Promise<void> {
    if (!this.#ending && this.#bytesLeft === undefined) {
      const announced = this.#goawaySubmitted;
      const begin = now();
      this.#goawaySubmitted = true;
      if (this.#hasAcceptedBytes()) {
        this.#bytesLeft = new Deferred();
        await this.#io.outputProgress.within(
          this.options.closeTimeout,
          this.#bytesLeft.promise,
        );
      }
      if (!announced && !this.#ending) this.session.submitGoaway(GOAWAY_OK);
      this.#end(undefined, closedBy("local", "this side closed it"), begin);
    }
    await this.closed.promise.catch(() => {});
  }

  // StreamHost

  readingSince(): number | undefined {
    return this.#io.readingSince;
  }

  readingTime(): number {
    return this.#io.readingTime;
  }

  flush(): void {
    this.#io.flush();
  }

  ready(state: StreamCore): void {
    if (state.listed) return;
    state.listed = true;
    this.#ready.push(state);
    this.#io.flush();
  }

  push<T>(
    parent: StreamCore,
    nv: NameValue[],
    { pri = parent.origin.pri, signal }: PushOptions,
    present: (state: StreamCore) => T,
  ): Promise<T> {
    return this.open({
      headers: nv,
      pri,
      fin: false,
      unidirectional: true,
      associatedStreamId: parent.id,
      signal,
    }, present);
  }

  consumed(state: StreamCore, size: number): void {
    if (this.#ending) return;
    this.#receiveFlow.consumed(state, size);
    // The application may still read what arrived before a write failed.
    this.#deadline?.touch();
  }

  waits(): void {
    if (!this.#ending) this.#receiveFlow.reconsider();
  }

  reserve(size: number): boolean {
    if (this.#reserved + size > this.options.maxSendBuffer) return false;
    this.#reserved += size;
    return true;
  }

  release(size: number): void {
    this.#reserved -= size;
    if (this.#bytesLeft !== undefined && !this.#hasAcceptedBytes()) {
      this.#bytesLeft.resolve();
    }
  }

  collect(): void {
    this.#io.collect();
  }

  takesHeaders(state: StreamCore, nv: readonly NameValue[]): boolean {
    return this.#holdings.headers(state, nv);
  }

  released(state: StreamCore): void {
    this.#holdings.release(state);
    this.#receiveFlow.released(state);
  }

  // IoLoopEvents

  input(data: Uint8Array): void | Promise<void> {
    if (this.#ending) return;
    this.#timeouts.touch();
    if (this.#firstFrame !== undefined && !this.#begins(data)) return;
    let left = false;
    try {
      this.session.recv(data);
      left = this.#receiveFlow.deliver();
    } finally {
      if (!left) this.#receiveFlow.settle();
    }
    if (!this.#ending) {
      this.#timeouts.controlFrame(this.session.unfinishedControl);
    }
    this.#io.flush();
    this.#endIfDone();
    if (left) return this.#settleLater();
  }

  /** Whether the input so far can begin a SPDY session; fails the connection if not. */
  #begins(data: Uint8Array): boolean {
    try {
      if (this.#firstFrame?.take(data)) this.#firstFrame = undefined;
      return true;
    } catch (error) {
      if (!(error instanceof SpdyError)) throw error;
      this.#fail(sessionFailed(error));
      return false;
    }
  }

  /** Waits until the end of this turn, so that readers which read again within it get their bytes from the read buffer. */
  async #settleLater(): Promise<void> {
    await endOfTurn();
    this.#receiveFlow.settle();
  }

  expectsBulk(): boolean {
    return this.#streams.size > 0;
  }

  fill(): void {
    do {
      const ready = this.#ready;
      this.#ready = [];
      this.#receiveFlow.giveCredit();
      for (const state of ready) this.#submit(state);
      this.session.send();
    } while (this.#ready.length > 0);
  }

  /** Submits what a stream has to send; an error ends only that stream. */
  #submit(state: StreamCore): void {
    try {
      state.submit(this.session);
    } catch (error) {
      // The session is about to reset the stream, and reports the reason then.
      const closing = error instanceof StreamClosedError &&
        this.#streams.get(state.id) === state;
      if (!closing) state.reset(INTERNAL_ERROR, error);
    }
  }

  idle(): void {
    this.#endIfDone();
    if (!this.#inputEnded || this.#ending) return;
    // The peer can grant no more window, so bytes that wait for it can never be sent.
    // Bytes that wait for a reply can be sent once the application replies.
    for (const state of [...this.#streams.values()]) {
      if (state.waitsForWindow) this.#giveUp(state, this.#peerClosed());
    }
    this.#endIfDone();
  }

  inputEnded(error: unknown): void {
    this.#inputEnded = true;
    if (this.#ending) return;
    if (this.#writeError !== undefined) this.#cutOff(this.#writeError);
    else if (error === undefined) this.#halfClosed();
    else this.#fail(broken("reading from the transport failed", error));
  }

  /** A callback of the application, or this package itself, threw. */
  failed(error: unknown): void {
    this.#fail(
      closedBy(
        "local",
        error instanceof Error ? error.message : String(error),
        error,
      ),
    );
  }

  #holdReading(hold: boolean): void {
    this.#io.holdReading(hold);
    // Nothing leaves any more, and its end would not be seen.
    const reason = this.#writeError;
    if (hold && reason !== undefined) this.#cutOff(reason);
  }

  outputFailed(error: unknown): void {
    if (this.#ending) return;
    // The application can still read what the peer sent before, so reading goes on.
    const reason = broken("writing to the transport failed", error);
    this.#writeError = reason;
    for (const state of this.#streams.values()) state.sendBuffer.fail(reason);
    this.#pending.fail(reason);
    this.#pinger.fail(reason);
    // While reading is paused, the end of input would not be noticed either.
    if (this.#inputEnded || this.#io.readingPaused) {
      this.#cutOff(reason);
      return;
    }
    this.#watch(() => this.#cutOff(reason));
  }

  // SessionEvents

  takeBytes(data: Uint8Array): number {
    return this.#io.out.append(data);
  }

  streamOpened(frame: SynStreamFrame): void {
    // The application closed the connection while this frame was processed.
    if (this.#ending) return;
    const { streamId } = frame;
    const origin = originAtPeer(frame);
    const size = sizeOfStream(origin.headers);
    const fits = this.#holdings.mayHold(size);
    // Until its RST_STREAM has left it is kept, without what there is no room for.
    const kept = fits ? origin : { ...origin, headers: [] };
    const state = new StreamCore(this, streamId, kept);
    this.#streams.set(streamId, state);
    if (!fits) {
      state.reset(REFUSED_STREAM);
      return;
    }
    this.#holdings.open(state, size);
    if (this.#writeError !== undefined) state.sendBuffer.fail(this.#writeError);
    this.#timeouts.streamOpened();
    const { maxWaitingStreams } = this.options;
    const parent = this.#streams.get(frame.assocStreamId);
    const most = parent?.mostWaiting ?? maxWaitingStreams;
    if (parent?.onPush !== undefined) handOver(parent, state);
    else if (
      (parent?.mostWaiting === undefined || this.incoming.asked) &&
      this.incoming.size < Math.min(most, maxWaitingStreams)
    ) {
      this.incoming.push(createStream(state));
      if (this.#peerGoaway || this.#goawaySubmitted) this.#refuseUnclaimed();
    } else state.reset(REFUSED_STREAM);
  }

  /**
   * Refuses the pushes that wait on a client over which nobody iterates, so that they
   * do not delay the end of the connection.
   */
  #refuseUnclaimed(): void {
    if (this.options.side !== CLIENT || this.incoming.asked) return;
    for (const stream of this.incoming.takeAll()) stream.reset(REFUSED_STREAM);
  }

  stream(streamId: number): StreamCore | undefined {
    return this.#streams.get(streamId);
  }

  replied(state: StreamCore): void {
    this.#pending.peerResponded();
    this.#timeouts.replied(state);
  }

  dataReceived(streamId: number, data: Uint8Array): void {
    const state = this.#streams.get(streamId);
    if (state !== undefined) this.#receiveFlow.received(state, data);
  }

  streamIdAssigned(frame: SynStreamFrame): void {
    this.#firstFrame?.opened(frame.streamId);
    const state = this.#pending.idAssigned(frame);
    if (state !== undefined) this.#streams.set(frame.streamId, state);
  }

  synStreamSent(streamId: number): void {
    const state = this.#streams.get(streamId);
    if (state === undefined) return;
    this.#pending.sent(state);
    if (!state.origin.unidirectional && this.options.headerTimeout > 0) {
      this.#timeouts.awaitReply(state, this.#put(this.#io.departures.expect()));
    }
    this.ready(state);
  }

  synStreamNotSent(frame: SynStreamFrame, error: SpdyError): void {
    const state = this.session.getStreamUserData(frame.streamId);
    if (!(state instanceof StreamCore)) return;
    this.#streams.delete(frame.streamId);
    this.#pending.notSent(
      state,
      this.#peerGoaway || this.#goawaySubmitted ? this.#notOpened() : error,
    );
  }

  streamClosed(streamId: number, statusCode: number): void {
    const state = this.#streams.get(streamId);
    if (state === undefined) return;
    this.#streams.delete(streamId);
    this.#timeouts.replied(state);
    const isCut = statusCode !== OK || state.resetByPeer;
    if (isCut && !this.#mayKeep(state)) {
      state.sessionClosed(statusCode);
      // Its end is an error in any case: it comes now, not behind what came.
      state.receiveBuffer.abort(state.failure);
    }
    this.#leave(state);
    state.sessionClosed(statusCode);
    state.removeUser();
    if (!state.origin.own) return;
    const reason = state.ticket === 0
      ? undefined
      : closedBeforeSent(streamId, statusCode);
    this.#pending.closed(state, reason);
  }

  /**
   * Whether the unread bytes of a stream that was cut may stay for the handler
   * that has it: without windows one stream after the other could leave as much
   * as all of them may have unread.
   */
  #mayKeep({ isShared, receiveBuffer }: StreamCore): boolean {
    return this.#receiveFlow.windows || !isShared ||
      this.#holdings.mayHold(receiveBuffer.size);
  }

  /** The session has the stream no more, others may. */
  #leave(state: StreamCore): void {
    if (state.isShared) this.#holdings.unread(state, state.receiveBuffer.size);
    this.#receiveFlow.closed(state, this.#holdings.full);
  }

  pingIdAssigned(uniqueId: number): void {
    this.#pinger.sent(uniqueId);
  }

  pingSent(uniqueId: number): void {
    if (this.#asked === undefined || !this.#pinger.isOwn(uniqueId)) return;
    this.#put(this.#asked);
    this.#asked = undefined;
  }

  pingReceived(uniqueId: number): void {
    this.#pending.peerResponded();
    this.#pinger.received(uniqueId);
  }

  settingsReceived(frame: SettingsFrame): void {
    applySettings(this.peerSettings, frame.iv);
    const limit = this.peerSettings.get(SETTINGS_MAX_CONCURRENT_STREAMS);
    if (limit !== undefined) this.#pending.limit = limit;
    else this.#pending.peerResponded();
    const { settingsStore, origin, side } = this.options;
    // SPDY/3 draft 2.6.4: only servers may ask for persistence.
    if (settingsStore && origin !== undefined && side === CLIENT) {
      persistSettings(settingsStore, origin, frame);
    }
  }

  settingsSent(frame: SettingsFrame): void {
    const window = frame.iv.find(([id]) => id === SETTINGS_INITIAL_WINDOW_SIZE);
    if (window === undefined || !this.#receiveFlow.windows) return;
    // Its reply tells the session that the peer has seen the lower window.
    if (window[2] < this.#widest) handled(this.#ping());
    else this.#widest = window[2];
  }

  goawayFrameReceived(frame: GoawayFrame): void {
    this.#peerGoaway = frame;
    this.#pending.failQueued(this.#notOpened());
    this.#refuseUnclaimed();
    // 2.6.6: streams above the last good one were not processed.
    for (const state of [...this.#streams.values()]) {
      if (!state.origin.own || state.id <= frame.lastGoodStreamId) continue;
      this.#giveUp(state, refusedByGoaway(state.id, frame));
    }
  }

  goawayFrameSent(): void {
    if (!this.#goawaySubmitted) this.#sessionFailed = true;
  }

  // The end.

  /** Ends the connection cleanly once the session has nothing more to do. */
  #endIfDone(): void {
    if (this.#ending) return;
    if (this.session.wantRead() || this.session.wantWrite()) {
      if (!this.#inputEnded || this.#streams.size > 0) return;
    }
    if (this.#ready.length > 0 || this.#pending.waiting > 0) return;
    const failure = this.#sessionFailure();
    this.#end(failure, failure ?? this.#peerClosed());
  }

  /** Why the session failed; `undefined` if it did not. */
  #sessionFailure(): SpdyError | undefined {
    const { failure } = this.session;
    if (failure !== undefined || this.#sessionFailed) {
      return sessionFailed(failure);
    }
    const status = this.#peerGoaway?.statusCode ?? GOAWAY_OK;
    return status === GOAWAY_OK ? undefined : goawayError(status);
  }

  /** The peer closed its direction of the transport; answers that are still being sent have `closeTimeout`. */
  #halfClosed(): void {
    const reason = this.#peerClosed();
    // After a GOAWAY of the peer this is a clean end of the connection, though not of
    // its open streams.
    const cutOff = this.#peerGoaway === undefined &&
      (this.#streams.size > 0 || this.#pending.waiting > 0);
    const failure = this.#sessionFailure() ?? (cutOff ? reason : undefined);
    for (const state of [...this.#streams.values()]) {
      if (!state.remoteEnded) this.#giveUp(state, reason);
    }
    this.#pending.fail(reason);
    this.#pinger.fail(reason);
    if (this.#streams.size > 0) {
      // There is no way to tell a peer that still reads from one that is gone.
      this.#watch(() => this.#end(failure, reason));
      this.flush();
      return;
    }
    this.#end(failure, reason);
  }

  /** Calls back when no byte has moved for `closeTimeout`. */
  #watch(onQuiet: () => void): void {
    const { progress } = this.#io;
    progress.ignore(this.#deadline);
    this.#deadline = progress.watch(this.options.closeTimeout, onQuiet);
  }

  /** Whether the application waits for something that only more input can provide. */
  #wait(): Wait {
    if (this.#pings > 0 || this.#pending.queued > 0) return "need";
    // Most servers wait for the next stream all the time.
    const accepts = this.#iterated && this.incoming.reading > 0;
    let wait: Wait = accepts ? "watch" : "none";
    for (const state of this.#streams.values()) {
      const one = state.wait;
      if (one === "need") return one;
      if (one === "watch") wait = one;
    }
    return wait;
  }

  /** The error text that names the streams with unread bytes. */
  #unread(most: number): string {
    const states = [...this.#streams.values()]
      .filter(({ receiveBuffer }) => receiveBuffer.size > 0)
      .sort((left, right) =>
        right.receiveBuffer.size - left.receiveBuffer.size
      );
    const named = states.slice(0, MOST_NAMED).map(({ id, receiveBuffer }) =>
      `${receiveBuffer.size} of stream ${id}`
    );
    if (states.length > MOST_NAMED) {
      named.push(`more of ${states.length - MOST_NAMED} other streams`);
    }
    return "the application waits for data that can arrive only after more " +
      `than ${most} bytes (maxUnreadBytes) that it has not read: ` +
      `${named.join(", ")}; read or cancel these streams first`;
  }

  #hasAcceptedBytes(): boolean {
    for (const state of this.#streams.values()) {
      if (state.hasAcceptedBytes) return true;
    }
    return false;
  }

  /** Fails a stream on this side and removes it from the session. */
  #giveUp(state: StreamCore, reason: unknown): void {
    this.session.submitRstStream(state.id, INTERNAL_ERROR);
    this.#streams.delete(state.id);
    this.#timeouts.replied(state);
    this.#leave(state);
    state.failed(reason);
    state.removeUser();
    if (state.origin.own) this.#pending.closed(state, reason);
    this.flush();
  }

  /** Both directions have ended. After a GOAWAY of the peer this is a clean end. */
  #cutOff(reason: SpdyError): void {
    const inOrder = this.#peerGoaway !== undefined &&
      this.#sessionFailure() === undefined;
    if (inOrder) this.#end(undefined, reason);
    else this.#fail(reason);
  }

  /** Ends the connection at once, with an error. */
  #fail(error: SpdyError): void {
    if (this.#ending) return;
    this.#settleAll(error, error);
    this.#io.close();
    this.closed.reject(error);
  }

  /** Ends the connection after sending the last bytes and waiting for the peer to close. */
  #end(
    failure: SpdyError | undefined,
    reason: SpdyError,
    begin = now(),
  ): void {
    if (this.#ending) return;
    this.#settleAll(failure, reason);
    this.#io.finish(this.options.closeTimeout, begin).then(() => {
      if (failure === undefined) this.closed.resolve();
      else this.closed.reject(failure);
    });
  }

  #settleAll(failure: SpdyError | undefined, reason: SpdyError): void {
    this.#ending = true;
    this.#receiveFlow.stop();
    this.#bytesLeft?.resolve();
    this.#timeouts.stop();
    this.#io.progress.ignore(this.#deadline);
    for (const state of this.#streams.values()) state.failed(reason);
    this.#streams.clear();
    this.#ready = [];
    this.#pending.fail(reason);
    this.#pinger.fail(reason);
    this.incoming.end(failure);
  }

  #notOpened(): SpdyError {
    return notOpened(this.#peerGoaway, this.#goawaySubmitted, this.#inputEnded);
  }

  #peerClosed(): SpdyError {
    return this.#sessionFailure() ??
      peerGone("the peer closed the transport");
  }
}

/** Passes a push to the handler of its parent stream; an exception there ends only these two streams. */
function handOver(parent: StreamCore, pushed: StreamCore): void {
  try {
    parent.onPush?.(pushed);
  } catch (error) {
    pushed.reset(CANCEL, error);
    parent.reset(CANCEL, error);
  }
}
