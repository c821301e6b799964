/**
 * The records of a capture as lines of text.
 *
 * @module
 */

import type {
  CaptureRecord,
  ConnectionRecord,
  FrameRecord,
  Place,
} from "../../capture/mod.ts";
import { frameText } from "../../frame/frame_text.ts";
import {
  bold,
  cyan,
  dim,
  red,
  show,
  type Shown,
  wrap,
  yellow,
} from "../terminal.ts";

/** Column at which headers begin. */
const HEADER_INDENT = 26;
/** Width of the offset, columns. */
const OFFSET_WIDTH = 10;
/** Column at which flags and fields begin. */
const FIELDS_INDENT = 59;
/** From this width on, columns, the fields of a continued row stay in their column. */
const WIDE = 100;

/** Converts records to lines; times count from the first connection. */
export class RecordTable {
  readonly #columns: number | undefined;
  readonly #isNarrow: boolean;
  /** Column of the fields, and the one at which they continue in the next row. */
  readonly #fieldsAt: { readonly together: number; readonly indent: number };
  #begin: number | undefined;
  #hasHead = false;
  /** Version of each connection, to mark frames with another version. */
  readonly #versions = new Map<number, number>();

  /**
   * Longer lines continue in the next row after `columns`; `undefined` means that
   * the output is not a terminal. On less than 80 columns, the offset is omitted.
   */
  constructor(columns?: number) {
    this.#columns = columns;
    this.#isNarrow = columns !== undefined && columns < 80;
    const without = this.#isNarrow ? OFFSET_WIDTH : 0;
    this.#fieldsAt = {
      together: FIELDS_INDENT - without,
      indent: columns !== undefined && columns >= WIDE
        ? FIELDS_INDENT
        : HEADER_INDENT - without + 2,
    };
  }

  /** Appends the lines of a record. */
  append(record: CaptureRecord, lines: Shown[]): void {
    switch (record.kind) {
      case "connection":
        this.#connection(record, lines);
        return;
      case "frame":
        this.#frame(record, lines);
        return;
      case "head": {
        const { line, length } = record;
        const row = this.#row(record, "HTTP/1.1", "", String(length), line);
        lines.push(...this.#wrapRow(show`${row}`));
        return;
      }
      case "note": {
        const mark = record.isError ? "! " : "";
        const row = this.#row(record, "", "", "", `${mark}${record.text}`);
        lines.push(...this.#wrapRow(record.isError ? red(row) : yellow(row)));
        return;
      }
      case "end":
        this.#versions.delete(record.connection);
        return;
      case "warning":
        return;
      default:
        record satisfies never;
    }
  }

  #connection(record: ConnectionRecord, lines: Shown[]): void {
    const { connection, client, server, complete } = record;
    this.#begin ??= record.time;
    const isFirst = !this.#hasHead;
    this.#hasHead = true;
    if (!isFirst) lines.push(show``);
    const ends = server ? `${client} -> ${server}` : client;
    const begin = complete ? "" : "  (its beginning is not in the capture)";
    const line = show`${bold(String(connection))}  ${ends}${dim(begin)}`;
    lines.push(...wrap(line, this.#columns, { indent: 3 }));
    if (!isFirst) return;
    const offset = this.#isNarrow ? undefined : "offset";
    const fields = this.#isNarrow ? "fields" : "flags and fields";
    lines.push(
      show``,
      dim(row("", "", offset, "ms", "frame", "stream", "length", fields)),
    );
  }

  #frame(record: FrameRecord, lines: Shown[]): void {
    const words = record.frame && frameText(record.frame);
    let fields = words?.flags.join(" ") ?? "";
    for (const more of [words?.detail, this.#otherVersion(record)]) {
      if (more) fields += fields === "" ? more : `  ${more}`;
    }
    const line = this.#row(
      record,
      record.type,
      record.streamId === undefined ? "" : String(record.streamId),
      words ? String(words.length) : "",
      fields,
    );
    lines.push(...this.#wrapRow(
      record.error ? red(`${line}  ! ${record.error}`) : show`${line}`,
    ));
    if (record.unreadable || words?.headers === undefined) return;
    const indent = HEADER_INDENT - (this.#isNarrow ? OFFSET_WIDTH : 0);
    const begin = " ".repeat(indent);
    for (const [name, value] of words.headers) {
      const header = show`${begin}${cyan(name)} ${value}`;
      lines.push(...wrap(header, this.#columns, { indent: indent + 2 }));
    }
  }

  #wrapRow(line: Shown): Shown[] {
    return wrap(line, this.#columns, this.#fieldsAt);
  }

  /** A mark for a frame with another version than the first one, which SPDY endpoints ignore. */
  #otherVersion({ connection, version, frame }: FrameRecord): string {
    if (version === 0 || frame === undefined) return "";
    const first = this.#versions.get(connection);
    if (first === undefined) this.#versions.set(connection, version);
    return first === undefined || first === version ? "" : `SPDY/${version}`;
  }

  #row(
    place: Place,
    type: string,
    stream: string,
    length: string,
    fields: string,
  ): string {
    const begin = this.#begin ?? 0;
    return row(
      String(place.connection),
      place.fromClient ? "->" : "<-",
      this.#isNarrow ? undefined : String(place.offset),
      begin ? (place.time - begin).toFixed(1) : "",
      type,
      stream,
      length,
      fields,
    );
  }
}

function row(
  connection: string,
  arrow: string,
  offset: string | undefined,
  time: string,
  type: string,
  stream: string,
  length: string,
  fields: string,
): string {
  // Concatenated without templates, because a capture can have millions of rows.
  const place = offset === undefined ? "" : ` ${offset.padStart(9)}`;
  const begin = `${connection.padStart(3)} ${arrow.padEnd(2)}${place}`;
  const frame = ` ${type.padEnd(13)} ${stream.padStart(6)}`;
  return `${begin} ${time.padStart(9)} ${frame} ${
    length.padStart(8)
  }  ${fields}`
    .trimEnd();
}
