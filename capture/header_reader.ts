/**
 * Reads the header blocks of one direction, or reports why a block cannot be read.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  ZlibError,
} from "../errors.ts";
import { readHeaderBlock } from "../frame/header_block_reader.ts";
import { type FrameLimits, resolveFrameLimits } from "../frame/limits.ts";
import { PairMemory } from "../frame/pair_memory.ts";
import type { NameValue } from "../frame/types.ts";
import { wireTraits } from "../frame/version.ts";
import { Inflater } from "../zlib/inflater.ts";
import { explainBlock } from "./header_fault.ts";
import type { HeaderBytes } from "./records.ts";

/** Longest header block that is shown, bytes; longer ones are decompressed and dropped. */
const MAX_BLOCK = 1 << 20;
/** Bytes that are decompressed at a time to be dropped. */
const DROP_STEP = 1 << 15;
/** Most bytes of such blocks in one direction; later blocks are not readable. */
const MAX_DROPPED = 1 << 27;
const LIMITS: Required<FrameLimits> = resolveFrameLimits({
  maxHeaderBlock: MAX_BLOCK,
  maxHeaderCount: 1 << 16,
  maxHeaderNameLength: MAX_BLOCK,
  maxHeaderValueLength: MAX_BLOCK,
});
/** Why blocks cannot be read after bytes of the compression were lost. */
const LOST = "the compression context is lost";

/** A header block, if it could be read. */
export interface ReadBlock {
  /**
   * The headers: sorted by name if the block is valid, otherwise in the order of
   * the wire; empty if they could not be read.
   */
  readonly nv: NameValue[];
  /** Sizes; `undefined` if the block was not decompressed. */
  readonly bytes: HeaderBytes | undefined;
  /** Whether the headers could not be read. */
  readonly unreadable: boolean;
  /** Why the block is invalid or unreadable. */
  readonly error: string | undefined;
}

/** The decompression of one direction. */
export class HeaderReader {
  #memory: PairMemory | undefined;
  #inflater: Inflater | undefined;
  /** Version field of the frame whose block is read. */
  #version = 3;
  /** Why later blocks cannot be read. */
  #lost: string | undefined;
  /** Why this block cannot be read. */
  #fault: string | undefined;
  /** Whether bytes before the first block may be missing. */
  #maybeLate = false;
  #compressed = 0;
  #plain = 0;
  #dropped = 0;
  #isDropping = false;

  /**
   * Bytes that may have been a header block are missing, so later blocks cannot be
   * decompressed.
   */
  lose(): void {
    // Before the first block, perhaps no block was lost: the zlib head of the first
    // one that is read shows it.
    if (this.#inflater === undefined && this.#lost === undefined) {
      this.#maybeLate = true;
    } else this.#lost = LOST;
  }

  /** Begins the block of a frame of `version`, 2 or 3. */
  begin(version: number): void {
    this.#version = version;
    this.#fault = this.#lost;
    this.#compressed = this.#plain = 0;
    this.#isDropping = false;
  }

  /** The next piece of the block. */
  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    if (
      this.#compressed === 0 && this.#inflater === undefined &&
      this.#maybeLate && this.#fault === undefined
    ) {
      // A zlib stream begins with CMF, 0x78 or a value for smaller windows, and
      // FDICT (RFC 1950 2.2).
      if ((piece[0] & 0x8f) !== 0x08) {
        this.#lose(
          `header block does not inflate, ${LOST}: the first one is not in the capture`,
        );
      }
      this.#maybeLate = false;
    }
    this.#compressed += piece.length;
    if (this.#fault !== undefined) return;
    this.#inflate(piece);
  }

  /** Bytes of the block are missing. */
  gap(): void {
    this.#lose("bytes of it are missing");
  }

  /** Ends the block and reads it. */
  finish(): ReadBlock {
    const inflater = this.#inflater;
    if (this.#fault !== undefined || inflater === undefined) {
      return {
        nv: [],
        bytes: undefined,
        unreadable: true,
        error: `headers unreadable: ${this.#fault ?? "the block is empty"}`,
      };
    }
    const bytes: HeaderBytes = {
      compressed: this.#compressed,
      plain: this.#plain + inflater.outputLength,
    };
    if (this.#isDropping) {
      return {
        nv: [],
        bytes,
        unreadable: true,
        error:
          `headers not shown: the block has ${bytes.plain} bytes, more than ${MAX_BLOCK}`,
      };
    }
    const block = inflater.output();
    const traits = wireTraits(this.#version)!;
    const { nv, errorCode } = readHeaderBlock(
      block,
      traits,
      LIMITS,
      traits.renamesHeaders,
      this.#memory ??= new PairMemory(),
    );
    const error = errorCode === 0
      ? undefined
      : explainBlock(block, traits.lengthSize) ??
        (errorCode === ERR_FRAME_TOO_LARGE
          ? `header block has more than ${LIMITS.maxHeaderCount} headers`
          : "header block is invalid");
    inflater.release();
    return { nv, bytes, unreadable: errorCode === ERR_INVALID_FRAME, error };
  }

  #inflate(piece: Uint8Array): void {
    const inflater = this.#inflater ??= new Inflater({
      dictionary: wireTraits(this.#version)!.dictionary,
      verify: false,
    });
    try {
      inflater.feed(piece);
      if (!this.#isDropping) this.#isDropping = !inflater.inflate(MAX_BLOCK);
      if (this.#isDropping) this.#drop(inflater);
    } catch (error) {
      if (!(error instanceof ZlibError)) throw error;
      this.#lose(`header block does not inflate (${error.message})`);
      return;
    }
    if (inflater.finished) {
      this.#lose("the zlib stream ended, which it never does in SPDY");
    }
  }

  #drop(inflater: Inflater): void {
    for (let more = true; more;) {
      this.#plain += inflater.outputLength;
      this.#dropped += inflater.outputLength;
      inflater.release();
      if (this.#dropped > MAX_DROPPED) {
        this.#lose(`more than ${MAX_DROPPED} bytes of long blocks`);
        return;
      }
      more = !inflater.inflate(DROP_STEP);
    }
    this.#plain += inflater.outputLength;
    this.#dropped += inflater.outputLength;
    inflater.release();
  }

  #lose(why: string): void {
    this.#fault ??= why;
    this.#lost = LOST;
    // The window is not needed any more.
    this.#inflater = undefined;
  }
}
