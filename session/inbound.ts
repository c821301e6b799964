/**
 * The receiving direction: the effect of each frame of the peer. Checks run in
 * the order of the SPDY/3 draft and of spdylay.
 *
 * @module
 */

import { ERR_INVALID_HEADER_BLOCK, ERR_PROTO } from "../errors.ts";
import {
  CTRL_FLAG_FIN,
  CTRL_FLAG_UNIDIRECTIONAL,
  FLOW_CONTROL_ERROR,
  FRAME_TOO_LARGE,
  GOAWAY,
  HEADERS,
  INVALID_STREAM,
  OK,
  PING,
  PROTOCOL_ERROR,
  type ProtocolVersion,
  REFUSED_STREAM,
  RST_STREAM,
  SETTINGS,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SYN_REPLY,
  SYN_STREAM,
  UNSUPPORTED_VERSION,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import type { ControlType } from "../frame/control_frame.ts";
import { frameName } from "../frame/names.ts";
import { FrameParser } from "../frame/parser.ts";
import type { ControlSink } from "../frame/sink.ts";
import type {
  CtrlFrame,
  GoawayFrame,
  HeaderBlockFrame,
  HeadersFrame,
  PingFrame,
  RstStreamFrame,
  SettingsFrame,
  SynReplyFrame,
  SynStreamFrame,
  WindowUpdateFrame,
} from "../frame/types.ts";
import { MAX_FLOW_WINDOW } from "../frame/window_update.ts";
import { RECV_LENGTH, SERVER } from "./constants.ts";
import type { SessionCore } from "./core.ts";
import { raiseWindow } from "./flow_control.ts";
import { InboundData } from "./inbound_data.ts";
import { parseFailure } from "./parse_failure.ts";
import { settingOf } from "./session_settings.ts";
import type { StreamRecord } from "./stream_record.ts";
import {
  RECEIVABLE,
  type ReceiveRow,
  receiveVerdict,
} from "./stream_states.ts";

/** A control frame that belongs to one stream. */
type StreamFrame = HeaderBlockFrame | RstStreamFrame | WindowUpdateFrame;

/** The receiving half of one session. `S` is the session's class. */
export class Inbound<S> implements ControlSink {
  readonly #core: SessionCore<S>;
  /** Takes the peer's bytes, whose content never makes it throw. */
  readonly parser: FrameParser;
  /** Gets DATA from the parser; the other frames come here. */
  readonly data: InboundData<S>;
  /** An upper bound of every stream's send credit so far; tells whether a new initial window can overflow any of them. */
  #largestCredit = 0;

  /** Creates the receiving half of `core`. */
  constructor(core: SessionCore<S>, version: ProtocolVersion) {
    this.#core = core;
    this.data = new InboundData(core);
    const { limits } = core.options;
    this.parser = new FrameParser(version, this, limits, this.data);
    core.onFail = () => this.parser.stop();
  }

  /** Asks the transport for bytes until it would block or the session has failed. */
  receiveAll(): void {
    while (!this.#core.failing) {
      const data = this.#core.app.recv(RECV_LENGTH);
      if (data === undefined) return;
      this.parser.push(data);
    }
  }

  onControl(frame: CtrlFrame): void {
    switch (frame.frameType) {
      case SYN_STREAM:
        return this.#onSynStream(frame);
      case SYN_REPLY:
        return this.#onSynReply(frame);
      case HEADERS:
        return this.#onHeaders(frame);
      case RST_STREAM:
        return this.#onRstStream(frame);
      case SETTINGS:
        return this.#onSettings(frame);
      case PING:
        return this.#onPing(frame);
      case GOAWAY:
        return this.#onGoaway(frame);
      case WINDOW_UPDATE:
        return this.#onWindowUpdate(frame);
      default:
        return frame satisfies never;
    }
  }

  onInvalidHeaders(frame: HeaderBlockFrame, errorCode: number): void {
    // A valid new id is used up whatever the block contains; otherwise the peer
    // could open the stream again.
    if (frame.frameType === SYN_STREAM && this.#isNewPeerId(frame.streamId)) {
      this.#core.streams.lastReceived = frame.streamId;
      this.#excuseData(frame);
    }
    const invalid = errorCode === ERR_INVALID_HEADER_BLOCK;
    this.#refuseStream(frame, invalid ? PROTOCOL_ERROR : FRAME_TOO_LARGE);
  }

  onParseError(
    type: ControlType,
    head: Uint8Array,
    payload: Uint8Array,
    errorCode: number,
  ): void {
    this.#core.app.onCtrlRecvParseError(type, head, payload, errorCode);
    const { frameOffset } = this.parser;
    this.#core.failForPeer(
      parseFailure(type, payload, frameOffset, errorCode),
      errorCode,
    );
  }

  onUnknown(head: Uint8Array, payload: Uint8Array): void {
    this.#core.app.onUnknownCtrlRecv(head, payload);
    this.#ignore();
  }

  onIgnored(): void {
    this.#ignore();
  }

  /** SYN_STREAM (SPDY/3 draft 2.6.1, 2.3.2). */
  #onSynStream(frame: SynStreamFrame): void {
    const core = this.#core;
    const { streams } = core;
    // After GOAWAY, sent or received, new streams are ignored (2.6.6).
    if (core.goingAway) {
      this.#excuseData(frame);
      return this.#ignore();
    }
    const { streamId } = frame;
    // The same id twice is a stream error (2.3.2).
    if (streamId === streams.lastReceived) {
      return this.#refuseStream(frame, PROTOCOL_ERROR);
    }
    // Ids have the peer's parity and increase (2.3.2).
    if (!this.#isNewPeerId(streamId)) {
      return this.#failSession(
        frame,
        `the peer opened stream ${streamId} after stream ${streams.lastReceived}: its ids must increase and be ${
          core.side === SERVER ? "odd" : "even"
        }`,
      );
    }
    streams.lastReceived = streamId;
    const refusal = this.#synStreamRefusal(frame);
    if (refusal !== OK) {
      this.#excuseData(frame);
      return this.#refuseStream(frame, refusal);
    }
    this.#openPeerStream(frame);
  }

  /** Excuses the DATA that the peer sends before it learns that the stream was not accepted. */
  #excuseData({ flags }: SynStreamFrame): void {
    if ((flags & CTRL_FLAG_FIN) === 0) this.#core.expectDataOfRefused();
  }

  #isNewPeerId(streamId: number): boolean {
    const { streams } = this.#core;
    return streamId > streams.lastReceived && !streams.isOwn(streamId);
  }

  /** `OK`, or the status of the RST_STREAM that refuses the stream. */
  #synStreamRefusal(frame: SynStreamFrame): number {
    const core = this.#core;
    if (frame.version !== core.traits.wireVersion) return UNSUPPORTED_VERSION;
    const unidirectional = (frame.flags & CTRL_FLAG_UNIDIRECTIONAL) !== 0;
    const assoc = frame.assocStreamId;
    if (core.side === SERVER) {
      // Only servers may push (3.3).
      if (assoc !== 0 || unidirectional) return PROTOCOL_ERROR;
    } else if (!core.options.acceptServerStreams) {
      // A pushed stream must name its associated stream (3.3.1).
      if (assoc === 0) return INVALID_STREAM;
      if (!unidirectional || !core.streams.get(assoc)) return PROTOCOL_ERROR;
    } else if (assoc !== 0 && !core.streams.get(assoc)) {
      return PROTOCOL_ERROR;
    }
    const full = core.streams.peerOpen >= core.local.allowedStreams;
    return full ? REFUSED_STREAM : OK;
  }

  #openPeerStream(frame: SynStreamFrame): void {
    const core = this.#core;
    const { streamId, flags } = frame;
    const fin = (flags & CTRL_FLAG_FIN) !== 0;
    const unidirectional = (flags & CTRL_FLAG_UNIDIRECTIONAL) !== 0;
    if (fin && unidirectional) {
      // Neither side can send anything more, so it needs no stream.
      core.app.onCtrlRecv(frame);
      core.app.onRequestRecv(streamId);
      core.app.onStreamClose(streamId, OK);
      core.spend("maxIdleHeaders");
      return;
    }
    const stream = core.openStream(
      streamId,
      false,
      frame.pri,
      frame.assocStreamId,
    );
    stream.shutRead = fin;
    stream.shutWrite = unidirectional;
    core.app.onCtrlRecv(frame);
    if (fin) core.app.onRequestRecv(streamId);
  }

  /** SYN_REPLY (2.6.2). */
  #onSynReply(frame: SynReplyFrame): void {
    const core = this.#core;
    const stream = core.streams.get(frame.streamId);
    if (!this.#accepts(RECEIVABLE.SYN_REPLY, frame, stream)) return;
    stream.state = "opened";
    core.app.onCtrlRecv(frame);
    this.#readEnds(stream, frame.flags);
  }

  /** HEADERS (2.6.7). */
  #onHeaders(frame: HeadersFrame): void {
    const core = this.#core;
    const stream = core.streams.get(frame.streamId);
    if (!core.spend("maxIdleHeaders")) return;
    if (!this.#accepts(RECEIVABLE.HEADERS, frame, stream)) return;
    core.app.onCtrlRecv(frame);
    this.#readEnds(stream, frame.flags);
  }

  /**
   * Whether the frame takes effect on its stream. Otherwise does what its row in the
   * table of `stream_states.ts` says.
   */
  #accepts(
    row: ReceiveRow,
    frame: StreamFrame,
    stream: StreamRecord<S> | undefined,
  ): stream is StreamRecord<S> {
    const verdict = receiveVerdict(row, stream);
    switch (verdict) {
      case "accept":
        return true;
      case "ignore":
        // HEADERS and WINDOW_UPDATE have been charged to their own limits, and
        // RST_STREAM is never ignored.
        if (frame.frameType === SYN_REPLY) this.#ignore();
        return false;
      case "tell":
        this.#core.app.onCtrlRecv(frame);
        this.#ignore();
        return false;
      case "reset":
        this.#refuseStream(frame, PROTOCOL_ERROR);
        return false;
      case "inUse":
        this.#refuseStream(frame, this.#core.traits.streamInUse);
        return false;
      case "fail":
        this.#failSession(
          frame,
          `the peer sent ${
            frameName(frame.frameType)
          } on stream ${frame.streamId}, whose state does not allow it`,
        );
        return false;
      default:
        return verdict satisfies never;
    }
  }

  /** Closes the peer's half of the stream when the frame has FIN. */
  #readEnds(stream: StreamRecord<S>, flags: number): void {
    if ((flags & CTRL_FLAG_FIN) !== 0) this.data.shutRead(stream);
  }

  /** RST_STREAM (2.6.3). It is never answered. */
  #onRstStream(frame: RstStreamFrame): void {
    const core = this.#core;
    const { streamId, statusCode } = frame;
    const stream = core.streams.get(streamId);
    if (this.#accepts(RECEIVABLE.RST_STREAM, frame, stream)) {
      core.app.onCtrlRecv(frame);
      if (!stream.own && !stream.replied) core.spend("maxRapidResets");
    }
    const byClient = core.side === SERVER && !core.streams.isOwn(streamId);
    core.closeByReset(streamId, statusCode, byClient);
  }

  /** SETTINGS (2.6.4). */
  #onSettings(frame: SettingsFrame): void {
    const core = this.#core;
    if (!core.spend("maxIdleSettings")) return;
    const { flowControl } = core;
    const window = flowControl
      ? settingOf(frame.iv, SETTINGS_INITIAL_WINDOW_SIZE)
      : undefined;
    // A window is at most 2^31-1 (2.6.8).
    if (window !== undefined && window > MAX_FLOW_WINDOW) {
      return this.#failSession(
        frame,
        `the peer sent SETTINGS with INITIAL_WINDOW_SIZE ${window}, which is above ${MAX_FLOW_WINDOW}`,
      );
    }
    const streams = settingOf(frame.iv, SETTINGS_MAX_CONCURRENT_STREAMS);
    if (streams !== undefined) core.peer.maxConcurrentStreams = streams;
    if (window !== undefined) this.#setInitialWindow(window);
    core.app.onCtrlRecv(frame);
  }

  /** Changes every stream's send window, which is the initial window plus the stream's credit. */
  #setInitialWindow(window: number): void {
    const core = this.#core;
    core.peer.initialWindow = window;
    if (window + this.#largestCredit > MAX_FLOW_WINDOW) {
      this.#resetOverflown(window);
    }
    for (const stream of core.bodies.windowBlocked) {
      if (window + stream.sendCredit > 0) {
        core.bodies.resume(stream, "window");
      }
    }
  }

  /** Resets streams with FLOW_CONTROL_ERROR when SETTINGS raised their window above 2^31-1. */
  #resetOverflown(window: number): void {
    for (const stream of this.#core.streams.values()) {
      if (
        stream.state !== "closing" &&
        window + stream.sendCredit > MAX_FLOW_WINDOW
      ) {
        this.#core.resetStream(stream.id, FLOW_CONTROL_ERROR, true);
      }
    }
  }

  /** PING (2.6.5). */
  #onPing(frame: PingFrame): void {
    const core = this.#core;
    const { uniqueId } = frame;
    if (uniqueId === 0) return this.#ignore();
    if (!core.pings.isOwn(uniqueId)) {
      core.pushPing(uniqueId, true);
    } else if (core.pings.answered(uniqueId)) {
      core.local.pingAnswered(uniqueId);
    } else {
      return this.#ignore();
    }
    core.app.onCtrlRecv(frame);
  }

  /** GOAWAY (2.6.6). */
  #onGoaway(frame: GoawayFrame): void {
    if (this.#core.goawayReceived) this.#ignore();
    this.#core.goawayReceived = true;
    this.#core.app.onCtrlRecv(frame);
  }

  /** WINDOW_UPDATE (2.6.8). */
  #onWindowUpdate(frame: WindowUpdateFrame): void {
    const core = this.#core;
    if (!core.spend("maxIdleWindowUpdates")) return;
    const { streamId, deltaWindowSize } = frame;
    if (streamId === 0) return this.#raiseSessionWindow(frame);
    const stream = core.streams.get(streamId);
    if (!this.#accepts(RECEIVABLE.WINDOW_UPDATE, frame, stream)) return;
    if (core.flowControl) {
      const window = core.peer.initialWindow + stream.sendCredit;
      // A window is at most 2^31-1 (2.6.8).
      if (raiseWindow(window, deltaWindowSize) === undefined) {
        return this.#refuseStream(frame, FLOW_CONTROL_ERROR);
      }
      stream.sendCredit += deltaWindowSize;
      this.#largestCredit = Math.max(this.#largestCredit, stream.sendCredit);
      if (window + deltaWindowSize > 0) core.bodies.resume(stream, "window");
    }
    core.app.onCtrlRecv(frame);
  }

  /** Stream 0 is the whole session, in SPDY/3.1 only. */
  #raiseSessionWindow(frame: WindowUpdateFrame): void {
    const core = this.#core;
    if (core.receiveWindow !== undefined) {
      const raised = raiseWindow(core.sendWindow, frame.deltaWindowSize);
      if (raised === undefined) {
        return this.#failSession(
          frame,
          `the peer sent a WINDOW_UPDATE of ${frame.deltaWindowSize} for the session's window of ${core.sendWindow}: the sum is above ${MAX_FLOW_WINDOW}`,
        );
      }
      core.sendWindow = raised;
      core.app.onCtrlRecv(frame);
    }
  }

  /** A stream error: queues RST_STREAM, then calls the application's callback. */
  #refuseStream(
    frame: StreamFrame,
    statusCode: number,
  ): void {
    const core = this.#core;
    core.resetStream(frame.streamId, statusCode, true);
    core.app.onInvalidCtrlRecv(frame, statusCode);
  }

  /** Counts an ignored frame. */
  #ignore(): void {
    this.#core.spend("maxIdleIgnored");
  }

  /** A session error: calls the application's callback, then fails the session. */
  #failSession(frame: CtrlFrame, message: string): void {
    this.#core.app.onInvalidCtrlRecv(frame, PROTOCOL_ERROR);
    this.#core.failForPeer(message, ERR_PROTO);
  }
}
