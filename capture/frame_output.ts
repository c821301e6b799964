/**
 * The output of a frame reader: the frames of one direction.
 *
 * @module
 */

import type { FrameRecord } from "./records.ts";

/** A frame without its place in the capture, except for its offset. */
export type ReadFrame = Pick<
  FrameRecord,
  | "offset"
  | "type"
  | "frame"
  | "streamId"
  | "version"
  | "flags"
  | "length"
  | "missing"
  | "headerBytes"
  | "unreadable"
  | "error"
>;

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
