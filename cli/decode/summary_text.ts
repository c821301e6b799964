/**
 * The summary of a connection as text and as JSON.
 *
 * @module
 */

import type {
  ConnectionSummary,
  SideSummary,
  Stalls,
} from "../../capture/mod.ts";
import { bold, show, showJson, type Shown, wrap } from "../terminal.ts";

/** Most stalled windows that are listed for a connection. */
const MOST_STALLS = 5;

/** The summary as lines, which continue in the next row after `columns`. */
export function* summaryLines(
  summary: ConnectionSummary,
  columns: number | undefined,
): Generator<Shown> {
  for (const line of linesOf(summary)) {
    const [spaces] = /^ */.exec(line.toString())!;
    yield* wrap(line, columns, { indent: spaces.length + 3 });
  }
}

function* linesOf(summary: ConnectionSummary): Generator<Shown> {
  const { connection, client, server, how, streams, errors } = summary;
  yield show`${bold(String(connection))}  ${client}${
    server ? ` -> ${server}` : ""
  }`;
  const time = summary.begin > 0
    ? `${seconds(summary.end - summary.begin)}, `
    : "";
  yield show`   ${time}${how}, ${count(streams, "stream")}${
    errors > 0 ? `, ${count(errors, "error")}` : ""
  }`;
  yield* sideLines("->", summary.fromClient);
  yield* sideLines("<-", summary.fromServer);
  if (summary.stalls === undefined) {
    yield show`   windows: not known, the beginning is not in the capture`;
    return;
  }
  for (const stalls of summary.stalls.slice(0, MOST_STALLS)) {
    yield show`   ${stallText(stalls)}`;
  }
  const more = summary.stalls.length - MOST_STALLS;
  if (more > 0) yield show`   ${more} more windows were used up`;
}

/** The summary as one line of JSON. */
export function summaryJson(summary: ConnectionSummary): Shown {
  return showJson({ type: "summary", ...summary });
}

function* sideLines(arrow: string, side: SideSummary): Generator<Shown> {
  const { frames, bytes, payload, missing, headers } = side;
  const lacks = missing > 0 ? `, ${missing} missing` : "";
  yield show`   ${arrow} ${
    count(frames, "frame")
  }, ${bytes} bytes, ${payload} of them payload${lacks}`;
  if (frames === 0) return;
  const types = Object.entries(side.types).map(([type, n]) => `${type} ${n}`);
  yield show`      ${types.join(", ")}`;
  if (headers.blocks > 0) {
    // A damaged block may inflate to nothing.
    const percent = headers.plain === 0
      ? ""
      : ` (${Math.round(100 * headers.compressed / headers.plain)}%)`;
    yield show`      headers ${headers.plain} -> ${headers.compressed} bytes${percent} in ${
      count(headers.blocks, "block")
    }`;
  }
  const resets = Object.entries(side.resets).map(([status, n]) =>
    `${status} ${n}`
  );
  if (resets.length > 0) yield show`      resets ${resets.join(", ")}`;
}

function stallText(
  { streamId, fromClient, count: times, total, longest }: Stalls,
): string {
  const which = streamId === 0 ? "the session" : `stream ${streamId}`;
  const more = times > 1 ? `, longest ${milliseconds(longest)}` : "";
  return `${fromClient ? "->" : "<-"} window of ${which} used up ${
    times === 1 ? "once" : `${times} times`
  }, ${milliseconds(total)}${more}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}
