/**
 * The data of the page of captures: connections, their frames and their streams. It
 * does not use the document.
 *
 * @module
 */

import { concat } from "../bytes.ts";
import {
  type CapturedPayload,
  type CaptureRecord,
  type ConnectionSummary,
  type FrameRecord,
  type HeadRecord,
  type NoteRecord,
  Summaries,
} from "../capture/mod.ts";
import {
  CTRL_FLAG_UNIDIRECTIONAL,
  DATA,
  DATA_FLAG_FIN,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import { type FrameText, frameText } from "../frame/frame_text.ts";
import { statusName } from "../frame/names.ts";
import type { NameValue } from "../frame/types.ts";

/** Most bytes of one frame's payload that are kept. */
const MOST_OF_FRAME = 1 << 16;
/** Most bytes of all payloads that are kept. */
const MOST_OF_ALL = 1 << 26;
/** Most lines that are kept. */
const MOST_ROWS = 1_000_000;
/** Most warnings that are kept. */
const MOST_WARNINGS = 100;
/** Most characters of a header in a line of the table. */
const MOST_OF_VALUE = 300;

/** The payload of a DATA frame, or its beginning. */
export interface Payload {
  /** Its beginning, without the bytes that the capture lacks. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Places in `bytes` at which bytes are missing, and how many. */
  readonly gaps: readonly (readonly [at: number, count: number])[];
  /** Bytes of the frame that are in the capture but were not kept. */
  readonly left: number;
  /** For an unpacked payload: why it is not complete. */
  readonly note?: string;
}

/** A line of the table. */
export class Row {
  /** The record of the line. */
  readonly record: FrameRecord | HeadRecord | NoteRecord;
  /** The payload of a DATA frame. */
  readonly payload: Payload | undefined;
  #searched: string | undefined;

  /** Creates a line. */
  constructor(record: Row["record"], payload: Payload | undefined) {
    this.record = record;
    this.payload = payload;
  }

  /** Name of the frame's type, or of another kind of line. */
  get type(): string {
    const { record } = this;
    if (record.kind === "head") return "HTTP/1.1";
    return record.kind === "note" ? "note" : record.type || "rest";
  }

  /** The stream, if it has one. */
  get streamId(): number | undefined {
    return this.record.kind === "frame" ? this.record.streamId : undefined;
  }

  /** Whether it could not be read, or ends something early. */
  get isBad(): boolean {
    const { record } = this;
    if (record.kind === "note") return record.isError;
    if (record.kind === "head") return false;
    const { frame } = record;
    return record.error !== undefined ||
      frame !== undefined && "statusCode" in frame && frame.statusCode !== 0;
  }

  /** The frame as text; `undefined` if it could not be read. */
  get words(): FrameText | undefined {
    const { record } = this;
    return record.kind === "frame" && record.frame !== undefined
      ? frameText(record.frame)
      : undefined;
  }

  /** Header fields. */
  get fields(): readonly NameValue[] {
    const { record } = this;
    if (record.kind === "head") return record.fields as readonly NameValue[];
    return this.words?.headers ?? [];
  }

  /** All fields except the type and the numbers, as one line. */
  get text(): string {
    const { record } = this;
    if (record.kind === "head") return record.line;
    if (record.kind === "note") return record.text;
    const words = this.words;
    const first: string[] = [];
    const rest: string[] = [];
    for (const [name, value] of words?.headers ?? []) {
      const short = cut(value, MOST_OF_VALUE);
      if (/^:(method|path|status)$/.test(name)) first.push(short);
      else if (!/^:(version|scheme)$/.test(name)) {
        rest.push(`${cut(name, MOST_OF_VALUE)}: ${short}`);
      }
    }
    const parts = [
      record.error === undefined ? "" : `! ${record.error}`,
      first.join(" "),
      words?.detail ?? "",
      words?.flags.join(" ") ?? "",
      ...rest,
    ];
    return parts.filter((part) => part !== "").join("   ");
  }

  /** The text for searches, in lower case. */
  get searched(): string {
    return this.#searched ??= [
      this.type,
      this.text,
      ...this.fields.map(([name, value]) => `${name}: ${value}`),
    ].join("\n").toLowerCase();
  }
}

/** A stream over time. */
export interface StreamSpan {
  /** Stream id. */
  readonly id: number;
  /** Time of its first frame, ms since 1970. */
  readonly begin: number;
  /** Time of its last frame. */
  end: number;
  /** Whether the server opened it. */
  readonly isPush: boolean;
  /** Whether the capture contains its SYN_STREAM. */
  readonly isWhole: boolean;
  /** A description: method and path, or another name. */
  label: string;
  /** Status of the response, such as `200`. */
  status: string | undefined;
  /** Time of the reply, if there was one. */
  reply: number | undefined;
  /** Times of the DATA frames of each side, ascending. */
  readonly data: { readonly client: number[]; readonly server: number[] };
  /** Bytes of DATA of each side. */
  readonly bytes: { client: number; server: number };
  /** Which sides have ended it with a FIN. */
  readonly fin: { client: boolean; server: boolean };
  /** Its RST_STREAM, if there was one. */
  reset:
    | {
      readonly time: number;
      readonly status: string;
      readonly fromClient: boolean;
    }
    | undefined;
}

