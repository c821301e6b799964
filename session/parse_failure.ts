/**
 * The error message for a frame of the peer that cannot be read.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
} from "../errors.ts";
import { readUint31 } from "../frame/byte_reader.ts";
import {
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import type { ControlType } from "../frame/control_frame.ts";
import { frameName } from "../frame/names.ts";

/**
 * The message for a frame of the peer with the error `errorCode`. `payload` is the
 * received part of its payload, and `offset` its place in the peer's bytes, counted from
 * the first frame: after an HTTP/1.1 upgrade, `spdy decode` counts the head as well.
 */
export function parseFailure(
  type: ControlType,
  payload: Uint8Array,
  offset: number,
  errorCode: number,
): string {
  return `the peer sent an invalid ${frameName(type)} frame${
    streamOf(type, payload)
  } at byte ${offset} of its frames: ${parseFault(errorCode)}`;
}

/** The stream of the frame, as far as its payload shows it. */
function streamOf(type: ControlType, payload: Uint8Array): string {
  switch (type) {
    case SYN_STREAM:
    case SYN_REPLY:
    case HEADERS:
    case RST_STREAM:
    case WINDOW_UPDATE:
      return payload.length >= 4 ? ` for stream ${readUint31(payload, 0)}` : "";
    case SETTINGS:
    case PING:
    case GOAWAY:
      return "";
    default:
      return type satisfies never;
  }
}

function parseFault(errorCode: number): string {
  switch (errorCode) {
    case ERR_ZLIB:
      return "its header block does not continue the zlib stream of the session";
    case ERR_UNSUPPORTED_VERSION:
      return "its version is neither 2 nor 3";
    case ERR_FRAME_TOO_LARGE:
      return "the dropped header blocks exceed limits.maxDroppedHeaders";
    case ERR_INVALID_FRAME:
      return "its length or structure is wrong";
    default:
      return "it cannot be read";
  }
}
