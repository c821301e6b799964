/**
 * What `FrameDecoder` throws for a frame that is wrong.
 *
 * @module
 */

import { SpdyError, type SpdyErrorOptions } from "../errors.ts";
import type { HeaderBlockFrame } from "./types.ts";

/** What {@linkcode FrameError} takes after the code. */
export interface FrameErrorOptions extends SpdyErrorOptions {
  /** Where the frame begins, in bytes from the start of the input. */
  readonly offset: number;
  /** The frame, when only its headers are at fault. */
  readonly frame?: HeaderBlockFrame;
}

/**
 * A received frame breaks the rules. `code` is `ERR_INVALID_FRAME`,
 * `ERR_INVALID_HEADER_BLOCK` or `ERR_FRAME_TOO_LARGE`.
 */
export class FrameError extends SpdyError {
  /** Where the frame begins, in bytes from the start of the input. */
  readonly offset: number;
  /**
   * The frame, when only its headers are at fault: the input behind it can be
   * read. With `ERR_FRAME_TOO_LARGE` its `nv` is empty.
   */
  readonly frame: HeaderBlockFrame | undefined;

  /** Makes the error. */
  constructor(message: string, code: number, options: FrameErrorOptions) {
    super(message, code, options);
    this.offset = options.offset;
    this.frame = options.frame;
  }
}
