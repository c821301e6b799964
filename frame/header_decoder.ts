/**
 * Decompresses the header blocks of one direction of a connection.
 *
 * @module
 */

import { keepCompiledCode } from "../compiled_code.ts";
import { ERR_FRAME_TOO_LARGE, ZlibError } from "../errors.ts";
import { Inflater } from "../zlib/inflater.ts";
import { CodecPool } from "./codec_pool.ts";
import { sensitivityOf } from "./compression/secret_names.ts";
import { isSecretValue } from "./compression/secret_values.ts";
import { PROTO_SPDY3 } from "./constants.ts";
import {
  exceededLimit,
  type HeaderBlock,
  readBlockIn,
} from "./header_block_reader.ts";
import { type HeaderBytes, noHeaderBytes } from "./header_bytes.ts";
import type { FrameLimits } from "./limits.ts";
import { PairMemory } from "./pair_memory.ts";
import { makeList, makePair } from "./pair.ts";
import type { NameValue } from "./types.ts";
import { type VersionTraits, versionTraits } from "./version.ts";

/** Number of bytes of output that are inflated at a time to be dropped. */
const DROP_STEP = 32768;
// A stream with more than this has a codec of its own, so that inflating it again takes
// little time.
const MOST_BLOCKS = 4;
/** Compressed bytes of these blocks. */
const MOST_BYTES = 1024;
/** Their inflated bytes. */
const MOST_INFLATED = 8192;
const NOTHING = new Uint8Array(0);
/** Replaces bytes that are not UTF-8; see `keepExact`. */
const REPLACEMENT = "\ufffd";

/** The objects that read the blocks of one stream. */
interface Codec {
  readonly traits: VersionTraits;
  readonly inflater: Inflater;
  readonly memory: PairMemory;
}

/** The first block of a stream. */
interface FirstBlock {
  readonly traits: VersionTraits;
  readonly limits: Required<FrameLimits>;
  /** The layout of its frame. */
  readonly frame: VersionTraits;
  /** The compressed block, a character for each byte. */
  readonly text: string;
  /** Its inflated length, bytes. */
  readonly plain: number;
  readonly pairs: readonly NameValue[];
}

const shared = new CodecPool<Codec>();
/**
 * The last valid first block without secrets. The time that a block takes must not reveal
 * whether another connection sent the same secrets, which must not stay in memory either.
 */
let lastFirst: FirstBlock | undefined;

/**
 * Owns the header decompression of one direction. The pieces of a block are pushed
 * as they arrive, between {@linkcode begin} and {@linkcode finish}. Their output
 * stays in the inflater's window until `finish` reads it there.
 *
 * The first blocks are read with codecs that all streams of the process share, and their
 * compressed bytes are kept. If another stream has used the codec since, these bytes are
 * inflated again first, in 2 us for each block. A connection with up to four requests
 * takes 6 KiB less this way.
 *
 * A first block with the same bytes as the last first block of the process has the same
 * headers, and is not inflated; see {@linkcode PooledCompressor}. A client can notice this
 * from the time that its block takes. But it has sent the whole block itself, and learns
 * only that another client sent the same one. Blocks with secrets are always inflated:
 * otherwise, a client that guesses a whole block would learn that another client has these
 * secrets.
 */
export class HeaderDecoder {
  static {
    // A codec, because a decoder has none before its first block.
    keepCompiledCode(restarted(undefined, versionTraits(PROTO_SPDY3)));
  }

  /** What was decoded; blocks that were discarded count as compressed only. */
  readonly bytes: HeaderBytes = noHeaderBytes();
  /** The limit that the last block with `ERR_FRAME_TOO_LARGE` exceeds. */
  exceeded: keyof FrameLimits = "maxHeaderBlock";
  readonly #traits: VersionTraits;
  readonly #limits: Required<FrameLimits>;
  /** Its own codec, or a shared one while it reads a block of this stream. */
  #codec: Codec | undefined;
  /** The compressed blocks, a character for each byte; `undefined` if the codec is its own. */
  #blocks: string | undefined = "";
  /** How many blocks were read. */
  #count = 0;
  /** Number of the stream, 0 before its first block. */
  #stream = 0;
  #discarding = false;
  /** The last first block, while this stream's first block may be the same. */
  #likely: FirstBlock | undefined;
  /** Bytes inflated and dropped so far. */
  #dropped = 0;

