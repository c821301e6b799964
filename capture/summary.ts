/**
 * Summarizes each connection of a capture.
 *
 * @module
 */

import { RST_STREAM, SYN_STREAM } from "../frame/constants.ts";
import { statusName } from "../frame/names.ts";
import type {
  CaptureRecord,
  ConnectionRecord,
  EndRecord,
  FrameRecord,
} from "./records.ts";
import { type Stalls, WindowTracker } from "./windows.ts";

/** Most stalls of a connection that are listed, the longest first. */
const MOST_STALLS = 100;

/** The traffic of one side. */
export interface SideSummary {
  /** Number of frames. */
  frames: number;
  /** Bytes of frames with their heads. */
  bytes: number;
  /** Bytes of DATA. */
  payload: number;
  /** Bytes inside frames that the capture lacks. */
  missing: number;
  /** Header blocks that were decompressed, and their sizes in bytes. */
  readonly headers: { blocks: number; compressed: number; plain: number };
  /** Frames by type. */
  readonly types: Record<string, number>;
  /** Streams that this side has reset, by status. */
  readonly resets: Record<string, number>;
}

/** A connection in numbers. */
export interface ConnectionSummary {
  /** The connection. */
  readonly connection: number;
  /** `address:port` of the client. */
  readonly client: string;
  /** `address:port` of the server. */
  readonly server: string;
  /** Time of its first packet, ms since 1970. */
  readonly begin: number;
  /** Time of its last packet, ms since 1970. */
  readonly end: number;
  /** How it ended. */
  readonly how: EndRecord["how"];
  /** Streams that were opened. */
  readonly streams: number;
  /** Number of frames and places that could not be read. */
  readonly errors: number;
  /** Traffic of the client. */
  readonly fromClient: SideSummary;
  /** Traffic of the server. */
  readonly fromServer: SideSummary;
  /**
   * Windows that were used up, the longest time first; `undefined` if the capture
   * lacks the beginning of the connection.
   */
  readonly stalls: readonly Stalls[] | undefined;
}

interface UnderWay {
  readonly begin: ConnectionRecord;
  readonly fromClient: SideSummary;
  readonly fromServer: SideSummary;
  readonly windows: WindowTracker | undefined;
  streams: number;
  errors: number;
}

/** Summarizes connections from their records. */
export class Summaries {
  readonly #connections = new Map<number, UnderWay>();

  /** Adds a record; returns the summary of a connection after its last one. */
  add(record: CaptureRecord): ConnectionSummary | undefined {
    switch (record.kind) {
      case "connection":
        this.#connections.set(record.connection, {
          begin: record,
          fromClient: newSide(),
          fromServer: newSide(),
          windows: record.complete ? new WindowTracker() : undefined,
          streams: 0,
          errors: 0,
        });
        return undefined;
      case "frame": {
        const found = this.#connections.get(record.connection);
        if (found !== undefined) addFrame(found, record);
        return undefined;
      }
      case "note": {
        const found = this.#connections.get(record.connection);
        if (found !== undefined && record.isError) found.errors++;
        return undefined;
      }
      case "end":
        return this.#end(record);
      default:
        return undefined;
    }
  }

  #end({ connection, time, how }: EndRecord): ConnectionSummary | undefined {
    const found = this.#connections.get(connection);
    if (found === undefined) return undefined;
    this.#connections.delete(connection);
    const { client, server, time: begin } = found.begin;
    const stalls = found.windows?.stalls(time)
      .sort((a, b) => b.total - a.total).slice(0, MOST_STALLS);
    return {
      connection,
      client,
      server,
      begin,
      end: time,
      how,
      streams: found.streams,
      errors: found.errors,
      fromClient: found.fromClient,
      fromServer: found.fromServer,
      stalls,
    };
  }
}

function newSide(): SideSummary {
  return {
    frames: 0,
    bytes: 0,
    payload: 0,
    missing: 0,
    headers: { blocks: 0, compressed: 0, plain: 0 },
    types: {},
    resets: {},
  };
}

function addFrame(found: UnderWay, record: FrameRecord): void {
  const { fromClient, type, length, missing, headerBytes, frame } = record;
  const side = fromClient ? found.fromClient : found.fromServer;
  side.frames++;
  side.bytes += 8 + length;
  side.missing += missing;
  if (type === "DATA") side.payload += length;
  side.types[type] = (side.types[type] ?? 0) + 1;
  if (headerBytes !== undefined) {
    side.headers.blocks++;
    side.headers.compressed += headerBytes.compressed;
    side.headers.plain += headerBytes.plain;
  }
  if (record.error !== undefined) found.errors++;
  if (frame?.frameType === SYN_STREAM) found.streams++;
  if (frame?.frameType === RST_STREAM) {
    const status = statusName(frame.statusCode);
    side.resets[status] = (side.resets[status] ?? 0) + 1;
  }
  found.windows?.add(record);
}
