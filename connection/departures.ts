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
  leftAt: number | undefined;

  /** Made by {@linkcode Departures}. */
  constructor(departures: Departures) {
    this.#departures = departures;
  }

  /**
   * Since when the peer owes an answer, ms of the clock: since the transport
   * took the frame. Until it does, since it took any byte: a link that is slow
   * is not silent, one that takes nothing is.
   */
  get since(): number {
    return this.leftAt ?? this.#departures.progressAt;
  }
}

/** Counts the bytes that the transport took against those that were ready for it. */
export class Departures {
  /** When the transport last took bytes, ms of the clock. */
  progressAt: number = now();
  #written = 0;
  /** In the order in which they leave. */
  readonly #waiting: { readonly end: number; readonly departure: Departure }[] =
    [];

  /** A frame that is still to be put into the send buffer; see {@linkcode put}. */
  expect(): Departure {
    return new Departure(this);
  }

  /** It is in the send buffer: its last byte is at most the byte `end` of all that were ever put there. */
  put(departure: Departure, end: number): void {
    if (end <= this.#written) departure.leftAt = now();
    else this.#waiting.push({ end, departure });
  }

  /** The transport took `size` bytes. */
  wrote(size: number): void {
    this.progressAt = now();
    this.#written += size;
    let left = 0;
    for (const { end, departure } of this.#waiting) {
      if (end > this.#written) break;
      departure.leftAt = this.progressAt;
      left++;
    }
    if (left > 0) this.#waiting.splice(0, left);
  }
}
