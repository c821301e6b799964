/**
 * A session on a transport: connects the parts of a connection.
 *
 * @module
 */

import { SpdyError, UnsupportedVersionError } from "../errors.ts";
import type { NameValue, SettingsEntry } from "../frame/types.ts";
import { LONG_COUNT } from "../numbers.ts";
import { countersOf, Session } from "../session.ts";
import { checkSignal } from "./abort_signal.ts";
import type { AcceptQueue } from "./accept_queue.ts";
import { HeaderMemory } from "./buffers/header_memory.ts";
import { ConnectionEnd, type ConnectionParts } from "./connection_end.ts";
import { ConnectionSettings } from "./connection_settings.ts";
import { handled, type LazyPromise } from "./deferred.ts";
import { closedBy, sessionFailed, tooManyUnread } from "./end_errors.ts";
import { FirstFrame } from "./first_frame.ts";
import { ReceiveFlow, type ReceiveFlowEvents } from "./flow/receive_flow.ts";
import { SendScheduler } from "./flow/send_scheduler.ts";
import { IoLoop, type IoLoopEvents } from "./io_loop.ts";
import { FIRST_WRITE_WAITS, type ResolvedOptions } from "./options.ts";
import { type SessionEventParts, sessionOptions } from "./session_events.ts";
import { HeldBytes } from "./stream/held_bytes.ts";
import { OpenStreams } from "./stream/open_streams.ts";
import { PeerStreams } from "./stream/peer_streams.ts";
import {
  AwaitedOpening,
  type Opening,
  PendingStreams,
} from "./stream/pending_streams.ts";
import type { Stream } from "./stream/stream.ts";
import {
  StreamCore,
  type StreamHost,
  type Task,
  type Wait,
} from "./stream/stream_core.ts";
import { type PushOptions, StreamInit } from "./stream/stream_init.ts";
import { StreamCloser } from "./stream_closer.ts";
import type { ConnectionCounters, Traffic } from "./telemetry/counters.ts";
import { startIdleTimer, startTimer } from "./time/clock.ts";
import { Pinger } from "./time/pinger.ts";
import type { TrackedFrame } from "./time/tracked_frames.ts";
import { Timeouts, type TimeoutsEvents } from "./timeouts.ts";
import type { Wire } from "./transport/transport.ts";
import "./kept_stream.ts";

/** Most reads and writes have no tasks. */
const NO_TASKS: Task[] = [];
/** Most streams that are checked for whether they can receive. */
const MOST_LOOKED_AT = 8;

