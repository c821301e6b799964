/**
 * Replays the calls of a recording on sessions of this module.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { concat } from "../deps.ts";
import {
  CallbackFailureError,
  CLIENT,
  type CtrlFrame,
  DataProvider,
  ERR_DEFERRED,
  ERR_TEMPORAL_CALLBACK_FAILURE,
  GOAWAY,
  HEADERS,
  INITIAL_MAX_CONCURRENT_STREAMS,
  type Limits,
  type NameValue,
  npnGetVersion,
  PING,
  type ProtocolVersion,
  READ_EOF,
  RST_STREAM,
  SERVER,
  Session,
  type SessionOptions,
  SETTINGS,
  type SettingsEntry,
  SpdyError,
  SYN_REPLY,
  SYN_STREAM,
  TemporalCallbackFailureError,
  WINDOW_UPDATE,
} from "../../mod.ts";
import type { Event, Feed, Outcome, Step } from "./outcome.ts";
import { RawDecoder, type RawFrame } from "./raw_frames.ts";
import {
  bytesOf,
  type RecordedBody,
  type RecordedCall,
  type Recording,
  type SideName,
  textOf,
} from "./recording.ts";

/** spdylay's own limits, where this module has other defaults. */
const SPDYLAY_LIMITS: Limits = {
  maxConcurrentStreams: INITIAL_MAX_CONCURRENT_STREAMS,
  maxDataFrameSize: 4096,
  maxControlFrameLength: 0xffffff,
  maxHeaderBlock: 0xffffff,
  maxHeaderCount: 0xffffff,
  maxHeaderNameLength: 0xffffff,
  maxHeaderValueLength: 0xffffff,
  maxSettingsEntries: 0xffffff,
};

/** Replays `expected` (the result of a recording) and returns the result of our sessions. */
export function replay(
  recording: Recording,
  expected: Outcome,
  feed: Feed,
): Outcome {
  const players = new Map<SideName, Player>();
  return expected.map((step): Step => {
    let player = players.get(step.side);
    if (player === undefined) {
      const calls = expected.filter((other) => other.side === step.side);
      player = new Player(
        npnVersion(recording),
        step.side,
        calls.map(({ call }) => call),
      );
      players.set(step.side, player);
    }
    return player.play(step, feed);
  });
}

function npnVersion(recording: Recording): ProtocolVersion {
  const version = npnGetVersion(`spdy/${recording.version}`);
  if (version === 0) throw new Error(`no version ${recording.version}`);
  return version;
}

/** A session, and what it has done since the last step. */
class Player {
  readonly #version: ProtocolVersion;
  readonly #side: typeof CLIENT | typeof SERVER;
  readonly #session: Session;
  readonly #decoder = new RawDecoder();
  #events: Event[] = [];
  #chunks: Uint8Array[] = [];
  #written: Uint8Array[] = [];

  constructor(
    version: ProtocolVersion,
    side: SideName,
    calls: readonly RecordedCall[],
  ) {
    this.#version = version;
    this.#side = side === "client" ? CLIENT : SERVER;
    const options: SessionOptions = {
      ...this.#callbacks(),
      limits: SPDYLAY_LIMITS,
    };
    for (const call of calls) {
      if (call.call === "set_option" && call.returns === 0) {
        Object.assign(options, optionsOf(call, options.limits));
      }
    }
    this.#session = new Session(this.#side, version, options);
  }

  play(step: Step, feed: Feed): Step {
    this.#events = [];
    const returns = this.#call(step, feed);
    this.#finishChunk();
    const frames: RawFrame[] = this.#decoder.decode(concat(this.#written));
    this.#written = [];
    return {
      ...step,
      returns,
      events: this.#events.map((event) => withoutContent(event, step)),
      frames,
      wants: {
        want_read: this.#session.wantRead(),
        want_write: this.#session.wantWrite(),
      },
    };
  }

