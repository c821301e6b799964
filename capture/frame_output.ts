/**
 * The output of a frame reader: the frames of one direction.
 *
 * @module
 */

import type { CapturedFrame, HeaderBytes } from "./records.ts";

/** A frame without its place in the capture. */
export interface ReadFrame {
  /** Offset of its head in the bytes of the sender. */
  readonly offset: number;
  /** Name of its type. */
  readonly type: string;
  /** The frame, if it could be read. */
  readonly frame: CapturedFrame | undefined;
  /** Stream id, if it has one. */
  readonly streamId: number | undefined;
  /** Version field; 0 for DATA. */
  readonly version: number;
  /** Flags byte. */
  readonly flags: number;
  /** Payload length in its head, bytes. */
  readonly length: number;
  /** Payload bytes that the capture lacks. */
  readonly missing: number;
  /** Sizes of its header block. */
  readonly headerBytes: HeaderBytes | undefined;
  /** Whether its headers could not be read. */
  readonly unreadable: boolean;
  /** Why the frame is invalid or incomplete. */
  readonly error: string | undefined;
}

/** Receives the output of a frame reader. */
export interface FrameOutput {
  /** A frame is complete, or no more of it follows. */
  onFrame(frame: ReadFrame): void;
  /** A piece of DATA, or `missing` bytes of it that are not in the capture. */
  onPayload(streamId: number, bytes: Uint8Array, missing: number): void;
  /** Bytes were skipped: `skipped` bytes of the capture, and `missing` ones that it lacks. */
  onLost(offset: number, skipped: number, missing: number): void;
  /** Whether the connection has this stream. */
  isKnownStream(streamId: number): boolean;
  /** Whether it is certain that the connection speaks SPDY. */
  isSpdy(): boolean;
}
