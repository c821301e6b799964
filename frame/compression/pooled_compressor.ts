/**
 * The policy "safe" with little memory for a stream of few header blocks; see "The
 * first blocks" in `README.md`.
 *
 * @module
 */

import { ByteWriter } from "../byte_writer.ts";
import { CodecPool } from "../codec_pool.ts";
import { headerBlockLength } from "../header_block.ts";
import { isSamePair } from "../header_list.ts";
import type { NameValue } from "../types.ts";
import type { VersionTraits } from "../version.ts";
import type { BlockCompressor } from "./block_compressor.ts";
import { maxSafeLength, SafeCompressor } from "./safe_compressor.ts";
import type { Sensitivity } from "./secret_names.ts";

/** With more blocks, the stream no longer shares its compressor. */
export const MOST_BLOCKS = 4;
/** The same with more bytes. */
const MOST_BYTES = 2048;

/** A longer last block is not kept for the time after {@linkcode PooledCompressor.shrink}, bytes. */
const MOST_LAST_BYTES = 4096;

const NO_PAIRS: readonly NameValue[] = [];
const NO_BLOCKS: readonly (readonly NameValue[])[] = [];

/** A compressor that streams share. */
interface PooledCodec {
  readonly compressor: SafeCompressor;
  readonly traits: VersionTraits;
}

/** The first block of a stream. */
interface FirstBlock {
  readonly traits: VersionTraits;
  readonly sensitivityOf: (name: string) => Sensitivity;
  readonly pairs: readonly NameValue[];
  /** Its length before compression, bytes. */
  readonly length: number;
}

const pool = new CodecPool<PooledCodec>();
/**
 * The last first block without secrets. The time that a block takes must not reveal
 * whether another connection sent the same secrets.
 */
let lastFirst: FirstBlock | undefined;
/** Its bytes. */
const lastFirstBytes = new ByteWriter();
/** Receives the output of blocks that are compressed again; nothing reads it. */
const unread = new ByteWriter();

/**
 * Compresses the first blocks of a stream with one of a few compressors that all streams
 * of the process share, and keeps the blocks' pairs. If another stream has used that
 * compressor since, these blocks are compressed again first, which takes 5 to 10 us for
 * each. The compressor is then in the same state as a {@linkcode SafeCompressor} that only
 * this stream uses, so that the output is the same, too.
 *
 * A connection with up to four requests takes 14 KiB less this way.
 *
 * A first block that has the same pairs as the last first block of the process has the
 * same bytes, which are copied. Together with the same method in
 * {@linkcode HeaderDecoder}, this saves a fifth of the time to accept a connection and
 * to answer one request.
 */
export class PooledCompressor implements BlockCompressor {
  readonly #traits: VersionTraits;
  readonly #sensitivityOf: (name: string) => Sensitivity;
  #own: SafeCompressor | undefined;
  /** The last block, if the stream has or had a compressor of its own. */
  #last: readonly NameValue[] | undefined;
  /** Number of the stream, 0 before its first block. */
  #stream = 0;
  /** The blocks so far, while the stream has no compressor of its own. */
  #blocks: readonly (readonly NameValue[])[] = NO_BLOCKS;
  /** Their length, bytes. */
  #length = 0;

  /**
   * Creates a compressor at the start of its zlib stream.
   *
   * @param sensitivityOf Judges the name of a header, as it is on the wire.
   */
  constructor(
    traits: VersionTraits,
    sensitivityOf: (name: string) => Sensitivity,
  ) {
    this.#traits = traits;
    this.#sensitivityOf = sensitivityOf;
  }

  maxCompressedLength(blockLength: number): number {
    return maxSafeLength(blockLength);
  }

  compress(
    pairs: readonly NameValue[],
    out: ByteWriter,
    atMost: number,
  ): number {
    if (this.#last !== undefined) {
      return this.#compressAlone(pairs, out, atMost);
    }
    const isFirst = this.#blocks === NO_BLOCKS;
    if (isFirst && this.#isLastFirst(pairs, lastFirst)) {
      out.appendFirst(lastFirstBytes.bytes, lastFirstBytes.length);
      this.#blocks = [pairs];
      return this.#length = lastFirst.length;
    }
    const begin = out.length;
    const compressor = this.#take();
    const length = compressor.compress(pairs, out, atMost);
    if (isFirst && length <= MOST_BYTES && !compressor.hasSecrets) {
      this.#keepFirst(pairs, out.bytes.subarray(begin, out.length), length);
    }
    this.#length += length;
    if (this.#blocks.length === MOST_BLOCKS || this.#length > MOST_BYTES) {
      this.#own = compressor;
      this.#blocks = NO_BLOCKS;
      this.#setLast(pairs, length);
    } else {
      // Not `push`, which reserves memory for 17 elements.
      this.#blocks = this.#blocks.concat([pairs]);
      pool.keep(this.#stream, { compressor, traits: this.#traits });
    }
    return length;
  }

  shrink(): void {
    this.#own = undefined;
  }

  #compressAlone(
    pairs: readonly NameValue[],
    out: ByteWriter,
    atMost: number,
  ): number {
    this.#own ??= this.#after(this.#last!);
    const length = this.#own.compress(pairs, out, atMost);
    this.#setLast(pairs, length);
    return length;
  }

  #setLast(pairs: readonly NameValue[], length: number): void {
    this.#last = length > MOST_LAST_BYTES ? NO_PAIRS : pairs;
  }

  /** A compressor that has seen only `block`, without the beginning of the stream. */
  #after(block: readonly NameValue[]): SafeCompressor {
    const compressor = this.#restarted(undefined);
    compressor.continue();
    if (block.length > 0) this.#repeat(compressor, block);
    return compressor;
  }

  /** Compresses a block that was sent before, so that later ones can refer to it. */
  #repeat(compressor: SafeCompressor, block: readonly NameValue[]): void {
    const length = headerBlockLength(block, this.#traits, true);
    compressor.compress(block, unread, length);
    unread.length = 0;
  }

  #isLastFirst(
    pairs: readonly NameValue[],
    last: FirstBlock | undefined,
  ): last is FirstBlock {
    if (
      last?.traits !== this.#traits ||
      last.sensitivityOf !== this.#sensitivityOf ||
      last.pairs.length !== pairs.length
    ) return false;
    for (let index = 0; index < pairs.length; index++) {
      if (!isSamePair(pairs[index], last.pairs[index])) return false;
    }
    return true;
  }

  #keepFirst(
    pairs: readonly NameValue[],
    bytes: Uint8Array,
    length: number,
  ): void {
    lastFirst = {
      traits: this.#traits,
      sensitivityOf: this.#sensitivityOf,
      pairs,
      length,
    };
    lastFirstBytes.length = 0;
    lastFirstBytes.append(bytes);
  }

  /** A compressor in the state after the blocks so far, removed from the pool. */
  #take(): SafeCompressor {
    if (this.#stream === 0) this.#stream = pool.add();
    else {
      const mine = pool.take(this.#stream);
      if (mine !== undefined) return mine.compressor;
    }
    const compressor = this.#restarted(pool.takeOldest());
    for (const block of this.#blocks) this.#repeat(compressor, block);
    return compressor;
  }

  #restarted(last: PooledCodec | undefined): SafeCompressor {
    if (last?.traits === this.#traits) {
      last.compressor.restart(this.#sensitivityOf);
      return last.compressor;
    }
    const { dictionary } = this.#traits;
    return new SafeCompressor(this.#traits, dictionary, this.#sensitivityOf);
  }
}
