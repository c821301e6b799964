/**
 * Translates the session's callbacks to events of the connection.
 *
 * @module
 */

import {
  CTRL_FLAG_FIN,
  DATA,
  DATA_FLAG_FIN,
  GOAWAY,
  HEADERS,
  OK,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import type { CtrlFrame, SynStreamFrame } from "../frame/types.ts";
import type { Session, SessionOptions } from "../session.ts";
import {
  BORROW_BODIES,
  CREDIT_ON_ARRIVAL,
  DATA_ROOM,
  EARLY_STREAMS,
  ESCAPED_HEADERS,
  LOWERED_BY_PING,
  ON_STREAM_DATA,
  PUSH_BEFORE_PARENT,
  RESOLVED,
  type ResolvedSettings,
  resolveSettings,
  SENT_WITHOUT_HEADERS,
  SETTINGS_FIRST,
  type StreamDataCallback,
  type TransportSettings,
  URGENT_UPDATES,
} from "../session/options.ts";
import type { ConnectionEnd } from "./connection_end.ts";
import type { ConnectionSettings } from "./connection_settings.ts";
import { frameNotSent } from "./end_errors.ts";
import type { ReceiveFlow } from "./flow/receive_flow.ts";
import type { SendScheduler } from "./flow/send_scheduler.ts";
import type { IoLoop } from "./io_loop.ts";
import {
  type FrameDirection,
  isShared,
  maxConcurrentStreams,
  type ResolvedOptions,
  sessionSettings,
  STREAMS_WAIT,
} from "./options.ts";
import type { OpenStreams } from "./stream/open_streams.ts";
import type { PeerStreams } from "./stream/peer_streams.ts";
import type { PendingStreams } from "./stream/pending_streams.ts";
import { StreamCore } from "./stream/stream_core.ts";
import type { StreamCloser } from "./stream_closer.ts";
import type { Traffic } from "./telemetry/counters.ts";
import type { Pinger } from "./time/pinger.ts";
import type { Timeouts } from "./timeouts.ts";

/** The parts of a connection that the session's events concern. */
export interface SessionEventParts {
  readonly options: ResolvedOptions;
  readonly session: Session;
  readonly io: IoLoop;
  /** Counts frames. */
  readonly traffic: Traffic;
  readonly streams: OpenStreams;
  readonly peerStreams: PeerStreams;
  readonly pending: PendingStreams;
  readonly closer: StreamCloser;
  readonly scheduler: SendScheduler;
  readonly receiveFlow: ReceiveFlow;
  readonly pinger: Pinger;
  readonly timeouts: Timeouts;
  readonly settings: ConnectionSettings;
  readonly ending: ConnectionEnd;
  /** The SYN_STREAM of this id is about to be sent. */
  ownStreamOpened(streamId: number): void;
  /** Sends a PING whose reply is not needed. */
  probe(): void;
}

/** The options of a connection's session. */
export function sessionOptions(
  parts: SessionEventParts,
  options: ResolvedOptions,
): SessionOptions & TransportSettings {
  return new SessionEvents(parts, options);
}

/** The settings of sessions by the options of their connections, which many connections share. */
const resolved = new WeakMap<ResolvedOptions, ResolvedSettings>();

/** The settings of a session. Checking them for each connection would allocate 3 KB in each accept. */
function settingsOf(options: ResolvedOptions): ResolvedSettings {
  let settings = resolved.get(options);
  if (settings === undefined) {
    settings = resolveSettings({
      ...sessionSettings(options),
      autoWindowUpdate: false,
      // The write buffer copies the bytes it takes.
      reuseSendBuffer: true,
      [BORROW_BODIES]: true,
      [CREDIT_ON_ARRIVAL]: true,
      [URGENT_UPDATES]: true,
      [LOWERED_BY_PING]: true,
      [SETTINGS_FIRST]: true,
      [PUSH_BEFORE_PARENT]: true,
      [ESCAPED_HEADERS]: true,
      [EARLY_STREAMS]: options[STREAMS_WAIT] ? options.maxWaitingStreams : 0,
    });
    if (isShared(options)) resolved.set(options, settings);
  }
  return settings;
}

/**
 * The settings of a connection's session, and its callbacks. They are methods, because a
 * function for each would take 600 bytes of every connection.
 */
class SessionEvents implements SessionOptions, TransportSettings {
  readonly #parts: SessionEventParts;
  readonly [RESOLVED]: ResolvedSettings;
  /** Only `onFrame` reads the headers. */
  readonly [SENT_WITHOUT_HEADERS]: boolean;
  readonly [DATA_ROOM]: () => number;
  readonly [ON_STREAM_DATA]: StreamDataCallback;

  constructor(parts: SessionEventParts, options: ResolvedOptions) {
    this.#parts = parts;
    this[RESOLVED] = settingsOf(options);
    this[SENT_WITHOUT_HEADERS] = options.onFrame === undefined;
    this[DATA_ROOM] = () => parts.io.out.dataRoom;
    this[ON_STREAM_DATA] = (core, data) => {
      if (core instanceof StreamCore) parts.receiveFlow.received(core, data);
    };
  }

  send(_: Session, data: Uint8Array): number {
    return this.#parts.io.out.append(data);
  }

  onCtrlRecv(_: Session, frame: CtrlFrame): void {
    const parts = this.#parts;
    parts.traffic.framesReceived++;
    parts.options.onFrame?.("received", frame);
    controlReceived(parts, frame);
  }

  onInvalidCtrlRecv(_: Session, frame: CtrlFrame): void {
    this.#parts.options.onFrame?.("received", frame);
  }

  onDataRecv(
    _: Session,
    flags: number,
    streamId: number,
    length: number,
  ): void {
    const parts = this.#parts;
    parts.traffic.framesReceived++;
    traceData(parts, "received", flags, streamId, length);
    if (flags & DATA_FLAG_FIN) {
      parts.streams.get(streamId)?.endRemote();
      parts.receiveFlow.mayBeQuiet();
    }
  }

  beforeCtrlSend(_: Session, frame: CtrlFrame): void {
    if (frame.frameType === SYN_STREAM) idAssigned(this.#parts, frame.streamId);
    else if (frame.frameType === PING) {
      this.#parts.pinger.idAssigned(frame.uniqueId);
    }
  }

  onCtrlSend(_: Session, frame: CtrlFrame): void {
    const parts = this.#parts;
    parts.traffic.framesSent++;
    parts.options.onFrame?.("sent", frame);
    controlSent(parts, frame);
  }

  onCtrlNotSend(_: Session, frame: CtrlFrame, errorCode: number): void {
    controlNotSent(this.#parts, frame, errorCode);
  }

  onDataSend(
    _: Session,
    flags: number,
    streamId: number,
    length: number,
  ): void {
    const parts = this.#parts;
    parts.traffic.framesSent++;
    traceData(parts, "sent", flags, streamId, length);
    if (flags & DATA_FLAG_FIN) {
      parts.streams.get(streamId)?.sendBuffer.finish();
    }
  }

  onStreamClose(_: Session, streamId: number, statusCode: number): void {
    const core = this.#parts.streams.get(streamId);
    if (core !== undefined) this.#parts.closer.closed(core, statusCode);
  }
}

/** Calls `onFrame` for a DATA frame. */
function traceData(
  { options }: SessionEventParts,
  direction: FrameDirection,
  flags: number,
  streamId: number,
  length: number,
): void {
  options.onFrame?.(direction, { frameType: DATA, streamId, flags, length });
}

function controlReceived(parts: SessionEventParts, frame: CtrlFrame): void {
  const fin = (frame.flags & CTRL_FLAG_FIN) !== 0;
  const { streams, pending, timeouts } = parts;
  switch (frame.frameType) {
    case SYN_STREAM:
      streamOpened(parts, frame);
      break;
    case SYN_REPLY: {
      const core = streams.get(frame.streamId);
      if (core === undefined) break;
      pending.peerResponded();
      timeouts.replied(core);
      core.replyReceived(frame.nv, fin);
      break;
    }
    case HEADERS:
      streams.get(frame.streamId)?.headersReceived(frame.nv, fin);
      break;
    case RST_STREAM: {
      const core = streams.get(frame.streamId);
      if (core !== undefined) core.resetByPeer = true;
      break;
    }
    case SETTINGS:
      parts.settings.received(frame, pending);
      break;
    case PING:
      pending.peerResponded();
      parts.pinger.received(frame.uniqueId);
      break;
    case GOAWAY:
      parts.ending.goawayReceived(frame);
      break;
    case WINDOW_UPDATE:
      break;
    default:
      frame satisfies never;
  }
}

function streamOpened(parts: SessionEventParts, frame: SynStreamFrame): void {
  const { ending, peerStreams, closer } = parts;
  // The application closed the connection while this frame was processed.
  if (ending.begun) return;
  const core = peerStreams.opened(frame);
  const { options, streams } = parts;
  if (
    options[STREAMS_WAIT] &&
    streams.peerOpen === maxConcurrentStreams(options) + 1
  ) {
    // This is the first stream above the limit: the reply shows that the peer knows
    // the limit now.
    parts.probe();
  }
  // The session has no record of a stream that ended with its SYN_STREAM.
  const { unidirectional, fin } = core.init;
  if (!ending.begun) parts.receiveFlow.mayBeQuiet();
  if (unidirectional && fin && !ending.begun) closer.closed(core, OK);
}

/** The SYN_STREAM of a stream of this side has its id and is about to be sent. */
function idAssigned(parts: SessionEventParts, streamId: number): void {
  const { streams } = parts;
  parts.ownStreamOpened(streamId);
  const core = streams.get(streamId);
  if (core === undefined) return;
  if (core.ticket === 0) {
    // The connection has ended, and the stream has failed.
    streams.remove(streamId);
  } else {
    core.id = streamId;
    streams.add(core);
  }
}

function controlSent(parts: SessionEventParts, frame: CtrlFrame): void {
  const { streams } = parts;
  switch (frame.frameType) {
    case SYN_STREAM: {
      const core = streams.get(frame.streamId);
      if (core !== undefined) synStreamSent(parts, core);
      break;
    }
    case SYN_REPLY:
      streams.get(frame.streamId)?.sender.replySent();
      break;
    case HEADERS:
      streams.get(frame.streamId)?.sender.headersSent();
      break;
    case SETTINGS:
      if (parts.settings.sent(frame) && parts.receiveFlow.hasWindows) {
        parts.probe();
      }
      break;
    case PING:
      parts.pinger.sent(frame.uniqueId);
      break;
    case RST_STREAM:
    case GOAWAY:
    case WINDOW_UPDATE:
      break;
    default:
      frame satisfies never;
  }
}

function synStreamSent(parts: SessionEventParts, core: StreamCore): void {
  const { pending, timeouts, io, scheduler } = parts;
  pending.sent(core);
  parts.receiveFlow.mayBeQuiet();
  if (!core.init.unidirectional) {
    timeouts.awaitReply(core, () => io.trackLastFrame());
  }
  scheduler.add(core);
}

function controlNotSent(
  parts: SessionEventParts,
  frame: CtrlFrame,
  errorCode: number,
): void {
  const error = frameNotSent(frame, errorCode);
  const { streams, pending, ending } = parts;
  if (frame.frameType === SYN_STREAM) {
    if (frame.streamId === 0) {
      // The stream has no id, and no other stream can get one.
      pending.idsUsedUp(() => ending.notOpened());
      return;
    }
    const core = streams.get(frame.streamId);
    if (core === undefined) return;
    streams.remove(frame.streamId);
    pending.notSent(core, ending.goingAway ? ending.notOpened() : error);
  } else if (frame.frameType === SYN_REPLY) {
    streams.get(frame.streamId)?.sender.replySent(error);
  } else if (frame.frameType === HEADERS) {
    streams.get(frame.streamId)?.sender.headersSent(error);
  }
}
