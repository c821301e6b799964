/**
 * The records of a capture as lines for people.
 *
 * @module
 */

import type {
  CaptureRecord,
  ConnectionRecord,
  FrameRecord,
  Place,
} from "../../capture/mod.ts";
import { frameText } from "../frame_text.ts";
import { bold, cyan, dim, red, show, type Shown, yellow } from "../terminal.ts";

/** Column at which headers begin. */
const HEADER_INDENT = 26;
/** Columns of the offset. */
const OFFSET_WIDTH = 10;

/** Turns records into lines; times are counted from the first one. */
export class RecordTable {
  readonly #isNarrow: boolean;
  #begin: number | undefined;
  #hasHead = false;
  /** Version of each connection, to mark frames of another one. */
  readonly #versions = new Map<number, number>();

  /** On less than 80 columns the offset is left out; `undefined` stands for no terminal. */
  constructor(columns?: number) {
    this.#isNarrow = columns !== undefined && columns < 80;
  }

  /** The lines of a record. */
  *lines(record: CaptureRecord): Generator<Shown> {
    switch (record.kind) {
      case "connection":
        yield* this.#connection(record);
        return;
      case "frame":
        yield* this.#frame(record);
        return;
      case "head":
        yield show`${
          this.#row(record, "HTTP/1.1", "", String(record.length), record.line)
        }`;
        return;
      case "note": {
        const mark = record.isError ? "! " : "";
        const row = this.#row(record, "", "", "", `${mark}${record.text}`);
        yield record.isError ? red(row) : yellow(row);
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

  *#connection(record: ConnectionRecord): Generator<Shown> {
    const { connection, client, server, complete } = record;
    this.#begin ??= record.time;
    if (this.#hasHead) yield show``;
    yield show`${bold(String(connection))}  ${client}${
      server ? ` -> ${server}` : ""
    }${complete ? "" : dim("  (its beginning is not in the capture)")}`;
    if (this.#hasHead) return;
    this.#hasHead = true;
    yield show``;
    yield dim(
      row(
        "",
        "",
        this.#isNarrow ? undefined : "offset",
        "ms",
        "frame",
        "stream",
        "length",
        "flags and fields",
      ),
    );
  }

  *#frame(record: FrameRecord): Generator<Shown> {
    const words = record.frame && frameText(record.frame);
    const fields = [
      words?.flags.join(" "),
      words?.detail,
      this.#otherVersion(record),
    ].filter(Boolean).join("  ");
    const line = this.#row(
      record,
      record.type,
      record.streamId === undefined ? "" : String(record.streamId),
      words ? String(words.length) : "",
      fields,
    );
    yield record.error ? red(`${line}  ! ${record.error}`) : show`${line}`;
    if (record.unreadable) return;
    const indent = " ".repeat(
      HEADER_INDENT - (this.#isNarrow ? OFFSET_WIDTH : 0),
    );
    for (const [name, value] of words?.headers ?? []) {
      yield show`${indent}${cyan(name)} ${value}`;
    }
  }

  /** Frames of another version than the first one are ignored by SPDY endpoints. */
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
  return [
    connection.padStart(3),
    arrow.padEnd(2),
    ...(offset === undefined ? [] : [offset.padStart(9)]),
    time.padStart(9),
    ` ${type.padEnd(13)}`,
    stream.padStart(6),
    length.padStart(8),
    ` ${fields}`,
  ].join(" ").trimEnd();
}
