/**
 * The decompressor that {@linkcode Inflate} wraps, for callers that need the
 * output without a copy and a limit for each part of it.
 *
 * The input arrives in chunks, cut anywhere. The inflater keeps the output of any
 * number of chunks contiguous in its own memory until the caller releases it:
 *
 *     inflater.release();                  // starts a new part
 *     inflater.feed(chunk);                // for each chunk of the part
 *     if (!inflater.inflate(limit)) ...    // the part is longer than `limit` bytes
 *     inflater.output()                    // the whole part: a view, not a copy
 *
 * `inflate` returns false only when the output would exceed the limit; it does not
 * produce a byte beyond it. The caller can then continue with a higher limit, or
 * call {@linkcode Inflater.skip}, which drops the output of the rest of the chunk.
 * Both keep the stream's state intact.
 *
 * @module
 */

import { keepCompiledCode } from "../compiled_code.ts";
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
import { type OutputMemory, OutputWindow } from "./output_window.ts";
import {
  BLOCK_ENDED,
  INPUT_USED,
  LIMIT_REACHED,
  SymbolDecoder,
} from "./symbol_decoder.ts";

/** The wrapper around the deflate blocks: `"zlib"` (RFC 1950) or `"raw"`, none. */
export type ZlibFormat = "zlib" | "raw";

/** The options of {@linkcode Inflater}. */
export interface InflaterOptions {
  /** Default `"zlib"`. */
  readonly format?: ZlibFormat;
  /** Preset dictionary: used when a zlib stream needs it, and always for a raw stream. */
  readonly dictionary?: Uint8Array;
  /**
   * Whether to compute the Adler-32 and compare it at the end of a zlib stream.
   * Default true; a stream that never ends does not need it.
   */
  readonly verify?: boolean;
}

// The element of the stream that comes next.
const AT_HEADER = 0;
const AT_DICTIONARY_ID = 1;
const AT_BLOCK = 2;
const AT_STORED_LENGTH = 3;
const IN_STORED = 4;
const AT_CODES = 5;
const IN_SYMBOLS = 6;
const AT_CHECK = 7;
const AT_END = 8;

/** Number of bytes of output that `skip` drops at a time. */
const SKIP_STEP = 32768;

/** Decompresses one stream (RFC 1950, RFC 1951); see the start of this file. */
export class Inflater {
  static {
    keepCompiledCode(new Inflater());
  }

  readonly #format: ZlibFormat;
  readonly #dictionary: Uint8Array | undefined;
  readonly #verify: boolean;
  readonly #reader = new BitReader();
  readonly #output: OutputWindow;
  readonly #symbols: SymbolDecoder;
  #codes: DynamicCodes | undefined;

  #state: number;
  #isLastBlock = false;
  /** Bytes of a stored block that were not read yet. */
  #storedLeft = 0;
  /** Whether the last `inflate` stopped at the limit. */
  #isBlocked = false;
  #failure: unknown;

  /** Creates an inflater at the start of a stream; its buffers are allocated when input arrives. */
  constructor(options: InflaterOptions = {}) {
    const { format = "zlib", dictionary, verify = true } = options;
    this.#format = format;
    this.#dictionary = dictionary;
    this.#verify = verify && format === "zlib";
    this.#output = new OutputWindow(this.#reader, this.#verify);
    this.#symbols = new SymbolDecoder(this.#reader, this.#output);
    this.#state = this.#begin();
  }

  #begin(): number {
    if (this.#format === "zlib") return AT_HEADER;
    if (this.#dictionary !== undefined) {
      this.#output.setDictionary(this.#dictionary);
    }
    return AT_BLOCK;
  }

  /** Begins a new stream with the same options, as a new inflater would, but in the same memory. */
  restart(): void {
    this.#reader.restart();
    this.#output.restart();
    this.#codes?.restart();
    this.#isLastBlock = false;
    this.#failure = undefined;
    this.#state = this.#begin();
  }