export class ConnectionCore
  implements
    StreamHost,
    IoLoopEvents,
    ReceiveFlowEvents,
    TimeoutsEvents,
    SessionEventParts,
    ConnectionParts {
  readonly traffic: Traffic = {
    framesSent: 0,
    framesReceived: 0,
    bytesReceived: LONG_COUNT,
  };
  readonly options: ResolvedOptions;
  readonly session: Session;
  readonly io: IoLoop;
  readonly streams: OpenStreams;
  readonly peerStreams: PeerStreams;
  readonly pending: PendingStreams;
  readonly scheduler: SendScheduler;
  readonly receiveFlow: ReceiveFlow;
  readonly heldBytes: HeldBytes;
  readonly pinger: Pinger;
  readonly timeouts: Timeouts;
  readonly headerMemory: HeaderMemory;
  readonly startTimer: typeof startTimer;
  readonly settings: ConnectionSettings;
  readonly closer: StreamCloser;
  readonly ending: ConnectionEnd;
  /** PINGs for which the application waits. */
  #awaitedPings = 0;
  /** Id of a stream that could receive when that was last asked; 0 for none. */
  #receiving = 0;
  /** See {@linkcode later}. */
  #tasks: Task[] = NO_TASKS;
  /** See {@linkcode afterFill}; exists while somebody waits. */
  #fillListeners: ((hasRoom: boolean) => void)[] | undefined;
  /** Checks the peer's first frame; `undefined` afterwards. */
  #firstFrame: FirstFrame | undefined;

  constructor(wire: Wire, options: ResolvedOptions) {
    const { side, version, maxSendBuffer } = options;
    this.options = options;
    this.session = new Session(side, version, sessionOptions(this, options));
    this.io = new IoLoop(wire, maxSendBuffer, this);
    this.streams = new OpenStreams(this.session);
    this.scheduler = new SendScheduler(
      this.io,
      this.session,
      this.streams,
      maxSendBuffer,
    );
    this.#firstFrame = new FirstFrame(side, version);
    // Every peer answers a PING, and its SETTINGS arrive before the answer.
    this.pending = new PendingStreams(this.session, () => this.probe());
    // moby/spdystream sets no limit, and kubelets that use it lose output on a PING.
    if (options.flowControl === false) this.pending.peerResponded();
    this.pinger = new Pinger(side, () => {
      this.session.submitPing();
      this.io.flush();
    });
    this.settings = new ConnectionSettings(this.session, options);
    this.receiveFlow = new ReceiveFlow(
      this.session,
      options,
      this.settings.firstWindow,
      this,
    );
    this.heldBytes = new HeldBytes(
      options.maxHeldBytes,
      () => options.heldPerOwnStream * this.pending.occupied,
    );
    // A transport that keeps the process alive does so for the timers as well.
    this.startTimer = this.io.holdsProcess ? startIdleTimer : startTimer;
    this.timeouts = new Timeouts(options, this);
    this.headerMemory = new HeaderMemory(this.session);
    this.peerStreams = new PeerStreams(this);
    this.closer = new StreamCloser(this);
    this.ending = new ConnectionEnd(this);
    const firstWrites = options[FIRST_WRITE_WAITS];
    if (firstWrites === undefined) this.io.flush();
    else this.io.flushSoon(firstWrites);
    this.io.start();
  }

  /** Settles when the connection ends; rejects unless it ended cleanly. */
  get closed(): LazyPromise<void> {
    return this.ending.closed;
  }

  /** Streams that the peer opened, for the application. */
  get incoming(): AcceptQueue<Stream> {
    return this.peerStreams.queue;
  }

  /** The counters of the connection, for metrics and tests. */
  get counters(): ConnectionCounters {
    return {
      streams: this.streams.size,
      ready: this.scheduler.ready,
      opening: this.pending.waiting,
      ownStreams: this.pending.occupied,
      reserved: this.scheduler.copied,
      unread: this.receiveFlow.unread,
      pendingUpdate: this.receiveFlow.pendingUpdate,
      readingHeld: this.io.readingPaused,
      sessionWindow: this.receiveFlow.sessionWindow,
      ending: this.ending.begun,
      session: countersOf(this.session),
    };
  }

  // Called by the public class.

  /**
   * Opens a stream. The error of an opening that fails has `unprocessed` set if the
   * SYN_STREAM was certainly not sent. Throws when it cannot be sent.
   */
  open(init: StreamInit, opening: Opening): void {
    if (!this.ending.accepting) throw this.ending.notOpened();
    opening.core = new StreamCore(this, 0, init);
    this.pending.open(opening);
    if (this.pending.queued > 0) this.receiveFlow.reconsider();
    this.io.flush();
  }

  push<T>(
    parent: StreamCore,
    nv: NameValue[],
    { pri = parent.init.pri, signal }: PushOptions,
    present: (core: StreamCore) => T,
  ): Promise<T> {
    const init = new StreamInit(true, nv, pri, parent.id, true, false);
    const opening = new AwaitedOpening(present, checkSignal(signal));
    this.open(init, opening);
    return opening.promise;
  }

  sendSettings(flags: number, entries: SettingsEntry[]): void {
    this.settings.submit(flags, entries);
    this.io.flush();
  }

  /** Sends a PING for which the application waits. */
  async ping(): Promise<number> {
    this.#awaitedPings++;
    try {
      const reply = this.#ping();
      this.receiveFlow.reconsider();
      return await reply;
    } finally {
      this.#awaitedPings--;
    }
  }

  async #ping(forWindows = false): Promise<number> {
    const { begun, writeError } = this.ending;
    if (begun) throw closedBy("local", "no PING can be sent any more");
    if (writeError !== undefined) throw writeError;
    return await this.pinger.ping(forWindows);
  }

  probe(): void {
    handled(this.#ping());
  }

  // TimeoutsEvents. They are methods, because a function for each would take 500 bytes
  // of every connection.

  /** The next PING that is sent; keepalive counts from it. */
  keepAlivePing(): TrackedFrame {
    const frame = this.io.trackedFrames.create();
    const buffered = (): void => this.io.frameBuffered(frame);
    this.pinger.onNextSent(buffered);
    // If it cannot be sent because too many PINGs have no reply, those also show
    // whether the peer is alive.
    this.#ping().catch(buffered);
    return frame;
  }

  openStreams(): number {
    return this.streams.size + this.pending.waiting;
  }

  timedOut(message: string): void {
    this.ending.fail(closedBy("remote", message));
  }

  tooLongIdle(): void {
    this.ending.close();
  }

  // ReceiveFlowEvents

  measurePath(): Promise<number> {
    return this.#ping(true);
  }

  sentBytes(): number {
    return this.io.out.appended;
  }

  flush(): void {
    this.io.flush();
  }

  holdReading(hold: boolean): void {
    this.io.holdReading(hold);
    if (hold) this.ending.readingPaused();
  }

  stuck(most: number): void {
    this.ending.fail(tooManyUnread(this.streams.values(), most));
  }

  /** Whether the application waits for something that only more input can provide. */
  wait(): Wait {
    if (this.#awaitedPings > 0 || this.pending.queued > 0) return "need";
    let wait: Wait = this.peerStreams.awaited ? "watch" : "none";
    for (const core of this.streams.values()) {
      const one = core.wait;
      if (one === "need") return one;
      if (one === "watch") wait = one;
    }
    return wait;
  }

  // Reading

  readingSince(): number | undefined {
    return this.io.readingSince;
  }

  readingTime(): number {
    return this.io.readingTime;
  }

  // SessionEventParts

  ownStreamOpened(streamId: number): void {
    this.#firstFrame?.opened(streamId);
  }

  // IoLoopEvents

  input(data: Uint8Array): void | Promise<void> {
    if (this.ending.begun) return;
    this.timeouts.touch();
    this.traffic.bytesReceived += data.length;
    if (this.#firstFrame !== undefined && !this.#begins(data)) return;
    let left = false;
    try {
      this.session.recv(data);
      left = this.receiveFlow.deliver();
    } finally {
      if (!left) this.#settle();
      this.#runTasks();
    }
    if (!this.ending.begun) {
      this.timeouts.controlFrame(this.session.unfinishedControl);
    }
    // Most replies to PINGs cause no write, and the end of a turn takes 2 % of an accept.
    if (this.session.wantWrite() || this.scheduler.ready > 0) this.io.flush();
    this.ending.endIfDone();
    if (left) return this.#settleLater();
  }

  later(task: Task): void {
    if (this.#tasks === NO_TASKS) this.#tasks = [task];
    else this.#tasks.push(task);
  }

  afterFill(filled: (hasRoom: boolean) => void): void {
    this.#fillListeners ??= [];
    this.#fillListeners.push(filled);
  }

  #runTasks(): void {
    const tasks = this.#tasks;
    if (tasks === NO_TASKS) return;
    this.#tasks = NO_TASKS;
    for (const task of tasks) task.run();
  }

  /** Whether the input so far can begin a SPDY session; otherwise it fails the connection. */
  #begins(data: Uint8Array): boolean {
    try {
      if (this.#firstFrame?.take(data)) this.#firstFrame = undefined;
      return true;
    } catch (error) {
      if (!(error instanceof SpdyError)) throw error;
      const reason = sessionFailed(error);
      if (error instanceof UnsupportedVersionError) {
        this.ending.otherVersion(reason);
      } else this.ending.fail(reason);
      return false;
    }
  }

  /** Waits until the end of this turn, so that readers which read again within it get their bytes from the read buffer. */
  async #settleLater(): Promise<void> {
    await this.io.endOfTurn();
    this.#settle();
  }

  #settle(): void {
    this.receiveFlow.settle();
    this.peerStreams.boundWaiting();
  }

  /**
   * Whether any stream can still receive. Checks only a few, because it is called
   * after each large read.
   */
  expectsBulk(): boolean {
    // Usually the one that could receive before. Listing the streams would take 0.3 us
    // for each large read with one stream, and 130 us with 5,000.
    if (this.streams.get(this.#receiving)?.remoteEnded === false) return true;
    const { size } = this.streams;
    if (size === 0) return false;
    if (size >= MOST_LOOKED_AT) return true;
    for (const { id, remoteEnded } of this.streams.values()) {
      if (remoteEnded) continue;
      this.#receiving = id;
      return true;
    }
    return false;
  }

  fill(): void {
    try {
      do {
        this.receiveFlow.updateWindows();
        this.scheduler.submit();
        this.session.send();
      } while (this.scheduler.ready > 0);
    } finally {
      this.#runTasks();
      const listeners = this.#fillListeners;
      if (listeners !== undefined) {
        this.#fillListeners = undefined;
        const hasRoom = this.io.out.dataRoom > 0;
        for (const filled of listeners) filled(hasRoom);
      }
    }
  }

  idle(): void {
    this.ending.idle();
    if (!this.ending.begun) this.headerMemory.idle();
  }

  inputEnded(error: unknown): void {
    this.ending.inputEnded(error);
  }

  outputFailed(error: unknown): void {
    this.ending.outputFailed(error);
  }

  failed(error: unknown): void {
    this.ending.failed(error);
  }
}