  /** 0 or the error's code, as the C library returns them. */
  #call(step: Step, feed: Feed): number {
    try {
      return this.#perform(step, feed);
    } catch (error) {
      if (error instanceof SpdyError) return error.code;
      throw error;
    }
  }

  #perform({ call, input, returns }: Step, feed: Feed): number {
    const session = this.#session;
    const id = call.stream_id ?? 0;
    const flags = call.flags ?? 0;
    const nv = (call.nv ?? []).map(([name, value]): NameValue => [
      textOf(name),
      textOf(value),
    ]);
    const body = call.data ? provider(call.data) : undefined;
    switch (call.call) {
      case "recv":
        return this.#recv(input ?? new Uint8Array(0), feed);
      case "send":
        session.send();
        return 0;
      case "submit_request":
        session.submitRequest(call.pri ?? 0, nv, body);
        return 0;
      case "submit_response":
        session.submitResponse(id, nv, body);
        return 0;
      case "submit_syn_stream":
        session.submitSynStream(
          flags,
          call.assoc_stream_id ?? 0,
          call.pri ?? 0,
          nv,
        );
        return 0;
      case "submit_syn_reply":
        session.submitSynReply(flags, id, nv);
        return 0;
      case "submit_headers":
        session.submitHeaders(flags, id, nv);
        return 0;
      case "submit_data":
        if (body === undefined) throw new Error("submit_data without data");
        session.submitData(id, flags, body);
        return 0;
      case "submit_rst_stream":
        session.submitRstStream(id, call.status_code ?? 0);
        return 0;
      case "submit_ping":
        session.submitPing();
        return 0;
      case "submit_goaway":
        session.submitGoaway(call.status_code ?? 0);
        return 0;
      case "submit_settings":
        session.submitSettings(
          flags,
          (call.entries ?? []).map((entry): SettingsEntry => [
            entry.id,
            entry.flags,
            entry.value,
          ]),
        );
        return 0;
      case "submit_window_update":
        session.submitWindowUpdate(id, call.delta_window_size ?? 0);
        return 0;
      case "fail_session":
        session.failSession(call.status_code ?? 0);
        return 0;
      case "resume_data":
        session.resumeData(id);
        return 0;
      case "consume":
        session.consume(id, call.size ?? 0);
        return 0;
      case "set_option":
        new Session(this.#side, this.#version, optionsOf(call, {}));
        return 0;
      case "get_stream_recv_data_length":
      case "get_recv_data_length":
        // It is neither in python-spdylay's interface nor in ours.
        return returns;
      default:
        throw new Error(`unknown call ${call.call}`);
    }
  }

  #recv(input: Uint8Array, feed: Feed): number {
    if (feed === "whole") this.#session.recv(input);
    else {
      for (let at = 0; at < input.length; at++) {
        this.#session.recv(input.subarray(at, at + 1));
      }
    }
    return input.length;
  }

  #callbacks(): SessionOptions {
    const tell = (callback: string, fields: Record<string, unknown>): void => {
      this.#events.push({ callback, ...fields });
    };
    return {
      send: (_session, data) => {
        this.#written.push(data.slice());
        return data.length;
      },
      onCtrlRecv: (_session, frame) => tell("on_ctrl_recv", fieldsOf(frame)),
      onInvalidCtrlRecv: (_session, frame, status_code) =>
        tell("on_invalid_ctrl_recv", {
          ...fieldsOf(frame),
          ...headersAsInC(frame),
          status_code,
        }),
      onDataChunkRecv: (_session, flags, stream_id, data) =>
        this.#tellChunk(flags, stream_id, data),
      onDataRecv: (_session, flags, stream_id, length) =>
        tell("on_data_recv", { flags, stream_id, length }),
      beforeCtrlSend: (_session, frame) =>
        tell("before_ctrl_send", fieldsOf(frame)),
      onCtrlSend: (_session, frame) => tell("on_ctrl_send", fieldsOf(frame)),
      onCtrlNotSend: (_session, frame, error_code) =>
        tell("on_ctrl_not_send", { ...fieldsOf(frame), error_code }),
      onDataSend: (_session, flags, stream_id, length) =>
        tell("on_data_send", { flags, stream_id, length }),
      onStreamClose: (_session, stream_id, status_code) =>
        tell("on_stream_close", { stream_id, status_code }),
      onRequestRecv: (_session, stream_id) =>
        tell("on_request_recv", { stream_id }),
      onCtrlRecvParseError: (_session, type, head, payload, error_code) =>
        tell("on_ctrl_recv_parse_error", {
          type: TYPE_NAMES[type],
          head: head.toHex(),
          payload_length: payload.length,
          error_code,
        }),
      onUnknownCtrlRecv: (_session, head, payload) =>
        tell("on_unknown_ctrl_recv", {
          head: head.toHex(),
          payload: payload.toHex(),
          payload_length: payload.length,
        }),
    };
  }

  /** Adjacent pieces of one stream are reported as one, as the recordings do. */
  #tellChunk(flags: number, stream_id: number, data: Uint8Array): void {
    const last = this.#events.at(-1);
    const goesOn = last?.callback === "on_data_chunk_recv" &&
      last.flags === flags && last.stream_id === stream_id;
    if (goesOn) {
      this.#chunks.push(data.slice());
      return;
    }
    this.#finishChunk();
    this.#chunks = [data.slice()];
    this.#events.push({ callback: "on_data_chunk_recv", flags, stream_id });
  }

  /** Updates length and content in the event for the pieces before. */
  #finishChunk(): void {
    const at = this.#events.findLastIndex(({ callback }) =>
      callback === "on_data_chunk_recv"
    );
    if (at < 0 || this.#chunks.length === 0) return;
    const all = concat(this.#chunks);
    this.#chunks = [];
    this.#events[at] = {
      ...this.#events[at],
      length: all.length,
      ...all.length > 64
        ? { sha256: createHash("sha256").update(all).digest("hex") }
        : { data: all.toHex() },
    };
  }
}

