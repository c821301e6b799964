/** Bytes a writer begins with when first written to. */
const FIRST_CAPACITY = 256;
/** From this size on, `take` gives its memory away rather than a copy. */
const LARGE = 65536;
const EMPTY = new Uint8Array(0);

/**
 * Writes bits, lowest first (RFC 1951, section 3.1.1), into a byte array that
 * grows as needed.
 *
 * Whole bytes stand in `bytes[0..length)`; up to 15 bits more wait until their
 * bytes are full, over any number of {@linkcode BitWriter.clear} calls.
 */
export class BitWriter {
  /** The written bytes, and room behind them. Replaced when it grows. */
  bytes: Uint8Array<ArrayBuffer> = EMPTY;
  /** How many of `bytes` are written. */
  length = 0;
  #hold = 0;
  #held = 0;

  /** Bits of the last, unfinished byte and before that were not put in `bytes` yet: 0..15. */
  get pendingBits(): number {
    return this.#held;
  }

  /** Makes sure that `count` more bytes fit, besides the waiting bits. */
  reserve(count: number): void {
    const needed = this.length + count + 4;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(
      Math.max(needed, this.bytes.length * 2, FIRST_CAPACITY),
    );
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /**
   * Writes the lowest `count` bits of `value`, `count` 0..16; higher bits of
   * `value` must be 0. The room must have been reserved.
   */
  write(value: number, count: number): void {
    this.#hold |= value << this.#held;
    this.#held += count;
    if (this.#held >= 16) {
      this.bytes[this.length++] = this.#hold;
      this.bytes[this.length++] = this.#hold >>> 8;
      this.#hold >>>= 16;
      this.#held -= 16;
    }
  }

  /** Fills the last byte with zero bits. */
  align(): void {
    this.reserve(2);
    for (; this.#held > 0; this.#held -= 8) {
      this.bytes[this.length++] = this.#hold;
      this.#hold >>>= 8;
    }
    this.#held = 0;
  }

  /** Copies `source[from..to)`; the writer must be aligned. */
  writeBytes(source: Uint8Array, from = 0, to: number = source.length): void {
    this.reserve(to - from);
    this.bytes.set(source.subarray(from, to), this.length);
    this.length += to - from;
  }

  /** The whole bytes written since the last `clear`, as a view that the next write may change. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  /** Hands over the whole bytes written since the last `clear` or `take`. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.view();
    this.length = 0;
    if (taken.length < LARGE) return taken.slice();
    this.bytes = EMPTY;
    return taken;
  }

  /** Forgets the whole bytes; the waiting bits stay. */
  clear(): void {
    this.length = 0;
  }
}
