import { keepCompiledCode } from "../compiled_code.ts";
import { InvalidArgumentError } from "../errors.ts";
import { checkWhole } from "../numbers.ts";
import { checkBytes, checkNames, checkOneOf, type Names } from "../values.ts";
import { adler32 } from "./adler32.ts";
import { BitWriter } from "./bit_writer.ts";
import { writeBlock, writeStored, writeSyncMarker } from "./block_writer.ts";
import { METHOD_DEFLATE, PRESET_DICTIONARY } from "./constants.ts";
import type { ZlibFormat } from "./inflater.ts";
import { type Effort, Tokenizer } from "./tokenizer.ts";

/** The options of {@linkcode Deflate}. */
export interface DeflateOptions {
  /** The wrapper around the deflate blocks; default `"zlib"`. */
  readonly format?: ZlibFormat;
  /** Compression level: 0 (stored, no compression), 1 (fastest) to 9 (smallest); default 6. */
  readonly level?: number;
  /**
   * Size of the window that matches may refer to, as a power of two: 9 (512
   * bytes) to 15 (32 KiB); default 15. As in zlib, 8 means 9 in the zlib format.
   * The raw format refuses 8: it has no header to announce 9, and a receiver with
   * a window of 256 bytes would fail.
   */
  readonly windowBits?: number;
  /** Preset dictionary: bytes that matches may refer to from the start. The receiver needs the same dictionary. */
  readonly dictionary?: Uint8Array;
}

const DEFLATE_NAMES: Names<DeflateOptions> = {
  format: true,
  level: true,
  windowBits: true,
  dictionary: true,
};

/**
 * What {@linkcode Deflate.push} does with bytes that it could still buffer for
 * better compression: `"none"` buffers them, `"sync"` returns all of them and
 * ends at a byte boundary (with `00 00 ff ff`), `"finish"` ends the stream.
 */
export type DeflateFlush = "none" | "sync" | "finish";

const FLUSHES: readonly DeflateFlush[] = ["none", "sync", "finish"];

/**
 * The settings of levels 1 to 9. Levels 1 to 5 follow zlib's configuration table.
 * From level 6 on the figures differ: with this matcher they find as much in less
 * time.
 */
const EFFORTS: readonly Effort[] = [
  { good: 4, lazy: 4, nice: 8, chain: 4, isLazy: false, shortest: 4 },
  { good: 4, lazy: 5, nice: 16, chain: 8, isLazy: false, shortest: 4 },
  { good: 4, lazy: 6, nice: 32, chain: 32, isLazy: false, shortest: 4 },
  { good: 4, lazy: 4, nice: 16, chain: 16, isLazy: true, shortest: 4 },
  { good: 4, lazy: 6, nice: 32, chain: 32, isLazy: true, shortest: 4 },
  { good: 4, lazy: 6, nice: 258, chain: 96, isLazy: true, shortest: 4 },
  { good: 8, lazy: 32, nice: 258, chain: 256, isLazy: true, shortest: 4 },
  { good: 32, lazy: 128, nice: 258, chain: 1024, isLazy: true, shortest: 3 },
  { good: 32, lazy: 258, nice: 258, chain: 4096, isLazy: true, shortest: 3 },
];

/**
 * Compresses a stream chunk by chunk into the zlib format (RFC 1950) or raw
 * deflate (RFC 1951).
 *
 * @example
 * ```ts
 * import { Deflate, Inflate, SPDY3_DICTIONARY } from "@spdy/spdy/zlib";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const options = { dictionary: SPDY3_DICTIONARY };
 * const deflate = new Deflate({ ...options, level: 9, windowBits: 11 });
 * const inflate = new Inflate(options);
 * for (const text of ["accept-encoding", "accept-language"]) {
 *   const packed = deflate.push(new TextEncoder().encode(text), "sync");
 *   assertEquals(new TextDecoder().decode(inflate.push(packed)), text);
 * }
 * ```
 */
export class Deflate {
  /** Whether the first deflater has kept the compiled code of this class. */
  static #isKept = false;

  readonly #writer = new BitWriter();
  readonly #tokenizer: Tokenizer;
  readonly #isZlib: boolean;
  readonly #level: number;
  readonly #windowBits: number;
  readonly #dictionary: Uint8Array | undefined;
  #sum = 1;
  #begun = false;
  #synced = false;
  #finished = false;

