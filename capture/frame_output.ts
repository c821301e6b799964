/**
 * What a frame reader tells about the frames of one direction.
 *
 * @module
 */

import type { CapturedFrame, HeaderBytes } from "./records.ts";

/** A frame without its place. */
export interface ReadFrame {
  /** Offset of its head in what the sender sent, bytes. */
  readonly offset: number;
  /** Name of its type. */
  readonly type: string;
  /** The frame, if it was read. */
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
  /** Whether its headers cannot be read. */
  readonly unreadable: boolean;
  /** What is wrong with it. */
  readonly error: string | undefined;
}

/** Receives what a frame reader reads. */
export interface FrameOutput {
  /** A frame is complete, or as complete as it gets. */
  onFrame(frame: ReadFrame): void;
  /** A piece of DATA, or `missing` bytes that the capture lacks of it. */
  onPayload(streamId: number, bytes: Uint8Array, missing: number): void;
  /** Bytes were passed over; `skipped` of them were in the capture, `missing` were not. */
  onLost(offset: number, skipped: number, missing: number): void;
  /** Whether the connection has this stream. */
  isKnownStream(streamId: number): boolean;
  /** Whether it is certain that the connection speaks SPDY. */
  isSpdy(): boolean;
}
