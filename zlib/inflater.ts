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
import { adler32 } from "./adler32.ts";
import { BitReader } from "./bit_reader.ts";
import {
  BLOCK_DYNAMIC,
  BLOCK_FIXED,
  BLOCK_STORED,
  METHOD_DEFLATE,
  PRESET_DICTIONARY,
} from "./constants.ts";
import { fixedDistanceTable, fixedLiteralTable } from "./decode_table.ts";
import { DynamicCodes } from "./dynamic_codes.ts";
import { OutputWindow } from "./output_window.ts";
import {
  BLOCK_ENDED,
  INPUT_USED,
  LIMIT_REACHED,
  SymbolDecoder,
} from "./symbol_decoder.ts";

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
const AT_CODES = 5;
const IN_SYMBOLS = 6;
const AT_CHECK = 7;
const AT_END = 8;

/** Output dropped at a time by `skip`, bytes. */
const SKIP_STEP = 32768;

/** Inflates one stream (RFC 1950, RFC 1951); see the head of this file. */
export class Inflater {
  /** Keeps its code compiled while no stream is open, as in `deflate.ts`. */
  static readonly #kept: Inflater = new Inflater();

  readonly #format: ZlibFormat;
  readonly #dictionary: Uint8Array | undefined;
  readonly #verify: boolean;
  readonly #reader = new BitReader();
  readonly #output: OutputWindow;
  readonly #symbols: SymbolDecoder;
  #codes: DynamicCodes | undefined;

  #state: number;
  #isLastBlock = false;
  /** Bytes left of a stored block. */
  #storedLeft = 0;
  /** Whether the last run stopped at the limit. */
  #isBlocked = false;
  #failure: unknown;

  /** Makes an inflater at the start of a stream; it takes no memory to speak of until it is fed. */
  constructor(options: InflaterOptions = {}) {
    const { format = "zlib", dictionary, verify = true } = options;
    this.#format = format;
    this.#dictionary = dictionary;
    this.#verify = verify && format === "zlib";
    this.#output = new OutputWindow(this.#reader, this.#verify);
    this.#symbols = new SymbolDecoder(this.#reader, this.#output);
    this.#state = format === "zlib" ? AT_HEADER : AT_BLOCK;
    if (format === "raw" && dictionary !== undefined) {
      this.#output.setDictionary(dictionary);
    }
  }

  /** Whether the end of the stream was read, and its check was right. */
  get finished(): boolean {
    return this.#state === AT_END;
  }

  /** What is left of the piece fed last: after the end, what does not belong to the stream. A view. */
  get unused(): Uint8Array {
    return this.#reader.input.subarray(this.#reader.position);
  }

  /** How many bytes `output` has. */
  get outputLength(): number {
    return this.#output.end - this.#output.start;
  }

  /** The output made since the last `release`: a view, right until the next call of any method. */
  output(): Uint8Array<ArrayBuffer> {
    return this.#output.output();
  }

  /** All of the memory that `output` is a view of, for reading several bytes at once. */
  get outputWords(): DataView<ArrayBuffer> {
    return this.#output.words;
  }

  /** Lets go of the output made so far. */
  release(): void {
    this.#output.release();
  }

  /** Lets go of the output made so far and returns it, as the caller's own. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#output.take();
  }

  /** Hands in the next piece of input, which is kept as a view until it is used up. What is left of the one before is dropped. */
  feed(input: Uint8Array): void {
    this.#reader.feed(input);
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
    this.#isBlocked = false;
    try {
      while (this.#step(limit));
      this.#output.sumUp();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    return !this.#isBlocked;
  }

  /** Inflates what is left of the piece and drops the output. */
  skip(): void {
    do this.release(); while (!this.inflate(SKIP_STEP));
    this.release();
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
      case AT_CODES:
        return this.#readCodes();
      case IN_SYMBOLS:
        return this.#readSymbols(limit);
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
    this.#output.setDictionary(this.#dictionary);
    this.#state = AT_BLOCK;
    return true;
  }

  #readBlockHeader(): boolean {
    const reader = this.#reader;
    if (this.#isLastBlock) {
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
        this.#symbols.begin(fixedLiteralTable(), fixedDistanceTable());
        this.#state = IN_SYMBOLS;
        break;
      case BLOCK_DYNAMIC:
        this.#state = AT_CODES;
        break;
      default:
        throw reader.error("block has the reserved type 3");
    }
    this.#isLastBlock = (reader.take(3) & 1) === 1;
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
    this.#storedLeft = lengths & 0xffff;
    this.#state = IN_STORED;
    return true;
  }

  #copyStored(limit: number): boolean {
    const reader = this.#reader;
    const output = this.#output;
    while (this.#storedLeft > 0) {
      const from = reader.position;
      const available = reader.input.length - from;
      if (available === 0) return false;
      const room = output.makeRoom(limit) - output.end;
      if (room === 0) return this.#block();
      const count = Math.min(this.#storedLeft, available, room);
      output.bytes.set(reader.input.subarray(from, from + count), output.end);
      output.end += count;
      reader.position += count;
      this.#storedLeft -= count;
    }
    this.#state = AT_BLOCK;
    return true;
  }

  #readCodes(): boolean {
    const codes = this.#codes ??= new DynamicCodes();
    if (!codes.read(this.#reader)) return false;
    this.#symbols.begin(codes.literals, codes.distances);
    this.#state = IN_SYMBOLS;
    return true;
  }

  #readSymbols(limit: number): boolean {
    switch (this.#symbols.decode(limit)) {
      case BLOCK_ENDED:
        this.#state = AT_BLOCK;
        return true;
      case INPUT_USED:
        return false;
      case LIMIT_REACHED:
        return this.#block();
    }
  }

  /** Stops the run at the limit. */
  #block(): false {
    this.#isBlocked = true;
    return false;
  }

  #readCheck(): boolean {
    const reader = this.#reader;
    if (!reader.need(32)) return false;
    const start = reader.bitOffset;
    const expected = bigEndian(reader.take32());
    const sum = this.#output.sumUp();
    // RFC 1950, section 2.2: ADLER32 is that of the uncompressed data.
    if (this.#verify && sum !== expected) {
      throw reader.error(
        `Adler-32 of the data is ${hex(sum)}, not ${hex(expected)}`,
        start,
      );
    }
    this.#state = AT_END;
    return false;
  }
}

function bigEndian(littleEndian: number): number {
  return ((littleEndian & 0xff) << 24 | (littleEndian & 0xff00) << 8 |
    littleEndian >>> 8 & 0xff00 | littleEndian >>> 24) >>> 0;
}

function hex(sum: number): string {
  return `0x${sum.toString(16).padStart(8, "0")}`;
}
