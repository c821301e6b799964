/**
 * The inflating engine below {@linkcode Inflate}, for callers that want the
 * output without a copy and with a bound for each part of it.
 *
 * The input comes in pieces, cut anywhere. The output of as many pieces as the
 * caller likes is held in one stretch of the engine's own memory, until the
 * caller lets go of it:
 *
 *     inflater.release();                       // a new part begins
 *     inflater.feed(piece);                     // for each piece of it:
 *     if (!inflater.inflate(limit)) ...         // more than `limit` bytes would come out
 *     inflater.output()                         // all of the part: a view, not a copy
 *
 * `inflate` stops *at* the limit: it returns false only when there is a byte
 * beyond it, and makes no such byte. Afterwards the stream can go on with a
 * higher limit, or by {@linkcode Inflater.skip}, which drops the rest of the
 * piece; either way nothing is lost of the stream's state.
 *
 * @module
 */

import type { ZlibError } from "../errors.ts";
import { adler32, adler32Range } from "./adler32.ts";
import { BitReader } from "./bit_reader.ts";
import {
  BLOCK_DYNAMIC,
  BLOCK_FIXED,
  BLOCK_STORED,
  MAX_MATCH,
  MAX_WINDOW,
  METHOD_DEFLATE,
  PRESET_DICTIONARY,
} from "./constants.ts";
import {
  DISTANCE_ROOT,
  END,
  fixedDistanceTable,
  fixedLiteralTable,
  INVALID,
  LITERAL,
  LITERAL_ROOT,
  POINTER,
} from "./decode_table.ts";
import { DynamicCodes } from "./dynamic_codes.ts";

/** What stands around the deflate blocks: the zlib wrapper (RFC 1950), or nothing. */
export type ZlibFormat = "zlib" | "raw";

/** What an {@linkcode Inflater} is made with. */
export interface InflaterOptions {
  /** Default `"zlib"`. */
  readonly format?: ZlibFormat;
  /** Preset dictionary: used when a zlib stream asks for it, and always for a raw one. */
  readonly dictionary?: Uint8Array;
  /**
   * Whether to sum up the Adler-32, to compare it at the end of a zlib stream.
   * Default true; a stream that never ends can do without.
   */
  readonly verify?: boolean;
}

// Where in the stream the next bit stands.
const AT_HEADER = 0;
const AT_DICTIONARY_ID = 1;
const AT_BLOCK = 2;
const AT_STORED_LENGTH = 3;
const IN_STORED = 4;
const IN_CODES = 5;
const AT_SYMBOL = 6;
const AT_DISTANCE = 7;
const AT_DISTANCE_EXTRA = 8;
const IN_MATCH = 9;
const AT_CHECK = 10;
const AT_END = 11;

/** Room for output that the window begins with, bytes. */
const FIRST_ROOM = 4096;
/** A window grows to no more than so many times its size, and what was really inflated with it, at a time. */
const MOST_GROWTH = 8;
/** Output dropped at a time by `skip`, bytes. */
const SKIP_STEP = 32768;
/** Output of this size, bytes, may be worth giving its memory away. */
const LARGE_OUTPUT = 65536;
/** A window above this size, bytes, is given up once its output is released. */
const LARGE_WINDOW = 3 * MAX_WINDOW;
/** Room for a match that is copied four bytes at a time. */
const MATCH_ROOM = MAX_MATCH + 3;
const LITERAL_MASK = (1 << LITERAL_ROOT) - 1;
const DISTANCE_MASK = (1 << DISTANCE_ROOT) - 1;
const NOTHING = new Uint8Array(0);
const NO_TABLE = new Int32Array(0);

/** Inflates one stream (RFC 1950, RFC 1951); see the head of this file. */
export class Inflater {
  readonly #reader = new BitReader();
  readonly #format: ZlibFormat;
  readonly #dictionary: Uint8Array | undefined;
  readonly #verify: boolean;

  #state: number;
  #failure: unknown;
  #blocked = false;

  // Output: released bytes, which are history, then held ones, then room.
  #window: Uint8Array<ArrayBuffer> = NOTHING;
  #words = new DataView(NOTHING.buffer);
  #start = 0;
  #end = 0;
  #sum = 1;
  #summed = 0;

  #lastBlock = false;
  #codes: DynamicCodes | undefined;
  #literals: Int32Array = NO_TABLE;
  #distances: Int32Array = NO_TABLE;
  /** Bytes left of a match or a stored block. */
  #length = 0;
  #distance = 0;
  #distanceBase = 0;
  #distanceBits = 0;
  #distanceOffset = 0;

