/**
 * Limits the bytes of one write: few on a slow link, where a write delays urgent
 * frames, and many on a fast one, where each write costs a system call.
 *
 * @module
 */

import { FRAME_HEAD_LENGTH } from "../../frame/frame_head.ts";

/** A shorter DATA frame has too much overhead; it may exceed the limit of the write instead. */
const SHORTEST_FRAME = 1024;
/**
 * Bytes of one write on a slow link: 16 KiB with the rest of a DATA frame, which delay
 * an urgent frame by 6.5 ms at 20 Mbit/s.
 */
const LEAST = 16 * 1024 - SHORTEST_FRAME;
/** One write carries what the transport accepts in this time, ms. */
const WRITE_TIME = 1;
/**
 * A socket accepts its first bytes at once on any link, so they count as if they
 * had taken this time, ms. The bytes that wait here are then at most an eighth of
 * those in the socket.
 */
const START_TIME = 8;
/** The rate is measured over at most this number of last bytes, and at least half of it. */
const REMEMBERED = 4 * 1024 * 1024;
/**
 * If a write has less than this number of bytes, DATA frames end with it, so that
 * no part of a frame remains.
 */
const WHOLE_FRAMES = 4 * LEAST;

/** Measures how fast a transport takes bytes. It reads no clock: callers pass durations, in ms. */
export class WritePace {
  readonly #most: number;
  #bound: number;
  #bytes = 0;
  #time = START_TIME;

  /** `most` is the largest number of bytes of a write. */
  constructor(most: number) {
    this.#most = most;
    this.#bound = Math.min(most, LEAST);
  }

  /** Most bytes of the next write: 15 KiB, a multiple by a power of two, or `most`. */
  get bound(): number {
    return this.#bound;
  }

  /** Whether writes are large, and delay urgent frames by no more than {@linkcode WRITE_TIME}. */
  get isFast(): boolean {
    return this.#bound >= WHOLE_FRAMES;
  }

  /** The transport took `size` bytes in `duration` ms. */
  written(size: number, duration: number): void {
    this.#bytes += size;
    this.#time += duration;
    if (this.#bytes > REMEMBERED) {
      this.#bytes /= 2;
      this.#time /= 2;
    }
    const wanted = this.#bytes / this.#time * WRITE_TIME;
    let bound = LEAST;
    while (bound * 2 <= wanted && bound < this.#most) bound *= 2;
    this.#bound = Math.min(bound, this.#most);
  }

  /** The longest payload of a DATA frame when `waiting` bytes are to be written before it; 0 when the write is full. */
  dataRoom(waiting: number): number {
    if (waiting >= this.#bound) return 0;
    return this.isFast
      ? Infinity
      : Math.max(this.#bound - waiting - FRAME_HEAD_LENGTH, SHORTEST_FRAME);
  }

  /** After a silence, the link may have changed. */
  reset(): void {
    this.#bytes = 0;
    this.#time = START_TIME;
    this.#bound = Math.min(this.#most, LEAST);
  }
}
