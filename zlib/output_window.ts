import { adler32Range } from "./adler32.ts";
import type { BitReader } from "./bit_reader.ts";
import { MAX_MATCH, WINDOW_SIZE } from "./constants.ts";

/** Space for the longest match when it is copied 16 bytes at a time, bytes. */
export const MATCH_ROOM: number = MAX_MATCH + 15;

/** Initial space for output, bytes. */
const FIRST_ROOM = 4096;
/** The same after a dictionary: the stream is that of header blocks, and the first ones are small. */
const FIRST_ROOM_AFTER_DICTIONARY = 1024;
/** The window grows at most by this factor at a time, so its size stays in proportion to the real output. */
const MOST_GROWTH = 8;
/** From this size on, `take` may return the memory itself instead of a copy, bytes. */
const LARGE_OUTPUT = 65536;
/** A window above this size is replaced by a smaller one when its output is released, bytes. */
const LARGE_WINDOW = 3 * WINDOW_SIZE;
const NOTHING = new Uint8Array(0);

/** The memory of the output that is not released yet; valid until more is decompressed. */
export interface OutputMemory {
  /** All of the memory. */
  readonly bytes: Uint8Array;
  /** A view of all of it, for reading several bytes at once. */
  readonly words: DataView;
  /** Where the output starts in it. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** Where the last copies in it start; see {@linkcode OutputWindow.expectCopies}. */
  readonly copyFrom: number;
  /** Where they end. */
  readonly copyEnd: number;
}

/**
 * The decompressed bytes: the history that matches refer to, followed in the same
 * memory by the output that the caller has not released yet.
 *
 * `bytes[0..start)` is history, `bytes[start..end)` is output, and the bytes from
 * `end` on are free. The fields are public because the decoding loop copies them
 * into local variables.
 */
export class OutputWindow implements OutputMemory {
  /** The window's memory; {@linkcode OutputWindow.makeRoom} may replace it. */
  bytes: Uint8Array<ArrayBuffer> = NOTHING;
  /** A view of the same memory for copying several bytes at a time. */
  words: DataView<ArrayBuffer> = new DataView(NOTHING.buffer);
  /** Index in `bytes` of the start of the output. */
  start = 0;
  /** Index in `bytes` of the end of the output. */
  end = 0;
  /** See {@linkcode OutputWindow.expectCopies}. */
  period = 0;
  /** See {@linkcode OutputWindow.expectCopies}. */
  reach = 0;
  /** Index in `bytes` of the start of the last copies. */
  copyFrom = 0;
  /** Index in `bytes` of their end. */
  copyEnd = 0;

  readonly #reader: BitReader;
  readonly #isSummed: boolean;
  /** The Adler-32 so far, as a signed 32-bit number. */
  #sum = 1;
  /** `#sum` includes the bytes before this index. */
  #summed = 0;

  /**
   * Creates an empty window; memory is allocated for the first output.
   *
   * @param reader The source of the output: its unread input predicts how much more space is needed.
   * @param isSummed Whether to compute the Adler-32 of the output.
   */
  constructor(reader: BitReader, isSummed: boolean) {
    this.#reader = reader;
    this.#isSummed = isSummed;
  }

  /** Sets the dictionary as history; the stream must not have any output yet. */
  setDictionary(dictionary: Uint8Array): void {
    const history = dictionary.subarray(-WINDOW_SIZE);
    if (history.length === 0) return;
    const capacity = history.length + FIRST_ROOM_AFTER_DICTIONARY;
    // After `restart`, the memory mostly has that size already.
    if (this.bytes.length === capacity) this.bytes.set(history);
    else this.#allocate(history, capacity);
    this.start = this.end = this.#summed = history.length;
  }

  /** Begins a new stream. Nothing of the stream before stays in the memory. */
  restart(): void {
    this.bytes.fill(0);
    this.start = this.end = this.#summed = 0;
    this.#sum = 1;
    this.expectCopies(0, 0);
  }