  /** Makes an inflater at the start of a stream; it takes no memory to speak of until it is fed. */
  constructor(options: InflaterOptions = {}) {
    this.#format = options.format ?? "zlib";
    this.#dictionary = options.dictionary;
    this.#verify = this.#format === "zlib" && (options.verify ?? true);
    this.#state = this.#format === "zlib" ? AT_HEADER : AT_BLOCK;
    if (this.#format === "raw") this.#takeDictionary();
  }

  /** Whether the end of the stream was read, and its check was right. */
  get finished(): boolean {
    return this.#state === AT_END;
  }

  /** What is left of the piece fed last: after the end, what does not belong to the stream. A view. */
  get unused(): Uint8Array {
    return this.#reader.input.subarray(this.#reader.position);
  }

  /** Hands in the next piece of input, which is kept as a view until it is used up. What is left of the one before is dropped. */
  feed(input: Uint8Array): void {
    this.#reader.feed(input);
  }

  /** The output made since the last `release`: a view, right until the next call of any method. */
  output(): Uint8Array<ArrayBuffer> {
    return this.#window.subarray(this.#start, this.#end);
  }

  /** The output made since the last `release`, as the caller's own, and lets go of it. */
  take(): Uint8Array<ArrayBuffer> {
    const output = this.output();
    // Memory that is nearly all output is given away rather than copied.
    const give = output.length >= LARGE_OUTPUT &&
      output.length * 4 >= this.#window.length * 3;
    const taken = give ? output : output.slice();
    this.#start = this.#end;
    if (give) this.#moveWindow(this.finished ? 0 : FIRST_ROOM);
    return taken;
  }

  /** How many bytes `output` has. */
  get outputLength(): number {
    return this.#end - this.#start;
  }

  /** Lets go of the output made so far. */
  release(): void {
    this.#start = this.#end;
    if (this.#window.length > LARGE_WINDOW) this.#moveWindow(FIRST_ROOM);
  }

  /** Inflates what is left of the piece and drops the output. */
  skip(): void {
    do this.release(); while (!this.inflate(SKIP_STEP));
    this.release();
  }

  /**
   * Inflates until the piece is used up or the stream is at its end, holding no
   * more than `limit` bytes of output since the last `release`.
   *
   * @returns False when it stopped because byte `limit + 1` would come next.
   * @throws {ZlibError} The input is not valid. Every later call throws the same.
   */
  inflate(limit: number): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    this.#blocked = false;
    try {
      while (this.#step(limit));
      this.#sumUp();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    return !this.#blocked;
  }

  /** Makes `message` the stream's failure, at the next bit of input, and returns it to be thrown. */
  fail(message: string): ZlibError {
    const error = this.#reader.error(message);
    this.#failure = error;
    return error;
  }

  /** Goes one state on; false when input or room is missing for that, or at the end. */
  #step(limit: number): boolean {
    switch (this.#state) {
      case AT_HEADER:
        return this.#readHeader();
      case AT_DICTIONARY_ID:
        return this.#readDictionaryId();
      case AT_BLOCK:
        return this.#readBlockHeader();
      case AT_STORED_LENGTH:
        return this.#readStoredLength();
      case IN_STORED:
        return this.#copyStored(limit);
      case IN_CODES:
        return this.#readCodes();
      case AT_SYMBOL:
        return this.#decodeFast(this.#makeRoom(limit)) ||
          this.#readSymbol(limit);
      case AT_DISTANCE:
        return this.#readDistance();
      case AT_DISTANCE_EXTRA:
        return this.#readDistanceExtra();
      case IN_MATCH:
        return this.#copyMatch(limit);
      case AT_CHECK:
        return this.#readCheck();
      default:
        return false;
    }
  }

  #readHeader(): boolean {
    const reader = this.#reader;
    if (!reader.need(16)) return false;
    const method = reader.hold & 0xff;
    const flags = reader.hold >>> 8 & 0xff;
    // RFC 1950, section 2.2: FCHECK makes CMF * 256 + FLG a multiple of 31.
    if ((method << 8 | flags) % 31 !== 0) {
      throw reader.error("zlib header has a wrong check");
    }
    if ((method & 15) !== METHOD_DEFLATE) {
      throw reader.error(
        `zlib header names method ${method & 15}, not deflate (8)`,
      );
    }
    // RFC 1950, section 2.2: CINFO above 7, a window above 32 KiB, is not allowed.
    if (method >>> 4 > 7) {
      throw reader.error(
        `zlib header asks for a window of 2^${(method >>> 4) + 8} bytes`,
      );
    }
    reader.drop(16);
    this.#state = flags & PRESET_DICTIONARY ? AT_DICTIONARY_ID : AT_BLOCK;
    return true;
  }

  #readDictionaryId(): boolean {
    const reader = this.#reader;
    if (!reader.need(32)) return false;
    const start = reader.bitOffset;
    const wanted = bigEndian(reader.take32());
    if (this.#dictionary === undefined) {
      throw reader.error(
        `stream needs the preset dictionary ${hex(wanted)}, none is given`,
        start,
      );
    }
    const given = adler32(this.#dictionary);
    if (given !== wanted) {
      throw reader.error(
        `stream needs the preset dictionary ${hex(wanted)}, not ${hex(given)}`,
        start,
      );
    }
    this.#takeDictionary();
    this.#state = AT_BLOCK;
    return true;
  }

  /** Makes the dictionary the history of a stream that has made no output yet. */
  #takeDictionary(): void {
    const history = this.#dictionary?.subarray(-MAX_WINDOW) ?? NOTHING;
    if (history.length === 0) return;
    this.#window = new Uint8Array(history.length + FIRST_ROOM);
    this.#words = new DataView(this.#window.buffer);
    this.#window.set(history);
    this.#start = this.#end = this.#summed = history.length;
  }