/** For some recorded chunks, only the length is known. */
function withoutContent(event: Event, step: Step): Event {
  const bare = step.events.some((other) =>
    other.callback === "on_data_chunk_recv" && !("data" in other) &&
    !("sha256" in other)
  );
  if (!bare || event.callback !== "on_data_chunk_recv") return event;
  const { data: _data, sha256: _sha256, ...rest } = event;
  return rest as Event;
}

/** The fields of a frame in an event. */
function fieldsOf(frame: CtrlFrame): Record<string, unknown> {
  const type = TYPE_NAMES[frame.frameType];
  switch (frame.frameType) {
    case SYN_STREAM:
      return {
        type,
        flags: frame.flags,
        stream_id: frame.streamId,
        assoc_stream_id: frame.assocStreamId,
        priority: frame.pri,
        headers: frame.nv,
      };
    case SYN_REPLY:
    case HEADERS:
      return {
        type,
        flags: frame.flags,
        stream_id: frame.streamId,
        headers: frame.nv,
      };
    case RST_STREAM:
      return { type, stream_id: frame.streamId, status_code: frame.statusCode };
    case SETTINGS:
      return {
        type,
        flags: frame.flags,
        entries: frame.iv.map(([id, flags, value]) => ({ id, flags, value })),
      };
    case PING:
      return { type, unique_id: frame.uniqueId };
    case GOAWAY:
      return {
        type,
        last_good_stream_id: frame.lastGoodStreamId,
        status_code: frame.statusCode,
      };
    case WINDOW_UPDATE:
      return {
        type,
        stream_id: frame.streamId,
        delta_window_size: frame.deltaWindowSize,
      };
  }
}

/** In events of rejected frames, the recordings contain C strings, which end at a NUL. */
function headersAsInC(frame: CtrlFrame): Record<string, unknown> {
  if (!("nv" in frame)) return {};
  return {
    headers: frame.nv.map((pair) => pair.map((text) => text.split("\0")[0])),
  };
}

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [SYN_STREAM]: "SYN_STREAM",
  [SYN_REPLY]: "SYN_REPLY",
  [RST_STREAM]: "RST_STREAM",
  [SETTINGS]: "SETTINGS",
  [PING]: "PING",
  [GOAWAY]: "GOAWAY",
  [HEADERS]: "HEADERS",
  [WINDOW_UPDATE]: "WINDOW_UPDATE",
};

function optionsOf(
  call: RecordedCall,
  limits: Limits | undefined,
): SessionOptions {
  const value = call.value ?? 0;
  switch (call.option) {
    case "NO_AUTO_WINDOW_UPDATE":
    case "NO_AUTO_WINDOW_UPDATE2":
      return { autoWindowUpdate: value === 0 };
    case "MAX_RECV_CTRL_FRAME_BUFFER": {
      const {
        maxControlFrameLength: _frame,
        maxHeaderBlock: _block,
        maxHeaderValueLength: _value,
        ...others
      } = limits ?? {};
      return { maxRecvCtrlFrameBuffer: value, limits: others };
    }
    default:
      throw new Error(`unknown option ${call.option}`);
  }
}

/** A body that behaves like the recording's. */
function provider(recorded: RecordedBody): DataProvider {
  const bytes = bytesOf(recorded);
  const deferAt = new Set(recorded.defer_at ?? []);
  let at = 0;
  return new DataProvider(undefined, (_session, _id, length, readCtrl) => {
    if (deferAt.delete(at)) return ERR_DEFERRED;
    if (recorded.fail_at === at) {
      throw recorded.fail === ERR_TEMPORAL_CALLBACK_FAILURE
        ? new TemporalCallbackFailureError()
        : new CallbackFailureError();
    }
    const stops = [...deferAt, recorded.fail_at ?? Infinity].filter((stop) =>
      stop > at
    );
    const end = Math.min(
      bytes.length,
      at + Math.min(length, recorded.chunk ?? length),
      ...stops,
    );
    const piece = bytes.subarray(at, end);
    const finished = end === bytes.length &&
      (recorded.eof_with_last !== false || at === end);
    if (finished) readCtrl.flags = READ_EOF;
    at = end;
    return piece;
  });
}
