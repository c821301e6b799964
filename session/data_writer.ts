/**
 * Turns bodies into DATA frames: applies the windows, calls the read callback,
 * and decides which body is next.
 *
 * @module
 */

import {
  CallbackFailureError,
  ERR_CALLBACK_FAILURE,
  ERR_DEFERRED,
  ERR_STREAM_CLOSING,
  ERR_TEMPORAL_CALLBACK_FAILURE,
  TemporalCallbackFailureError,
} from "../errors.ts";
import {
  DATA_FLAG_FIN,
  DATA_FLAG_NONE,
  GOAWAY_INTERNAL_ERROR,
  INTERNAL_ERROR,
} from "../frame/constants.ts";
import { FRAME_HEAD_LENGTH, writeDataHead } from "../frame/frame_head.ts";
import type { ReadCtrl } from "./callbacks.ts";
import { READ_EOF } from "./constants.ts";
import type { SessionCore } from "./core.ts";
import { sendableLength } from "./flow_control.ts";
import type { FrameArena } from "./frame_arena.ts";
import type { DataItem } from "./outbound_items.ts";
import { priorityOf } from "./outbound_queue.ts";
import type { StreamRecord } from "./stream_record.ts";
import { SENDABLE, sendError } from "./stream_states.ts";

/** A DATA frame with fewer payload bytes, because the windows are small, is tiny; see `limits.maxTinyData`. */
const TINY_FRAME = 256;

/** Takes whole DATA frames at once: the write buffer of a connection. */
export interface DataTarget {
  /** Number of bytes that it takes now. */
  readonly room: number;
  /** Takes a DATA frame without flags, which it copies. */
  appendData(streamId: number, payload: Uint8Array): void;
}

/** Writes the DATA frames of one session, one at a time. `S` is the session's class. */
export class DataWriter<S> {
  readonly #core: SessionCore<S>;
  /** The body of the frame in progress. */
  #item: DataItem<S> | undefined;
  #length = 0;
  #flags: number = DATA_FLAG_NONE;
  #eof = false;
  /** The windows cut the frame below {@linkcode TINY_FRAME}. */
  #tiny = false;
  /** The body that continues without going through the queue. */
  #continued: DataItem<S> | undefined;

  /** Creates the writer of `core`. */
  constructor(core: SessionCore<S>) {
    this.#core = core;
  }

  /** The body that continues at once, if any. */
  takeContinued(): DataItem<S> | undefined {
    const item = this.#continued;
    this.#continued = undefined;
    return this.#core.failing ? undefined : item;
  }

  /** Puts the body that would continue at once back to its place in the queue. */
  requeueContinued(): void {
    const item = this.#continued;
    if (item === undefined) return;
    this.#continued = undefined;
    this.#core.queue.push(item);
  }

