/**
 * Header blocks, decompressed for one direction of a connection.
 *
 * @module
 */

import { ERR_FRAME_TOO_LARGE, ZlibError } from "../errors.ts";
import { Inflater } from "../zlib/inflater.ts";
import { type HeaderBlock, readHeaderBlock } from "./header_block.ts";
import { PairMemory } from "./pair_memory.ts";
import type { FrameLimits } from "./limits.ts";
import type { VersionTraits } from "./version.ts";

/** Output that is dropped at a time, bytes. */
const DROP_STEP = 32768;

/**
 * Owns the header decompression of one direction. A block is given in pieces
 * as they come, between {@linkcode begin} and {@linkcode finish}; what it
 * inflates to stays in the inflater's window until it is read there.
 */
export class HeaderDecoder {
  readonly #traits: VersionTraits;
  readonly #limits: Required<FrameLimits>;
  readonly #inflater: Inflater;
  readonly #memory: PairMemory = new PairMemory();
  #discarding = false;
  /** Bytes that were inflated and dropped so far. */
  #dropped = 0;

  /** Makes a decoder at the start of its stream. */
  constructor(traits: VersionTraits, limits: Required<FrameLimits>) {
    this.#traits = traits;
    this.#limits = limits;
    this.#inflater = new Inflater({
      dictionary: traits.dictionary,
      // The stream never ends, so its checksum never comes.
      verify: false,
    });
  }

  /**
   * Begins a block. One that is to be discarded is inflated all the same,
   * because later blocks refer to it.
   */
  begin(discard: boolean): void {
    this.#discarding = discard;
  }

  /**
   * Inflates the next piece of the block, stopping at the bound rather than
   * behind it; from there on it holds nothing. Returns what is wrong with the
   * zlib stream, if anything is, or `ERR_FRAME_TOO_LARGE` when too much of it
   * was dropped: the stream cannot go on then.
   */
  push(
    piece: Uint8Array,
  ): ZlibError | typeof ERR_FRAME_TOO_LARGE | undefined {
    const inflater = this.#inflater;
    try {
      inflater.feed(piece);
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
   * Inflates the rest of the piece for the sake of later blocks; false when
   * that is more work than a peer may cause. A byte that is sent can inflate
   * to a thousand.
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

  /** Ends the block and reads it; `frame` is how the frame's version lays it out. */
  finish(frame: VersionTraits): HeaderBlock {
    if (this.#discarding) return { errorCode: ERR_FRAME_TOO_LARGE, nv: [] };
    const rename = frame.renamesHeaders && this.#traits.renamesHeaders;
    const block = readHeaderBlock(
      this.#inflater.output(),
      frame,
      this.#limits,
      rename,
      this.#memory,
      this.#inflater.outputWords,
    );
    this.#inflater.release();
    return block;
  }
}
