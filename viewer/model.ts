/**
 * What the page of captures shows, as plain data: rows of frames, streams over
 * time, and windows. It touches no document.
 *
 * @module
 */

import {
  type CapturedPayload,
  type CaptureRecord,
  type ConnectionSummary,
  type FrameRecord,
  type HeadRecord,
  type NoteRecord,
  Summaries,
  WindowTracker,
} from "../capture/mod.ts";

/** Bytes that are kept of the payload of one frame. */
const MOST_OF_FRAME = 1 << 16;
/** Bytes that are kept of all payloads. */
const MOST_OF_ALL = 1 << 26;

/** A line of the table. */
export interface Row {
  /** What was captured. */
  readonly record: FrameRecord | HeadRecord | NoteRecord;
  /** Name of the frame's type, or what the line is instead. */
  readonly type: string;
  /** Headers or other content, as one line. */
  readonly text: string;
  /** The beginning of the payload of a DATA frame. */
  readonly payload: Uint8Array | undefined;
  /** Windows of the sender after the frame: of the session and of the stream. */
  readonly windows: readonly [session: number, stream: number] | undefined;
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
  /** Time of the reply, if there was one. */
  reply: number | undefined;
  /** Time of the first DATA frame. */
  data: number | undefined;
  /** Whether it was reset. */
  isReset: boolean;
  /** Path, or another name of what it carries. */
  readonly label: string;
}

/** A connection. */
export interface Connection {
  /** Its number. */
  readonly number: number;
  /** Client and server. */
  readonly title: string;
  /** Time of its first packet, ms since 1970. */
  readonly begin: number;
  /** Its lines, in order. */
  readonly rows: Row[];
  /** Its streams, by id. */
  readonly streams: Map<number, StreamSpan>;
  /** Follows its windows; `undefined` without its beginning. */
  readonly tracker: WindowTracker | undefined;
  /** The summary, when it has ended. */
  summary: ConnectionSummary | undefined;
}

/** Collects the records of a capture. */
export class Model {
  /** Connections by number. */
  readonly connections: Map<number, Connection> = new Map();
  /** What is wrong with the file. */
  readonly warnings: string[] = [];
  readonly #summaries = new Summaries();
  readonly #payloads = new Map<string, Uint8Array[]>();
  #kept = 0;

  /** Takes the next record. */
  add(record: CaptureRecord): void {
    const summary = this.#summaries.add(record);
    if (record.kind === "warning") {
      this.warnings.push(record.text);
      return;
    }
    if (record.kind === "connection") {
      this.connections.set(record.connection, {
        number: record.connection,
        title: record.server === ""
          ? record.client
          : `${record.client} \u2192 ${record.server}`,
        begin: record.time,
        rows: [],
        streams: new Map(),
        tracker: record.complete ? new WindowTracker() : undefined,
        summary: undefined,
      });
      return;
    }
    const found = this.connections.get(record.connection);
    if (found === undefined) return;
    if (record.kind === "end") {
      found.summary = summary;
      return;
    }
    let windows: Row["windows"];
    let payload: Uint8Array | undefined;
    if (record.kind === "frame") {
      addToStream(found, record);
      payload = this.#takePayload(record);
      const { tracker } = found;
      if (tracker !== undefined) {
        tracker.add(record);
        // A WINDOW_UPDATE changes the window of the other side.
        const side = record.type === "WINDOW_UPDATE"
          ? !record.fromClient
          : record.fromClient;
        windows = [
          tracker.session(side),
          tracker.stream(side, record.streamId ?? 0),
        ];
      }
    }
    found.rows.push({
      record,
      type: record.kind === "frame"
        ? record.type
        : record.kind === "head"
        ? "HTTP/1.1"
        : "note",
      text: textOf(record),
      payload,
      windows,
    });
  }

  /** Takes a piece of payload; its frame follows. */
  addPayload({ connection, fromClient, bytes }: CapturedPayload): void {
    const key = `${connection} ${fromClient}`;
    let pieces = this.#payloads.get(key);
    if (pieces === undefined) this.#payloads.set(key, pieces = []);
    const had = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const room = Math.min(MOST_OF_FRAME - had, MOST_OF_ALL - this.#kept);
    if (room <= 0 || bytes.length === 0) return;
    const piece = bytes.slice(0, room);
    this.#kept += piece.length;
    pieces.push(piece);
  }

  #takePayload(record: FrameRecord): Uint8Array | undefined {
    if (record.type !== "DATA") return undefined;
    const key = `${record.connection} ${record.fromClient}`;
    const pieces = this.#payloads.get(key) ?? [];
    this.#payloads.delete(key);
    const whole = new Uint8Array(
      pieces.reduce((sum, piece) => sum + piece.length, 0),
    );
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}

/** The header fields of a line. */
export function fieldsOf(
  record: Row["record"],
): readonly (readonly [string, string])[] {
  if (record.kind === "head") return record.fields;
  if (record.kind !== "frame") return [];
  const { frame } = record;
  return frame !== undefined && "nv" in frame
    ? frame.nv as readonly (readonly [string, string])[]
    : [];
}

/** The lines that match a search and a type; both may be empty. */
export function filterRows(
  rows: readonly Row[],
  search: string,
  type: string,
  stream: number | undefined,
): Row[] {
  const wanted = search.toLowerCase();
  return rows.filter(({ record, type: has, text }) =>
    (type === "" || has === type) &&
    (stream === undefined ||
      record.kind === "frame" && record.streamId === stream) &&
    (wanted === "" || `${has} ${text}`.toLowerCase().includes(wanted))
  );
}

/** Bytes as hex digits and characters, 16 a line. */
export function hexText(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const digits = part.map((byte) => byte.toString(16).padStart(2, "0"));
    const characters = part.map((byte) =>
      byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "."
    );
    lines.push(
      `${at.toString(16).padStart(6, "0")}  ${digits.join(" ").padEnd(47)}  ${
        characters.join("")
      }`,
    );
  }
  return lines.join("\n");
}

/** Bytes as JSON with indents, or as text, or as hex digits. */
export function payloadText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return hexText(bytes);
  }
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0e-\x1f]/.test(text)) return hexText(bytes);
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function textOf(record: Row["record"]): string {
  if (record.kind === "head") return record.line;
  if (record.kind === "note") return record.text;
  const fields = fieldsOf(record).map(([name, value]) => `${name}: ${value}`);
  const { frame } = record;
  if (frame !== undefined && "deltaWindowSize" in frame) {
    fields.push(`+${frame.deltaWindowSize}`);
  }
  if (frame !== undefined && "statusCode" in frame) {
    fields.push(`status ${frame.statusCode}`);
  }
  if (record.unreadable) fields.push("headers cannot be read");
  if (record.error !== undefined) fields.push(record.error);
  return fields.join("  ");
}

function addToStream(connection: Connection, record: FrameRecord): void {
  const { streamId: id, time, type, fromClient } = record;
  if (id === undefined || id === 0) return;
  let stream = connection.streams.get(id);
  if (stream === undefined) {
    const fields = new Map(fieldsOf(record));
    stream = {
      id,
      begin: time,
      end: time,
      isPush: id % 2 === 0,
      reply: undefined,
      data: undefined,
      isReset: false,
      label: fields.get(":path") ?? fields.get("url") ??
        fields.get("streamtype") ?? "",
    };
    connection.streams.set(id, stream);
  }
  stream.end = time;
  if (type === "SYN_REPLY" || type === "HEADERS" && !fromClient) {
    stream.reply ??= time;
  }
  if (type === "DATA") stream.data ??= time;
  if (type === "RST_STREAM") stream.isReset = true;
}