/** Whether a stream has ended in the capture. */
export function hasEnded({ fin, reset }: StreamSpan): boolean {
  return reset !== undefined || fin.client && fin.server;
}

/** A connection. */
export interface Connection {
  /** Its number. */
  readonly number: number;
  /** Client, or the name of the file. */
  readonly client: string;
  /** Server; empty for a file of raw bytes. */
  readonly server: string;
  /** Time of its first packet, ms since 1970. */
  readonly begin: number;
  /** Time of its last packet so far. */
  end: number;
  /** Whether the capture contains its beginning. */
  isComplete: boolean;
  /** Its lines, in order. */
  readonly rows: Row[];
  /** Its streams, by id. */
  readonly streams: Map<number, StreamSpan>;
  /** Number of bad lines so far. */
  faults: number;
  /** The summary, when it has ended. */
  summary: ConnectionSummary | undefined;
}

/** Payload of an incomplete DATA frame. */
interface Pending {
  readonly pieces: Uint8Array<ArrayBuffer>[];
  readonly gaps: [at: number, count: number][];
  kept: number;
  left: number;
}

/** Collects the records of a capture. */
export class Model {
  /** Connections by number. */
  readonly connections: Map<number, Connection> = new Map();
  /** Problems with the files. */
  readonly warnings: string[] = [];
  readonly #summaries = new Summaries();
  /** Keyed by twice the number of the connection, plus one for the server. */
  readonly #pending = new Map<number, Pending>();
  #kept = 0;
  #rows = 0;
  #unkept = 0;
  #unkeptWarnings = 0;

  /** Adds a record. */
  add(record: CaptureRecord): void {
    const summary = this.#summaries.add(record);
    switch (record.kind) {
      case "warning":
        this.warn(record.text);
        return;
      case "connection": {
        const former = this.connections.get(record.connection);
        if (former !== undefined) {
          // The next connection on the same ports, whose SYN the capture lacks.
          former.isComplete = false;
          return;
        }
        this.connections.set(record.connection, {
          number: record.connection,
          client: record.client,
          server: record.server,
          begin: record.time,
          end: record.time,
          isComplete: record.complete,
          rows: [],
          streams: new Map(),
          faults: 0,
          summary: undefined,
        });
        return;
      }
      case "end": {
        const found = this.connections.get(record.connection);
        if (found !== undefined) {
          found.summary = summary;
          found.end = Math.max(found.end, record.time);
        }
        return;
      }
      default:
        this.#addRow(record);
    }
  }

  /** Adds a piece of payload; its frame follows. */
  addPayload(
    { connection, fromClient, bytes, missing }: CapturedPayload,
  ): void {
    const key = 2 * connection + (fromClient ? 0 : 1);
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = { pieces: [], gaps: [], kept: 0, left: 0 };
      this.#pending.set(key, pending);
    }
    if (missing > 0 && pending.kept < MOST_OF_FRAME) {
      pending.gaps.push([pending.kept, missing]);
    }
    const room = Math.min(
      MOST_OF_FRAME - pending.kept,
      MOST_OF_ALL - this.#kept,
    );
    const piece = bytes.slice(0, Math.max(0, room));
    pending.left += bytes.length - piece.length;
    if (piece.length === 0) return;
    this.#kept += piece.length;
    pending.kept += piece.length;
    pending.pieces.push(piece);
  }

  /** Adds a warning about a file. */
  warn(text: string): void {
    if (this.warnings.length < MOST_WARNINGS) this.warnings.push(text);
    else this.#unkeptWarnings++;
  }

  /** Called after the last record; adds a warning about everything that was not kept. */
  finish(): void {
    if (this.#unkeptWarnings > 0) {
      this.warnings.push(`${this.#unkeptWarnings} more warnings`);
    }
    if (this.#unkept > 0) {
      this.warnings.push(
        `the page shows the first ${MOST_ROWS} frames; ${this.#unkept} more are counted in the summaries only`,
      );
    }
  }

  #addRow(record: Row["record"]): void {
    const found = this.connections.get(record.connection);
    if (found === undefined) return;
    found.end = Math.max(found.end, record.time);
    const payload = record.kind === "frame" && record.type === "DATA"
      ? this.#takePayload(record)
      : undefined;
    if (this.#rows >= MOST_ROWS) {
      this.#unkept++;
      return;
    }
    this.#rows++;
    const row = new Row(record, payload);
    if (row.isBad) found.faults++;
    found.rows.push(row);
    if (record.kind === "frame") addToStream(found, record);
  }

  #takePayload({ connection, fromClient }: FrameRecord): Payload {
    const key = 2 * connection + (fromClient ? 0 : 1);
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    if (pending === undefined) {
      return { bytes: new Uint8Array(0), gaps: [], left: 0 };
    }
    const { pieces, gaps, left } = pending;
    const bytes = pieces.length === 1 ? pieces[0] : concat(pieces);
    return { bytes, gaps, left };
  }
}

