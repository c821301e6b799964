/**
 * Reads control frames: selects the reader of each frame type.
 *
 * @module
 */

import { ERR_INVALID_FRAME, ERR_UNSUPPORTED_VERSION } from "../errors.ts";
import {
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "./constants.ts";
import { readGoaway } from "./goaway.ts";
import { readHeaders } from "./headers.ts";
import { readPing } from "./ping.ts";
import { readRstStream } from "./rst_stream.ts";
import { readSettings } from "./settings.ts";
import { readSynReply } from "./syn_reply.ts";
import { readSynStream } from "./syn_stream.ts";
import type { CtrlFrame, HeaderBlockFrame, NameValue } from "./types.ts";
import { type VersionTraits, wireTraits } from "./version.ts";
import { readWindowUpdate } from "./window_update.ts";

/** The type of any control frame that has an interface in `types.ts`. */
export type ControlType = CtrlFrame["frameType"];
/** The type of a control frame with a header block. */
export type HeaderType = HeaderBlockFrame["frameType"];
/** The type of a control frame without a header block. */
export type PlainType = Exclude<ControlType, HeaderType>;

/**
 * Reads a RST_STREAM, SETTINGS, PING, GOAWAY or WINDOW_UPDATE of any version.
 * Its payload is the `length` bytes of `payload` from `at` on. Returns an error
 * code when the frame is invalid.
 */
export function readControlFrame(
  type: PlainType,
  version: number,
  flags: number,
  payload: Uint8Array,
  at: number,
  length: number,
): CtrlFrame | typeof ERR_INVALID_FRAME | typeof ERR_UNSUPPORTED_VERSION {
  switch (type) {
    case RST_STREAM:
      return readRstStream(version, flags, payload, at, length) ??
        ERR_INVALID_FRAME;
    case PING:
      return readPing(version, flags, payload, at, length) ??
        ERR_INVALID_FRAME;
    case WINDOW_UPDATE:
      return readWindowUpdate(version, flags, payload, at, length) ??
        ERR_INVALID_FRAME;
    case SETTINGS:
    case GOAWAY: {
      // Only these two depend on the version field of the frame (spdylay).
      const traits = wireTraits(version);
      if (traits === undefined) return ERR_UNSUPPORTED_VERSION;
      const read = type === SETTINGS ? readSettings : readGoaway;
      return read(traits, flags, payload, at, length) ?? ERR_INVALID_FRAME;
    }
    default:
      return type satisfies never;
  }
}

/**
 * Creates a SYN_STREAM, SYN_REPLY or HEADERS frame from its headers and its fixed part:
 * the 32-bit words at offsets 0 and 4, and the two bytes at offset 8. SYN_REPLY and
 * HEADERS need only the first word.
 */
export function makeHeaderFrame(
  type: HeaderType,
  traits: VersionTraits,
  flags: number,
  first: number,
  second: number,
  last: number,
  length: number,
  nv: NameValue[],
): HeaderBlockFrame {
  switch (type) {
    case SYN_STREAM:
      return readSynStream(traits, flags, first, second, last, length, nv);
    case SYN_REPLY:
      return readSynReply(traits, flags, first, length, nv);
    case HEADERS:
      return readHeaders(traits, flags, first, length, nv);
    default:
      return type satisfies never;
  }
}
