/**
 * When what happened to each request, as a waterfall for the terminal and as
 * a picture.
 *
 * @module
 */

import { escapeHtml } from "../deps.ts";

/** Moments of one request, ms since the program's first. */
export interface Timing {
  url: string;
  /** The request was made. */
  start: number;
  /** SYN_STREAM left. */
  sent?: number;
  /** The response's head came. */
  head?: number;
  /** The last byte came, or the request failed. */
  end?: number;
  /** Bytes of the response's body. */
  bytes: number;
  /** HTTP status, or why there is none. */
  result: string;
}

interface Phase {
  readonly name: string;
  readonly mark: string;
  readonly fill: string;
  readonly begin: number;
  readonly end: number;
}

const PHASES = [
  { name: "queued", mark: ".", fill: "#c8ccd2" },
  { name: "waiting", mark: "-", fill: "#e0a030" },
  { name: "receiving", mark: "#", fill: "#3a7bd5" },
] as const;

function phases({ start, sent, head, end }: Timing): Phase[] {
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

/** The waterfall in text, one request a line, `columns` wide in all. */
export function* waterfallText(
  timings: readonly Timing[],
  columns = 100,
): Generator<string> {
  const { begin, length } = extent(timings);
  const names = Math.min(40, Math.max(...timings.map(({ url }) => url.length)));
  const width = Math.max(20, columns - names - 26);
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
    // A request too short for one column is still there to be seen.
    if (bar.trim() === "") bar = `${bar.slice(0, width - 1)}#`;
    const total = (timing.end ?? timing.start) - timing.start;
    const name = timing.url.length > names
      ? `...${timing.url.slice(3 - names)}`
      : timing.url.padEnd(names);
    yield `${name} ${timing.result.padEnd(5)} |${bar.padEnd(width)}| ${
      total.toFixed(1).padStart(8)
    } ms`;
  }
  yield PHASES.map(({ name, mark }) => `${mark} ${name}`).join("   ");
}

const ROW = 24;
const NAMES = 320;
const BARS = 640;
const MARGIN = 16;

/** The waterfall as an SVG picture. */
export function waterfallSvg(timings: readonly Timing[]): string {
  const { begin, length } = extent(timings);
  const x = (time: number): number => NAMES + (time - begin) / length * BARS;
  const top = MARGIN + ROW;
  const height = top + timings.length * ROW + ROW + MARGIN;
  const width = NAMES + BARS + 110;
  const parts: string[] = [];
  for (let tick = 0; tick <= 4; tick++) {
    const at = NAMES + BARS * tick / 4;
    parts.push(
      `<line x1="${at}" y1="${top - 4}" x2="${at}" y2="${
        top + timings.length * ROW
      }" stroke="#ddd"/>`,
      `<text x="${at}" y="${top - 8}" text-anchor="middle" fill="#666">${
        (length * tick / 4).toFixed(1)
      } ms</text>`,
    );
  }
  timings.forEach((timing, index) => {
    const y = top + index * ROW;
    const name = timing.url.length > 44
      ? `...${timing.url.slice(-41)}`
      : timing.url;
    parts.push(
      `<text x="${MARGIN}" y="${y + 16}">${escapeHtml(name)}</text>`,
      `<text x="${NAMES - 8}" y="${y + 16}" text-anchor="end" fill="#666">${
        escapeHtml(timing.result)
      }</text>`,
    );
    for (const { name, fill, begin, end } of phases(timing)) {
      if (end <= begin) continue;
      parts.push(
        `<rect x="${x(begin).toFixed(1)}" y="${y + 4}" width="${
          Math.max(1, x(end) - x(begin)).toFixed(1)
        }" height="${ROW - 8}" fill="${fill}"><title>${name} ${
          (end - begin).toFixed(1)
        } ms</title></rect>`,
      );
    }
    const total = (timing.end ?? timing.start) - timing.start;
    parts.push(
      `<text x="${NAMES + BARS + 8}" y="${y + 16}">${
        total.toFixed(1)
      } ms</text>`,
    );
  });
  PHASES.forEach(({ name, fill }, index) => {
    const at = NAMES + index * 120;
    const y = top + timings.length * ROW + 10;
    parts.push(
      `<rect x="${at}" y="${y}" width="12" height="12" fill="${fill}"/>`,
      `<text x="${at + 18}" y="${y + 11}">${name}</text>`,
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n")}
</svg>
`;
}
