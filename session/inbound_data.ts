/**
 * The peer's DATA: decides whether to accept it, charges the windows, and
 * delivers it to the application (SPDY/3 draft 2.2.2, 2.6.8).
 *
 * @module
 */

import { ERR_PROTO } from "../errors.ts";
import {
  DATA_FLAG_FIN,
  FLOW_CONTROL_ERROR,
  INITIAL_WINDOW_SIZE,
} from "../frame/constants.ts";
import type { DataSink } from "../frame/sink.ts";
import type { SessionCore } from "./core.ts";
import { updateThreshold } from "./flow_control.ts";
import type { StreamRecord } from "./stream_record.ts";
import { RECEIVABLE, receiveVerdict } from "./stream_states.ts";

/** When an update of the session's window is due, bytes: a constant, because SETTINGS never changes that window. */
const SESSION_THRESHOLD: number = updateThreshold(INITIAL_WINDOW_SIZE);

/** An ignored DATA frame with fewer bytes counts as a useless frame. */
const SMALL_FRAME = 256;

/** Receives the DATA of one session. `S` is the session's class. */
export class InboundData<S> implements DataSink {
  readonly #core: SessionCore<S>;
  /** The stream of the accepted frame that is arriving: looked up once for each frame. */
  #stream: StreamRecord<S> | undefined;

  /** Creates the receiver of `core`'s DATA. */
  constructor(core: SessionCore<S>) {
    this.#core = core;
  }

  /** Checks the head of a DATA frame; false when its payload is to be skipped. */
  onDataBegin(streamId: number, flags: number, length: number): boolean {
    const core = this.#core;
    // Checked at the head, for the whole frame (2.6.8), so that the result does not
    // depend on how the bytes arrive.
    if (core.receiveWindow?.charge(length) === false) {
      core.failForPeer(
        `the peer sent DATA of ${length} bytes on stream ${streamId}, which exceeds the session's window of ${core.receiveWindow.available}`,
        ERR_PROTO,
      );
      return false;
    }
    const stream = core.streams.get(streamId);
    switch (receiveVerdict(RECEIVABLE.DATA, stream)) {
      case "accept":
        return stream !== undefined && this.#admit(stream, flags, length);
      case "fail":
        core.failForPeer(
          `the peer sent DATA on stream ${streamId} ${
            stream?.shutRead ? "after its FIN" : "before its SYN_REPLY"
          }`,
          ERR_PROTO,
        );
        return false;
      case "ignore":
        // Larger frames are not a flood, because the peer has to send their bytes.
        if (length < SMALL_FRAME && !core.lateData.excuses(length)) {
          core.spend("maxIdleIgnored");
        }
        return false;
    }
  }

  /** The stream of the arriving frame, unless it has closed meanwhile. */
  get #openStream(): StreamRecord<S> | undefined {
    return this.#stream?.removed === false ? this.#stream : undefined;
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
    this.#stream = stream;
    return true;
  }

  /** Delivers a piece of an accepted frame; `remaining` bytes of the frame have not arrived. */
  onDataChunk(
    streamId: number,
    flags: number,
    data: Uint8Array,
    remaining: number,
  ): void {
    const core = this.#core;
    const size = data.length;
    const stream = this.#openStream;
    const window = stream?.receiveWindow;
    if (core.options.autoWindowUpdate) {
      // The session's update comes first, as in spdylay.
      this.#updateSession(size);
      const last = remaining === 0 && (flags & DATA_FLAG_FIN) !== 0;
      // After its last bytes a stream needs no more window.
      if (window !== undefined && !last) {
        const threshold = updateThreshold(core.local.initialWindow);
        this.#update(streamId, window.receive(size, threshold));
      }
    } else if (stream === undefined || stream.state === "closing") {
      // The stream was reset in the middle of the frame: nobody reads the rest, and
      // the session's window must get back what the frame was charged.
      return this.#skip(size);
    } else {
      window?.deliver(size);
      if (core.options.creditOnArrival) this.#consumeNow(size);
      else core.receiveWindow?.deliver(size);
    }
    core.app.onDataChunkRecv(flags, streamId, data, stream?.userData);
  }

  onDataSkipped(_streamId: number, _flags: number, size: number): void {
    this.#skip(size);
  }

  /** Bytes of a skipped frame still count for the session's window. */
  #skip(size: number): void {
    if (this.#core.options.autoWindowUpdate) this.#updateSession(size);
    else this.#consumeNow(size);
  }

  /** Counts bytes as consumed for the session's window as soon as they arrive. */
  #consumeNow(size: number): void {
    const { receiveWindow } = this.#core;
    if (receiveWindow === undefined) return;
    receiveWindow.deliver(size);
    this.#update(0, receiveWindow.consume(size, this.#sessionThreshold));
  }

  /**
   * With `creditOnArrival`, a quarter of the window, which the connection layer resizes.
   * With an update for each 32 KiB of a large window, a thousand updates could be queued
   * while writing waits, which would count as a flood (`limits.maxQueuedReplies`). With an
   * update for each 32 KiB of a small window, the peer would have to wait for each.
   */
  get #sessionThreshold(): number {
    const { receiveWindow, options } = this.#core;
    if (receiveWindow === undefined || !options.creditOnArrival) {
      return SESSION_THRESHOLD;
    }
    return Math.floor(receiveWindow.span / 4);
  }

  #updateSession(size: number): void {
    const window = this.#core.receiveWindow;
    if (window === undefined) return;
    this.#update(0, window.receive(size, SESSION_THRESHOLD));
  }

  #update(streamId: number, delta: number): void {
    if (delta > 0) this.#core.pushWindowUpdate(streamId, delta, true);
  }

  onDataEnd(streamId: number, flags: number, length: number): void {
    const stream = this.#openStream;
    this.#stream = undefined;
    // The frame was skipped, or its stream was reset in the middle of it.
    if (stream === undefined || stream.state === "closing") return;
    this.#core.app.onDataRecv(flags, streamId, length);
    if ((flags & DATA_FLAG_FIN) !== 0) this.shutRead(stream);
  }

  /** Closes the peer's half of a stream. */
  shutRead(stream: StreamRecord<S>): void {
    const core = this.#core;
    stream.shutRead = true;
    if (!stream.own) core.app.onRequestRecv(stream.id);
    core.closeIfShut(stream);
  }

  /**
   * The application has finished with `size` bytes of a stream, which may have
   * closed meanwhile; false when fewer bytes were delivered.
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
    if (size > known) return false;
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

  /** Not an automatic frame, because the application decides how often it consumes. */
  #updateByHand(streamId: number, delta: number): void {
    if (delta > 0) this.#core.pushWindowUpdate(streamId, delta, false);
  }
}
