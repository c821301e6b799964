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
  dataCame(streamId: number, data: Uint8Array): void;
  streamNumbered(frame: SynStreamFrame): void;
  streamSent(streamId: number): void;
  streamNotSent(frame: SynStreamFrame, error: SpdyError): void;
  streamClosed(streamId: number, statusCode: number): void;
  pingSent(uniqueId: number): void;
  /** It is in the send buffer. */
  pingLeft(uniqueId: number): void;
  pingCame(uniqueId: number): void;
  settingsCame(frame: SettingsFrame): void;
  settingsSent(frame: SettingsFrame): void;
  goawayCame(frame: GoawayFrame): void;
  /** A GOAWAY of this side left, the application's or the session's own. */
  goawayLeft(): void;
}

/** The options of a connection's session. */
export function sessionOptions(
  reports: SessionEvents,
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
    send: (_, data) => reports.takeBytes(data),
    onCtrlRecv: (_, frame) => {
      onFrame?.("received", frame);
      controlCame(reports, frame);
    },
    onInvalidCtrlRecv: onFrame && ((_, frame) => onFrame("received", frame)),
    onDataChunkRecv: (_, _flags, streamId, data) =>
      reports.dataCame(streamId, data),
    onDataRecv: (_, flags, streamId, length) => {
      onFrame?.("received", { frameType: DATA, streamId, flags, length });
      if (flags & DATA_FLAG_FIN) reports.stream(streamId)?.endRemote();
    },
    beforeCtrlSend: (_, frame) => {
      if (frame.frameType === SYN_STREAM) reports.streamNumbered(frame);
      else if (frame.frameType === PING) reports.pingSent(frame.uniqueId);
    },
    onCtrlSend: (_, frame) => {
      onFrame?.("sent", frame);
      controlSent(reports, frame);
    },
    onCtrlNotSend: (_, frame, errorCode) =>
      controlNotSent(reports, frame, errorCode),
    onDataSend: (_, flags, streamId, length) => {
      onFrame?.("sent", { frameType: DATA, streamId, flags, length });
      if (flags & DATA_FLAG_FIN) reports.stream(streamId)?.sendBuffer.finish();
    },
    onStreamClose: (_, streamId, statusCode) =>
      reports.streamClosed(streamId, statusCode),
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

function controlCame(reports: SessionEvents, frame: CtrlFrame): void {
  const fin = (frame.flags & CTRL_FLAG_FIN) !== 0;
  switch (frame.frameType) {
    case SYN_STREAM:
      reports.streamOpened(frame);
      break;
    case SYN_REPLY: {
      const state = reports.stream(frame.streamId);
      if (state === undefined) break;
      reports.replied(state);
      state.replyReceived(frame.nv, fin);
      break;
    }
    case HEADERS:
      reports.stream(frame.streamId)?.headersReceived(frame.nv, fin);
      break;
    case RST_STREAM: {
      const state = reports.stream(frame.streamId);
      if (state !== undefined) state.resetByPeer = true;
      break;
    }
    case SETTINGS:
      reports.settingsCame(frame);
      break;
    case PING:
      reports.pingCame(frame.uniqueId);
      break;
    case GOAWAY:
      reports.goawayCame(frame);
      break;
    case WINDOW_UPDATE:
      break;
  }
}

function controlSent(reports: SessionEvents, frame: CtrlFrame): void {
  switch (frame.frameType) {
    case SYN_STREAM:
      reports.streamSent(frame.streamId);
      break;
    case SYN_REPLY:
      reports.stream(frame.streamId)?.replySent();
      break;
    case HEADERS:
      reports.stream(frame.streamId)?.headersSent();
      break;
    case GOAWAY:
      reports.goawayLeft();
      break;
    case SETTINGS:
      reports.settingsSent(frame);
      break;
    case PING:
      reports.pingLeft(frame.uniqueId);
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
  reports: SessionEvents,
  frame: CtrlFrame,
  errorCode: number,
): void {
  const name = frameName(frame.frameType);
  const what = "streamId" in frame && frame.streamId !== 0
    ? `${name} of stream ${frame.streamId}`
    : name;
  const reason = NOT_SENT[errorCode] ?? `error ${errorCode}`;
  const error = new SpdyError(`${what} was not sent: ${reason}`, errorCode);
  if (frame.frameType === SYN_STREAM) reports.streamNotSent(frame, error);
  else if (frame.frameType === SYN_REPLY) {
    reports.stream(frame.streamId)?.replySent(error);
  } else if (frame.frameType === HEADERS) {
    reports.stream(frame.streamId)?.headersSent(error);
  }
}
