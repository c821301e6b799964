/**
 * DATA of the peer: whether it is taken, what it costs the windows, and what
 * the application gets of it (SPDY/3 draft 2.2.2, 2.6.8).
 *
 * @module
 */

import { ERR_PROTO } from "../errors.ts";
import {
  DATA_FLAG_FIN,
  FLOW_CONTROL_ERROR,
  INITIAL_WINDOW_SIZE,
} from "../frame/constants.ts";
import type { SessionCore } from "./core.ts";
import { updateThreshold } from "./flow_control.ts";
import type { StreamRecord } from "./stream_record.ts";
import { receiveVerdict } from "./stream_states.ts";

/** The session's window is never altered by SETTINGS. */
const SESSION_THRESHOLD: number = updateThreshold(INITIAL_WINDOW_SIZE);

/** Ignored DATA below this many bytes counts as a frame without use. */
const SMALL_FRAME = 256;

/** Takes the DATA of one session. `S` is the session's class. */
export class InboundData<S> {
  readonly #core: SessionCore<S>;

  /** Makes it for `core`. */
  constructor(core: SessionCore<S>) {
    this.#core = core;
  }

  /** The head of a DATA frame; false when its payload is to be skipped. */
  begin(streamId: number, flags: number, length: number): boolean {
    const core = this.#core;
    // A frame that does not fit was sent without leave, however it is cut on
    // the way: it is judged by its head (2.6.8).
    if (core.receiveWindow?.charge(length) === false) {
      core.failForPeer(
        `DATA of ${length} bytes on stream ${streamId} overruns the session's window of ${core.receiveWindow.available}`,
        ERR_PROTO,
      );
      return false;
    }
    const stream = core.streams.get(streamId);
    switch (receiveVerdict("DATA", stream)) {
      case "accept":
        return stream !== undefined && this.#admit(stream, flags, length);
      case "fail":
        core.failForPeer(
          `DATA on stream ${streamId} ${
            stream?.shutRead ? "after its FIN" : "before its SYN_REPLY"
          }`,
          ERR_PROTO,
        );
        return false;
      default:
        // Larger frames are no flood: each byte of them costs the peer one.
        if (length < SMALL_FRAME && !core.lateData.excuses(length)) {
          core.spend("maxIdleIgnored");
        }
        return false;
    }
  }

  #admit(stream: StreamRecord<S>, flags: number, length: number): boolean {
    const core = this.#core;
    if (length === 0 && (flags & DATA_FLAG_FIN) === 0) {
      core.spend("maxIdleEmptyData");
    } else {
      core.floods.transferred(length);
    }
    if (stream.receiveWindow?.charge(length) === false) {
      core.resetStream(stream.id, FLOW_CONTROL_ERROR, true);
      return false;
    }
    return true;
  }

  /** A piece of a frame that was taken; `remaining` bytes of it are still to come. */
  chunk(
    streamId: number,
    flags: number,
    data: Uint8Array,
    remaining: number,
  ): void {
    const core = this.#core;
    const size = data.length;
    const stream = core.streams.get(streamId);
    const window = stream?.receiveWindow;
    if (core.options.autoWindowUpdate) {
      const last = remaining === 0 && (flags & DATA_FLAG_FIN) !== 0;
      // A stream whose last bytes these are needs no more window.
      if (window !== undefined && !last) {
        const threshold = updateThreshold(core.local.initialWindow);
        this.#update(streamId, window.receive(size, threshold));
      }
      this.#updateSession(size);
    } else if (stream === undefined || stream.state === "closing") {
      // Reset while the frame was under way: the rest has no reader, and what
      // it took of the session's window would be lost for good.
      return this.skipped(size);
    } else {
      window?.deliver(size);
      if (core.options.creditOnArrival) this.#consumeNow(size);
      else core.receiveWindow?.deliver(size);
    }
    core.app.onDataChunkRecv(flags, streamId, data);
  }

  /** Bytes of a frame that was not taken still count for the session's window. */
  skipped(size: number): void {
    if (this.#core.options.autoWindowUpdate) this.#updateSession(size);
    else this.#consumeNow(size);
  }

  /** Bytes that the session's window does not wait for anybody to consume. */
  #consumeNow(size: number): void {
    const { receiveWindow } = this.#core;
    if (receiveWindow === undefined) return;
    receiveWindow.deliver(size);
    this.#update(0, receiveWindow.consume(size, this.#sessionThreshold));
  }

  /**
   * A large window needs no update for each 32 KiB: while writing waits, a
   * thousand of them would be taken for a flood (`limits.maxQueuedReplies`).
   */
  get #sessionThreshold(): number {
    const { receiveWindow, options } = this.#core;
    if (receiveWindow === undefined || !options.creditOnArrival) {
      return SESSION_THRESHOLD;
    }
    return Math.max(SESSION_THRESHOLD, Math.floor(receiveWindow.span / 4));
  }

  #updateSession(size: number): void {
    const window = this.#core.receiveWindow;
    if (window === undefined) return;
    this.#update(0, window.receive(size, SESSION_THRESHOLD));
  }

  #update(streamId: number, delta: number): void {
    if (delta > 0) this.#core.pushWindowUpdate(streamId, delta, true);
  }

  /** A frame that was taken is complete. */
  end(streamId: number, flags: number, length: number): void {
    const stream = this.#core.streams.get(streamId);
    // Reset while the frame was under way.
    if (stream === undefined || stream.state === "closing") return;
    this.#core.app.onDataRecv(flags, streamId, length);
    if ((flags & DATA_FLAG_FIN) !== 0) this.shutRead(stream);
  }

  /** The peer's half of a stream has ended. */
  shutRead(stream: StreamRecord<S>): void {
    const core = this.#core;
    stream.shutRead = true;
    if (!stream.own) core.app.onRequestRecv(stream.id);
    core.closeIfShut(stream);
  }

  /**
   * The application is done with `size` bytes of a stream that may be closed
   * by now; false when it never had so many.
   */
  consume(streamId: number, size: number): boolean {
    const core = this.#core;
    const stream = core.streams.get(streamId);
    const window = stream?.receiveWindow;
    const receiveWindow = core.options.creditOnArrival
      ? undefined
      : core.receiveWindow;
    const known = Math.min(
      window?.unconsumed ?? Infinity,
      receiveWindow?.unconsumed ?? Infinity,
    );
    if (size > known && known !== Infinity) return false;
    if (receiveWindow !== undefined) {
      this.#updateByHand(0, receiveWindow.consume(size, SESSION_THRESHOLD));
    }
    if (stream !== undefined && window !== undefined) {
      const threshold = updateThreshold(core.local.initialWindow);
      const delta = window.consume(size, threshold);
      if (!stream.shutRead) this.#updateByHand(streamId, delta);
    }
    return true;
  }

  /** Not caused by the peer alone: the application decides how often it consumes. */
  #updateByHand(streamId: number, delta: number): void {
    if (delta > 0) this.#core.pushWindowUpdate(streamId, delta, false);
  }
}
