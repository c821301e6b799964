import { InvalidArgumentError } from "../errors.ts";
import { checkWhole } from "../numbers.ts";
import { checkBytes, checkOptions } from "../values.ts";
import { adler32 } from "./adler32.ts";
import { BitWriter } from "./bit_writer.ts";
import { checkOneOf } from "./check.ts";
import { writeBlock, writeStored, writeSyncMarker } from "./block_writer.ts";
import { METHOD_DEFLATE, PRESET_DICTIONARY } from "./constants.ts";
import type { ZlibFormat } from "./inflater.ts";
import { type Effort, Tokenizer } from "./tokenizer.ts";

/** What a {@linkcode Deflate} is made with. */
export interface DeflateOptions {
  /** What stands around the deflate blocks; default `"zlib"`. */
  readonly format?: ZlibFormat;
  /** 0 (stored, no compression), 1 (fastest) to 9 (smallest); default 6. */
  readonly level?: number;
  /**
   * How far matches may reach, as a power of two: 9 (512 bytes) to 15 (32 KiB);
   * default 15. As in zlib, 8 means 9 in the zlib format and is refused in the
   * raw one, for its sake who inflates with a window of 256 bytes.
   */
  readonly windowBits?: number;
  /** Preset dictionary: bytes that matches may refer to from the start. The other side has to have it. */
  readonly dictionary?: Uint8Array;
}

/**
 * What {@linkcode Deflate.push} does about bytes it would rather keep back for a
 * better compression: `"none"` keeps them, `"sync"` puts out all there is and
 * ends on a byte (with `00 00 ff ff`), `"finish"` ends the stream.
 */
export type DeflateFlush = "none" | "sync" | "finish";

const FLUSHES: readonly DeflateFlush[] = ["none", "sync", "finish"];

/**
 * Levels 1 to 9 after zlib's configuration table, from level 6 on with other
 * figures: what they find here is as much, in less time.
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
 * Deflates a stream into the zlib format (RFC 1950) or raw (RFC 1951), piece by
 * piece.
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
  /**
   * V8 throws compiled code away when a collection finds no object left of the
   * classes it was compiled for. With one that stays, short-lived deflaters find
   * it still compiled: text at 44 instead of 36 MB/s with a collection every quarter
   * of a second.
   */
  static readonly #kept: Deflate = new Deflate();

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
   * Makes a deflater at the start of a stream; it takes memory as it is used, up
   * to about 450 KiB for a long stream with the largest window.
   *
   * @throws {InvalidArgumentError} `format` is none, or `level` or `windowBits` is out of its range, or `dictionary` is not a `Uint8Array`.
   */
  constructor(options: DeflateOptions = {}) {
    checkOptions("options", options);
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
  }

  /** Whether the stream was ended by `"finish"`. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Deflates the next piece.
   *
   * A `"sync"` without data straight after another puts out nothing.
   *
   * @param data Any number of bytes.
   * @param flush Default `"none"`.
   * @returns What became ready of the stream; it is the caller's.
   * @throws {InvalidArgumentError} `data` is not a `Uint8Array`, or its buffer was transferred, `flush` is none, or the stream was already finished.
   */
  push(
    data: Uint8Array,
    flush: DeflateFlush = "none",
  ): Uint8Array<ArrayBuffer> {
    this.#push(data, flush);
    return this.#writer.take();
  }

  /**
   * The same, without memory of its own for what is returned: a view that is
   * valid until the next call. For header blocks, where it takes a fifth less time.
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
      throw new InvalidArgumentError("deflate stream was already finished");
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

  /** Runs the data through the tokenizer, writing blocks as they become full. */
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
      // No room before the block is written, and what it holds can be let go.
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

  /** Writes the zlib header (RFC 1950, section 2.2) and puts the dictionary in. */
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

/** FLEVEL as zlib sets it for a level. */
function levelFlag(level: number): number {
  if (level < 2) return 0;
  if (level < 6) return 1;
  return level === 6 ? 2 : 3;
}