/** A filter for the lines of a connection; empty conditions are ignored. */
export interface RowFilter {
  /** Text in the type, the headers or the payload; case is ignored. */
  readonly search: string;
  /** Type of frame. */
  readonly type: string;
  /** The sender: `client` or `server`. */
  readonly side: string;
  /** Stream id. */
  readonly stream: number | undefined;
  /** Whether only bad lines pass. */
  readonly onlyBad: boolean;
  /** First and last time, ms since 1970. */
  readonly range: readonly [begin: number, end: number] | undefined;
}

/** The lines that pass a filter. */
export function filterRows(rows: readonly Row[], filter: RowFilter): Row[] {
  const { search, type, side, stream, onlyBad, range } = filter;
  const wanted = search.toLowerCase();
  const wantedBytes = new TextEncoder().encode(wanted);
  return rows.filter((row) => {
    const { record } = row;
    if (type !== "" && row.type !== type) return false;
    if (side !== "" && record.fromClient !== (side === "client")) return false;
    if (stream !== undefined && row.streamId !== stream) return false;
    if (onlyBad && !row.isBad) return false;
    if (range && (record.time < range[0] || record.time > range[1])) {
      return false;
    }
    return wanted === "" || row.searched.includes(wanted) ||
      row.payload !== undefined && hasBytes(row.payload.bytes, wantedBytes);
  });
}

/**
 * Whether `bytes` contain `wanted`, which is in lower case; the case of ASCII
 * letters is ignored.
 */
function hasBytes(bytes: Uint8Array, wanted: Uint8Array): boolean {
  const first = wanted[0];
  const last = bytes.length - wanted.length;
  for (let at = 0; at <= last; at++) {
    if (lowerCase(bytes[at]) !== first) continue;
    let length = 1;
    while (
      length < wanted.length && lowerCase(bytes[at + length]) === wanted[length]
    ) length++;
    if (length === wanted.length) return true;
  }
  return false;
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}\u2026` : text;
}

function addToStream(connection: Connection, record: FrameRecord): void {
  const { streamId: id, time, type, fromClient, frame } = record;
  if (id === undefined || id === 0) return;
  let stream = connection.streams.get(id);
  if (stream === undefined) {
    stream = newStream(id, time, type === "SYN_STREAM");
    connection.streams.set(id, stream);
  }
  stream.end = Math.max(stream.end, time);
  const side = fromClient ? "client" : "server";
  if (
    type === "SYN_REPLY" ||
    type === "HEADERS" && fromClient !== (id % 2 === 1)
  ) stream.reply ??= time;
  if (frame === undefined) return;
  switch (frame.frameType) {
    case DATA:
      stream.data[side].push(time);
      stream.bytes[side] += frame.length;
      break;
    case RST_STREAM: {
      const status = statusName(frame.statusCode);
      stream.reset ??= { time, status, fromClient };
      return;
    }
    case SYN_STREAM:
      // The other side of such a stream sends nothing (2.3.6).
      if (frame.flags & CTRL_FLAG_UNIDIRECTIONAL) {
        stream.fin[fromClient ? "server" : "client"] = true;
      }
      break;
    case SYN_REPLY:
    case HEADERS:
    case SETTINGS:
    case PING:
    case GOAWAY:
    case WINDOW_UPDATE:
      break;
    default:
      frame satisfies never;
  }
  if ("nv" in frame) {
    const fields = new Map(frame.nv);
    if (stream.label === "") stream.label = labelOf(fields);
    // The status of a push is in its SYN_STREAM or HEADERS (3.3.1).
    stream.status ??= fields.get(":status");
    if (frame.flags & DATA_FLAG_FIN) stream.fin[side] = true;
  } else if (frame.frameType === DATA && frame.flags & DATA_FLAG_FIN) {
    stream.fin[side] = true;
  }
}

function newStream(id: number, begin: number, isWhole: boolean): StreamSpan {
  return {
    id,
    begin,
    end: begin,
    isPush: id % 2 === 0,
    isWhole,
    label: "",
    status: undefined,
    reply: undefined,
    data: { client: [], server: [] },
    bytes: { client: 0, server: 0 },
    fin: { client: false, server: false },
    reset: undefined,
  };
}

function labelOf(fields: ReadonlyMap<string, string>): string {
  const path = fields.get(":path");
  if (path !== undefined) {
    const method = fields.get(":method");
    return method === undefined ? path : `${method} ${path}`;
  }
  const kind = fields.get("streamtype");
  const port = fields.get("port");
  if (kind === undefined) return fields.get("name") ?? "";
  return port === undefined ? kind : `${kind}, port ${port}`;
}
