/**
 * Decompresses the header blocks of one direction of a connection.
 *
 * @module
 */

import { ERR_FRAME_TOO_LARGE, ZlibError } from "../errors.ts";
import { Inflater } from "../zlib/inflater.ts";
import { type HeaderBytes, noHeaderBytes } from "./header_bytes.ts";
import { type HeaderBlock, readBlockIn } from "./header_block.ts";
import { PairMemory } from "./pair_memory.ts";
import type { FrameLimits } from "./limits.ts";
import type { VersionTraits } from "./version.ts";

/** Output that is inflated at once to be dropped, bytes. */
const DROP_STEP = 32768;
const NOTHING = new Uint8Array(0);

/**
 * Owns the header decompression of one direction. The pieces of a block are pushed
 * as they arrive, between {@linkcode begin} and {@linkcode finish}. Their output
 * stays in the inflater's window until `finish` reads it there.
 */
export class HeaderDecoder {
  /** What was decoded; blocks that were discarded count as compressed only. */
  readonly bytes: HeaderBytes = noHeaderBytes();
  readonly #traits: VersionTraits;
  readonly #limits: Required<FrameLimits>;
  readonly #inflater: Inflater;
  readonly #memory: PairMemory = new PairMemory();
  #discarding = false;
  /** Bytes inflated and dropped so far. */
  #dropped = 0;

  /** Creates a decoder at the start of its zlib stream. */
  constructor(traits: VersionTraits, limits: Required<FrameLimits>) {
    this.#traits = traits;
    this.#limits = limits;
    this.#inflater = new Inflater({
      dictionary: traits.dictionary,
      // The stream never ends, so its checksum is never sent.
      verify: false,
    });
  }

  /**
   * Begins a block. A block that is to be discarded is inflated too, because later
   * blocks refer to it.
   */
  begin(discard: boolean): void {
    this.#discarding = discard;
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
    const inflater = this.#inflater;
    this.bytes.compressed += to - from;
    try {
      inflater.feed(source, from, to);
      if (!this.#discarding) {
        this.#discarding = !inflater.inflate(this.#limits.maxHeaderBlock);
      }
      if (this.#discarding && !this.#drop()) return ERR_FRAME_TOO_LARGE;
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

  /**
   * Inflates and drops the rest of the piece, because later blocks refer to it;
   * false when a peer has caused too much of this work. One byte on the wire can
   * inflate to a thousand.
   */
  #drop(): boolean {
    const inflater = this.#inflater;
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
    this.#inflater.feed(NOTHING);
  }

  /** Ends the block and reads it; `frame` is the layout of the frame's version. */
  finish(frame: VersionTraits): HeaderBlock {
    if (this.#discarding) return { errorCode: ERR_FRAME_TOO_LARGE, nv: [] };
    const rename = frame.renamesHeaders && this.#traits.renamesHeaders;
    this.bytes.plain += this.#inflater.outputLength;
    const block = readBlockIn(
      this.#inflater.outputMemory,
      frame,
      this.#limits,
      rename,
      this.#memory,
    );
    this.#inflater.release();
    return block;
  }
}