  /**
   * From now on, the decoder records copies (matches) whose distances are multiples of
   * `period` and at most `reach`, both in bytes: `copyFrom` and `copyEnd` are the start and
   * the end of the last run of such copies. Between two copies of a run, there can be one
   * literal that equals the byte `period` bytes before it. Only the fast decoder records
   * copies, so that some can be missing. A `reach` of 0 records none.
   */
  expectCopies(period: number, reach: number): void {
    this.period = period;
    this.reach = reach;
    this.copyFrom = this.copyEnd = this.end;
  }

  /** The output, as a view. */
  output(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.start, this.end);
  }

  /** Releases the output, which becomes history. */
  release(): void {
    this.start = this.end;
    if (this.bytes.length > LARGE_WINDOW) this.#move(FIRST_ROOM);
  }

  /**
   * Releases the memory beyond the output and the history that matches can reach.
   * All output must be in the Adler-32, as it is after each `inflate`.
   */
  shrink(): void {
    this.#move(0);
  }

  /** Returns the output, which the caller then owns, and releases it. */
  take(): Uint8Array<ArrayBuffer> {
    const output = this.output();
    // When the output fills most of a large memory, the caller gets the memory
    // itself: copying would cost more than allocating a new window.
    const isGiven = output.length >= LARGE_OUTPUT &&
      output.length * 4 >= this.bytes.length * 3;
    const taken = isGiven ? output : output.slice();
    this.start = this.end;
    if (isGiven) this.#move(FIRST_ROOM);
    return taken;
  }

  /**
   * Makes space for a whole match, unless an output of `limit` bytes ends before.
   * Returns the index where the output must stop: the end of the memory or of the
   * limit.
   */
  makeRoom(limit: number): number {
    const room = this.bytes.length - this.end;
    if (room < MATCH_ROOM && this.end - this.start + room < limit) {
      this.sumUp();
      this.#extend();
    }
    const end = Math.min(this.bytes.length, this.start + limit);
    // The limit may be lower than in the last call, and already exceeded.
    return Math.max(this.end, end);
  }

  /** Adds the output since the last call to the Adler-32, and returns the sum. */
  sumUp(): number {
    if (this.#isSummed) {
      this.#sum = adler32Range(this.bytes, this.#summed, this.end, this.#sum) |
        0;
    }
    this.#summed = this.end;
    return this.#sum >>> 0;
  }

  /** Makes space: drops history that no match can reach, or enlarges the window. */
  #extend(): void {
    const unreachable = Math.min(this.start, this.end - WINDOW_SIZE);
    if (unreachable * 4 >= this.bytes.length) {
      this.bytes.copyWithin(0, unreachable, this.end);
      this.#shift(unreachable);
    } else {
      const isEmpty = this.bytes.length === 0;
      this.#move(isEmpty ? FIRST_ROOM : this.#expectedOutput());
    }
  }

  /** Estimates the size of the remaining output, assuming that the compression ratio stays the same. */
  #expectedOutput(): number {
    const { used, unread } = this.#reader;
    const made = this.end - this.start;
    const expected = made / Math.max(1, used) * unread;
    const capacity = this.bytes.length;
    return Math.min(
      capacity * MOST_GROWTH,
      Math.max(capacity, Math.ceil(expected * 1.05)),
    );
  }

  /** Copies the reachable bytes into new memory with `room` free bytes after them. */
  #move(room: number): void {
    const unreachable = Math.max(
      0,
      Math.min(this.start, this.end - WINDOW_SIZE),
    );
    const kept = this.bytes.subarray(unreachable, this.end);
    this.#allocate(kept, kept.length + room);
    this.#shift(unreachable);
  }

  #allocate(kept: Uint8Array, capacity: number): void {
    this.bytes = new Uint8Array(capacity);
    this.bytes.set(kept);
    this.words = new DataView(this.bytes.buffer);
  }

  #shift(distance: number): void {
    this.copyFrom -= distance;
    this.copyEnd -= distance;
    this.start -= distance;
    this.end -= distance;
    this.#summed -= distance;
  }
}
