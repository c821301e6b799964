/**
 * The sending direction: takes items from the queue, encodes them as frames,
 * writes the frames, and applies the effect of each written frame to its stream.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_GOAWAY_ALREADY_SENT,
  ERR_STREAM_CLOSED,
  ERR_STREAM_ID_NOT_AVAILABLE,
  ERR_SYN_STREAM_NOT_ALLOWED,
  InvalidArgumentError,
} from "../errors.ts";
import {
  CTRL_FLAG_FIN,
  CTRL_FLAG_UNIDIRECTIONAL,
  GOAWAY,
  HEADERS,
  INTERNAL_ERROR,
  PING,
  type ProtocolVersion,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import { FrameEncoder } from "../frame/encoder.ts";
import { type HeaderBytes, noHeaderBytes } from "../frame/header_bytes.ts";
import type { SynReplyFrame, SynStreamFrame } from "../frame/types.ts";
import { CLIENT } from "./constants.ts";
import type { SessionCore } from "./core.ts";
import { type DataTarget, DataWriter } from "./data_writer.ts";
import { FrameArena } from "./frame_arena.ts";
import type { OutboundFrame } from "./outbound_frames.ts";
import type { ControlItem } from "./outbound_items.ts";
import { SENDABLE, sendError } from "./stream_states.ts";

/** Memory for a control frame at first, bytes: enough for most. */
const CONTROL_SIZE = 512;
/** Most memory for a control frame, bytes; it grows for a longer one. */
const MOST_CONTROL_SIZE = 4096;

/** The sending half of one session. `S` is the session's class. */
export class Outbound<S> {
  readonly #core: SessionCore<S>;
  readonly #version: ProtocolVersion;
  readonly #data: DataWriter<S>;
  /** Created with the first control frame, so that an idle session has no compressor. */
  #encoder: FrameEncoder | undefined;
  readonly #arena: FrameArena;
  #control: ControlItem<S> | undefined;
  /** Memory for a control frame, bytes. If it is too small, all frames in the same piece of memory are copied. */
  #controlSize = CONTROL_SIZE;

  /** Creates the sending half of `core`. */
  constructor(core: SessionCore<S>, version: ProtocolVersion) {
    this.#core = core;
    this.#version = version;
    this.#data = new DataWriter(core);
    this.#arena = new FrameArena(core.options.reuseSendBuffer);
  }

  /** The total length of the header blocks sent so far. */
  get headerBytes(): Readonly<HeaderBytes> {
    return this.#encoder?.headerBytes ?? noHeaderBytes();
  }

  /** See `FrameEncoder.shrink`. */
  shrink(): void {
    this.#encoder?.shrink();
  }

  /** Whether `send` has something to write. */
  get wantsWrite(): boolean {
    return this.#arena.inProgress || this.#core.next !== undefined;
  }

  /** Writes frames until the queue is empty or the transport takes no more. */
  send(): void {
    if (this.#core.failing) this.#core.dropUnsent();
    while (this.#arena.inProgress || this.#hasRoom() && this.#prepareNext()) {
      if (!this.#write()) return;
      this.#finish();
    }
    // A callback may have failed the session meanwhile, or the body of a frame that was
    // half written was queued. Once GOAWAY is written, `send` is not called again.
    if (this.#core.failing) this.#core.dropUnsent();
  }

  /** See `sendNow` in `session.ts`. */
  sendNow(streamId: number, data: Uint8Array, target: DataTarget): boolean {
    return this.#data.sendNow(streamId, data, target);
  }

  /** Whether a frame may be prepared; if not, frames that are submitted meanwhile can come first. */
  #hasRoom(): boolean {
    if (this.#core.app.dataRoom() > 0) return true;
    this.#data.requeueContinued();
    return false;
  }

  /** Writes the rest of the frame to the transport; false when it would block. */
  #write(): boolean {
    const arena = this.#arena;
    try {
      while (arena.inProgress) {
        const taken = this.#core.app.send(arena.rest);
        if (taken === 0) return false;
        arena.take(taken);
      }
      return true;
    } finally {
      arena.own();
    }
  }

  /** Encodes the next item that can be sent; false when there is none. */
  #prepareNext(): boolean {
    const core = this.#core;
    for (;;) {
      const next = this.#data.takeContinued() ?? core.takeNext();
      if (next === undefined) return false;
      const prepared = next.kind === "data"
        ? this.#data.prepare(next, this.#arena)
        : this.#prepareControl(next);
      if (prepared) return true;
    }
  }

  #prepareControl(item: ControlItem<S>): boolean {
    const core = this.#core;
    const { frame } = item;
    if (item.automatic) core.automaticTaken(item);
    if (frame.frameType === SYN_STREAM) {
      return this.#prepareSynStream(item, frame);
    }
    const errorCode = this.#refusal(item) || this.#encode(item);
    if (errorCode === 0) return true;
    // As in spdylay, a WINDOW_UPDATE for a closed stream is dropped silently.
    if (frame.frameType !== WINDOW_UPDATE) this.#notSent(item, errorCode);
    return false;
  }

