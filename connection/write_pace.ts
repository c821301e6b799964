/**
 * How many bytes one write may carry: few on a slow link, where what is being written
 * delays urgent frames, and many on a fast one, where each write costs a system call.
 *
 * @module
 */

/** A shorter DATA frame is not worth its head: it may go beyond the write. */
const SHORTEST_FRAME = 1024;
/**
 * Bytes of one write on a slow link: 16 KiB with the rest of a DATA frame, which delay
 * an urgent frame by 6.5 ms at 20 Mbit/s.
 */
const LEAST = 16 * 1024 - SHORTEST_FRAME;
/** One write carries what the transport takes in so many ms. */
const WRITE_TIME = 1;
/**
 * A socket takes its first bytes at once, whatever the link: they are counted with so
 * many ms. What waits here is then at most an eighth of what waits in the socket.
 */
const START_TIME = 8;
/** The rate is that of the last bytes, of so many at most and half as many at least. */
const REMEMBERED = 4 * 1024 * 1024;
/** With less in one write, DATA frames end with it, so that no part of a frame is left over. */
const WHOLE_FRAMES = 4 * LEAST;
/** Bytes of the head of a DATA frame (SPDY/3 draft 2.2.2). */
const HEAD = 8;

/** Measures how fast a transport takes bytes. It reads no clock: callers pass durations, in ms. */
export class WritePace {
  readonly #most: number;
  #bound: number;
  #bytes = 0;
  #time = START_TIME;

  /** A write has at most `most` bytes. */
  constructor(most: number) {
    this.#most = most;
    this.#bound = Math.min(most, LEAST);
  }

  /** Most bytes of the next write: 15 KiB, a multiple by a power of two, or `most`. */
  get bound(): number {
    return this.#bound;
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
    return this.#bound >= WHOLE_FRAMES
      ? Infinity
      : Math.max(this.#bound - waiting - HEAD, SHORTEST_FRAME);
  }

  /** After a silence the link may be another. */
  reset(): void {
    this.#bytes = 0;
    this.#time = START_TIME;
    this.#bound = Math.min(this.#most, LEAST);
  }
}
