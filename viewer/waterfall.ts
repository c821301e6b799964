/**
 * Draws the streams of a connection over time.
 *
 * @module
 */

import { bar, type Phase, phaseTitle, scale, type Shape } from "./chart.ts";
import { hasEnded, type StreamSpan } from "./model.ts";

/** A part of a connection's time, ms since 1970. */
export type Range = readonly [begin: number, end: number];

/** The bar of a stream, `width` by `height` pixels, within the range. */
export function streamBar(
  stream: StreamSpan,
  [begin, end]: Range,
  width: number,
  height: number,
): Shape[] {
  // Leaves room for a mark at the right edge.
  const x = scale(begin, end, 0, width - 2);
  const inRange = (time: number): number =>
    Math.min(end, Math.max(begin, time));
  const top = Math.round(height * 0.2);
  const tall = height - 2 * top;
  const phases = phasesOf(stream).map((phase) => ({
    ...phase,
    begin: inRange(phase.begin),
    end: inRange(phase.end),
    title: phaseTitle(phase),
  }));
  const shapes = bar(phases, x, top, tall);
  const isSeen = (time: number): boolean => time >= begin && time <= end;
  // The stream has only one frame, or is too short for a phase.
  if (shapes.length === 0 && isSeen(stream.begin)) {
    const meaning = stream.isPush ? "push" : "waiting";
    const title = "one frame, or several at the same time";
    shapes.push(
      {
        kind: "rect",
        meaning,
        x: x(stream.begin),
        y: top,
        width: 2,
        height: tall,
        title,
      },
    );
  }
  const half = tall / 2;
  shapes.push(
    ...marks(stream.data.client, isSeen, x, top, half, "upload"),
    ...marks(
      stream.data.server,
      isSeen,
      x,
      top + half,
      half,
      stream.isPush ? "push" : "data",
    ),
  );
  const { reset } = stream;
  if (reset !== undefined && isSeen(reset.time)) {
    const title = `${reset.status}, by the ${
      reset.fromClient ? "client" : "server"
    }`;
    const at = Math.min(width - 4, Math.max(0, x(reset.time) - 2));
    shapes.push(
      {
        kind: "rect",
        meaning: "reset",
        x: at,
        y: top - 2,
        width: 4,
        height: tall + 4,
        title,
      },
    );
  }
  return shapes;
}

/** The phases of a stream, one after the other. */
export function phasesOf(stream: StreamSpan): Phase[] {
  const { begin, end, isPush, reply } = stream;
  const data = Math.min(
    stream.data.client[0] ?? Infinity,
    stream.data.server[0] ?? Infinity,
  );
  // The phase after the reply; DATA of the client can precede the reply.
  const answered = isPush ? begin : Math.min(reply ?? Infinity, end);
  const phases: Phase[] = [];
  if (!isPush) {
    phases.push({ meaning: "waiting", name: "waiting", begin, end: answered });
  }
  const from = Math.min(end, Math.max(answered, data));
  phases.push(
    {
      meaning: isPush ? "push" : "headers",
      name: isPush ? "pushed, before data" : "headers, before data",
      begin: answered,
      end: from,
    },
    {
      meaning: isPush ? "pushTint" : "dataTint",
      name: "data",
      begin: from,
      end,
    },
  );
  return phases;
}

/** Marks for DATA frames, one for each pixel. */
function marks(
  times: readonly number[],
  isSeen: (time: number) => boolean,
  x: (time: number) => number,
  y: number,
  height: number,
  meaning: "data" | "upload" | "push",
): Shape[] {
  const shapes: Shape[] = [];
  let from: number | undefined;
  let to = 0;
  const end = (): void => {
    if (from === undefined) return;
    shapes.push({
      kind: "rect",
      meaning,
      x: from,
      y,
      width: to - from,
      height,
    });
  };
  for (const time of times) {
    if (!isSeen(time)) continue;
    const at = Math.floor(x(time));
    if (from !== undefined && at <= to) to = Math.max(to, at + 2);
    else {
      end();
      from = at;
      to = at + 2;
    }
  }
  end();
  return shapes;
}

/** How a stream ended, in one or two words. */
export function resultOf(stream: StreamSpan): string {
  if (stream.reset !== undefined) return stream.reset.status;
  if (stream.status !== undefined) return stream.status.split(" ")[0];
  return hasEnded(stream) ? "" : "open";
}