  /** Reports a frame that is not sent, and the body that would have followed it. */
  #notSent(item: ControlItem<S>, errorCode: number): void {
    this.#core.app.onCtrlNotSend(item, errorCode);
    this.#core.bodyNotSent(item, errorCode);
  }

  /** 0, or why the frame cannot be sent now. */
  #refusal({ frame }: ControlItem<S>): number {
    const core = this.#core;
    switch (frame.frameType) {
      case SYN_REPLY:
        return sendError(SENDABLE.SYN_REPLY, core.streams.get(frame.streamId));
      case HEADERS:
        return sendError(SENDABLE.HEADERS, core.streams.get(frame.streamId));
      case RST_STREAM:
        return sendError(SENDABLE.RST_STREAM, core.streams.get(frame.streamId));
      case WINDOW_UPDATE:
        return frame.streamId === 0
          ? 0
          : sendError(SENDABLE.WINDOW_UPDATE, core.streams.get(frame.streamId));
      case GOAWAY:
        return core.goawaySent ? ERR_GOAWAY_ALREADY_SENT : 0;
      case SYN_STREAM:
      case SETTINGS:
      case PING:
        return 0;
    }
  }

  /** Assigns the stream id now, because ids must increase in the order of sending (SPDY/3 draft 2.3.2). */
  #prepareSynStream(
    item: ControlItem<S>,
    frame: OutboundFrame<SynStreamFrame>,
  ): boolean {
    const { streams } = this.#core;
    const refusal = this.#synStreamRefusal(frame.assocStreamId);
    frame.streamId = streams.takeOwnId();
    if (frame.streamId === 0) {
      this.#notSent(item, refusal || ERR_STREAM_ID_NOT_AVAILABLE);
      return false;
    }
    const stream = this.#core.openStream(
      frame.streamId,
      true,
      frame.pri,
      frame.assocStreamId,
      item.userData,
    );
    if (refusal !== 0) {
      this.#notSent(item, refusal);
      this.#core.closeStream(stream, INTERNAL_ERROR);
      return false;
    }
    const errorCode = this.#encode(item);
    if (errorCode === 0) return true;
    this.#notSent(item, errorCode);
    streams.remove(stream);
    return false;
  }

  #synStreamRefusal(assocStreamId: number): number {
    if (this.#core.goingAway) return ERR_SYN_STREAM_NOT_ALLOWED;
    const orphan = assocStreamId !== 0 &&
      this.#core.streams.get(assocStreamId) === undefined;
    return orphan ? ERR_STREAM_CLOSED : 0;
  }

  #createEncoder(): FrameEncoder {
    const { headerCompression, sensitiveHeaders } = this.#core.options;
    return new FrameEncoder(this.#version, {
      headerCompression,
      sensitiveHeaders,
    });
  }

  /** Encodes the frame into the arena; 0, or why that failed. */
  #encode(item: ControlItem<S>): number {
    const { frame } = item;
    const writer = this.#arena.open(this.#controlSize);
    this.#encoder ??= this.#createEncoder();
    try {
      frame.length = this.#encoder.append(writer, frame, item.headers);
    } catch (error) {
      // Everything except the size of the header block was checked when the frame
      // was submitted.
      if (!(error instanceof InvalidArgumentError)) throw error;
      this.#arena.undo();
      return ERR_FRAME_TOO_LARGE;
    }
    if (frame.length > this.#controlSize) {
      this.#controlSize = Math.min(frame.length * 2, MOST_CONTROL_SIZE);
    }
    this.#control = item;
    this.#core.app.beforeCtrlSend(item);
    return 0;
  }

  /** The frame was written: reports it and applies its effect. */
  #finish(): void {
    const control = this.#control;
    this.#control = undefined;
    if (control === undefined) this.#data.finish();
    else this.#finishControl(control);
  }

  #finishControl(item: ControlItem<S>): void {
    const core = this.#core;
    const { frame } = item;
    core.app.onCtrlSend(item);
    switch (frame.frameType) {
      case SYN_STREAM:
      case SYN_REPLY:
        return this.#opened(item, frame);
      case HEADERS:
        return this.#headersWritten(frame.streamId, frame.flags);
      case RST_STREAM: {
        const { streamId, statusCode } = frame;
        const byClient = core.side === CLIENT && core.streams.isOwn(streamId);
        return core.closeByReset(streamId, statusCode, byClient);
      }
      case SETTINGS:
        return core.settingsWritten(frame.iv);
      case PING:
        if (item.automatic) return;
        core.pings.written(frame.uniqueId);
        core.local.pingWritten(frame.uniqueId);
        return;
      case GOAWAY:
        core.goawaySent = true;
        return;
      case WINDOW_UPDATE:
        return;
      default:
        return frame satisfies never;
    }
  }

  /** SYN_STREAM or SYN_REPLY was written; its stream may have closed meanwhile. */
  #opened(
    item: ControlItem<S>,
    frame: SynStreamFrame | SynReplyFrame,
  ): void {
    const core = this.#core;
    const stream = core.streams.get(frame.streamId);
    if (stream === undefined) {
      core.bodyNotSent(item, ERR_STREAM_CLOSED);
      return;
    }
    const isReply = frame.frameType === SYN_REPLY;
    // A stream that was reset while the frame was half written stays reset.
    if (stream.state !== "closing") {
      stream.state = isReply ? "opened" : "opening";
    }
    if (isReply) {
      stream.replied = true;
      core.floods.exchanged();
    }
    if ((frame.flags & CTRL_FLAG_FIN) !== 0) stream.shutWrite = true;
    if (!isReply && (frame.flags & CTRL_FLAG_UNIDIRECTIONAL) !== 0) {
      stream.shutRead = true;
    }
    core.closeIfShut(stream);
    if (item.body === undefined) return;
    if (stream.removed) core.bodyNotSent(item, ERR_STREAM_CLOSED);
    else core.bodies.submit(stream, true, item.body);
  }

  #headersWritten(streamId: number, flags: number): void {
    const stream = this.#core.streams.get(streamId);
    if (stream === undefined) return;
    if ((flags & CTRL_FLAG_FIN) !== 0) stream.shutWrite = true;
    this.#core.closeIfShut(stream);
  }
}
