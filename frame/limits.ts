/**
 * What a receiver lets a peer make it hold: every bound of the frame layer.
 *
 * @module
 */

import { checkWhole } from "../numbers.ts";
import { MAX_FRAME_LENGTH } from "./constants.ts";

/**
 * Bounds on what is taken from the wire. Each has a default; none is ever
 * replaced by a number that the peer claims.
 *
 * @example
 * ```ts
 * import { FrameDecoder, type FrameLimits, PROTO_SPDY3 } from "@spdy/spdy/frame";
 *
 * const limits: FrameLimits = { maxHeaderBlock: 8192, maxHeaderCount: 64 };
 * new FrameDecoder(PROTO_SPDY3, limits);
 * ```
 */
export interface FrameLimits {
  /**
   * Longest payload of a control frame as it came, bytes; default 131072,
   * highest 2^24-1. A longer frame with headers is inflated and dropped and
   * ends in `ERR_FRAME_TOO_LARGE`; any other longer frame is judged as if it
   * were empty.
   */
  readonly maxControlFrameLength?: number;
  /** Longest header block after inflating, bytes; default 65536. */
  readonly maxHeaderBlock?: number;
  /**
   * Bytes of header blocks above the limits that are inflated only to be
   * dropped, over the life of a direction; default 134217728 (128 MiB). A
   * thousandth of them has to be sent for it. Beyond it the direction ends in
   * `ERR_FRAME_TOO_LARGE`, for its compression has lost step.
   */
  readonly maxDroppedHeaders?: number;
  /** Most headers in a block, each value of a NUL-joined one counted; default 1024. */
  readonly maxHeaderCount?: number;
  /** Longest header name, bytes; default 4096. */
  readonly maxHeaderNameLength?: number;
  /** Longest header value as it came (all its NUL-joined parts), bytes; default 65536. */
  readonly maxHeaderValueLength?: number;
  /** Most entries in a SETTINGS frame; default 256. A longer frame is judged as if it were empty. */
  readonly maxSettingsEntries?: number;
}

/** The bounds that hold where {@linkcode FrameLimits} names none. */
export const DEFAULT_FRAME_LIMITS: Required<FrameLimits> = {
  maxControlFrameLength: 131072,
  maxHeaderBlock: 65536,
  maxDroppedHeaders: 134217728,
  maxHeaderCount: 1024,
  maxHeaderNameLength: 4096,
  maxHeaderValueLength: 65536,
  maxSettingsEntries: 256,
};

/**
 * Fills in the defaults.
 *
 * Throws `InvalidArgumentError` when a bound is not a whole number from 0 to
 * 2^31-1, or `maxControlFrameLength` is above 2^24-1.
 */
export function resolveFrameLimits(
  limits: FrameLimits = {},
): Required<FrameLimits> {
  const resolved = {
    maxControlFrameLength: limits.maxControlFrameLength ??
      DEFAULT_FRAME_LIMITS.maxControlFrameLength,
    maxHeaderBlock: limits.maxHeaderBlock ??
      DEFAULT_FRAME_LIMITS.maxHeaderBlock,
    maxDroppedHeaders: limits.maxDroppedHeaders ??
      DEFAULT_FRAME_LIMITS.maxDroppedHeaders,
    maxHeaderCount: limits.maxHeaderCount ??
      DEFAULT_FRAME_LIMITS.maxHeaderCount,
    maxHeaderNameLength: limits.maxHeaderNameLength ??
      DEFAULT_FRAME_LIMITS.maxHeaderNameLength,
    maxHeaderValueLength: limits.maxHeaderValueLength ??
      DEFAULT_FRAME_LIMITS.maxHeaderValueLength,
    maxSettingsEntries: limits.maxSettingsEntries ??
      DEFAULT_FRAME_LIMITS.maxSettingsEntries,
  };
  for (const [name, value] of Object.entries(resolved)) {
    const highest = name === "maxControlFrameLength"
      ? MAX_FRAME_LENGTH
      : 0x7fffffff;
    checkWhole(`limits.${name}`, value, 0, highest);
  }
  return resolved;
}
