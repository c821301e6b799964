/**
 * The bytes that wait for the next write.
 *
 * @module
 */

const SMALLEST = 4096;

/**
 * Collects the frames that are ready together, up to a bound, so that they
 * leave in one write. Its memory grows with use.
 */
export class OutBuffer {
  readonly #bound: number;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** Takes at most `bound` bytes at a time. */
  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Bytes waiting. */
  get length(): number {
    return this.#length;
  }

  /** Takes as much of `data` as fits and returns how much; 0 when full. */
  append(data: Uint8Array): number {
    const end = Math.min(this.#length + data.length, this.#bound);
    const taken = end - this.#length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(
      taken === data.length ? data : data.subarray(0, taken),
      this.#length,
    );
    this.#length = end;
    return taken;
  }

  /** What waits; valid until {@linkcode clear} or {@linkcode append}. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets what waits, after it was written. */
  clear(): void {
    this.#length = 0;
  }

  #grow(needed: number): void {
    let size = Math.max(this.#bytes.length * 2, SMALLEST);
    while (size < needed) size *= 2;
    const grown = new Uint8Array(Math.min(size, this.#bound));
    grown.set(this.view);
    this.#bytes = grown;
  }
}
