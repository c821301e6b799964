/**
 * The bytes that wait for the next write.
 *
 * @module
 */

const SMALLEST = 4096;

/**
 * Bytes begin here, so that a body, 8 bytes of head before it, lies 64 bytes
 * further into its page than in the application's memory when both have memory
 * of their own from the system. At a distance of 1 to 31 bytes AMD's processors
 * (`rep movsb` in memmove) copy 64 KiB in 25 us or more, else in 2.
 */
const START = 56;

/**
 * Collects the frames that are ready together, up to a bound, so that they
 * leave in one write. Its memory grows with use.
 */
export class OutBuffer {
  readonly #bound: number;
  #bytes = new Uint8Array(0);
  #end = START;

  /** Takes at most `bound` bytes at a time. */
  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Bytes waiting. */
  get length(): number {
    return this.#end - START;
  }

  /** Whether it takes no more. */
  get full(): boolean {
    return this.length === this.#bound;
  }

  /** Takes as much of `data` as fits and returns how much; 0 when full. */
  append(data: Uint8Array): number {
    const end = Math.min(this.#end + data.length, START + this.#bound);
    const taken = end - this.#end;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(
      taken === data.length ? data : data.subarray(0, taken),
      this.#end,
    );
    this.#end = end;
    return taken;
  }

  /** What waits; valid until {@linkcode clear} or {@linkcode append}. */
  get view(): Uint8Array {
    return this.#bytes.subarray(START, this.#end);
  }

  /** Forgets what waits, after it was written. */
  clear(): void {
    this.#end = START;
  }

  #grow(needed: number): void {
    let size = Math.max(this.#bytes.length * 2, SMALLEST);
    while (size < needed) size *= 2;
    const grown = new Uint8Array(Math.min(size, START + this.#bound));
    grown.set(this.view, START);
    this.#bytes = grown;
  }
}