  /**
   * Writes the body's next DATA frame into `arena`; false when the body has
   * nothing to send now, or was dropped.
   *
   * Throws what the read callback throws, except
   * `TemporalCallbackFailureError`, which resets the stream.
   */
  prepare(item: DataItem<S>, arena: FrameArena): boolean {
    const core = this.#core;
    const stream = core.streams.get(item.streamId);
    // The stream has closed, and its bodies were dropped.
    if (stream === undefined || stream.body !== item) return false;
    const errorCode = sendError(SENDABLE.DATA, stream);
    if (errorCode !== 0) {
      core.bodies.drop(stream, errorCode);
      return false;
    }
    const room = this.#room(stream, item);
    if (room === 0) return false;
    const readCtrl: ReadCtrl = { flags: 0 };
    const data = this.#read(stream, item, room, readCtrl);
    if (data === undefined) return false;
    this.#eof = (readCtrl.flags & READ_EOF) !== 0;
    // No bytes, and not the end: wait, as for ERR_DEFERRED. Sending an empty frame
    // instead would end in a loop of empty frames.
    if (data === ERR_DEFERRED || data.length === 0 && !this.#eof) {
      core.bodies.park(stream, item, "deferred");
      return false;
    }
    this.#item = item;
    if (this.#eof) item.isEnding = true;
    this.#tiny = room < TINY_FRAME && data.length === room && !this.#eof &&
      room < core.options.limits.maxDataFrameSize;
    this.#length = data.length;
    this.#flags = this.#eof && item.fin ? DATA_FLAG_FIN : DATA_FLAG_NONE;
    if (core.options.borrowBodies) {
      const writer = arena.open(FRAME_HEAD_LENGTH);
      writeDataHead(writer, item.streamId, this.#flags, data.length);
      arena.borrow(data);
    } else {
      const writer = arena.open(FRAME_HEAD_LENGTH + data.length);
      writeDataHead(writer, item.streamId, this.#flags, data.length);
      writer.append(data);
    }
    stream.sendCredit -= data.length;
    core.sendWindow -= data.length;
    return true;
  }

  /** See `sendNow` in `session.ts`. */
  sendNow(streamId: number, data: Uint8Array, target: DataTarget): boolean {
    const core = this.#core;
    const stream = core.streams.get(streamId);
    const size = data.length;
    if (
      stream === undefined || stream.body !== undefined ||
      !this.#maySend(stream)
    ) return false;
    const most = core.options.limits.maxDataFrameSize;
    const heads = Math.ceil(size / most) * FRAME_HEAD_LENGTH;
    if (heads + size > target.room) return false;
    if (core.flowControl) {
      const streamWindow = core.peer.initialWindow + stream.sendCredit;
      if (size > streamWindow || size > core.sendWindow) return false;
    }
    let at = 0;
    // A callback may reset the stream.
    while (at < size && this.#maySend(stream)) {
      const part = size <= most ? data : data.subarray(at, at + most);
      target.appendData(streamId, part);
      at += part.length;
      stream.sendCredit -= part.length;
      core.sendWindow -= part.length;
      core.app.onDataSend(DATA_FLAG_NONE, streamId, part.length);
      core.floods.transferred(part.length);
    }
    return true;
  }

  #maySend(stream: StreamRecord<S>): boolean {
    return !this.#core.failing && !stream.removed &&
      sendError(SENDABLE.DATA, stream) === 0;
  }

  /** Bytes that the windows allow; when they allow none, the body is set aside (SPDY/3 draft 2.6.8). */
  #room(stream: StreamRecord<S>, item: DataItem<S>): number {
    const core = this.#core;
    const maxDataFrameSize = Math.min(
      core.options.limits.maxDataFrameSize,
      core.app.dataRoom(),
    );
    if (!core.flowControl) return maxDataFrameSize;
    const streamWindow = core.peer.initialWindow + stream.sendCredit;
    const room = sendableLength(
      maxDataFrameSize,
      streamWindow,
      core.sendWindow,
    );
    if (room === 0) {
      core.windowStalls++;
      if (streamWindow <= 0) core.bodies.park(stream, item, "window");
      else core.queue.pushBlocked(item);
    }
    return room;
  }

  /** Calls the read callback; `undefined` when it failed for its stream only. */
  #read(
    stream: StreamRecord<S>,
    item: DataItem<S>,
    room: number,
    readCtrl: ReadCtrl,
  ): Uint8Array | typeof ERR_DEFERRED | undefined {
    const core = this.#core;
    try {
      return core.app.read(item.body, item.streamId, room, readCtrl);
    } catch (error) {
      if (error instanceof TemporalCallbackFailureError) {
        core.resetStream(stream.id, INTERNAL_ERROR, false);
        core.bodies.drop(stream, ERR_TEMPORAL_CALLBACK_FAILURE);
        return undefined;
      }
      if (error instanceof CallbackFailureError) {
        core.bodies.drop(stream, ERR_CALLBACK_FAILURE);
        core.fail(GOAWAY_INTERNAL_ERROR, error);
      } else {
        // Nothing was read: the next send() calls the callback again.
        core.queue.push(item);
      }
      throw error;
    }
  }

  /** The frame in progress was written. */
  finish(): void {
    const core = this.#core;
    const item = this.#item;
    if (item === undefined) return;
    this.#item = undefined;
    core.app.onDataSend(this.#flags, item.streamId, this.#length);
    if (this.#tiny) core.spend("maxTinyData");
    else core.floods.transferred(this.#length);
    const stream = core.streams.get(item.streamId);
    if (stream === undefined || stream.body !== item) return;
    if (this.#eof) {
      core.bodies.next(stream);
      if (item.fin) {
        stream.shutWrite = true;
        core.closeIfShut(stream);
      }
      return;
    }
    // An RST_STREAM was queued meanwhile, so the rest of the body is not sent.
    if (stream.state === "closing") {
      core.bodies.drop(stream, ERR_STREAM_CLOSING);
      return;
    }
    this.#passTurn(item);
  }

  /** Continues with this body while it is the most urgent; bodies of equal priority alternate frame by frame. */
  #passTurn(item: DataItem<S>): void {
    const core = this.#core;
    const { next } = core;
    const priority = priorityOf(item.key);
    if (next === undefined || priority < priorityOf(next.key)) {
      this.#continued = item;
      return;
    }
    item.key = core.queue.keyFor(priority);
    core.queue.push(item);
  }
}
