/**
 * The error that `FrameDecoder` throws for an invalid frame.
 *
 * @module
 */

import { SpdyError, type SpdyErrorOptions } from "../errors.ts";
import type { HeaderBlockFrame } from "./types.ts";

/**
 * The options of the {@linkcode FrameError} constructor.
 *
 * @category Errors
 */
export interface FrameErrorOptions extends SpdyErrorOptions {
  /** Where the frame begins, in bytes from the start of the input. */
  readonly offset: number;
  /** The frame, when only its headers are invalid. */
  readonly frame?: HeaderBlockFrame;
}

/**
 * A received frame breaks the rules. `code` is `ERR_INVALID_FRAME`,
 * `ERR_INVALID_HEADER_BLOCK` or `ERR_FRAME_TOO_LARGE`.
 *
 * @example
 * ```ts
 * import { FrameDecoder, FrameError, PROTO_SPDY3 } from "@spdy/spdy/frame";
 * import { assert, assertThrows } from "jsr:@std/assert@1";
 *
 * const decoder = new FrameDecoder(PROTO_SPDY3);
 * // A PING of five bytes.
 * decoder.push(Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 5, 0, 0, 0, 0, 0));
 * const error = assertThrows(() => decoder.next(), FrameError);
 * assert(error.message.startsWith("PING at offset 0: length 5"));
 * ```
 *
 * @category Errors
 */
export class FrameError extends SpdyError {
  /** Where the frame begins, in bytes from the start of the input. */
  readonly offset: number;
  /**
   * The frame, when only its headers are invalid: the decoder continues after it. With
   * `ERR_FRAME_TOO_LARGE` its `nv` is empty.
   */
  readonly frame: HeaderBlockFrame | undefined;

  /** Creates the error. */
  constructor(message: string, code: number, options: FrameErrorOptions) {
    super(message, code, options);
    this.offset = options.offset;
    this.frame = options.frame;
  }
}
