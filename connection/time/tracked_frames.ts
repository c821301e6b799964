/**
 * Records when the transport accepted the frames to which the peer has to respond.
 *
 * @module
 */

import { LONG_COUNT } from "../../numbers.ts";
import { now } from "./clock.ts";

/** A frame to which the peer has to respond. */
export class TrackedFrame {
  readonly #frames: TrackedFrames;
  /**
   * How long this side had read when the transport took the frame, ms.
   *
   * @internal
   */
  writtenAt: number | undefined;

  /** Created by {@linkcode TrackedFrames}. */
  constructor(frames: TrackedFrames) {
    this.#frames = frames;
  }

  /**
   * Start of the peer's time to respond, in ms of the time that this side has read.
   * It is the moment at which the transport accepted the frame. Before that, it is
   * the moment at which the transport last accepted a byte: a peer behind a slow
   * link is not silent, but a peer that accepts no bytes is.
   */
  get since(): number {
    return this.writtenAt ?? this.#frames.readingTimeAtWrite;
  }
}

/**
 * Compares the number of bytes that the transport took with the positions of frames in
 * the bytes to be sent.
 */
export class TrackedFrames {
  /** When the transport last took bytes, ms of the clock. */
  lastWrite: number = now();
  /** How long this side had read at that time, ms. */
  readingTimeAtWrite = 0;
  readonly #readingTime: (at: number) => number;
  #written = LONG_COUNT;
  /** Frames in the write buffer, in the order in which they are sent. */
  readonly #buffered: { readonly end: number; readonly frame: TrackedFrame }[] =
    [];

  /** `readingTime` returns how long this side had read at a time of the clock, ms. */
  constructor(readingTime: (at: number) => number) {
    this.#readingTime = readingTime;
  }

  /** Creates a frame that is not in the write buffer yet; see {@linkcode buffered}. */
  create(): TrackedFrame {
    return new TrackedFrame(this);
  }

  /** The frame is in the write buffer. It ends at or before byte `end` of all bytes ever put there. */
  buffered(frame: TrackedFrame, end: number): void {
    if (end <= this.#written) frame.writtenAt = this.#readingTime(now());
    else this.#buffered.push({ end, frame });
  }

  /** The transport took `size` bytes, at the time `at` of the clock. */
  written(size: number, at: number): void {
    this.lastWrite = at;
    this.readingTimeAtWrite = this.#readingTime(at);
    this.#written += size;
    let complete = 0;
    for (const { end, frame } of this.#buffered) {
      if (end > this.#written) break;
      frame.writtenAt = this.readingTimeAtWrite;
      complete++;
    }
    if (complete > 0) this.#buffered.splice(0, complete);
  }
}
