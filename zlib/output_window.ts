import { adler32Range } from "./adler32.ts";
import type { BitReader } from "./bit_reader.ts";
import { MAX_MATCH, MAX_WINDOW } from "./constants.ts";

/** Room for a match that is copied eight bytes at a time. */
export const MATCH_ROOM: number = MAX_MATCH + 7;

/** Room for output that a window begins with, bytes. */
const FIRST_ROOM = 4096;
/** A window grows to no more than so many times its size, and so of what was really inflated, at a time. */
const MOST_GROWTH = 8;
/** Output of this size, bytes, may be worth giving its memory away. */
const LARGE_OUTPUT = 65536;
/** A window above this size, bytes, is given up once its output is released. */
const LARGE_WINDOW = 3 * MAX_WINDOW;
const NOTHING = new Uint8Array(0);

/**
 * What was inflated: the history that matches refer to, and behind it, in the
 * same memory, the output that the caller has not released yet.
 *
 * `bytes[0..start)` is history, `bytes[start..end)` output; behind `end` is room.
 * The fields are open because the decoding loop takes them into local variables.
 */
export class OutputWindow {
  /** The window's memory; another one after each {@linkcode OutputWindow.makeRoom}. */
  bytes: Uint8Array<ArrayBuffer> = NOTHING;
  /** The same memory, for copying several bytes at a time. */
  words: DataView<ArrayBuffer> = new DataView(NOTHING.buffer);
  /** Where in `bytes` the output begins. */
  start = 0;
  /** Where in `bytes` the output ends. */
  end = 0;

  readonly #reader: BitReader;
  readonly #isSummed: boolean;
  /** The Adler-32 so far, signed: a small integer in any case. */
  #sum = 1;
  /** Bytes before this one are in `#sum`. */
  #summed = 0;

  /**
   * Takes no memory until there is something to hold.
   *
   * @param reader Where the output comes from: what is left there tells how much more room will be wanted.
   * @param isSummed Whether to sum up the Adler-32 of the output.
   */
  constructor(reader: BitReader, isSummed: boolean) {
    this.#reader = reader;
    this.#isSummed = isSummed;
  }

  /** Makes the dictionary the history of a stream that has made no output yet. */
  setDictionary(dictionary: Uint8Array): void {
    const history = dictionary.subarray(-MAX_WINDOW);
    if (history.length === 0) return;
    this.#allocate(history, history.length + FIRST_ROOM);
    this.start = this.end = this.#summed = history.length;
  }

  /** The output, as a view. */
  output(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.start, this.end);
  }

  /** Lets go of the output, which becomes history. */
  release(): void {
    this.start = this.end;
    if (this.bytes.length > LARGE_WINDOW) this.#move(FIRST_ROOM);
  }

  /** The output as the caller's own, who lets go of it. */
  take(): Uint8Array<ArrayBuffer> {
    const output = this.output();
    // Memory that is nearly all output is given away rather than copied.
    const isGiven = output.length >= LARGE_OUTPUT &&
      output.length * 4 >= this.bytes.length * 3;
    const taken = isGiven ? output : output.slice();
    this.start = this.end;
    if (isGiven) this.#move(FIRST_ROOM);
    return taken;
  }

  /**
   * Makes room for a whole match, as far as an output of `limit` bytes leaves it,
   * and returns where the room or the limit ends.
   */
  makeRoom(limit: number): number {
    const room = this.bytes.length - this.end;
    if (room < MATCH_ROOM && this.end - this.start + room < limit) {
      this.sumUp();
      this.#extend();
    }
    const end = Math.min(this.bytes.length, this.start + limit);
    // The limit may be lower than it was, and exceeded already.
    return Math.max(this.end, end);
  }

  /** Adds the output made since the last call to the Adler-32, and returns it. */
  sumUp(): number {
    if (this.#isSummed) {
      this.#sum = adler32Range(this.bytes, this.#summed, this.end, this.#sum) |
        0;
    }
    this.#summed = this.end;
    return this.#sum >>> 0;
  }

  /** Slides over history that nothing can reach, or makes the window larger. */
  #extend(): void {
    const unreachable = Math.min(this.start, this.end - MAX_WINDOW);
    if (unreachable * 4 >= this.bytes.length) {
      this.bytes.copyWithin(0, unreachable, this.end);
      this.#shift(unreachable);
    } else {
      this.#move(Math.max(this.#expectedOutput(), FIRST_ROOM));
    }
  }

  /** A guess at what the rest of the input becomes: it goes on like the part before. */
  #expectedOutput(): number {
    const { input, position } = this.#reader;
    const made = this.end - this.start;
    const expected = made / Math.max(1, position) * (input.length - position);
    const capacity = this.bytes.length;
    return Math.min(
      capacity * MOST_GROWTH,
      Math.max(capacity, Math.ceil(expected * 1.05)),
    );
  }

  /** Moves what can be reached into new memory with `room` bytes behind it. */
  #move(room: number): void {
    const unreachable = Math.max(
      0,
      Math.min(this.start, this.end - MAX_WINDOW),
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
    this.start -= distance;
    this.end -= distance;
    this.#summed -= distance;
  }
}
