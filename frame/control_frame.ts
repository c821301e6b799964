/**
 * Control frames out of their payloads: which reader a type has.
 *
 * @module
 */

import { ERR_INVALID_FRAME, ERR_UNSUPPORTED_VERSION } from "../errors.ts";
import {
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

/**
 * Reads a RST_STREAM, SETTINGS, PING, GOAWAY or WINDOW_UPDATE of any version,
 * `length` payload bytes of which stand at `at`; or says what is wrong with it.
 */
export function readControlFrame(
  type: number,
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
  }
  // Only the other two are laid out by their version field (spdylay).
  const traits = wireTraits(version);
  if (traits === undefined) return ERR_UNSUPPORTED_VERSION;
  const read = type === SETTINGS ? readSettings : readGoaway;
  return read(traits, flags, payload, at, length) ?? ERR_INVALID_FRAME;
}

/** Makes a SYN_STREAM, SYN_REPLY or HEADERS of its fixed part and its headers. */
export function makeHeaderFrame(
  type: number,
  traits: VersionTraits,
  flags: number,
  fixed: Uint8Array,
  length: number,
  nv: NameValue[],
): HeaderBlockFrame {
  switch (type) {
    case SYN_STREAM:
      return readSynStream(traits, flags, fixed, length, nv);
    case SYN_REPLY:
      return readSynReply(traits, flags, fixed, length, nv);
    default:
      return readHeaders(traits, flags, fixed, length, nv);
  }
}
