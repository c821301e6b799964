/**
 * Which frames may be sent, and which are accepted, in which state of a stream:
 * two tables, and the functions that find a stream's column in them.
 *
 * SYN_STREAM is in neither table. What happens to it depends on ids, and on no state of a
 * stream: a received one needs an id above all earlier ones, which `inbound.ts` checks,
 * and a sent one gets its id from `stream_table.ts`.
 *
 * @module
 */

import {
  ERR_INVALID_STREAM_ID,
  ERR_INVALID_STREAM_STATE,
  ERR_STREAM_CLOSED,
  ERR_STREAM_CLOSING,
  ERR_STREAM_SHUT_WR,
} from "../errors.ts";

/** The state of a stream between its SYN_STREAM and its end. */
export type StreamState =
  /** Own stream: its SYN_STREAM is not completely written. */
  | "initial"
  /** SYN_STREAM was sent or received, SYN_REPLY was not. */
  | "opening"
  /** SYN_REPLY was sent or received. */
  | "opened"
  /** RST_STREAM is queued. */
  | "closing";

/** The properties of a stream that the tables depend on. */
export interface StreamCondition {
  /** Opened by this side. */
  readonly own: boolean;
  /** Its state. */
  readonly state: StreamState;
  /** The peer sends no more. */
  readonly shutRead: boolean;
  /** This side sends no more. */
  readonly shutWrite: boolean;
}

/** The rows of {@linkcode SENDABLE}. */
export type SendableFrame =
  | "SYN_REPLY"
  | "HEADERS"
  | "DATA"
  | "RST_STREAM"
  | "WINDOW_UPDATE";

/** Columns of {@linkcode SENDABLE}. */
export type SendColumn =
  | "none"
  | "shutWrite"
  | "own"
  | "ownClosing"
  | "peerOpening"
  | "peerOpened"
  | "peerClosing";

const CLOSED = ERR_STREAM_CLOSED;
const SHUT_WR = ERR_STREAM_SHUT_WR;
const CLOSING = ERR_STREAM_CLOSING;
const BAD_ID = ERR_INVALID_STREAM_ID;
const BAD_STATE = ERR_INVALID_STREAM_STATE;

/**
 * One row of {@linkcode SENDABLE}. 0: may be sent. `"look on"`: the column of the
 * stream's state decides. Otherwise the `ERR_*` code of the refusal.
 */
export type SendRow =
  & Readonly<Record<Exclude<SendColumn, "shutWrite">, number>>
  & { readonly shutWrite: number | "look on" };

/** Which frames may be sent, by the state of their stream (spdylay; SPDY/3 draft 2.3). */
// deno-fmt-ignore
export const SENDABLE: Readonly<Record<SendableFrame, SendRow>> = {
  SYN_REPLY:     { none: CLOSED, shutWrite: SHUT_WR,   own: BAD_ID, ownClosing: BAD_ID,  peerOpening: 0,         peerOpened: BAD_STATE, peerClosing: CLOSING },
  HEADERS:       { none: CLOSED, shutWrite: SHUT_WR,   own: 0,      ownClosing: CLOSING, peerOpening: BAD_STATE, peerOpened: 0,         peerClosing: CLOSING },
  DATA:          { none: CLOSED, shutWrite: SHUT_WR,   own: 0,      ownClosing: CLOSING, peerOpening: BAD_STATE, peerOpened: 0,         peerClosing: CLOSING },
  RST_STREAM:    { none: 0,      shutWrite: 0,         own: 0,      ownClosing: 0,       peerOpening: 0,         peerOpened: 0,         peerClosing: 0 },
  WINDOW_UPDATE: { none: CLOSED, shutWrite: "look on", own: 0,      ownClosing: CLOSING, peerOpening: 0,         peerOpened: 0,         peerClosing: CLOSING },
};

/**
 * 0 when a frame with the row `row` of {@linkcode SENDABLE} may be sent on `stream`,
 * otherwise the `ERR_*` code of the reason.
 */
