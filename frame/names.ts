/**
 * Names of numbers on the wire, as the SPDY/3 draft spells them.
 *
 * @module
 */

import {
  CREDENTIAL,
  DATA,
  GOAWAY,
  HEADERS,
  NOOP,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "./constants.ts";
import type { Frame } from "./types.ts";

/** The types that a draft defines. */
type KnownType = Frame["frameType"] | typeof NOOP | typeof CREDENTIAL;

const FRAME_TYPES: Readonly<Record<KnownType, string>> = {
  [DATA]: "DATA",
  [SYN_STREAM]: "SYN_STREAM",
  [SYN_REPLY]: "SYN_REPLY",
  [RST_STREAM]: "RST_STREAM",
  [SETTINGS]: "SETTINGS",
  [NOOP]: "NOOP",
  [PING]: "PING",
  [GOAWAY]: "GOAWAY",
  [HEADERS]: "HEADERS",
  [WINDOW_UPDATE]: "WINDOW_UPDATE",
  [CREDENTIAL]: "CREDENTIAL",
};

const STREAM_STATUSES: readonly string[] = [
  "OK",
  "PROTOCOL_ERROR",
  "INVALID_STREAM",
  "REFUSED_STREAM",
  "UNSUPPORTED_VERSION",
  "CANCEL",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "STREAM_IN_USE",
  "STREAM_ALREADY_CLOSED",
  "INVALID_CREDENTIALS",
  "FRAME_TOO_LARGE",
];

/** The draft gives INTERNAL_ERROR 11 (2.6.6); deployed code sends 2. */
const GOAWAY_STATUSES: Readonly<Record<number, string>> = {
  0: "OK",
  1: "PROTOCOL_ERROR",
  2: "INTERNAL_ERROR",
  11: "INTERNAL_ERROR",
};

const SETTINGS_IDS: readonly (string | undefined)[] = [
  undefined,
  "UPLOAD_BANDWIDTH",
  "DOWNLOAD_BANDWIDTH",
  "ROUND_TRIP_TIME",
  "MAX_CONCURRENT_STREAMS",
  "CURRENT_CWND",
  "DOWNLOAD_RETRANS_RATE",
  "INITIAL_WINDOW_SIZE",
  "CLIENT_CERTIFICATE_VECTOR_SIZE",
];

/** The names of all frame types that a draft defines, by their numbers. */
export const FRAME_NAMES: readonly string[] = Object.values(FRAME_TYPES);

/** Whether a draft defines the frame type. */
export function isKnownType(type: number): boolean {
  return Object.hasOwn(FRAME_TYPES, type);
}

/** Name of a frame type (2.6), `"type 99"` for an unknown one. */
export function frameName(type: number): string {
  return FRAME_TYPES[type as KnownType] ?? `type ${type}`;
}

/** Name of a RST_STREAM status (2.6.3), `"status 99"` for an unknown one. */
export function statusName(status: number): string {
  return STREAM_STATUSES[status] ?? `status ${status}`;
}

/** Name of a GOAWAY status (2.6.6), `"status 99"` for an unknown one. */
export function goawayStatusName(status: number): string {
  return GOAWAY_STATUSES[status] ?? `status ${status}`;
}

/** Name of a SETTINGS id (2.6.4), `"id 99"` for an unknown one. */
export function settingName(id: number): string {
  return SETTINGS_IDS[id] ?? `id ${id}`;
}
