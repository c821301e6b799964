/**
 * Compresses header blocks to a zlib stream that reveals nothing about secrets but
 * their lengths, and whether a complete one is repeated.
 *
 * The output, and why it is safe:
 * - Public bytes (counts, lengths, names, values that are not secret) are coded
 *   with the fixed codes, as literals and as matches with earlier public bytes.
 *   Matches are searched in a {@linkcode MatchWindow}, which contains no secret.
 * - A secret value, or a complete unit of it such as a cookie's crumb, that was sent
 *   before under the same name is coded as a reference to that copy. Adjacent public
 *   bytes join the match if they are adjacent to the copy, too.
 * - Every other secret byte is sent in a stored block, where each byte takes eight
 *   bits. The fixed code would use nine bits for bytes from 144 on; a code adapted to
 *   the block would reveal which bytes are frequent.
 *
 * Apart from that, no choice of codes, blocks or matches depends on a secret byte.
 *
 * Step 3 of the worked example in `README.md`.
 *
 * @module
 */

import { MAX_STORED } from "../../zlib/constants.ts";
import { ByteWriter } from "../byte_writer.ts";
import { headerBlockLength, writeHeaderBlock } from "../header_block.ts";
import type { NameValue } from "../types.ts";
import type { VersionTraits } from "../version.ts";
import { BlockLayout } from "./block_layout.ts";
import { BlockOutput } from "./block_output.ts";
import { GapParser } from "./gap_parser.ts";
import { RunFinder } from "./run_finder.ts";
import type { Sensitivity } from "./secret_names.ts";
import { MatchWindow } from "./window.ts";
import { zlibHeader } from "./zlib_header.ts";

/** Number of bytes after which a repeated value is indexed again, so that the search finds the nearer copy. */
const INDEX_AGAIN = 16384;
/** Positions restart at 0 before this one, far below the 31 bits of the index. */
const LAST_POSITION = 2 ** 29;
/**
 * A longer block is stored uncompressed, and everything before it is forgotten, since
 * it leaves the window anyway. This limits the memory, and the time for one block.
 */
const MAX_MATCHED = 1 << 16;
/** Up to this length an upper bound of a block's length is good enough, unless the window would have to grow for it. */
const ROUGH = 16384;

const output = new BlockOutput();

/** Compresses the header blocks of one direction by the policy "safe". */
export class SafeCompressor {
  readonly #traits: VersionTraits;
  readonly #dictionary: Uint8Array;
  readonly #window: MatchWindow;
  readonly #layout: BlockLayout;
  readonly #runs: RunFinder;
  readonly #parser: GapParser;
  /** The first bytes of the stream, until they have been written. */
  #header: Uint8Array | undefined;

