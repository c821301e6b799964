/**
 * How many bytes arrived in the last one or two round trips.
 *
 * @module
 */

/**
 * Counts bytes since a time that is one or two round trips ago. The reply to a PING may
 * take several round trips, and in TCP's slow start more arrives in each: the average of
 * them all would say that the path carries half of what it does, or less.
 */
export class RecentArrivals {
  #begin: number;
  #size = 0;
  /** Where the count begins after the next round trip, and the bytes since then. */
  #nextBegin: number;
  #nextSize = 0;

  /** Counts from `begin` on, ms. */
  constructor(begin: number) {
    this.#begin = begin;
    this.#nextBegin = begin;
  }

  /** `size` bytes arrived; `roundTrip` is that of the path, ms. */
  add(size: number, now: number, roundTrip: number): void {
    if (now - this.#nextBegin >= roundTrip) {
      this.#begin = this.#nextBegin;
      this.#size = this.#nextSize;
      this.#nextBegin = now;
      this.#nextSize = 0;
    }
    this.#size += size;
    this.#nextSize += size;
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** ms. */
  time(now: number): number {
    return Math.max(now - this.#begin, 0.001);
  }
}
