/**
 * What a reader of captures reports: one record for each event, in the order in
 * which it was captured.
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

/** Where and when something was captured. */
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
   * Offset in the bytes that the sender sent, from the first byte of the connection
   * in the capture on; behind TLS or in a WebSocket, in the bytes inside.
   */
  readonly offset: number;
  /** Number of the packet that completed it, counted from 1 as Wireshark does; 0 for raw bytes. */
  readonly packet: number;
  /** Time of that packet, ms since 1970; 0 where the file does not say. */
  readonly time: number;
}

/** Sizes of a header block, bytes. */
export interface HeaderBytes {
  /** As it was sent. */
  readonly compressed: number;
  /** After decompression. */
  readonly plain: number;
}

/** A frame. */
export interface FrameRecord extends Place {
  /** Tells the kinds of records apart. */
  readonly kind: "frame";
  /** Name of the frame's type, such as `SYN_STREAM`; `type 99` for an unknown one. */
  readonly type: string;
  /**
   * The frame; `undefined` when its type is unknown, when SPDY endpoints ignore it,
   * or when it cannot be read. `nv` is empty when the headers cannot be read.
   */
  readonly frame: CapturedFrame | undefined;
  /** Stream id, if the frame has one and it can be read. */
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
  /** Whether the frame has a header block that cannot be read. */
  readonly unreadable: boolean;
  /** What is wrong with the frame, or why it is not complete. */
  readonly error: string | undefined;
}

/** An HTTP/1.1 head, or a PROXY line, in front of the frames. */
export interface HeadRecord extends Place {
  /** Tells the kinds of records apart. */
  readonly kind: "head";
  /** The first line, such as `HTTP/1.1 101 Switching Protocols`. */
  readonly line: string;
  /** The header fields, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Length with the empty line at its end, bytes. */
  readonly length: number;
}

/** Something that is no frame: what is missing, what was skipped, what begins here. */
export interface NoteRecord extends Place {
  /** Tells the kinds of records apart. */
  readonly kind: "note";
  /** What it is, as a sentence without a full stop. */
  readonly text: string;
  /** Whether it means that something could not be read. */
  readonly isError: boolean;
  /** Bytes of the sender that are not shown because of it. */
  readonly skipped: number;
}

/** A connection with SPDY: reported before its first other record. */
export interface ConnectionRecord {
  /** Tells the kinds of records apart. */
  readonly kind: "connection";
  /** Number of the connection: Wireshark's `tcp.stream`. */
  readonly connection: number;
  /** `address:port` of the client, or the name of the file. */
  readonly client: string;
  /** `address:port` of the server; empty for raw bytes. */
  readonly server: string;
  /** Time of its first packet, ms since 1970; 0 where the file does not say. */
  readonly time: number;
  /** Whether the capture has the beginning of the connection. */
  readonly complete: boolean;
}

/** A connection with SPDY has ended, or the capture has: the last record of the connection. */
export interface EndRecord {
  /** Tells the kinds of records apart. */
  readonly kind: "end";
  /** Number of the connection. */
  readonly connection: number;
  /** Time of its last packet, ms since 1970. */
  readonly time: number;
  /** How it ended. */
  readonly how: "closed" | "reset" | "capture ended" | "forgotten";
}

/** Something about the file itself: it is cut off, or damaged. */
export interface WarningRecord {
  /** Tells the kinds of records apart. */
  readonly kind: "warning";
  /** What is wrong, where, and what became of the rest. */
  readonly text: string;
}

/** Anything that a reader of captures reports. */
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
  /** The bytes: a view that is valid during the call. Empty when bytes are missing here. */
  readonly bytes: Uint8Array;
  /** Bytes that the capture lacks here. */
  readonly missing: number;
}

/** Receives what a reader of captures reports. */
export interface CaptureSink {
  /** The next record. */
  onRecord(record: CaptureRecord): void;
  /** A piece of payload; the record of its DATA frame follows when the frame is complete. */
  onPayload?(payload: CapturedPayload): void;
}
