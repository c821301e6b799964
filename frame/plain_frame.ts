/**
 * Passes a complete control frame without a header block to the sink of the parser.
 *
 * @module
 */

import {
  CREDENTIAL,
  GOAWAY,
  NOOP,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "./constants.ts";
import { readControlFrame } from "./control_frame.ts";
import { controlHead } from "./frame_head.ts";
import type { ControlSink } from "./sink.ts";
import type { VersionTraits } from "./version.ts";

const NO_BYTES = new Uint8Array(0);

/** The fields in the head of a control frame. */
export interface ControlHead {
  readonly type: number;
  readonly version: number;
  readonly flags: number;
  readonly length: number;
}

/**
 * Reads the frame with the payload `payload[at..at+size)` and passes it to `sink`.
 * `traits` are those of the session. A payload above the limit has the size 0.
 */
export function passPlainFrame(
  sink: ControlSink,
  traits: VersionTraits,
  { type, version, flags, length }: ControlHead,
  payload: Uint8Array,
  at: number,
  size: number,
): void {
  const head = (): Uint8Array => controlHead(version, type, flags, length);
  const copy = (): Uint8Array => payload.slice(at, at + size);
  switch (type) {
    case RST_STREAM:
    case SETTINGS:
    case PING:
    case GOAWAY:
    case WINDOW_UPDATE:
      break;
    case NOOP:
    case CREDENTIAL:
      sink.onIgnored(type, head(), copy());
      return;
    default:
      sink.onUnknown(head(), copy());
      return;
  }
  const frame = readControlFrame(type, version, flags, payload, at, size);
  if (typeof frame === "number") {
    sink.onParseError(type, head(), copy(), frame);
  } else if (
    version !== traits.wireVersion ||
    // SPDY/2 has no WINDOW_UPDATE.
    type === WINDOW_UPDATE && !traits.windowUpdate
  ) {
    sink.onIgnored(type, head(), NO_BYTES);
  } else {
    sink.onControl(frame);
  }
}
