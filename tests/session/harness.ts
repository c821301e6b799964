/**
 * A session under test, and a peer that consists only of a codec, so that it can
 * send anything.
 *
 * @module
 */

import { concat } from "../deps.ts";
import {
  CLIENT,
  type CtrlFrame,
  DATA,
  type DataFrame,
  DataProvider,
  ERR_DEFERRED,
  type Frame,
  FrameDecoder,
  FrameEncoder,
  GOAWAY,
  HEADERS,
  type NameValue,
  PING,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  READ_EOF,
  RST_STREAM,
  SERVER,
  Session,
  type SessionOptions,
  SETTINGS,
  type SettingsEntry,
  type Side,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../../mod.ts";

export const VERSIONS: readonly ProtocolVersion[] = [
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
];
export const SIDES: readonly Side[] = [CLIENT, SERVER];
export const HEADERS_LIST: NameValue[] = [[":path", "/"], ["x", "1"]];

/** The session under test, the calls of its callbacks and the bytes that it wrote. */
export class Harness {
  readonly session: Session;
  readonly version: ProtocolVersion;
  /** One line for each callback: `onCtrlRecv PING 1`. */
  log: string[] = [];
  /** Bytes that the transport accepts before it would block. */
  room: number = Infinity;
  #encoder: FrameEncoder;
  #decoder: FrameDecoder;

  constructor(
    side: Side,
    version: ProtocolVersion,
    options: SessionOptions = {},
  ) {
    this.version = version;
    this.#encoder = new FrameEncoder(version);
    this.#decoder = new FrameDecoder(version);
    const say = (...words: unknown[]): void => {
      this.log.push(words.join(" "));
    };
    this.session = new Session(side, version, {
      send: (_session, data) => {
        const taken = Math.min(this.room, data.length);
        this.#decoder.push(data.slice(0, taken));
        this.room -= taken;
        return taken;
      },
      onCtrlRecv: (_session, frame) => say("onCtrlRecv", name(frame)),
      onInvalidCtrlRecv: (_session, frame, status) =>
        say("onInvalidCtrlRecv", name(frame), status),
      onDataChunkRecv: (_session, flags, streamId, data) =>
        say("onDataChunkRecv", flags, streamId, data.length),
      onDataRecv: (_session, flags, streamId, length) =>
        say("onDataRecv", flags, streamId, length),
      beforeCtrlSend: (_session, frame) => say("beforeCtrlSend", name(frame)),
      onCtrlSend: (_session, frame) => say("onCtrlSend", name(frame)),
      onCtrlNotSend: (_session, frame, code) =>
        say("onCtrlNotSend", name(frame), code),
      onDataSend: (_session, flags, streamId, length) =>
        say("onDataSend", flags, streamId, length),
      onDataNotSend: (_session, streamId, code) =>
        say("onDataNotSend", streamId, code),
      onStreamClose: (_session, streamId, status) =>
        say("onStreamClose", streamId, status),
      onRequestRecv: (_session, streamId) => say("onRequestRecv", streamId),
      onCtrlRecvParseError: (_session, type, _head, payload, code) =>
        say("onCtrlRecvParseError", type, payload.length, code),
      onUnknownCtrlRecv: (_session, head, payload) =>
        say("onUnknownCtrlRecv", head[3], payload.length),
      limits: { maxConcurrentStreams: 0x7fffffff, ...options.limits },
      ...without(options, "limits"),
    });
  }

  /** Passes frames of the peer to the session, in one piece. */
  give(...frames: Frame[]): void {
    this.session.recv(
      concat(frames.map((frame) => this.#encoder.encode(frame))),
    );
  }

  /** The frames that `send()` writes now. */
  flush(): Frame[] {
    this.session.send();
    return this.written();
  }

  /** The frames that were written and not checked yet. */
  written(): Frame[] {
    const frames: Frame[] = [];
    for (;;) {
      const frame = this.#decoder.next();
      if (frame === undefined) return frames;
      frames.push(frame);
    }
  }

  /** The names of the frames that `send()` writes now. */
  flushNames(): string[] {
    return this.flush().map(name);
  }

  /** The calls of callbacks since the last call. */
  told(): string[] {
    const told = this.log;
    this.log = [];
    return told;
  }
}

function without(options: SessionOptions, field: "limits"): SessionOptions {
  const { [field]: _limits, ...rest } = options;
  return rest;
}

/** A frame as a short text. */
export function name(frame: Frame): string {
  switch (frame.frameType) {
    case DATA:
      return `DATA ${frame.streamId} ${frame.flags} ${frame.data.length}`;
    case SYN_STREAM:
      return `SYN_STREAM ${frame.streamId}`;
    case SYN_REPLY:
      return `SYN_REPLY ${frame.streamId}`;
    case HEADERS:
      return `HEADERS ${frame.streamId}`;
    case RST_STREAM:
      return `RST_STREAM ${frame.streamId} ${frame.statusCode}`;
    case SETTINGS:
      return `SETTINGS ${JSON.stringify(frame.iv)}`;
    case PING:
      return `PING ${frame.uniqueId}`;
    case GOAWAY:
      return `GOAWAY ${frame.lastGoodStreamId} ${frame.statusCode}`;
    case WINDOW_UPDATE:
      return `WINDOW_UPDATE ${frame.streamId} ${frame.deltaWindowSize}`;
  }
}

const base = { version: 3, length: 0 };

export function synStream(
  streamId: number,
  options: { flags?: number; assoc?: number; pri?: number } = {},
): CtrlFrame {
  const { flags = 0, assoc = 0, pri = 0 } = options;
  return {
    ...base,
    frameType: SYN_STREAM,
    flags,
    streamId,
    assocStreamId: assoc,
    pri,
    slot: 0,
    nv: HEADERS_LIST,
  };
}

export function synReply(streamId: number, flags = 0): CtrlFrame {
  return { ...base, frameType: SYN_REPLY, flags, streamId, nv: HEADERS_LIST };
}

export function headers(streamId: number, flags = 0): CtrlFrame {
  return { ...base, frameType: HEADERS, flags, streamId, nv: HEADERS_LIST };
}

export function rstStream(streamId: number, statusCode = 5): CtrlFrame {
  return { ...base, frameType: RST_STREAM, flags: 0, streamId, statusCode };
}

export function settings(...iv: SettingsEntry[]): CtrlFrame {
  return { ...base, frameType: SETTINGS, flags: 0, iv };
}

export function ping(uniqueId: number): CtrlFrame {
  return { ...base, frameType: PING, flags: 0, uniqueId };
}

export function goaway(lastGoodStreamId = 0, statusCode = 0): CtrlFrame {
  return { ...base, frameType: GOAWAY, flags: 0, lastGoodStreamId, statusCode };
}

export function windowUpdate(
  streamId: number,
  deltaWindowSize: number,
): CtrlFrame {
  return {
    ...base,
    frameType: WINDOW_UPDATE,
    flags: 0,
    streamId,
    deltaWindowSize,
  };
}

export function data(streamId: number, length: number, flags = 0): DataFrame {
  return { frameType: DATA, streamId, flags, data: new Uint8Array(length) };
}

/** A body of `length` bytes; at each offset in `deferAt` it defers once. */
export function body(length: number, deferAt: number[] = []): DataProvider {
  const state = { at: 0, deferAt: new Set(deferAt) };
  return new DataProvider(state, (_session, _streamId, room, readCtrl) => {
    if (state.deferAt.delete(state.at)) return ERR_DEFERRED;
    const stop = Math.min(
      length,
      ...[...state.deferAt].filter((offset) => offset > state.at),
    );
    const piece = new Uint8Array(Math.min(room, stop - state.at));
    state.at += piece.length;
    if (state.at === length) readCtrl.flags = READ_EOF;
    return piece;
  });
}
