/**
 * The summary of a connection.
 *
 * @module
 */

/// <reference lib="dom" />

import { percent, sizeText, timeText } from "./chart.ts";
import { type Content, element } from "./dom.ts";
import type { Connection } from "./model.ts";

/** Descriptions of how a connection ended. */
const ENDS: Readonly<Record<string, string>> = {
  closed: "closed",
  reset: "reset by a RST packet",
  "capture ended": "open at the end",
  forgotten: "dropped: too many connections",
};

/** The tiles above the charts. */
export function summaryTiles(connection: Connection): HTMLElement[] {
  const { summary, streams, begin, end } = connection;
  if (summary === undefined) return [];
  const { fromClient, fromServer, stalls, how } = summary;
  const sides = [["\u2192", fromClient], ["\u2190", fromServer]] as const;
  let resets = 0;
  for (const { reset } of streams.values()) {
    if (reset !== undefined) resets++;
  }
  const stalled = (stalls ?? []).reduce((sum, { count }) => sum + count, 0);
  const length = (stalls ?? []).reduce((sum, { total }) => sum + total, 0);
  return [
    tile(
      "Streams",
      String(summary.streams),
      resets === 0 ? "none reset" : `${resets} reset`,
      resets > 0,
    ),
    tile(
      "Frames",
      String(fromClient.frames + fromServer.frames),
      sides.map(([arrow, { frames }]) => `${arrow} ${frames}`).join("  "),
    ),
    tile(
      "Bytes",
      sizeText(fromClient.bytes + fromServer.bytes),
      sides.map(([arrow, { bytes }]) => `${arrow} ${sizeText(bytes)}`)
        .join("  "),
    ),
    compressionTile(
      sides.map(([arrow, { headers }]) => ({ arrow, ...headers })),
    ),
    tile(
      "Windows used up",
      stalls === undefined ? "unknown" : `${stalled}\u00d7`,
      stalls === undefined
        ? "the beginning is missing"
        : stalled === 0
        ? "nothing waited"
        : `${timeText(length)} in all`,
      stalled > 0,
    ),
    tile("Time", timeText(end - begin), ENDS[how] ?? how),
  ];
}

function tile(
  name: string,
  value: string,
  more: string,
  isBad = false,
): HTMLElement {
  return element(
    "div",
    "tile",
    element("dt", "", name),
    element("dd", "", value),
    element("dd", isBad ? "more bad" : "more", more),
  );
}

/** The compression of the header blocks of both sides. */
function compressionTile(
  sides: readonly {
    readonly arrow: string;
    readonly plain: number;
    readonly compressed: number;
  }[],
): HTMLElement {
  const plain = sides.reduce((sum, side) => sum + side.plain, 0);
  const compressed = sides.reduce((sum, side) => sum + side.compressed, 0);
  const made = tile(
    "Header compression",
    percent(plain, compressed) || "none",
    sides.map(({ arrow, plain, compressed }) =>
      plain === 0 ? "" : `${arrow} ${percent(plain, compressed)}`
    ).join("  ").trim(),
  );
  made.title = sides.map(({ arrow, plain, compressed }) =>
    `${arrow} ${plain} \u2192 ${compressed} bytes`
  ).join("\n");
  return made;
}

/** The figures of each side, and the windows that were used up, the longest first. */
export function summaryDetails({ summary }: Connection): Content[] {
  if (summary === undefined) return [];
  const contents: Content[] = [];
  for (
    const [name, side] of [
      ["Client", summary.fromClient],
      ["Server", summary.fromServer],
    ] as const
  ) {
    if (side.frames === 0) continue;
    const { plain, compressed, blocks } = side.headers;
    const rows: [string, string][] = Object.entries(side.types).map(
      ([type, count]) => [type, String(count)],
    );
    if (blocks > 0) {
      rows.push([
        "headers",
        `${plain} \u2192 ${compressed} bytes, ${percent(plain, compressed)}`,
      ]);
    }
    rows.push(["payload", sizeText(side.payload)]);
    if (side.missing > 0) {
      rows.push(["missing", `${side.missing} bytes are not in the capture`]);
    }
    for (const [status, count] of Object.entries(side.resets)) {
      rows.push([`reset, ${status}`, String(count)]);
    }
    contents.push(
      element("h4", "", `The ${name.toLowerCase()} has sent`),
      element(
        "dl",
        "fields",
        ...rows.flatMap(([term, value]) => [
          element("dt", "", term),
          element("dd", "", value),
        ]),
      ),
    );
  }
  const stalls = (summary.stalls ?? []).slice(0, 20);
  if (stalls.length > 0) {
    contents.push(
      element("h4", "", "Windows that were used up"),
      element(
        "ul",
        "stalls",
        ...stalls.map(({ streamId, fromClient, count, total, longest }) =>
          element(
            "li",
            "",
            `${streamId === 0 ? "session" : `stream ${streamId}`}, ${
              fromClient ? "client" : "server"
            } sends: ${count}\u00d7, ${timeText(total)}, the longest ${
              timeText(longest)
            }`,
          )
        ),
      ),
    );
  }
  return contents;
}