export function sendError(
  row: SendRow,
  stream: StreamCondition | undefined,
): number {
  if (stream === undefined) return row.none;
  if (stream.shutWrite && row.shutWrite !== "look on") return row.shutWrite;
  // Members with fixed names: looking up rows and columns by variable names took 2 % of a
  // request.
  if (stream.own) return stream.state === "closing" ? row.ownClosing : row.own;
  switch (stream.state) {
    case "closing":
      return row.peerClosing;
    case "opened":
      return row.peerOpened;
    case "initial":
    case "opening":
      return row.peerOpening;
  }
}

/** Columns of {@linkcode RECEIVABLE}. */
export type ReceiveColumn =
  | "none"
  | "ownInitial"
  | "ownOpening"
  | "ownOpened"
  | "ownClosing"
  | "peer"
  | "peerClosing"
  | "shutRead"
  | "shutReadClosing";

/**
 * What happens to a received frame:
 *
 * - `accept`: it takes effect.
 * - `ignore`: nothing happens.
 * - `tell`: only the callback is called.
 * - `reset`: the stream is reset with PROTOCOL_ERROR.
 * - `inUse`: the stream is reset with STREAM_IN_USE, or PROTOCOL_ERROR in SPDY/2,
 *   which does not have that status.
 * - `fail`: the session fails with GOAWAY.
 */
export type ReceiveVerdict =
  | "accept"
  | "ignore"
  | "tell"
  | "reset"
  | "inUse"
  | "fail";

/** The verdicts on DATA: it resets no stream, and has no callback of its own. */
export type DataVerdict = "accept" | "ignore" | "fail";

/** One row of {@linkcode RECEIVABLE}. */
export type ReceiveRow<V extends ReceiveVerdict = ReceiveVerdict> = Readonly<
  Record<ReceiveColumn, V>
>;

/** The rows of {@linkcode RECEIVABLE}. */
export interface ReceiveTable {
  readonly SYN_REPLY: ReceiveRow;
  readonly HEADERS: ReceiveRow;
  readonly DATA: ReceiveRow<DataVerdict>;
  readonly RST_STREAM: ReceiveRow;
  readonly WINDOW_UPDATE: ReceiveRow;
}

/** Which frames are accepted, by the state of their stream (spdylay; SPDY/3 draft 2.3). */
// deno-fmt-ignore
export const RECEIVABLE: ReceiveTable = {
  SYN_REPLY:     { none: "reset",  ownInitial: "inUse",  ownOpening: "accept", ownOpened: "inUse",  ownClosing: "ignore", peer: "reset",  peerClosing: "reset",  shutRead: "reset",  shutReadClosing: "reset" },
  HEADERS:       { none: "reset",  ownInitial: "reset",  ownOpening: "reset",  ownOpened: "accept", ownClosing: "ignore", peer: "accept", peerClosing: "ignore", shutRead: "reset",  shutReadClosing: "reset" },
  DATA:          { none: "ignore", ownInitial: "fail",   ownOpening: "fail",   ownOpened: "accept", ownClosing: "ignore", peer: "accept", peerClosing: "ignore", shutRead: "fail",   shutReadClosing: "ignore" },
  RST_STREAM:    { none: "tell",   ownInitial: "accept", ownOpening: "accept", ownOpened: "accept", ownClosing: "accept", peer: "accept", peerClosing: "accept", shutRead: "accept", shutReadClosing: "accept" },
  WINDOW_UPDATE: { none: "ignore", ownInitial: "accept", ownOpening: "accept", ownOpened: "accept", ownClosing: "accept", peer: "accept", peerClosing: "accept", shutRead: "accept", shutReadClosing: "accept" },
};

/** What happens to a received frame of `stream`; `row` is the frame's row of {@linkcode RECEIVABLE}. */
export function receiveVerdict<V extends ReceiveVerdict>(
  row: ReceiveRow<V>,
  stream: StreamCondition | undefined,
): V {
  if (stream === undefined) return row.none;
  const closing = stream.state === "closing";
  if (stream.shutRead) return closing ? row.shutReadClosing : row.shutRead;
  if (!stream.own) return closing ? row.peerClosing : row.peer;
  switch (stream.state) {
    case "initial":
      return row.ownInitial;
    case "opening":
      return row.ownOpening;
    case "opened":
      return row.ownOpened;
    case "closing":
      return row.ownClosing;
  }
}
