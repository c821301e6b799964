/**
 * Frames as values: one interface for each type, distinguished by `frameType`.
 *
 * @module
 */

import type {
  DATA,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "./constants.ts";

/**
 * One header. A name with several values is in the list several times.
 *
 * @category Frames
 */
export type NameValue = [name: string, value: string];

/**
 * One SETTINGS entry: id 1..2^24-1, flags 0..255, value 0..2^32-1.
 *
 * @category Frames
 */
export type SettingsEntry = [id: number, flags: number, value: number];

/**
 * The fields of every control frame.
 *
 * @category Frames
 */
export interface CtrlFrameBase {
  /** Version field on the wire: 2, or 3 (SPDY/3 and SPDY/3.1). */
  readonly version: number;
  /** Flags byte, 0..255. */
  readonly flags: number;
  /** Payload length, bytes, without the 8 bytes of the frame's head. */
  readonly length: number;
}

/**
 * SYN_STREAM: opens a stream (SPDY/3 draft 2.6.1).
 *
 * @category Frames
 */
export interface SynStreamFrame extends CtrlFrameBase {
  /** {@linkcode SYN_STREAM}. */
  readonly frameType: typeof SYN_STREAM;
  /** The new stream's id, 1..2^31-1; odd from a client. */
  readonly streamId: number;
  /** The associated stream, 0 for none: spdylay's name for what a stream of a connection calls `associatedStreamId`. */
  readonly assocStreamId: number;
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7. */
  readonly pri: number;
  /** Credential slot, 0 for none. */
  readonly slot: number;
  /** Headers. */
  readonly nv: NameValue[];
}

/**
 * SYN_REPLY: accepts a stream (SPDY/3 draft 2.6.2).
 *
 * @category Frames
 */
export interface SynReplyFrame extends CtrlFrameBase {
  /** {@linkcode SYN_REPLY}. */
  readonly frameType: typeof SYN_REPLY;
  /** Stream id, 1..2^31-1. */
  readonly streamId: number;
  /** Headers. */
  readonly nv: NameValue[];
}

/**
 * HEADERS: more headers for a stream (SPDY/3 draft 2.6.7).
 *
 * @category Frames
 */
export interface HeadersFrame extends CtrlFrameBase {
  /** {@linkcode HEADERS}. */
  readonly frameType: typeof HEADERS;
  /** Stream id, 1..2^31-1. */
  readonly streamId: number;
  /** Headers. */
  readonly nv: NameValue[];
}

/**
 * RST_STREAM: ends a stream at once (SPDY/3 draft 2.6.3).
 *
 * @category Frames
 */
export interface RstStreamFrame extends CtrlFrameBase {
  /** {@linkcode RST_STREAM}. */
  readonly frameType: typeof RST_STREAM;
  /** Stream id, 0..2^31-1; 0 only in the answer to a SYN_STREAM with stream id 0. */
  readonly streamId: number;
  /** Stream status code, 32 bits. */
  readonly statusCode: number;
}

/**
 * SETTINGS (SPDY/3 draft 2.6.4).
 *
 * @category Frames
 */
export interface SettingsFrame extends CtrlFrameBase {
  /** {@linkcode SETTINGS}. */
  readonly frameType: typeof SETTINGS;
  /** Entries in wire order. */
  readonly iv: SettingsEntry[];
}

/**
 * PING (SPDY/3 draft 2.6.5).
 *
 * @category Frames
 */
export interface PingFrame extends CtrlFrameBase {
  /** {@linkcode PING}. */
  readonly frameType: typeof PING;
  /** Id, 32 bits; odd when the client sent the PING. */
  readonly uniqueId: number;
}

/**
 * GOAWAY (SPDY/3 draft 2.6.6).
 *
 * @category Frames
 */
export interface GoawayFrame extends CtrlFrameBase {
  /** {@linkcode GOAWAY}. */
  readonly frameType: typeof GOAWAY;
  /** The last stream that the sender of the frame has accepted, 0 for none. */
  readonly lastGoodStreamId: number;
  /** GOAWAY status code; 0 in SPDY/2, which has no status. */
  readonly statusCode: number;
}

/**
 * WINDOW_UPDATE (SPDY/3 draft 2.6.8).
 *
 * @category Frames
 */
export interface WindowUpdateFrame extends CtrlFrameBase {
  /** {@linkcode WINDOW_UPDATE}. */
  readonly frameType: typeof WINDOW_UPDATE;
  /** Stream id; 0 for the whole session (SPDY/3.1). */
  readonly streamId: number;
  /** Bytes granted, 1..2^31-1. */
  readonly deltaWindowSize: number;
}

/**
 * A frame that carries a header block.
 *
 * @category Frames
 */
export type HeaderBlockFrame = SynStreamFrame | SynReplyFrame | HeadersFrame;

/**
 * Any control frame.
 *
 * @category Frames
 */
export type CtrlFrame =
  | HeaderBlockFrame
  | RstStreamFrame
  | SettingsFrame
  | PingFrame
  | GoawayFrame
  | WindowUpdateFrame;

/**
 * A DATA frame (SPDY/3 draft 2.2.2).
 *
 * @category Frames
 */
export interface DataFrame {
  /** {@linkcode DATA}, 0. */
  readonly frameType: typeof DATA;
  /** Stream id, 1..2^31-1. */
  readonly streamId: number;
  /** Flags byte; {@linkcode DATA_FLAG_FIN} ends the sender's half. */
  readonly flags: number;
  /** Payload, 0..2^24-1 bytes. */
  readonly data: Uint8Array;
}

/**
 * Any frame.
 *
 * @category Frames
 */
export type Frame = CtrlFrame | DataFrame;

/**
 * A control frame that a SPDY endpoint ignores: NOOP, CREDENTIAL, an unknown type,
 * a frame of another version than the session's, WINDOW_UPDATE in SPDY/2.
 *
 * @category Frames
 */
export interface IgnoredFrame extends CtrlFrameBase {
  /** The type field, 0..65535. */
  readonly type: number;
  /** Payload of NOOP, CREDENTIAL and unknown types, if within the limits; otherwise empty. */
  readonly payload: Uint8Array;
}
