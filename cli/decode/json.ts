/**
 * The records of a capture as lines of JSON. The fields are documented in
 * docs/captures.md and do not change within a major version.
 *
 * @module
 */

import type { CaptureRecord, Place } from "../../capture/mod.ts";
import { frameText } from "../../frame/frame_text.ts";
import { showJson, type Shown } from "../terminal.ts";

/** The record as one line; `undefined` for a record without a line. */
export function recordJson(record: CaptureRecord): Shown | undefined {
  switch (record.kind) {
    case "frame": {
      const { frame, type, unreadable, headerBytes, error, missing } = record;
      return showJson({
        ...placeFields(record),
        type: type || undefined,
        streamId: record.streamId,
        flagNames: frame && frameText(frame).flags,
        ...(type === "" ? {} : {
          version: record.version || undefined,
          flags: record.flags,
          length: record.length,
        }),
        ...frame,
        ...(unreadable ? { nv: undefined, unreadable } : {}),
        headerBytes,
        missing: missing || undefined,
        error,
      });
    }
    case "head":
      return showJson({
        ...placeFields(record),
        type: "HTTP/1.1",
        line: record.line,
        fields: record.fields,
        length: record.length,
      });
    case "note":
      return showJson({
        ...placeFields(record),
        note: record.isError ? undefined : record.text,
        skipped: record.skipped || undefined,
        error: record.isError ? record.text : undefined,
      });
    case "connection":
    case "end":
    case "warning":
      return undefined;
    default:
      return record satisfies never;
  }
}

function placeFields(place: Place): Record<string, unknown> {
  return {
    connection: place.connection,
    direction: place.fromClient ? "client" : "server",
    from: place.from,
    to: place.to || undefined,
    packet: place.packet || undefined,
    offset: place.offset,
    time: place.time || undefined,
  };
}
