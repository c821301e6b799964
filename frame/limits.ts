/**
 * The limits of the frame layer: how much a peer can make a receiver hold.
 *
 * @module
 */

import { checkWhole, MAX_INT32 } from "../numbers.ts";
import { MAX_FRAME_LENGTH } from "./constants.ts";

/**
 * Limits on received frames. Each has a default; a number that the peer sends never
 * replaces it.
 *
 * @example
 * ```ts
 * import { FrameDecoder, type FrameLimits, PROTO_SPDY3 } from "@spdy/spdy/frame";
 *
 * const limits: FrameLimits = { maxHeaderBlock: 8192, maxHeaderCount: 64 };
 * new FrameDecoder(PROTO_SPDY3, limits);
 * ```
 *
 * @category Frames
 */
export interface FrameLimits {
  /**
   * Longest payload of a control frame on the wire, bytes; default 131072, at most
   * 2^24-1. A longer frame with headers is inflated, dropped, and reported as
   * `ERR_FRAME_TOO_LARGE`; any other longer frame is checked as if it were empty.
   */
  readonly maxControlFrameLength?: number;
  /** Longest header block after decompression, bytes; default 65536. */
  readonly maxHeaderBlock?: number;
  /**
   * Bytes of oversized header blocks that are inflated only to be dropped, during
   * the whole life of a direction; default 134217728 (128 MiB). A peer has to send
   * at least a thousandth of them. Beyond this the direction ends with
   * `ERR_FRAME_TOO_LARGE`, because its compression is out of sync.
   */
  readonly maxDroppedHeaders?: number;
  /** Most headers in a block; each part of a NUL-joined value counts. Default 1024. */
  readonly maxHeaderCount?: number;
  /** Longest header name, bytes; default 4096. */
  readonly maxHeaderNameLength?: number;
  /** Longest header value on the wire, with all its NUL-joined parts, bytes; default 65536. */
  readonly maxHeaderValueLength?: number;
  /** Most entries in a SETTINGS frame; default 256. A longer frame is checked as if it were empty. */
  readonly maxSettingsEntries?: number;
}

/** The defaults of {@linkcode FrameLimits}. */
export const DEFAULT_FRAME_LIMITS: Required<FrameLimits> = {
  maxControlFrameLength: 131072,
  maxHeaderBlock: 65536,
  maxDroppedHeaders: 134217728,
  maxHeaderCount: 1024,
  maxHeaderNameLength: 4096,
  maxHeaderValueLength: 65536,
  maxSettingsEntries: 256,
};

/** Complete limits that were checked once: frozen, so that they need no second check and no copy. */
const resolved = new WeakSet<object>();

/** Freezes complete, valid limits; {@linkcode resolveFrameLimits} returns them as they are. */
export function keepResolved<T extends Required<FrameLimits>>(limits: T): T {
  resolved.add(Object.freeze(limits));
  return limits;
}

/** Whether `limits` are those of {@linkcode keepResolved}. */
export function isResolved(limits: object): boolean {
  return resolved.has(limits);
}

/**
 * Fills in the defaults: those of `own`, then {@linkcode DEFAULT_FRAME_LIMITS}. A limit that
 * is `undefined` counts as not set.
 *
 * Throws `InvalidArgumentError` when a limit is not a whole number from 0 to
 * 2^31-1, or `maxControlFrameLength` is above 2^24-1.
 */
export function resolveFrameLimits(
  limits: FrameLimits = {},
  own: FrameLimits = {},
): Required<FrameLimits> {
  if (isResolved(limits)) return limits as Required<FrameLimits>;
  // Not spread, which would leave out the getters of a class.
  const limit = (name: keyof FrameLimits): number => {
    const value = limits[name] ?? own[name] ?? DEFAULT_FRAME_LIMITS[name];
    const highest = name === "maxControlFrameLength"
      ? MAX_FRAME_LENGTH
      : MAX_INT32;
    return checkWhole(`limits.${name}`, value, 0, highest);
  };
  return {
    maxControlFrameLength: limit("maxControlFrameLength"),
    maxHeaderBlock: limit("maxHeaderBlock"),
    maxDroppedHeaders: limit("maxDroppedHeaders"),
    maxHeaderCount: limit("maxHeaderCount"),
    maxHeaderNameLength: limit("maxHeaderNameLength"),
    maxHeaderValueLength: limit("maxHeaderValueLength"),
    maxSettingsEntries: limit("maxSettingsEntries"),
  };
}
