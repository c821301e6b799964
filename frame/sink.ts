/**
 * What a {@linkcode FrameParser} tells: one call an event, in wire order.
 *
 * @module
 */

import type { ZlibError } from "../errors.ts";
import type { CtrlFrame, HeaderBlockFrame } from "./types.ts";

/**
 * Receives what a {@linkcode FrameParser} reads. Every call is made
 * synchronously out of `FrameParser.push`.
 *
 * `head` is the frame's first 8 bytes and `payload` what came of its payload;
 * both are copies the receiver may keep.
 */
export interface FrameSink {
  /**
   * A well-formed control frame. `frame.version` is the version field on the
   * wire; for SYN_STREAM alone it may be the other supported version than the
   * session's (the session answers UNSUPPORTED_VERSION); other frames of
   * another version go to `onIgnored`.
   */
  onControl(frame: CtrlFrame): void;
  /**
   * A frame whose header block was inflated, so that compression is in step,
   * and then refused: for its content (`ERR_INVALID_HEADER_BLOCK`; `nv` as it
   * came) or because a bound was passed (`ERR_FRAME_TOO_LARGE`; `nv` empty).
   */
  onInvalidHeaders(frame: HeaderBlockFrame, errorCode: number): void;
  /**
   * A frame that cannot be read; the session has to fail. `type` is the type
   * field, `errorCode` one of `ERR_INVALID_FRAME`, `ERR_ZLIB`,
   * `ERR_UNSUPPORTED_VERSION`, `ERR_FRAME_TOO_LARGE` (more header bytes to be
   * dropped than `maxDroppedHeaders`). `payload` holds received bytes only: of a frame
   * with headers the part before the block, of a frame above the limits none.
   * `cause` says more about an `ERR_ZLIB`.
   */
  onParseError(
    type: number,
    head: Uint8Array,
    payload: Uint8Array,
    errorCode: number,
    cause?: ZlibError,
  ): void;
  /** A control frame of an unknown type; `payload` is empty when above the limit. */
  onUnknown(head: Uint8Array, payload: Uint8Array): void;
  /**
   * A frame to be passed over: NOOP, CREDENTIAL, a frame of another version
   * that is not an error, WINDOW_UPDATE in SPDY/2. `payload` is given for
   * NOOP and CREDENTIAL within the limit, else empty.
   */
  onIgnored(type: number, head: Uint8Array, payload: Uint8Array): void;
  /** The head of a DATA frame; false: its payload is to be skipped. */
  onDataBegin(streamId: number, flags: number, length: number): boolean;
  /**
   * A piece of an admitted DATA frame, never empty: a view into the pushed
   * bytes, valid for the call. `remaining` bytes of the frame are still to come.
   */
  onDataChunk(
    streamId: number,
    flags: number,
    chunk: Uint8Array,
    remaining: number,
  ): void;
  /** `size` bytes of a DATA frame that was not admitted went by. */
  onDataSkipped(
    streamId: number,
    flags: number,
    size: number,
    remaining: number,
  ): void;
  /** The DATA frame is complete; `admitted` is what `onDataBegin` answered. */
  onDataEnd(
    streamId: number,
    flags: number,
    length: number,
    admitted: boolean,
  ): void;
}
