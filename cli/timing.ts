/**
 * The times of requests, as a waterfall in the terminal and as a picture.
 *
 * @module
 */

import {
  bar,
  legend,
  type Meaning,
  type Phase,
  scale,
  type Shape,
  svgFile,
  timeAxis,
  timeText,
} from "../viewer/chart.ts";

/** Times of one request, ms since the command began. */
export interface Timing {
  url: string;
  /** Its name in the waterfall: the address as the user typed it; default: the URL. */
  name?: string;
  /** The request was made. */
  start: number;
  /** SYN_STREAM was sent. */
  sent?: number;
  /** The head of the response arrived. */
  head?: number;
  /** The last byte arrived, or the request failed. */
  end?: number;
  /** Bytes of the response's body. */
  bytes: number;
  /** HTTP status; `"error"` if the request failed. */
  result: string;
}

const PHASES: readonly {
  readonly name: string;
  readonly mark: string;
  readonly meaning: Meaning;
}[] = [
  { name: "queued", mark: ".", meaning: "queued" },
  { name: "waiting", mark: "-", meaning: "headers" },
  { name: "receiving", mark: "#", meaning: "data" },
];

function phases(
  { start, sent, head, end }: Timing,
): (Phase & { readonly mark: string })[] {
  const last = end ?? head ?? sent ?? start;
  const moments = [start, sent ?? last, head ?? last, last];
  return PHASES.map((phase, index) => ({
    ...phase,
    begin: moments[index],
    end: moments[index + 1],
  }));
}

function extent(timings: readonly Timing[]): { begin: number; length: number } {
  const begin = Math.min(...timings.map(({ start }) => start));
  const end = Math.max(...timings.map((timing) => timing.end ?? timing.start));
  return { begin, length: Math.max(end - begin, 0.001) };
}

function nameOf({ name, url }: Timing): string {
  return name ?? url;
}

/** Width of a line without the address, the result and the bar, columns. */
const FRAME = 16;

/**
 * The waterfall as text, one line for each request, at most `columns` wide unless
 * that leaves no room for bars.
 */
export function* waterfallText(
  timings: readonly Timing[],
  columns = 100,
): Generator<string> {
  const { begin, length } = extent(timings);
  const results = Math.max(...timings.map(({ result }) => result.length));
  const room = Math.max(24, columns - FRAME - results);
  const names = Math.min(
    40,
    Math.floor(room * 0.6),
    Math.max(...timings.map((timing) => nameOf(timing).length)),
  );
  const width = room - names;
  const column = (time: number): number =>
    Math.round((time - begin) / length * width);
  for (const timing of timings) {
    let bar = " ".repeat(column(timing.start));
    for (const phase of phases(timing)) {
      bar += phase.mark.repeat(
        Math.max(
          0,
          column(phase.end) - Math.max(bar.length, column(phase.begin)),
        ),
      );
    }
    // A request that is shorter than one column still gets a mark.
    if (bar.trim() === "") bar = `${bar.slice(0, width - 1)}#`;
    const total = (timing.end ?? timing.start) - timing.start;
    const full = nameOf(timing);
    const name = full.length > names
      ? `...${full.slice(3 - names)}`
      : full.padEnd(names);
    yield `${name} ${timing.result.padEnd(results)} |${bar.padEnd(width)}| ${
      total.toFixed(1).padStart(8)
    } ms`;
  }
  yield PHASES.map(({ name, mark }) => `${mark} ${name}`).join("   ");
}

const ROW = 24;
const NAMES = 320;
const BARS = 640;
const MARGIN = 16;
/** Most characters of a URL in front of its bar. */
const MOST_NAME = 36;

/** The waterfall as an SVG picture. */
export function waterfallSvg(timings: readonly Timing[]): string {
  const { begin, length } = extent(timings);
  const x = scale(begin, begin + length, NAMES, NAMES + BARS);
  const top = MARGIN + ROW;
  const bottom = top + timings.length * ROW;
  const shapes: Shape[] = timeAxis({
    range: [0, length],
    x: (time) => x(begin + time),
    labels: top - 10,
    grid: [top - 4, bottom],
    most: 8,
  });
  timings.forEach((timing, index) => {
    const y = top + index * ROW;
    const full = nameOf(timing);
    const name = full.length > MOST_NAME
      ? `\u2026${full.slice(1 - MOST_NAME)}`
      : full;
    const total = (timing.end ?? timing.start) - timing.start;
    shapes.push(
      { kind: "text", meaning: "text", x: MARGIN, y: y + 17, text: name },
      {
        kind: "text",
        meaning: /^[123]/.test(timing.result) ? "faint" : "reset",
        x: NAMES - 8,
        y: y + 17,
        text: timing.result,
        anchor: "end",
      },
      ...bar(phases(timing), x, y + 5, ROW - 9),
      {
        kind: "text",
        meaning: "faint",
        x: NAMES + BARS + 10,
        y: y + 17,
        text: timeText(total),
      },
    );
  });
  const keys = PHASES.map(({ meaning, name }) => [meaning, name] as const);
  shapes.push(...legend(keys, NAMES, bottom + 26));
  return svgFile(shapes, NAMES + BARS + 90, bottom + ROW + MARGIN);
}