  /** Whether the stream is complete: its end was read and its checksum was correct. */
  get finished(): boolean {
    return this.#state === AT_END;
  }

  /** The unread rest of the last chunk, as a view. After the end of the stream, it does not belong to the stream. */
  get unused(): Uint8Array {
    const { input, position, end } = this.#reader;
    return input.subarray(position, end);
  }

  /** Releases the memory beyond the output and the last 32 KiB before it. */
  shrink(): void {
    this.#output.shrink();
  }

  /** Length of `output` in bytes. */
  get outputLength(): number {
    return this.#output.end - this.#output.start;
  }

  /** The output since the last `release`: a view, valid until the next call of any method. */
  output(): Uint8Array<ArrayBuffer> {
    return this.#output.output();
  }

  /**
   * The memory that contains {@linkcode Inflater.output}, from `start` to `end`: the
   * output without creating a view of it.
   */
  get outputMemory(): OutputMemory {
    return this.#output;
  }

  /** See {@linkcode OutputWindow.expectCopies}. */
  expectCopies(period: number, reach: number): void {
    this.#output.expectCopies(period, reach);
  }

  /** Drops the output so far and starts a new part. */
  release(): void {
    this.#output.release();
  }

  /** Returns the output so far, which the caller then owns, and starts a new part. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#output.take();
  }

  /**
   * Sets the next chunk of input, `input[from..to)`. It is not copied, so it must not
   * change until it is read; the unread rest of the previous chunk is dropped.
   */
  feed(input: Uint8Array, from = 0, to: number = input.length): void {
    this.#reader.feed(input, from, to);
  }

  /**
   * Decompresses until the chunk or the stream ends, or until the output since the
   * last `release` has `limit` bytes.
   *
   * @returns False when it stopped because the output would exceed `limit` bytes.
   * @throws {ZlibError} The input is invalid. Every later call throws the same error.
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

  /** Decompresses the rest of the chunk and drops the output. */
  skip(): void {
    do this.release(); while (!this.inflate(SKIP_STEP));
    this.release();
  }

  /** Fails the stream with `message` at the next bit of input, and returns the error for the caller to throw. */
  fail(message: string): ZlibError {
    const error = this.#reader.error(message);
    this.#failure = error;
    return error;
  }

  /** Reads the next element; returns false when input or output space is missing, or at the end. */
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
      throw reader.error("zlib header has a wrong checksum");
    }
    if ((method & 15) !== METHOD_DEFLATE) {
      throw reader.error(
        `zlib header has compression method ${method & 15}, not 8 (deflate)`,
      );
    }
    // RFC 1950, section 2.2: CINFO above 7, a window above 32 KiB, is not allowed.
    if (method >>> 4 > 7) {
      throw reader.error(
        `zlib header has a window of 2^${
          (method >>> 4) + 8
        } bytes, more than 2^15`,
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
        `stream needs the preset dictionary ${hex(wanted)}, but none was set`,
        start,
      );
    }
    const given = adler32(this.#dictionary);
    if (given !== wanted) {
      throw reader.error(
        `stream needs the preset dictionary ${hex(wanted)}, but ${
          hex(given)
        } was set`,
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
        if (reader.takeSyncFlush()) return reader.unread > 0;
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
    const lengths = reader.take32();
    // RFC 1951, section 3.2.4: NLEN is the one's complement of LEN.
    if ((lengths & 0xffff) !== (~lengths >>> 16)) {
      throw reader.error(
        "length of a stored block does not match its complement",
        reader.bitOffset - 32,
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
      if (reader.unread === 0) return false;
      const room = output.makeRoom(limit) - output.end;
      if (room === 0) return this.#block();
      const count = Math.min(this.#storedLeft, reader.unread, room);
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

  /** Makes `inflate` stop at the limit. */
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
    // RFC 1950, section 2.2: ADLER32 is the checksum of the uncompressed data.
    if (this.#verify && sum !== expected) {
      throw reader.error(
        `Adler-32 of the output is ${hex(sum)}, but the stream says ${
          hex(expected)
        }`,
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
