/**
 * The table of frames.
 *
 * @module
 */

/// <reference lib="dom" />

import { element } from "./dom.ts";
import { type Choice, List } from "./list.ts";
import type { Row } from "./model.ts";
import { previewOf } from "./payload_text.ts";

/** Most characters of the last column. */
const MOST_TEXT = 400;

/** Lists frames in `box`; times count from `begin()`. */
export function frameList(
  box: HTMLElement,
  begin: () => number,
  onChoose: (row: Row, how: Choice) => void,
): List<Row> {
  return new List<Row>(box, {
    role: "row",
    height: () => 22,
    fill(line, row): void {
      const { record, type, streamId } = row;
      line.classList.toggle("bad", row.isBad);
      line.classList.toggle("note", record.kind !== "frame");
      const { fromClient, time } = record;
      const cells: readonly (readonly [name: string, text: string])[] = [
        ["packet", record.packet > 0 ? String(record.packet) : ""],
        ["time", record.packet > 0 ? msText(time - begin()) : ""],
        [
          fromClient ? "way client" : "way server",
          fromClient ? "\u2192" : "\u2190",
        ],
        [`type ${kindOf(type)}`, type],
        ["stream", streamId === undefined ? "" : String(streamId)],
        ["length", record.kind === "note" ? "" : String(record.length)],
        ["info", row.text.slice(0, MOST_TEXT)],
      ];
      const preview = row.payload === undefined ? "" : previewOf(row.payload);
      for (const [name, text] of cells) {
        const cell = element("span", name, text);
        cell.role = "gridcell";
        line.append(cell);
      }
      if (preview !== "") {
        line.lastElementChild!.append(
          element("i", "preview", row.text === "" ? preview : `   ${preview}`),
        );
      }
      line.children[2].ariaLabel = fromClient
        ? "from the client"
        : "from the server";
    },
    onChoose: (row, _index, how) => onChoose(row, how),
  });
}

/** A time for a column, with a fixed number of decimals. */
export function msText(ms: number): string {
  return ms.toFixed(ms < 100_000 ? 2 : 0);
}

/** The CSS class for the colour of a type. */
export function kindOf(type: string): string {
  if (type === "DATA") return "is-data";
  if (/^(SYN_|HEADERS)/.test(type)) return "is-headers";
  return type === "RST_STREAM" || type === "GOAWAY" ? "is-end" : "is-other";
}