  /**
   * Creates a deflater at the start of a stream. It allocates memory as it is
   * used, up to about 450 KiB for a long stream with the largest window.
   *
   * @throws {InvalidArgumentError} `format` or the name of an option is unknown, `level` or `windowBits` is out of range, or `dictionary` is not a `Uint8Array`.
   */
  constructor(options: DeflateOptions = {}) {
    checkNames("a Deflate", options, DEFLATE_NAMES);
    const { format = "zlib", level = 6, windowBits = 15, dictionary } = options;
    checkOneOf("format", format, ["zlib", "raw"]);
    if (dictionary !== undefined) checkBytes("dictionary", dictionary);
    checkWhole("level", level, 0, 9);
    checkWhole("windowBits", windowBits, format === "zlib" ? 8 : 9, 15);
    this.#isZlib = format === "zlib";
    this.#level = level;
    this.#windowBits = Math.max(9, windowBits);
    this.#dictionary = dictionary?.length === 0 ? undefined : dictionary;
    const effort = EFFORTS[Math.max(1, level) - 1];
    this.#tokenizer = new Tokenizer(effort, 1 << this.#windowBits);
    if (!Deflate.#isKept) {
      Deflate.#isKept = true;
      keepCompiledCode(new Deflate());
    }
  }

  /** Whether `"finish"` has ended the stream. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Compresses the next chunk.
   *
   * A `"sync"` without data directly after another `"sync"` returns nothing.
   *
   * @param data Any number of bytes.
   * @param flush Default `"none"`.
   * @returns The next part of the compressed stream, possibly empty; the caller owns it.
   * @throws {InvalidArgumentError} `data` is not a `Uint8Array` or its buffer was transferred, `flush` is unknown, or the stream is already finished.
   */
  push(
    data: Uint8Array,
    flush: DeflateFlush = "none",
  ): Uint8Array<ArrayBuffer> {
    this.#push(data, flush);
    return this.#writer.take();
  }

  /**
   * Like {@linkcode push}, but returns a view that is valid until the next call.
   * This takes a fifth less time for header blocks.
   *
   * @ignore
   */
  pushView(data: Uint8Array, flush: DeflateFlush): Uint8Array<ArrayBuffer> {
    this.#push(data, flush);
    return this.#writer.view();
  }

  #push(data: Uint8Array, flush: DeflateFlush): void {
    checkBytes("data", data);
    checkOneOf("flush", flush, FLUSHES);
    if (this.#finished) {
      throw new InvalidArgumentError(
        'the deflate stream was already ended by flush "finish"',
      );
    }
    this.#writer.clear();
    if (!this.#begun) this.#begin();
    if (this.#isZlib) this.#sum = adler32(data, this.#sum);
    this.#addAll(data, flush !== "none");
    if (flush === "finish") {
      this.#endBlock(true);
      this.#end();
    } else if (flush === "sync" && (data.length > 0 || !this.#synced)) {
      const { blockStart, position } = this.#tokenizer;
      if (position > blockStart) this.#endBlock(false);
      writeSyncMarker(this.#writer);
    }
    if (data.length > 0 || flush === "sync") this.#synced = flush === "sync";
  }

  /** Passes the data to the tokenizer and writes each block when it is full. */
  #addAll(data: Uint8Array, flush: boolean): void {
    const tokenizer = this.#tokenizer;
    let from = 0;
    do {
      const added = tokenizer.add(data, from);
      from += added;
      if (this.#level === 0) tokenizer.position = tokenizer.end;
      else {
        while (tokenizer.run(flush && from === data.length)) {
          this.#endBlock(false);
        }
      }
      // The window has no free space until the block is written.
      if (added === 0 && from < data.length) this.#endBlock(false);
    } while (from < data.length);
  }

  #endBlock(final: boolean): void {
    const { window, blockStart, position, tokens, count } = this.#tokenizer;
    const writer = this.#writer;
    if (this.#level === 0) {
      writeStored(writer, window, blockStart, position, final);
    } else {
      writeBlock(writer, tokens, count, window, blockStart, position, final);
    }
    this.#tokenizer.startBlock();
  }

  /** Writes the zlib header (RFC 1950, section 2.2) and sets the dictionary. */
  #begin(): void {
    this.#begun = true;
    const dictionary = this.#dictionary;
    if (dictionary !== undefined) this.#tokenizer.setDictionary(dictionary);
    if (!this.#isZlib) return;
    const method = METHOD_DEFLATE | (this.#windowBits - 8) << 4;
    let flags = levelFlag(this.#level) << 6;
    if (dictionary !== undefined) flags |= PRESET_DICTIONARY;
    flags += 31 - (method << 8 | flags) % 31;
    this.#writer.reserve(6);
    this.#writer.write(method | flags << 8, 16);
    if (dictionary !== undefined) this.#writeSum(adler32(dictionary));
  }

  #end(): void {
    this.#finished = true;
    this.#writer.align();
    if (this.#isZlib) this.#writeSum(this.#sum);
  }

  /** Writes an Adler-32, big-endian. */
  #writeSum(sum: number): void {
    this.#writer.reserve(4);
    for (let shift = 24; shift >= 0; shift -= 8) {
      this.#writer.write(sum >>> shift & 0xff, 8);
    }
  }
}

/** The value of FLEVEL that zlib sets for a level. */
function levelFlag(level: number): number {
  if (level < 2) return 0;
  if (level < 6) return 1;
  return level === 6 ? 2 : 3;
}
