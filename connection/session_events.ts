/**
 * Translates the session's callbacks to events of the connection.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_STREAM_CLOSED,
  ERR_STREAM_CLOSING,
  ERR_STREAM_ID_NOT_AVAILABLE,
  ERR_STREAM_SHUT_WR,
  ERR_SYN_STREAM_NOT_ALLOWED,
  SpdyError,
} from "../errors.ts";
import {
  CTRL_FLAG_FIN,
  DATA,
  DATA_FLAG_FIN,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import { frameName } from "../frame/names.ts";
import type {
  CtrlFrame,
  GoawayFrame,
  SettingsFrame,
  SynStreamFrame,
} from "../frame/types.ts";
import type { SessionOptions } from "../session.ts";
import { type Limits, resolveLimits } from "../session/limits.ts";
import {
  BORROW_BODIES,
  CREDIT_ON_ARRIVAL,
  ESCAPED_HEADERS,
  LOWERED_BY_PING,
  PUSH_BEFORE_PARENT,
  type TransportSettings,
} from "../session/options.ts";
import { type ResolvedOptions, sessionSettings } from "./options.ts";
import type { StreamCore } from "./stream_core.ts";

/** The events of a session. */
export interface SessionEvents {
  /** Bytes to send; returns how many were taken. */
  takeBytes(data: Uint8Array): number;
  stream(streamId: number): StreamCore | undefined;
  streamOpened(frame: SynStreamFrame): void;
  replied(state: StreamCore): void;
  dataReceived(streamId: number, data: Uint8Array): void;
  streamIdAssigned(frame: SynStreamFrame): void;
  synStreamSent(streamId: number): void;
  synStreamNotSent(frame: SynStreamFrame, error: SpdyError): void;
  streamClosed(streamId: number, statusCode: number): void;
  pingIdAssigned(uniqueId: number): void;
  /** It is in the send buffer. */
  pingSent(uniqueId: number): void;
  pingReceived(uniqueId: number): void;
  settingsReceived(frame: SettingsFrame): void;
  settingsSent(frame: SettingsFrame): void;
  goawayFrameReceived(frame: GoawayFrame): void;
  /** A GOAWAY of this side left, the application's or the session's own. */
  goawayFrameSent(): void;
}

/** The options of a connection's session. */
export function sessionOptions(
  events: SessionEvents,
  options: ResolvedOptions,
): SessionOptions & TransportSettings {
  const { onFrame } = options;
  return {
    autoWindowUpdate: false,
    ...sessionSettings(options),
    limits: withFrameSize(options.limits),
    // The write buffer copies the bytes it takes.
    reuseSendBuffer: true,
    [BORROW_BODIES]: true,
    [CREDIT_ON_ARRIVAL]: true,
    [LOWERED_BY_PING]: true,
    [PUSH_BEFORE_PARENT]: true,
    [ESCAPED_HEADERS]: true,
    send: (_, data) => events.takeBytes(data),
    onCtrlRecv: (_, frame) => {
      onFrame?.("received", frame);
      controlReceived(events, frame);
    },
    onInvalidCtrlRecv: onFrame && ((_, frame) => onFrame("received", frame)),
    onDataChunkRecv: (_, _flags, streamId, data) =>
      events.dataReceived(streamId, data),
    onDataRecv: (_, flags, streamId, length) => {
      onFrame?.("received", { frameType: DATA, streamId, flags, length });
      if (flags & DATA_FLAG_FIN) events.stream(streamId)?.endRemote();
    },
    beforeCtrlSend: (_, frame) => {
      if (frame.frameType === SYN_STREAM) events.streamIdAssigned(frame);
      else if (frame.frameType === PING) events.pingIdAssigned(frame.uniqueId);
    },
    onCtrlSend: (_, frame) => {
      onFrame?.("sent", frame);
      controlSent(events, frame);
    },
    onCtrlNotSend: (_, frame, errorCode) =>
      controlNotSent(events, frame, errorCode),
    onDataSend: (_, flags, streamId, length) => {
      onFrame?.("sent", { frameType: DATA, streamId, flags, length });
      if (flags & DATA_FLAG_FIN) events.stream(streamId)?.sendBuffer.finish();
    },
    onStreamClose: (_, streamId, statusCode) =>
      events.streamClosed(streamId, statusCode),
  };
}

