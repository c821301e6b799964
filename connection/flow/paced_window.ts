/**
 * A window that grows no faster than bytes arrive.
 *
 * @module
 */

/** A window grows by this number of bytes for each one that arrives. */
const PACE = 2;
/** It grows by at least this number of bytes at once, so that WINDOW_UPDATEs are few. */
const STEP = 16 * 1024;

/**
 * A window in whole bytes. If it grew at once, the sender would send the difference
 * at once as well: the queue of the path would overflow, and TCP would become slow.
 * With two bytes for each one that arrives, it grows threefold in a round trip, which
 * is more than TCP's slow start needs.
 */
export class PacedWindow {
  #size: number;
  #aim: number;
  #saved = 0;

  constructor(size: number) {
    this.#size = size;
    this.#aim = size;
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** What the window becomes as bytes arrive. */
  get aim(): number {
    return this.#aim;
  }

  /** Becomes `size` at once. */
  set(size: number): void {
    this.#aim = Math.floor(size);
    this.#size = this.#aim;
    this.#saved = 0;
  }

  /** Becomes `size` at once if that is smaller, or else as bytes arrive. */
  become(size: number): void {
    if (size <= this.#size) this.set(size);
    else this.#aim = Math.floor(size);
  }

  /** Becomes at least `size`, as bytes arrive. */
  grow(size: number): void {
    this.become(Math.max(size, this.#aim));
  }

  /** Becomes at most `most`. */
  limit(most: number): void {
    this.become(Math.min(most, this.#aim));
  }

  /** `size` bytes arrived. */
  received(size: number): void {
    const missing = this.#aim - this.#size;
    this.#saved += PACE * size;
    if (this.#saved < Math.min(STEP, missing)) return;
    this.#size += Math.min(this.#saved, missing);
    this.#saved = 0;
  }
}