  /** Creates a decoder at the start of its zlib stream. */
  constructor(traits: VersionTraits, limits: Required<FrameLimits>) {
    this.#traits = traits;
    this.#limits = limits;
  }

  /**
   * Begins a block. A block that is to be discarded is inflated too, because later
   * blocks refer to it.
   */
  begin(discard: boolean): void {
    this.#discarding = discard;
    if (discard) this.exceeded = "maxControlFrameLength";
    if (
      this.#stream === 0 && this.#count === 0 && !discard &&
      lastFirst?.traits === this.#traits && lastFirst.limits === this.#limits
    ) this.#likely = lastFirst;
    else this.#codec ??= this.#take();
  }

  /** A codec in the state after the blocks so far, removed from the pool. */
  #take(): Codec {
    if (this.#stream === 0) this.#stream = shared.add();
    else {
      const mine = shared.take(this.#stream);
      if (mine !== undefined) return mine;
    }
    const codec = restarted(shared.takeOldest(), this.#traits);
    if (this.#blocks) {
      const { inflater } = codec;
      inflater.feed(bytesOf(this.#blocks));
      inflater.inflate(Infinity);
      inflater.release();
    }
    return codec;
  }

  /**
   * Inflates the next piece of the block, `source[from..to)`. Output beyond
   * `maxHeaderBlock` is dropped, and the block discarded. Returns the error of the zlib
   * stream, if there is one, or `ERR_FRAME_TOO_LARGE` when the dropped output exceeds
   * `maxDroppedHeaders`; the stream cannot continue after either.
   */
  push(
    source: Uint8Array,
    from: number,
    to: number,
  ): ZlibError | typeof ERR_FRAME_TOO_LARGE | undefined {
    const before = this.#blocks;
    this.bytes.compressed += to - from;
    if (before !== undefined) this.#keep(before, source, from, to);
    if (this.#likely !== undefined) {
      if (this.#blocks === this.#likely.text) {
        // The same object, so that each connection does not keep its own text.
        this.#blocks = this.#likely.text;
        return undefined;
      }
      this.#readAfterAll(before!);
    }
    return this.#inflate(source, from, to);
  }

  /** The block differs from the last first block; `before` is the part that was equal. */
  #readAfterAll(before: string): void {
    const blocks = this.#blocks;
    this.#likely = undefined;
    this.#blocks = "";
    this.#codec = this.#take();
    this.#blocks = blocks;
    const bytes = bytesOf(before);
    // It is valid, because the last first block is.
    if (before !== "") this.#inflate(bytes, 0, bytes.length);
  }

  #inflate(
    source: Uint8Array,
    from: number,
    to: number,
  ): ZlibError | typeof ERR_FRAME_TOO_LARGE | undefined {
    const { inflater } = this.#codec!;
    try {
      inflater.feed(source, from, to);
      if (!this.#discarding) {
        this.#discarding = !inflater.inflate(this.#limits.maxHeaderBlock);
        if (this.#discarding) this.exceeded = "maxHeaderBlock";
      }
      if (this.#discarding && !this.#drop(inflater)) return ERR_FRAME_TOO_LARGE;
    } catch (error) {
      if (error instanceof ZlibError) return error;
      throw error;
    }
    // The stream lasts as long as the connection (2.6.10.1).
    return inflater.finished
      ? new ZlibError("the zlib stream of the header blocks ended", {
        initiator: "remote",
      })
      : undefined;
  }

  /** Keeps a piece of a block. */
  #keep(before: string, source: Uint8Array, from: number, to: number): void {
    this.#blocks = before.length + to - from > MOST_BYTES
      ? undefined
      : before + textOf(source.subarray(from, to));
  }

  /**
   * Inflates and drops the rest of the piece, because later blocks refer to it;
   * false when a peer has caused too much of this work. One byte on the wire can
   * inflate to a thousand.
   */
  #drop(inflater: Inflater): boolean {
    for (let more = true; more;) {
      inflater.release();
      more = !inflater.inflate(DROP_STEP);
      this.#dropped += inflater.outputLength;
      if (this.#dropped > this.#limits.maxDroppedHeaders) return false;
    }
    inflater.release();
    return true;
  }

  /** Forgets the last source, which is a read buffer of up to 1 MiB. Call it when no more pieces of it follow. */
  forgetSource(): void {
    this.#codec?.inflater.feed(NOTHING);
  }

  /** Releases the memory beyond what later blocks can refer to, which is up to 32 KiB. */
  shrink(): void {
    this.#codec?.inflater.shrink();
  }

  /** Ends the block and reads it; `frame` is the layout of the frame's version. */
  finish(frame: VersionTraits): HeaderBlock {
    if (this.#discarding) {
      this.#codec!.memory.last.forget();
      this.#blocks = undefined;
      this.#follow(this.#codec!);
      return { errorCode: ERR_FRAME_TOO_LARGE, nv: [] };
    }
    const likely = this.#likely;
    if (likely !== undefined) {
      if (this.#blocks === likely.text && frame === likely.frame) {
        return this.#repeat(likely);
      }
      this.#readAfterAll(this.#blocks!);
    }
    const codec = this.#codec!;
    const { inflater, memory } = codec;
    this.bytes.plain += inflater.outputLength;
    const rename = frame.renamesHeaders && this.#traits.renamesHeaders;
    const block = readBlockIn(
      inflater.outputMemory,
      frame,
      this.#limits,
      rename,
      memory,
    );
    if (block.errorCode === ERR_FRAME_TOO_LARGE) {
      this.exceeded = exceededLimit(
        inflater.outputMemory,
        frame,
        this.#limits,
      );
    }
    if (this.#count === 0) this.#keepFirst(block, frame, inflater.outputLength);
    inflater.release();
    this.#follow(codec);
    if (
      this.#count++ === MOST_BLOCKS || this.bytes.plain > MOST_INFLATED
    ) this.#blocks = undefined;
    if (this.#blocks !== undefined) this.#share(codec);
    return block;
  }

  /** The block is the same as the last first block. */
  #repeat({ plain, pairs }: FirstBlock): HeaderBlock {
    this.#likely = undefined;
    this.bytes.plain += plain;
    this.#count++;
    return { errorCode: 0, nv: copyOf(pairs) };
  }

  /** Keeps the first block for other streams, if it is valid and short and has no secrets. */
  #keepFirst(
    { errorCode, nv }: HeaderBlock,
    frame: VersionTraits,
    plain: number,
  ): void {
    const text = this.#blocks;
    if (errorCode !== 0 || text === undefined || plain > MOST_INFLATED) return;
    // The exact bytes of such a value belong to its pair, which a copy would not have.
    if (nv.some(([, value]) => value.includes(REPLACEMENT))) return;
    if (nv.some(isSecretPair)) return;
    const pairs = copyOf(nv);
    const traits = this.#traits;
    lastFirst = { traits, limits: this.#limits, frame, text, plain, pairs };
  }

  /** Tells the inflater at which distances the next block is likely to repeat the last one. */
  #follow({ inflater, memory: { last } }: Codec): void {
    inflater.expectCopies(last.length, last.reach);
  }

  #share(codec: Codec): void {
    this.forgetSource();
    shared.keep(this.#stream, codec);
    this.#codec = undefined;
  }
}

/** The codec at the start of a stream, or a new one. */
function restarted(codec: Codec | undefined, traits: VersionTraits): Codec {
  if (codec?.traits === traits) {
    codec.inflater.restart();
    codec.memory.forget();
    return codec;
  }
  const inflater = new Inflater({
    dictionary: traits.dictionary,
    // The stream never ends, so its checksum is never sent.
    verify: false,
  });
  return { traits, inflater, memory: new PairMemory() };
}

/** Whether the pair has a secret, by the rules that our own side compresses with. */
function isSecretPair([name, value]: NameValue): boolean {
  return isSecretValue(sensitivityOf(name), value);
}

/** A copy that the application may change. */
function copyOf(pairs: readonly NameValue[]): NameValue[] {
  const copy: NameValue[] = makeList();
  for (let index = 0; index < pairs.length; index++) {
    copy.push(makePair(pairs[index][0], pairs[index][1]));
  }
  return copy;
}

/** A character for each byte. Spreading the bytes would take 30 bytes of memory for each. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** The bytes of a text with a character for each. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    bytes[index] = text.charCodeAt(index);
  }
  return bytes;
}
