/**
 * The records of a reader of captures: one for each event, in the order of the
 * capture.
 *
 * @module
 */

import type { DATA } from "../frame/constants.ts";
import type { CtrlFrame } from "../frame/types.ts";

/** A DATA frame of a capture: its size, without its bytes. */
export interface CapturedData {
  /** `DATA`, 0. */
  readonly frameType: typeof DATA;
  /** Stream id, 0..2^31-1. */
  readonly streamId: number;
  /** Flags byte, 0..255. */
  readonly flags: number;
  /** Payload length that the frame's head states, bytes. */
  readonly length: number;
}

/** A frame of a capture. */
export type CapturedFrame = CtrlFrame | CapturedData;

/** Place and time of a record. */
export interface Place {
  /** Number of the connection: Wireshark's `tcp.stream`. */
  readonly connection: number;
  /** Whether the client of the connection sent it. */
  readonly fromClient: boolean;
  /** Sender: `address:port`, or the name of the file for raw bytes. */
  readonly from: string;
  /** Receiver: `address:port`; empty for raw bytes. */
  readonly to: string;
  /**
   * Offset in the bytes of the sender, counted from the first byte of the
   * connection in the capture. For TLS or a WebSocket, it is the offset in the
   * bytes inside.
   */
  readonly offset: number;
  /** Number of the packet that completed it, counted from 1 as Wireshark does; 0 for raw bytes. */
  readonly packet: number;
  /** Time of that packet, ms since 1970; 0 if the file has none. */
  readonly time: number;
}

/** Sizes of a header block, bytes. */
export interface HeaderBytes {
  /** As sent. */
  readonly compressed: number;
  /** After decompression. */
  readonly plain: number;
}

/** A frame. */
export interface FrameRecord extends Place {
  /** Distinguishes the kinds of records. */
  readonly kind: "frame";
  /**
   * Name of the frame's type, such as `SYN_STREAM`; `unknown type 99` for an unknown
   * one, and `""` if the direction ends within the head of the frame.
   */
  readonly type: string;
  /**
   * The frame; `undefined` if its type is unknown, if SPDY endpoints ignore it, and
   * if it could not be read. `nv` is empty if the headers could not be read.
   */
  readonly frame: CapturedFrame | undefined;
  /** Stream id, if the frame has one and it could be read. */
  readonly streamId: number | undefined;
  /** Version field on the wire; 0 for DATA, which has none. */
  readonly version: number;
  /** Flags byte, 0..255. */
  readonly flags: number;
  /** Payload length that the frame's head states, bytes. */
  readonly length: number;
  /** Payload bytes that the capture lacks. */
  readonly missing: number;
  /** Sizes of the header block, if the frame has one and it was decompressed. */
  readonly headerBytes: HeaderBytes | undefined;
  /** Whether a frame of this type has headers, and they could not be read. */
  readonly unreadable: boolean;
  /** Why the frame is invalid or incomplete. */
  readonly error: string | undefined;
}

/** An HTTP/1.1 head, or a PROXY line, before the frames. */
export interface HeadRecord extends Place {
  /** Distinguishes the kinds of records. */
  readonly kind: "head";
  /** The first line, such as `HTTP/1.1 101 Switching Protocols`. */
  readonly line: string;
  /** The header fields, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Length with the empty line at its end, bytes. */
  readonly length: number;
}

/** A note: bytes are missing or were skipped, or another protocol begins. */
export interface NoteRecord extends Place {
  /** Distinguishes the kinds of records. */
  readonly kind: "note";
  /** The note as a sentence without a full stop. */
  readonly text: string;
  /** Whether it means that something could not be read. */
  readonly isError: boolean;
  /** Bytes of the sender that are not shown because of it. */
  readonly skipped: number;
}

/**
 * A connection with SPDY, reported before its other records. A connection whose SYN
 * the capture lacks has the number of the former one on the same ports, as in
 * Wireshark.
 */
export interface ConnectionRecord {
  /** Distinguishes the kinds of records. */
  readonly kind: "connection";
  /** Number of the connection: Wireshark's `tcp.stream`. */
  readonly connection: number;
  /** `address:port` of the client, or the name of the file. */
  readonly client: string;
  /** `address:port` of the server; empty for raw bytes. */
  readonly server: string;
  /** Time of its first packet, ms since 1970; 0 if the file has none. */
  readonly time: number;
  /** Whether the capture contains the beginning of the connection. */
  readonly complete: boolean;
}

/** The end of a connection with SPDY, or of the capture: the last record of the connection. */
export interface EndRecord {
  /** Distinguishes the kinds of records. */
  readonly kind: "end";
  /** Number of the connection. */
  readonly connection: number;
  /** Time of its last packet, ms since 1970. */
  readonly time: number;
  /** How it ended. */
  readonly how: "closed" | "reset" | "capture ended" | "forgotten";
}

/** A warning about the file itself: it is truncated or damaged. */
export interface WarningRecord {
  /** Distinguishes the kinds of records. */
  readonly kind: "warning";
  /** What is wrong, where, and what happened to the rest. */
  readonly text: string;
}

/** All records. */
export type CaptureRecord =
  | FrameRecord
  | HeadRecord
  | NoteRecord
  | ConnectionRecord
  | EndRecord
  | WarningRecord;

/** A piece of the payload of a DATA frame. */
export interface CapturedPayload {
  /** Number of the connection. */
  readonly connection: number;
  /** Whether the client of the connection sent it. */
  readonly fromClient: boolean;
  /** Stream id. */
  readonly streamId: number;
  /** The bytes: a view that is valid during the call; empty if bytes are missing here. */
  readonly bytes: Uint8Array;
  /** Bytes that the capture lacks here. */
  readonly missing: number;
}

/** Receives the records of a reader of captures. */
export interface CaptureSink {
  /** The next record, in order. */
  onRecord(record: CaptureRecord): void;
  /** A piece of payload. The record of its DATA frame follows when the frame is complete. */
  onPayload?(payload: CapturedPayload): void;
}