  #readBlockHeader(): boolean {
    const reader = this.#reader;
    if (this.#lastBlock) {
      reader.align();
      this.#state = this.#format === "zlib" ? AT_CHECK : AT_END;
      return true;
    }
    if (!reader.need(3)) return false;
    const type = reader.hold >>> 1 & 3;
    switch (type) {
      case BLOCK_STORED:
        this.#state = AT_STORED_LENGTH;
        break;
      case BLOCK_FIXED:
        this.#literals = fixedLiteralTable();
        this.#distances = fixedDistanceTable();
        this.#state = AT_SYMBOL;
        break;
      case BLOCK_DYNAMIC:
        this.#codes ??= new DynamicCodes();
        this.#state = IN_CODES;
        break;
      default:
        throw reader.error("block has the reserved type 3");
    }
    this.#lastBlock = (reader.take(3) & 1) === 1;
    if (type === BLOCK_STORED) reader.align();
    return true;
  }

  #readStoredLength(): boolean {
    const reader = this.#reader;
    if (!reader.need(32)) return false;
    const start = reader.bitOffset;
    const lengths = reader.take32();
    // RFC 1951, section 3.2.4: NLEN is the one's complement of LEN.
    if ((lengths & 0xffff) !== (~lengths >>> 16)) {
      throw reader.error(
        "length of a stored block does not match its complement",
        start,
      );
    }
    this.#length = lengths & 0xffff;
    this.#state = IN_STORED;
    return true;
  }

  #copyStored(limit: number): boolean {
    const { input } = this.#reader;
    while (this.#length > 0) {
      const from = this.#reader.position;
      const room = this.#makeRoom(limit) - this.#end;
      const count = Math.min(this.#length, input.length - from, room);
      if (count === 0) return this.#stop(from < input.length);
      this.#window.set(input.subarray(from, from + count), this.#end);
      this.#end += count;
      this.#length -= count;
      this.#reader.position += count;
    }
    this.#state = AT_BLOCK;
    return true;
  }

  #readCodes(): boolean {
    const codes = this.#codes;
    if (codes === undefined || !codes.read(this.#reader)) return false;
    this.#literals = codes.literals;
    this.#distances = codes.distances;
    this.#state = AT_SYMBOL;
    return true;
  }

  /**
   * Decodes symbols while there are four bytes of input and room for a match up
   * to `roomEnd`, and sets the state for what comes next. What it cannot do it
   * leaves to the other steps; returns whether it did anything.
   */
  #decodeFast(roomEnd: number): boolean {
    const reader = this.#reader;
    const lastInput = reader.input.length - 4;
    const lastRoom = roomEnd - MATCH_ROOM;
    if (reader.position > lastInput || this.#end > lastRoom) return false;
    // Bytes of an earlier piece could not go back at the end.
    if (reader.held > 7) return false;
    const input = reader.view();
    const window = this.#window;
    const words = this.#words;
    const literals = this.#literals;
    const distances = this.#distances;
    let { position, hold, held } = reader;
    let end = this.#end;

    while (position <= lastInput && end <= lastRoom) {
      // Fills up to 24..31 bits: as many whole bytes as have room count as taken.
      hold |= input.getInt32(position, true) << held;
      position += (31 - held) >>> 3;
      held |= 24;

      let entry = literals[hold & LITERAL_MASK];
      if (entry & LITERAL) {
        hold >>>= entry;
        held -= entry & 31;
        window[end++] = entry >>> 16;
        // 14 bits are left at least, enough to look up another.
        entry = literals[hold & LITERAL_MASK];
        if (!(entry & LITERAL)) continue;
        hold >>>= entry;
        held -= entry & 31;
        window[end++] = entry >>> 16;
        continue;
      }
      if (entry & POINTER) {
        entry = literals[
          (entry >>> 16) +
          (hold >>> LITERAL_ROOT & ~(-1 << (entry >>> 5)))
        ];
        if (entry & LITERAL) {
          hold >>>= entry;
          held -= entry & 31;
          window[end++] = entry >>> 16;
          continue;
        }
      }
      if (entry & (END | INVALID)) {
        if (entry & INVALID) break;
        hold >>>= entry;
        held -= entry & 31;
        this.#state = AT_BLOCK;
        break;
      }
      const length = (entry >>> 16) +
        ((hold & ~(-1 << entry)) >>> (entry >>> 5));
      hold >>>= entry;
      held -= entry & 31;

      if (position > lastInput) {
        this.#length = length;
        this.#state = AT_DISTANCE;
        break;
      }
      hold |= input.getInt32(position, true) << held;
      position += (31 - held) >>> 3;
      held |= 24;
      entry = distances[hold & DISTANCE_MASK];
      if (entry & POINTER) {
        entry = distances[
          (entry >>> 16) +
          (hold >>> DISTANCE_ROOT & ~(-1 << (entry >>> 5)))
        ];
      }
      const distance = (entry >>> 16) +
        ((hold & ~(-1 << entry)) >>> (entry >>> 5));
      if ((entry & 31) > held || entry & INVALID || distance > end) {
        this.#length = length;
        this.#state = AT_DISTANCE;
        break;
      }
      hold >>>= entry;
      held -= entry & 31;

      let from = end - distance;
      const stop = end + length;
      if (distance < 4) {
        while (end < stop) window[end++] = window[from++];
      } else if (length > 128 && distance >= length) {
        window.copyWithin(end, from, from + length);
      } else {
        do {
          words.setInt32(end, words.getInt32(from, true), true);
          end += 4;
          from += 4;
        } while (end < stop);
      }
      end = stop;
    }

    // Whole bytes go back, so that `position` tells what was used.
    position -= held >>> 3;
    held &= 7;
    const decoded = end > this.#end || this.#state !== AT_SYMBOL;
    reader.position = position;
    reader.hold = hold & ~(-1 << held);
    reader.held = held;
    this.#end = end;
    return decoded;
  }

  /** Decodes one literal, length or end of block. */
  #readSymbol(limit: number): boolean {
    const reader = this.#reader;
    const entry = this.#lookUp(this.#literals, LITERAL_ROOT);
    if (entry < 0) return false;
    const bits = entry & 31;
    if (entry & LITERAL) {
      if (this.#makeRoom(limit) === this.#end) return this.#stop(true);
      reader.drop(bits);
      this.#window[this.#end++] = entry >>> 16;
    } else if (entry & END) {
      reader.drop(bits);
      this.#state = AT_BLOCK;
    } else if (entry & INVALID) {
      throw reader.error("no literal or length has this code");
    } else {
      if (!reader.need(bits)) return false;
      this.#length = (entry >>> 16) + extraBits(entry, reader.hold);
      reader.drop(bits);
      this.#state = AT_DISTANCE;
    }
    return true;
  }

  #readDistance(): boolean {
    const entry = this.#lookUp(this.#distances, DISTANCE_ROOT);
    if (entry < 0) return false;
    if (entry & INVALID) throw this.#reader.error("no distance has this code");
    const codeBits = entry >>> 5 & 31;
    this.#distanceBase = entry >>> 16;
    this.#distanceBits = (entry & 31) - codeBits;
    this.#distanceOffset = this.#reader.bitOffset;
    this.#reader.drop(codeBits);
    this.#state = AT_DISTANCE_EXTRA;
    return true;
  }

  #readDistanceExtra(): boolean {
    const reader = this.#reader;
    if (!reader.need(this.#distanceBits)) return false;
    const distance = this.#distanceBase + reader.take(this.#distanceBits);
    if (distance > this.#end) {
      throw reader.error(
        `distance ${distance} reaches behind the ${this.#end} bytes there are`,
        this.#distanceOffset,
      );
    }
    this.#distance = distance;
    this.#state = IN_MATCH;
    return true;
  }

  #copyMatch(limit: number): boolean {
    while (this.#length > 0) {
      const count = Math.min(this.#length, this.#makeRoom(limit) - this.#end);
      if (count === 0) return this.#stop(true);
      this.#length -= count;
      for (let left = count; left > 0; left--) {
        this.#window[this.#end] = this.#window[this.#end - this.#distance];
        this.#end++;
      }
    }
    this.#state = AT_SYMBOL;
    return true;
  }

  #readCheck(): boolean {
    const reader = this.#reader;
    if (!reader.need(32)) return false;
    const start = reader.bitOffset;
    const expected = bigEndian(reader.take32());
    this.#sumUp();
    // RFC 1950, section 2.2: ADLER32 is that of the uncompressed data.
    if (this.#verify && this.#sum !== expected) {
      throw reader.error(
        `Adler-32 of the data is ${hex(this.#sum)}, not ${hex(expected)}`,
        start,
      );
    }
    this.#state = AT_END;
    return false;
  }

  /** Looks up the next code; -1 when the input ends inside it. Drops nothing. */
  #lookUp(table: Int32Array, root: number): number {
    const reader = this.#reader;
    for (;;) {
      let entry = table[reader.hold & ~(-1 << root)];
      if (entry & POINTER) {
        const mask = ~(-1 << (entry >>> 5));
        entry = table[(entry >>> 16) + (reader.hold >>> root & mask)];
      }
      // Bits not held yet count as zeros: they are not part of a code this short.
      if ((entry >>> 5 & 31) <= reader.held) return entry;
      if (!reader.pull()) return -1;
    }
  }

  /** Stops the run, at the limit or for want of input. */
  #stop(blocked: boolean): false {
    this.#blocked = blocked;
    return false;
  }

  /**
   * Makes room for a whole match, if the limit leaves it, and returns where the
   * room or the limit ends.
   */
  #makeRoom(limit: number): number {
    const room = this.#window.length - this.#end;
    if (room < MATCH_ROOM && this.#end - this.#start + room < limit) {
      this.#sumUp();
      this.#extendWindow();
    }
    const end = Math.min(this.#window.length, this.#start + limit);
    // The limit may be lower than it was, and exceeded already.
    return Math.max(this.#end, end);
  }

  /** Slides the window over history that nothing can reach, or makes it larger. */
  #extendWindow(): void {
    const unreachable = Math.min(this.#start, this.#end - MAX_WINDOW);
    if (unreachable * 4 >= this.#window.length) {
      this.#window.copyWithin(0, unreachable, this.#end);
      this.#start -= unreachable;
      this.#end -= unreachable;
      this.#summed -= unreachable;
    } else {
      this.#moveWindow(Math.max(this.#expectedOutput(), FIRST_ROOM));
    }
  }

  /** A guess at what the rest of the piece becomes: it goes on like the part before. */
  #expectedOutput(): number {
    const { input, position } = this.#reader;
    const held = this.#end - this.#start;
    const expected = held / Math.max(1, position) * (input.length - position);
    const capacity = this.#window.length;
    return Math.min(
      capacity * MOST_GROWTH,
      Math.max(capacity, Math.ceil(expected * 1.05)),
    );
  }

  /** Moves what can be reached into a new window with `room` bytes behind it. */
  #moveWindow(room: number): void {
    const unreachable = Math.max(
      0,
      Math.min(this.#start, this.#end - MAX_WINDOW),
    );
    const kept = this.#window.subarray(unreachable, this.#end);
    this.#window = new Uint8Array(kept.length + room);
    this.#words = new DataView(this.#window.buffer);
    this.#window.set(kept);
    this.#start -= unreachable;
    this.#end -= unreachable;
    this.#summed -= unreachable;
  }

  #sumUp(): void {
    if (this.#verify) {
      this.#sum = adler32Range(
        this.#window,
        this.#summed,
        this.#end,
        this.#sum,
      );
    }
    this.#summed = this.#end;
  }
}

/** The extra bits behind a code, out of bits that begin with the code. */
function extraBits(entry: number, bits: number): number {
  return (bits & ~(-1 << entry)) >>> (entry >>> 5);
}

function bigEndian(littleEndian: number): number {
  return ((littleEndian & 0xff) << 24 | (littleEndian & 0xff00) << 8 |
    littleEndian >>> 8 & 0xff00 | littleEndian >>> 24) >>> 0;
}

function hex(sum: number): string {
  return `0x${sum.toString(16).padStart(8, "0")}`;
}