  /**
   * Creates a compressor at the start of its zlib stream.
   *
   * @param sensitivityOf Judges the name of a header, as it is on the wire.
   */
  constructor(
    traits: VersionTraits,
    dictionary: Uint8Array,
    sensitivityOf: (name: string) => Sensitivity,
  ) {
    this.#traits = traits;
    this.#dictionary = dictionary;
    this.#header = zlibHeader(dictionary, 15, 2);
    this.#window = MatchWindow.of(dictionary);
    this.#layout = new BlockLayout(
      this.#window,
      traits.lengthSize,
      sensitivityOf,
    );
    this.#runs = new RunFinder(this.#window, this.#layout);
    this.#parser = new GapParser(this.#window, this.#layout);
  }

  /**
   * Begins a new stream, in which `sensitivityOf` judges the names. The output is that
   * of a new compressor.
   */
  restart(sensitivityOf: (name: string) => Sensitivity): void {
    this.#header = zlibHeader(this.#dictionary, 15, 2);
    this.#window.restart(this.#dictionary);
    this.#layout.restart(sensitivityOf);
    this.#runs.clear();
    this.#parser.clear();
  }

  /** Continues a stream of which nothing is known; nothing later refers to what was sent. */
  continue(): void {
    this.#header = undefined;
    this.#forget();
  }

  /** Whether the last block, of at most 64 KiB, has secret values. */
  get hasSecrets(): boolean {
    return this.#layout.secrets.length > 0;
  }

  maxCompressedLength(blockLength: number): number {
    return maxSafeLength(blockLength);
  }

  compress(
    pairs: readonly NameValue[],
    out: ByteWriter,
    atMost: number,
  ): number {
    output.begin();
    if (this.#header !== undefined) out.append(this.#header);
    this.#header = undefined;
    let length = atMost;
    if (length > ROUGH) length = headerBlockLength(pairs, this.#traits, true);
    if (length > MAX_MATCHED) {
      this.#forget();
      this.#storeBlock(pairs, length);
    } else {
      if (this.#window.position + length > LAST_POSITION) this.#forget();
      if (length > this.#window.room) {
        this.#window.reserve(headerBlockLength(pairs, this.#traits, true));
      }
      this.#compressBlock(pairs);
      length = this.#layout.end - this.#layout.begin;
    }
    output.finish(out);
    return length;
  }

  #compressBlock(pairs: readonly NameValue[]): void {
    const layout = this.#layout;
    layout.put(pairs);
    this.#runs.begin();
    let from = layout.begin;
    let first = 0;
    let distance = 0;
    for (const secret of layout.secrets) {
      this.#parsePublic(from, secret.start, first, secret.pair, distance);
      distance = 0;
      if (secret.source !== -1) {
        distance = secret.start - secret.source;
        output.addMatches(secret.end - secret.start, distance);
      } else {
        output.store(layout.stored, secret.from, secret.to);
      }
      from = secret.end;
      first = secret.pair + 1;
    }
    this.#parsePublic(from, layout.end, first, pairs.length, distance);
    layout.note();
    this.#runs.note();
  }

  #storeBlock(pairs: readonly NameValue[], length: number): void {
    const block = new ByteWriter(length);
    writeHeaderBlock(block, pairs, this.#traits.lengthSize);
    output.store(block.bytes, 0, block.length);
  }

  /** Forgets everything that was sent; nothing later refers to it. */
  #forget(): void {
    this.#window.clear();
    this.#layout.clear();
    this.#runs.clear();
    this.#parser.clear();
  }

  /**
   * Adds the tokens of the public bytes `from..to`, which contain the complete pairs
   * `first` to `last` (exclusive).
   *
   * Each run of repeated pairs becomes one match, extended in both directions as far
   * as the bytes match. The gap between two runs is parsed byte by byte.
   *
   * @param distance Distance of the reference to a secret that ends at `from`, 0 for none.
   */
  #parsePublic(
    from: number,
    to: number,
    first: number,
    last: number,
    distance: number,
  ): void {
    const { starts, seen } = this.#layout;
    const runs = this.#runs;
    const parser = this.#parser;
    // The run found last, which is not written yet. It ends at `runEnd` or, if that is
    // cheaper, later, up to `reach`.
    let runBegin = from;
    let runEnd = from;
    let reach = from;
    let index = first;
    // The reference is extended only if no run begins at once; a run at the same
    // distance is merged with it anyway. Always comparing the bytes saves 0.04 bytes
    // a response and takes 3 % more time.
    if (distance !== 0 && (from < starts[first] || seen[first] === undefined)) {
      reach += this.#window.matchLength(from - distance, from, to);
      while (index < last && starts[index + 1] <= reach) {
        this.#indexAgain(index++);
      }
      if (index > first) runEnd = starts[index];
    }
    let gapFirst = index;
    while (index < last) {
      if (seen[index] === undefined) {
        index++;
        continue;
      }
      const begin = starts[index];
      runs.find(index, runEnd, to);
      parser.parse(runEnd, begin, reach, runs.early, to, gapFirst);
      output.addMatches(parser.begin - runBegin, distance);
      output.addReversed(parser.tokens, parser.count);
      runBegin = parser.end;
      reach = runs.reach;
      distance = begin - runs.source;
      do {
        this.#indexAgain(index++);
      } while (index < last && starts[index + 1] <= reach);
      runEnd = starts[index];
      gapFirst = index;
    }
    parser.parse(runEnd, to, reach, to, to, gapFirst);
    output.addMatches(parser.begin - runBegin, distance);
    output.addReversed(parser.tokens, parser.count);
  }

  /**
   * Indexes a repeated pair again if it was last indexed long ago. Indexing it each
   * time would double the work; never indexing it would let its parts leave the
   * window.
   */
  #indexAgain(index: number): void {
    const seen = this.#layout.seen[index];
    const start = this.#layout.starts[index];
    if (seen === undefined || start - seen.indexed <= INDEX_AGAIN) return;
    seen.indexed = start;
    this.#window.index(start, this.#layout.starts[index + 1]);
  }
}

/** Upper bound of the compressed length of a block of `blockLength` bytes. */
export function maxSafeLength(blockLength: number): number {
  // Matched bytes take at most 9 bits each, and each stored unit, of at least one
  // byte, takes 7 more bytes. A larger block takes 5 more bytes for each 64 KiB.
  return blockLength > MAX_MATCHED
    ? blockLength + Math.ceil(blockLength / MAX_STORED) * 5 + 16
    : 9 * blockLength + 32;
}
