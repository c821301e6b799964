/** Initial capacity, allocated by the first write, bytes. */
const FIRST_CAPACITY = 256;
/** Number of bytes after its own that a write may overwrite. */
const SLACK = 8;
/** From this size on, `take` returns the buffer itself instead of a copy, bytes. */
const LARGE = 65536;
const EMPTY = new Uint8Array(0);

/**
 * Writes bits, least significant first (RFC 1951, section 3.1.1), into a byte
 * array that grows as needed.
 *
 * Complete bytes are in `bytes[0..length)`. Up to 7 more bits are pending in
 * `hold` until their byte is complete; {@linkcode BitWriter.clear} keeps them.
 * The fields are public because the loop over tokens copies them into local
 * variables.
 */
export class BitWriter {
  /** The written bytes, followed by free space. Replaced when it grows. */
  bytes: Uint8Array<ArrayBuffer> = EMPTY;
  /** A view of the same memory for writing several bytes at once. */
  words: DataView<ArrayBuffer> = new DataView(EMPTY.buffer);
  /** Number of complete bytes in `bytes`. */
  length = 0;
  /** The pending bits, the first one lowest; zero above `held`. */
  hold = 0;
  /** Number of pending bits: 0..7. */
  held = 0;

  /** Ensures that `count` more bytes fit, in addition to the pending bits. */
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
   * Writes the lowest `count` bits (0..24) of `value`; its higher bits must be 0.
   * The caller must have reserved the space.
   */
  write(value: number, count: number): void {
    const hold = this.hold | value << this.held;
    const held = this.held + count;
    // Stores all of `hold`; only the bytes before `length` are valid.
    this.words.setInt32(this.length, hold, true);
    this.length += held >>> 3;
    this.hold = hold >>> (held & 24);
    this.held = held & 7;
  }

  /** Completes the last byte with zero bits. */
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

  /** The complete bytes written since the last `clear`: a view that the next write may change. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  /** Returns the complete bytes written since the last `clear` or `take`; the caller owns them. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.view();
    this.length = 0;
    if (taken.length < LARGE) return taken.slice();
    this.bytes = EMPTY;
    this.words = new DataView(EMPTY.buffer);
    return taken;
  }

  /** Drops the complete bytes and keeps the pending bits. */
  clear(): void {
    this.length = 0;
  }
}
