/** Bytes a writer begins with when first written to. */
const FIRST_CAPACITY = 256;
/** Room that a write may touch behind what it writes. */
const SLACK = 8;
/** From this size on, `take` gives its memory away rather than a copy. */
const LARGE = 65536;
const EMPTY = new Uint8Array(0);

/**
 * Writes bits, lowest first (RFC 1951, section 3.1.1), into a byte array that
 * grows as needed.
 *
 * Whole bytes stand in `bytes[0..length)`; up to 7 bits more wait until their
 * byte is full, over any number of {@linkcode BitWriter.clear} calls. The fields
 * are open because the loop over tokens takes them into local variables.
 */
export class BitWriter {
  /** The written bytes, and room behind them. Replaced when it grows. */
  bytes: Uint8Array<ArrayBuffer> = EMPTY;
  /** The memory of `bytes`, for writing several at once. */
  words: DataView<ArrayBuffer> = new DataView(EMPTY.buffer);
  /** How many of `bytes` are written. */
  length = 0;
  /** The bits that wait, the first one lowest; zero above `held`. */
  hold = 0;
  /** How many bits wait: 0..7. */
  held = 0;

  /** Makes sure that `count` more bytes fit, besides the waiting bits. */
  reserve(count: number): void {
    const needed = this.length + count + SLACK;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(
      Math.max(needed, this.bytes.length * 2, FIRST_CAPACITY),
    );
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.words = new DataView(grown.buffer);
  }

  /**
   * Writes the lowest `count` bits of `value`, `count` 0..24; higher bits of
   * `value` must be 0. The room must have been reserved.
   */
  write(value: number, count: number): void {
    const hold = this.hold | value << this.held;
    const held = this.held + count;
    // All of `hold` is stored; how much of it counts is told by `length`.
    this.words.setInt32(this.length, hold, true);
    this.length += held >>> 3;
    this.hold = hold >>> (held & 24);
    this.held = held & 7;
  }

  /** Fills the last byte with zero bits. */
  align(): void {
    if (this.held === 0) return;
    this.reserve(1);
    this.write(0, 8 - this.held);
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
    this.words = new DataView(EMPTY.buffer);
    return taken;
  }

  /** Forgets the whole bytes; the waiting bits stay. */
  clear(): void {
    this.length = 0;
  }
}
