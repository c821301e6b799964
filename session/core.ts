/**
 * The state of a session, and the operations that both directions share: queue
 * frames, reset and close streams, fail the session.
 *
 * @module
 */

import {
  ERR_INVALID_STATE,
  ERR_PROTO,
  ERR_STREAM_CLOSED,
  SpdyError,
} from "../errors.ts";
import {
  CANCEL,
  GOAWAY_PROTOCOL_ERROR,
  INITIAL_MAX_CONCURRENT_STREAMS,
  INITIAL_WINDOW_SIZE,
  OK,
  type ProtocolVersion,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import { type CheckedHeaders, HeaderChecker } from "../frame/header_checker.ts";
import type {
  CtrlFrame,
  HeadersFrame,
  SettingsEntry,
  SynReplyFrame,
  SynStreamFrame,
} from "../frame/types.ts";
import { type VersionTraits, versionTraits } from "../frame/version.ts";
import { MAX_FLOW_WINDOW } from "../frame/window_update.ts";
import type { Application } from "./application.ts";
import { Bodies } from "./bodies.ts";
import type { BodySource } from "./callbacks.ts";
import { SERVER, type Side } from "./constants.ts";
import { type Budget, Floods } from "./floods.ts";
import { ReceiveWindow, updateThreshold } from "./flow_control.ts";
import { LateData } from "./late_data.ts";
import type { ResolvedSettings } from "./options.ts";
import {
  makeGoaway,
  makePing,
  makeRstStream,
  makeSettings,
  makeWindowUpdate,
  type OutboundFrame,
} from "./outbound_frames.ts";
import { ControlItem, type OutboundItem } from "./outbound_items.ts";
import { OutboundQueue, priorityOf } from "./outbound_queue.ts";
import { Pings } from "./pings.ts";
import { LocalSettings, PeerSettings, settingOf } from "./session_settings.ts";
import { StreamRecord } from "./stream_record.ts";
import { StreamTable } from "./stream_table.ts";

/** The most urgent priority: the GOAWAY of a failed session. */
const PRIORITY_FAILED = -20;
const PRIORITY_PING = -10;
const PRIORITY_SETTINGS = -1;
/** Priority of urgent WINDOW_UPDATEs: the highest that a stream can have. */
const PRIORITY_WINDOW = 0;

/** State and common operations of one session. `S` is the session's class. */
export class SessionCore<S> {
  readonly side: Side;
  readonly traits: VersionTraits;
  readonly options: ResolvedSettings;
  readonly app: Application<S>;

  readonly streams: StreamTable<S>;
  readonly queue: OutboundQueue<OutboundItem<S>> = new OutboundQueue();
  readonly bodies: Bodies<S>;
  readonly pings: Pings;
  readonly floods: Floods;
  readonly lateData: LateData = new LateData();
  readonly local: LocalSettings;
  readonly peer: PeerSettings = new PeerSettings();

  /** Checks submitted headers. */
  readonly headers: HeaderChecker;

  /** Streams have windows: in SPDY/3 and later, unless the option is off. */
  readonly flowControl: boolean;
  /** Bytes that the session window lets this side send; infinite before SPDY/3.1 and without flow control. */
  sendWindow: number;
  /** Times that a body was set aside because a window was used up. */
  windowStalls = 0;
  /** The session's receive window; `undefined` before SPDY/3.1 and without flow control. */
  readonly receiveWindow: ReceiveWindow | undefined;

  /** GOAWAY was written. */
  goawaySent = false;
  /** GOAWAY was received. */
  goawayReceived = false;
  /** The session failed: only its GOAWAY is still sent, and input is discarded. */
  failing = false;
  /** Why the session failed, when the peer or a callback caused it. */
  failure: SpdyError | undefined;
  /** Called when the session fails, and again each time that the application fails it. */
  onFail: () => void = () => {};

  /** The SETTINGS that announces `limits.maxConcurrentStreams`, until SETTINGS was written. */
  #announcement: ControlItem<S> | undefined;
  #hasSentSettings = false;
  #automaticQueued = 0;
  /** The last automatic WINDOW_UPDATE of the session, while it is queued. */
  #queuedUpdate: ControlItem<S> | undefined;

  /** Creates a session's state. On a server, queues the SETTINGS with the limit of streams. */
  constructor(
    side: Side,
    version: ProtocolVersion,
    options: ResolvedSettings,
    app: Application<S>,
  ) {
    const { limits } = options;
    this.side = side;
    this.traits = versionTraits(version);
    this.options = options;
    this.headers = new HeaderChecker("token", options.escapedHeaders);
    this.app = app;
    this.streams = new StreamTable(side);
    this.bodies = new Bodies(this.queue, app);
    this.pings = new Pings(side, limits.maxOutstandingPings);
    this.floods = new Floods(limits);
    this.local = new LocalSettings(
      limits.maxConcurrentStreams,
      options.loweredByPing,
      options.earlyStreams,
    );
    this.flowControl = options.flowControl && this.traits.windowUpdate;
    const sessionWindow = this.flowControl && this.traits.sessionWindow;
    this.sendWindow = sessionWindow ? INITIAL_WINDOW_SIZE : Infinity;
    this.receiveWindow = sessionWindow
      ? new ReceiveWindow(INITIAL_WINDOW_SIZE)
      : undefined;
    const announced = limits.maxConcurrentStreams;
    if (
      side === SERVER && options.announceStreams &&
      announced < INITIAL_MAX_CONCURRENT_STREAMS
    ) {
      this.#announcement = this.#pushSettings(0, [
        [SETTINGS_MAX_CONCURRENT_STREAMS, 0, announced],
      ]);
    }
  }

  /** True once GOAWAY was sent or received, or the session failed: neither side opens streams any more. */
  get goingAway(): boolean {
    return this.goawaySent || this.goawayReceived || this.failing;
  }

  /** Whether the peer's SETTINGS_MAX_CONCURRENT_STREAMS allows another stream. */
  get mayOpen(): boolean {
    return this.streams.ownOpen < this.peer.maxConcurrentStreams;
  }

  /** The item to send next. A failed session sends only its GOAWAY. */
  get next(): OutboundItem<S> | undefined {
    const item = this.queue.peek(this.mayOpen, this.sendWindow > 0);
    const held = this.failing && item !== undefined &&
      priorityOf(item.key) !== PRIORITY_FAILED;
    return held ? undefined : item;
  }

  /** Removes {@linkcode next} from the queue and returns it. */
  takeNext(): OutboundItem<S> | undefined {
    if (this.failing && this.next === undefined) return undefined;
    return this.queue.pop(this.mayOpen, this.sendWindow > 0);
  }

  /** Priority of a frame on a stream: the stream's, or the lowest when it is not open. */
  #priorityOn(streamId: number): number {
    return this.streams.get(streamId)?.pri ?? this.traits.lowestPriority;
  }

  #push(
    priority: number,
    frame: OutboundFrame<CtrlFrame>,
    automatic = false,
  ): ControlItem<S> {
    const key = this.queue.keyFor(priority);
    const item = new ControlItem<S>(key, frame, automatic);
    this.queue.push(item);
    if (automatic) this.#countAutomatic();
    return item;
  }

  /** Bounds the automatic frames: a peer that causes them without reading would make the queue grow without limit. */
  #countAutomatic(): void {
    const { maxQueuedReplies } = this.options.limits;
    if (++this.#automaticQueued > maxQueuedReplies) {
      this.failForPeer(
        `the peer caused more than ${maxQueuedReplies} replies that it does not read (limits.maxQueuedReplies)`,
        ERR_PROTO,
      );
    }
  }

  /** An automatic frame was removed from the queue. */
  automaticTaken(item: ControlItem<S>): void {
    this.#automaticQueued--;
    if (item === this.#queuedUpdate) this.#queuedUpdate = undefined;
  }

  /** Queues SYN_STREAM. */
  pushSynStream(
    frame: OutboundFrame<SynStreamFrame>,
    headers: CheckedHeaders,
    body: BodySource<S> | undefined,
    userData: unknown,
  ): void {
    const parent = this.options.pushBeforeParent
      ? this.streams.get(frame.assocStreamId)
      : undefined;
    const priority = Math.min(frame.pri, parent?.pri ?? frame.pri);
    const key = this.queue.keyFor(priority);
    this.queue.pushSynStream(
      new ControlItem(key, frame, false, headers, body, userData),
    );
  }

  /** Queues SYN_REPLY or HEADERS, with the body that follows a SYN_REPLY. */
  pushHeaders(
    frame: OutboundFrame<SynReplyFrame | HeadersFrame>,
    headers: CheckedHeaders,
    body?: BodySource<S>,
  ): void {
    const key = this.queue.keyFor(this.#priorityOn(frame.streamId));
    this.queue.push(new ControlItem(key, frame, false, headers, body));
  }

  /** Queues PING: a reply when `automatic`. */
  pushPing(uniqueId: number, automatic: boolean): void {
    this.#push(PRIORITY_PING, makePing(this.traits, uniqueId), automatic);
  }

  /** Queues SETTINGS with the application's values, which the session uses from now on. */
  submitSettings(flags: number, iv: SettingsEntry[]): void {
    const announcement = this.#announcement;
    if (
      announcement !== undefined &&
      settingOf(iv, SETTINGS_MAX_CONCURRENT_STREAMS) !== undefined
    ) {
      // The application's own value replaces the announced limit.
      this.queue.remove(announcement);
    }
    const growth = this.local.submitted(iv);
    if (growth > 0) {
      for (const stream of this.streams.values()) {
        stream.receiveWindow?.grant(growth);
      }
    }
    this.#pushSettings(flags, iv);
    if (settingOf(iv, SETTINGS_INITIAL_WINDOW_SIZE) !== undefined) {
      this.#pushDueUpdates();
    }
  }

  /**
   * Queues the updates that a lower initial window makes due: it lowers the
   * threshold for updates, and may leave the peer without window. Without this
   * the peer would wait for an update that only more of its bytes can cause.
   */
  #pushDueUpdates(): void {
    const threshold = updateThreshold(this.local.initialWindow);
    for (const { id, receiveWindow, shutRead } of this.streams.values()) {
      if (receiveWindow === undefined || shutRead) continue;
      const delta = this.options.autoWindowUpdate
        ? receiveWindow.receive(0, threshold)
        : receiveWindow.consume(0, threshold);
      if (delta > 0) this.pushWindowUpdate(id, delta, false);
    }
  }

  #pushSettings(flags: number, iv: SettingsEntry[]): ControlItem<S> {
    const isFirst = this.options.settingsFirst && !this.#hasSentSettings;
    const priority = isFirst ? PRIORITY_PING : PRIORITY_SETTINGS;
    return this.#push(priority, makeSettings(this.traits, flags, iv));
  }

  /** SETTINGS was written. */
  settingsWritten(iv: readonly SettingsEntry[]): void {
    this.#announcement = undefined;
    this.#hasSentSettings = true;
    this.local.written(iv);
  }

  /** Queues WINDOW_UPDATE for the application, which acknowledges `deltaWindowSize` bytes. */
  submitWindowUpdate(streamId: number, deltaWindowSize: number): void {
    this.#receiveWindowOf(streamId)?.acknowledge(deltaWindowSize);
    this.pushWindowUpdate(streamId, deltaWindowSize, false);
  }

  /**
   * Changes the receive window of a stream, or of the session with stream 0, by
   * `change` bytes. A larger one is granted to the peer with WINDOW_UPDATE; a smaller
   * one takes effect as bytes are consumed.
   */
  resizeReceiveWindow(streamId: number, change: number): void {
    const window = this.#receiveWindowOf(streamId);
    if (window === undefined) return;
    if (change < 0) return window.reduce(-change);
    const rest = window.enlarge(change);
    if (rest > 0) this.pushWindowUpdate(streamId, rest, false);
  }

  #receiveWindowOf(streamId: number): ReceiveWindow | undefined {
    return streamId === 0
      ? this.receiveWindow
      : this.streams.get(streamId)?.receiveWindow;
  }

  /** Queues WINDOW_UPDATE; stream 0 is the session. */
  pushWindowUpdate(
    streamId: number,
    deltaWindowSize: number,
    automatic: boolean,
  ): void {
    this.#receiveWindowOf(streamId)?.grant(deltaWindowSize);
    // Without `creditOnArrival`, each update is a frame of its own, as in spdylay.
    const mayJoin = automatic && streamId === 0 && this.options.creditOnArrival;
    if (mayJoin && this.#joinUpdate(deltaWindowSize)) return;
    const frame = makeWindowUpdate(this.traits, streamId, deltaWindowSize);
    const priority = this.options.urgentUpdates
      ? PRIORITY_WINDOW
      : this.#priorityOn(streamId);
    const item = this.#push(priority, frame, automatic);
    if (mayJoin) this.#queuedUpdate = item;
  }

  /** Adds `delta` to the session's WINDOW_UPDATE in the queue; false if there is none. */
  #joinUpdate(delta: number): boolean {
    const frame = this.#queuedUpdate?.frame;
    if (frame?.frameType !== WINDOW_UPDATE) return false;
    const sum = frame.deltaWindowSize + delta;
    if (sum > MAX_FLOW_WINDOW) return false;
    frame.deltaWindowSize = sum;
    return true;
  }

  /** Queues RST_STREAM, `automatic` when the peer caused it. An open stream with that id receives and sends nothing from now on. */
  resetStream(streamId: number, statusCode: number, automatic: boolean): void {
    const frame = makeRstStream(this.traits, streamId, statusCode);
    this.#push(this.#priorityOn(streamId), frame, automatic);
    const stream = this.streams.get(streamId);
    if (stream !== undefined && stream.state !== "closing") {
      this.#expectLateData(stream);
      stream.state = "closing";
    }
    if (automatic) this.spend("maxRapidResets");
  }

  /** Excuses the DATA that the peer sends before it learns that the stream has ended. */
  #expectLateData(stream: StreamRecord<S>): void {
    if (stream.shutRead || stream.state === "closing") return;
    this.lateData.expect(stream.receiveWindow?.available);
  }

  /** Excuses the DATA that the peer sends on a refused stream before it learns of the refusal. */
  expectDataOfRefused(): void {
    this.lateData.expect(
      this.flowControl ? this.local.grantedWindow : undefined,
    );
  }

  /** Queues GOAWAY with the lowest priority. */
  pushGoaway(statusCode: number): void {
    this.#pushGoaway(this.traits.lowestPriority, statusCode);
  }

  #pushGoaway(priority: number, statusCode: number): void {
    const { lastReceived } = this.streams;
    this.#push(priority, makeGoaway(this.traits, lastReceived, statusCode));
  }

  /** Fails the session: GOAWAY is sent before everything queued, and input is discarded from now on. */
  fail(statusCode: number, failure?: SpdyError): void {
    // Later failures are consequences of the first. A GOAWAY that the application asks
    // for again is queued, and `onCtrlNotSend` is called for it, as in spdylay.
    if (this.failing && failure !== undefined) return;
    this.failing = true;
    this.failure ??= failure;
    this.#pushGoaway(PRIORITY_FAILED, statusCode);
    this.onFail();
  }

  /** Drops what a failed session does not send, which is everything but its GOAWAY, and reports the bodies. */
  dropUnsent(): void {
    const errorCode = this.failure?.code ?? ERR_INVALID_STATE;
    const unsent: OutboundItem<S>[] = [];
    const kept: OutboundItem<S>[] = [];
    for (let item; (item = this.queue.pop(true, true)) !== undefined;) {
      (priorityOf(item.key) === PRIORITY_FAILED ? kept : unsent).push(item);
    }
    for (const item of kept) this.queue.push(item);
    for (const stream of [...this.streams.values()]) {
      this.bodies.dropAll(stream, errorCode);
    }
    for (const item of unsent) {
      if (item.kind === "control") this.bodyNotSent(item, errorCode);
    }
  }

  /** Reports the body of a frame that is not sent, if it has one. */
  bodyNotSent({ frame, body }: ControlItem<S>, errorCode: number): void {
    if (body === undefined || !("streamId" in frame)) return;
    this.app.onDataNotSend(frame.streamId, errorCode);
  }

  /** Fails the session with GOAWAY PROTOCOL_ERROR because the peer broke a rule. */
  failForPeer(message: string, code: number): void {
    this.fail(
      GOAWAY_PROTOCOL_ERROR,
      new SpdyError(message, code, { initiator: "remote" }),
    );
  }

  /** Spends one unit of a budget; when the budget is used up, fails the session and returns false. */
  spend(budget: Budget): boolean {
    if (this.floods.spend(budget)) return true;
    const limit = this.options.limits[budget];
    this.failForPeer(
      `the peer sent or caused more than ${limit} useless frames (limits.${budget})`,
      ERR_PROTO,
    );
    return false;
  }

  /** Creates a stream with its windows and adds it to the table. */
  openStream(
    id: number,
    own: boolean,
    pri: number,
    assocStreamId: number,
    userData?: unknown,
  ): StreamRecord<S> {
    const window = this.flowControl
      ? new ReceiveWindow(this.local.grantedWindow)
      : undefined;
    const stream = new StreamRecord<S>(
      id,
      own,
      pri,
      assocStreamId,
      userData,
      window,
    );
    this.streams.add(stream);
    return stream;
  }

  /** Closes a stream. Calls the callback first, while the stream's user data can still be read. */
  closeStream(stream: StreamRecord<S>, statusCode: number): void {
    this.app.onStreamClose(stream.id, statusCode);
    this.streams.remove(stream);
    this.bodies.dropAll(stream, ERR_STREAM_CLOSED);
  }

  /** Closes a stream when both halves are closed. */
  closeIfShut(stream: StreamRecord<S>): void {
    if (!stream.shutRead || !stream.shutWrite) return;
    this.floods.exchanged();
    this.closeStream(stream, OK);
  }

  /**
   * Closes a stream after RST_STREAM was sent or received. When a client cancels
   * a request, the streams pushed for it are closed too (SPDY/3 draft 3.3.2), even
   * when the request itself has already closed here: the server may have answered
   * it in full before it learns of the cancellation.
   */
  closeByReset(streamId: number, statusCode: number, byClient: boolean): void {
    if (statusCode === CANCEL && byClient) {
      for (const pushed of this.streams.pushedFor(streamId)) {
        if (this.streams.get(pushed.id) !== pushed) continue;
        this.#expectLateData(pushed);
        this.closeStream(pushed, CANCEL);
      }
    }
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.closeStream(stream, statusCode);
  }
}
