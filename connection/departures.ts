/**
 * Which of the frames that ask the peer for something have left.
 *
 * @module
 */

import { now } from "./clock.ts";

/** A frame that stands in the send buffer or has left it. */
export class Departure {
  readonly #departures: Departures;
  /** @internal */
  readWhenLeft: number | undefined;

  /** Made by {@linkcode Departures}. */
  constructor(departures: Departures) {
    this.#departures = departures;
  }

  /**
   * Since when the peer owes an answer, ms of the time that this side has read
   * in all: since the transport took the frame. Until it does, since it took any
   * byte: a link that is slow is not silent, one that takes nothing is.
   */
  get since(): number {
    return this.readWhenLeft ?? this.#departures.readWhenMoved;
  }
}

/** Counts the bytes that the transport took against those that were ready for it. */
export class Departures {
  /** When the transport last took bytes, ms of the clock. */
  progressAt: number = now();
  /** How long this side had read by then, ms. */
  readWhenMoved = 0;
  readonly #readingTime: () => number;
  #written = 0;
  /** In the order in which they leave. */
  readonly #waiting: { readonly end: number; readonly departure: Departure }[] =
    [];

  /** `readingTime`: see `Reading`. */
  constructor(readingTime: () => number) {
    this.#readingTime = readingTime;
  }

  /** A frame that is still to be put into the send buffer; see {@linkcode put}. */
  expect(): Departure {
    return new Departure(this);
  }

  /** It is in the send buffer: its last byte is at most the byte `end` of all that were ever put there. */
  put(departure: Departure, end: number): void {
    if (end <= this.#written) departure.readWhenLeft = this.#readingTime();
    else this.#waiting.push({ end, departure });
  }

  /** The transport took `size` bytes. */
  wrote(size: number): void {
    this.progressAt = now();
    this.readWhenMoved = this.#readingTime();
    this.#written += size;
    let left = 0;
    for (const { end, departure } of this.#waiting) {
      if (end > this.#written) break;
      departure.readWhenLeft = this.readWhenMoved;
      left++;
    }
    if (left > 0) this.#waiting.splice(0, left);
  }
}
