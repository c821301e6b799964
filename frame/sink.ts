/**
 * The callbacks of {@linkcode FrameParser}: one call for each event, in wire order.
 *
 * @module
 */

import type { ZlibError } from "../errors.ts";
import type { CREDENTIAL, NOOP } from "./constants.ts";
import type { ControlType } from "./control_frame.ts";
import type { FrameLimits } from "./limits.ts";
import type { CtrlFrame, HeaderBlockFrame } from "./types.ts";

/**
 * Receives the control frames that a {@linkcode FrameParser} reads.
 * `FrameParser.push` makes every call synchronously.
 *
 * `head` is the first 8 bytes of the frame and `payload` the received part of its
 * payload; both are copies that the sink may keep.
 */
export interface ControlSink {
  /**
   * A well-formed control frame. `frame.version` is the version field on the
   * wire. Only a SYN_STREAM may have another supported version than the session,
   * which then answers UNSUPPORTED_VERSION; other frames of another version are
   * passed to `onIgnored`.
   */
  onControl(frame: CtrlFrame): void;
  /**
   * A frame with invalid headers. Its header block was decompressed, so compression is
   * still in sync. Either the content is invalid (`ERR_INVALID_HEADER_BLOCK`; `nv` is in
   * the received order, or sorted if a name is in it twice), or the block exceeds the
   * limit `exceeded` (`ERR_FRAME_TOO_LARGE`; `nv` is empty).
   */
  onInvalidHeaders(
    frame: HeaderBlockFrame,
    errorCode: number,
    exceeded: keyof FrameLimits,
  ): void;
  /**
   * A frame that cannot be read; the session must fail. `errorCode` is one of
   * `ERR_INVALID_FRAME`, `ERR_ZLIB`, `ERR_UNSUPPORTED_VERSION`,
   * `ERR_FRAME_TOO_LARGE` (the dropped header blocks exceed `maxDroppedHeaders`).
   * `payload` contains received bytes only: for a frame with headers the part
   * before the block, for a frame above the limits none. `cause` is the zlib
   * error of an `ERR_ZLIB`.
   */
  onParseError(
    type: ControlType,
    head: Uint8Array,
    payload: Uint8Array,
    errorCode: number,
    cause?: ZlibError,
  ): void;
  /** A control frame of an unknown type; `payload` is empty when it exceeds the limit. */
  onUnknown(head: Uint8Array, payload: Uint8Array): void;
  /**
   * A frame to ignore: NOOP, CREDENTIAL, a frame of another version that is not an
   * error, WINDOW_UPDATE in SPDY/2. `payload` is empty except for NOOP and
   * CREDENTIAL within the limit.
   */
  onIgnored(
    type: ControlType | typeof NOOP | typeof CREDENTIAL,
    head: Uint8Array,
    payload: Uint8Array,
  ): void;
}

/** Receives the DATA frames that a {@linkcode FrameParser} reads. */
export interface DataSink {
  /** The head of a DATA frame; returns whether to read its payload (true) or skip it (false). */
  onDataBegin(streamId: number, flags: number, length: number): boolean;
  /**
   * A part of the payload of an admitted DATA frame, never empty: a view into the
   * pushed bytes, valid during the call. `remaining` bytes of the frame follow.
   */
  onDataChunk(
    streamId: number,
    flags: number,
    chunk: Uint8Array,
    remaining: number,
  ): void;
  /** `size` payload bytes of a DATA frame that was not admitted were skipped; `remaining` follow. */
  onDataSkipped(
    streamId: number,
    flags: number,
    size: number,
    remaining: number,
  ): void;
  /** The DATA frame, admitted or not, is complete. */
  onDataEnd(streamId: number, flags: number, length: number): void;
}

/** Receives all frames that a {@linkcode FrameParser} reads. */
export interface FrameSink extends ControlSink, DataSink {}