/**
 * Default of the longest payload of a DATA frame, bytes:
 * a quarter of the send buffer. Moving a frame takes about 1 us whatever its
 * size, which with 16 KiB was a tenth of the time of a bulk transfer.
 */
const DATA_FRAME_SIZE = 64 * 1024;

function withFrameSize(limits: Limits = {}): Limits {
  // The session refuses anything that is not an object.
  if (typeof limits !== "object" || limits === null) return limits;
  const { maxDataFrameSize = DATA_FRAME_SIZE } = limits;
  // Not spread, which would leave out the getters of a class.
  return { ...resolveLimits(limits), maxDataFrameSize };
}

function controlReceived(events: SessionEvents, frame: CtrlFrame): void {
  const fin = (frame.flags & CTRL_FLAG_FIN) !== 0;
  switch (frame.frameType) {
    case SYN_STREAM:
      events.streamOpened(frame);
      break;
    case SYN_REPLY: {
      const state = events.stream(frame.streamId);
      if (state === undefined) break;
      events.replied(state);
      state.replyReceived(frame.nv, fin);
      break;
    }
    case HEADERS:
      events.stream(frame.streamId)?.headersReceived(frame.nv, fin);
      break;
    case RST_STREAM: {
      const state = events.stream(frame.streamId);
      if (state !== undefined) state.resetByPeer = true;
      break;
    }
    case SETTINGS:
      events.settingsReceived(frame);
      break;
    case PING:
      events.pingReceived(frame.uniqueId);
      break;
    case GOAWAY:
      events.goawayFrameReceived(frame);
      break;
    case WINDOW_UPDATE:
      break;
  }
}

function controlSent(events: SessionEvents, frame: CtrlFrame): void {
  switch (frame.frameType) {
    case SYN_STREAM:
      events.synStreamSent(frame.streamId);
      break;
    case SYN_REPLY:
      events.stream(frame.streamId)?.replySent();
      break;
    case HEADERS:
      events.stream(frame.streamId)?.headersSent();
      break;
    case GOAWAY:
      events.goawayFrameSent();
      break;
    case SETTINGS:
      events.settingsSent(frame);
      break;
    case PING:
      events.pingSent(frame.uniqueId);
      break;
    case RST_STREAM:
    case WINDOW_UPDATE:
      break;
  }
}

/** Why the session does not send a frame, by error code. */
const NOT_SENT: Readonly<Record<number, string>> = {
  [ERR_FRAME_TOO_LARGE]: "its headers are larger than a frame may be",
  [ERR_STREAM_ID_NOT_AVAILABLE]:
    "this side has used all of its stream ids; open a new connection",
  [ERR_STREAM_CLOSED]: "the stream is closed",
  [ERR_STREAM_CLOSING]: "the stream is being reset",
  [ERR_STREAM_SHUT_WR]: "this side has already ended its half of the stream",
  [ERR_SYN_STREAM_NOT_ALLOWED]: "GOAWAY was sent or received",
};

function controlNotSent(
  events: SessionEvents,
  frame: CtrlFrame,
  errorCode: number,
): void {
  const name = frameName(frame.frameType);
  const what = "streamId" in frame && frame.streamId !== 0
    ? `${name} of stream ${frame.streamId}`
    : name;
  const reason = NOT_SENT[errorCode] ?? `error ${errorCode}`;
  const error = new SpdyError(`${what} was not sent: ${reason}`, errorCode);
  if (frame.frameType === SYN_STREAM) events.synStreamNotSent(frame, error);
  else if (frame.frameType === SYN_REPLY) {
    events.stream(frame.streamId)?.replySent(error);
  } else if (frame.frameType === HEADERS) {
    events.stream(frame.streamId)?.headersSent(error);
  }
}
