/**
 * Charts as plain data: scales, axes, bars and curves. The page of captures shows
 * them as elements; `spdy get --svg` and `spdy bench --svg` write them to a file.
 *
 * @module
 */

import { printable } from "../values.ts";

/** The meaning of a shape, which determines its colour. */
export type Meaning = keyof typeof PALETTE;

/** How a text is aligned with its place. */
export type Anchor = "start" | "middle" | "end";

/** A part of a chart; lengths in pixels. */
export type Shape =
  | {
    readonly kind: "rect";
    readonly meaning: Meaning;
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
    /** A description, shown under the pointer. */
    readonly title?: string;
  }
  | {
    readonly kind: "line";
    readonly meaning: Meaning;
    readonly x1: number;
    readonly y1: number;
    readonly x2: number;
    readonly y2: number;
  }
  | {
    readonly kind: "curve";
    readonly meaning: Meaning;
    readonly points: readonly (readonly [x: number, y: number])[];
    /** The height down to which the area below the curve is tinted, if it is. */
    readonly downTo?: number;
  }
  | {
    readonly kind: "text";
    readonly meaning: Meaning;
    readonly x: number;
    readonly y: number;
    readonly text: string;
    readonly anchor?: Anchor;
  };

/** Colours on a light and on a dark background. */
export const PALETTE = {
  ground: ["#ffffff", "#14171c"],
  text: ["#1b1f26", "#e4e7ec"],
  faint: ["#5d6673", "#99a2b0"],
  grid: ["#e1e4e9", "#2c323b"],
  queued: ["#d3d7de", "#454c57"],
  waiting: ["#b4bac4", "#5c6470"],
  headers: ["#e2a32b", "#dfa53a"],
  data: ["#2f72d6", "#6aa5f8"],
  dataTint: ["#c3d8f7", "#294469"],
  upload: ["#12907c", "#3fc2aa"],
  push: ["#8250c8", "#b58cf0"],
  pushTint: ["#ddcdf4", "#47366b"],
  reset: ["#cf2f3b", "#ff6b74"],
  stall: ["#f6c9cc", "#6b2a31"],
} as const;

/** A linear scale: `begin` is at `from`, and `end` at `to`, pixels. */
export function scale(
  begin: number,
  end: number,
  from: number,
  to: number,
): (value: number) => number {
  const unit = (to - from) / (end - begin || 1);
  return (value) => from + (value - begin) * unit;
}

/** Round numbers from `begin` to `end` in steps of 1, 2 or 5, at most `most + 1`. */
export function ticks(begin: number, end: number, most: number): number[] {
  const least = (end - begin) / Math.max(1, most);
  if (!(least > 0) || !Number.isFinite(least)) return [begin];
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power *
    ([1, 2, 5, 10].find((factor) => factor * power >= least * 0.999999) ?? 10);
  const found: number[] = [];
  for (let index = Math.ceil(begin / step - 1e-6);; index++) {
    const value = index * step;
    // Rounded, because the multiplication is not exact.
    if (value > end + step * 1e-6) return found;
    found.push(Number(value.toPrecision(12)));
  }
}

/** A length of time as text, such as `1.5 ms`, `2.5 s` or `3 min`. */
export function timeText(ms: number): string {
  const size = Math.abs(ms);
  if (size === 0) return "0 ms";
  if (size < 1000) return `${rounded(ms)} ms`;
  if (size < 120_000) return `${rounded(ms / 1000)} s`;
  if (size < 7_200_000) return `${rounded(ms / 60_000)} min`;
  return `${rounded(ms / 3_600_000)} h`;
}

/** A number of bytes as text, such as `512 B` or `1.5 MiB`. */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = bytes;
  let unit = 0;
  while (Math.abs(size) >= 1023.5 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${rounded(size)} ${units[unit]}`;
}

/**
 * A compressed size as a percentage of the plain one, such as `24 %`; empty for a
 * plain size of 0.
 */
export function percent(plain: number, compressed: number): string {
  return plain === 0 ? "" : `${(100 * compressed / plain).toFixed(0)} %`;
}

/** Rounds to three significant digits, without trailing zeros. */
function rounded(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

/** Half the width of a label, pixels. */
const HALF_LABEL = 24;

/** Options of {@linkcode timeAxis}. */
export interface AxisOptions {
  /** First and last value of the axis. */
  readonly range: readonly [begin: number, end: number];
  /** Place of a value. */
  readonly x: (value: number) => number;
  /** Vertical place of the labels' baseline. */
  readonly labels: number;
  /** Top and bottom of the grid. */
  readonly grid: readonly [top: number, bottom: number];
  /** Most labels. */
  readonly most: number;
}

/** A horizontal axis of time with its grid; values in ms. */
export function timeAxis(
  { range: [begin, end], x, labels, grid: [top, bottom], most }: AxisOptions,
): Shape[] {
  return ticks(begin, end, most).flatMap((value): Shape[] => [
    {
      kind: "line",
      meaning: "grid",
      x1: x(value),
      y1: top,
      x2: x(value),
      y2: bottom,
    },
    {
      kind: "text",
      meaning: "faint",
      x: x(value),
      y: labels,
      text: timeText(value),
      // The first and the last label must not extend beyond the chart.
      anchor: x(value) - x(begin) < HALF_LABEL
        ? "start"
        : x(end) - x(value) < HALF_LABEL
        ? "end"
        : "middle",
    },
  ]);
}

/** A part of a bar. */
export interface Phase {
  /** The meaning of the phase. */
  readonly meaning: Meaning;
  /** Its name. */
  readonly name: string;
  /** Its start, ms. */
  readonly begin: number;
  /** Its end, ms. */
  readonly end: number;
  /** The text under the pointer; default: its name and length. */
  readonly title?: string;
}

/**
 * The phases of a bar, one after the other; a phase that is not empty is at least
 * one pixel wide.
 */
export function bar(
  phases: readonly Phase[],
  x: (time: number) => number,
  y: number,
  height: number,
): Shape[] {
  return phases.filter(({ begin, end }) => end > begin).map((phase) => ({
    kind: "rect",
    meaning: phase.meaning,
    x: x(phase.begin),
    y,
    width: Math.max(1, x(phase.end) - x(phase.begin)),
    height,
    title: phase.title ?? phaseTitle(phase),
  }));
}

/** Name and length of a phase. */
export function phaseTitle({ name, begin, end }: Phase): string {
  return `${name} ${timeText(end - begin)}`;
}

/** A row with the names of colours; its baseline is `y`. */
export function legend(
  entries: readonly (readonly [meaning: Meaning, name: string])[],
  x: number,
  y: number,
): Shape[] {
  const shapes: Shape[] = [];
  let at = x;
  for (const [meaning, name] of entries) {
    shapes.push(
      { kind: "rect", meaning, x: at, y: y - 10, width: 12, height: 12 },
      { kind: "text", meaning: "faint", x: at + 18, y, text: name },
    );
    at += 42 + name.length * 7;
  }
  return shapes;
}

/** Values over time; each one is constant until the next. */
export interface Steps {
  /** Times, ascending. */
  readonly times: readonly number[];
  /** The value from each of these times on. */
  readonly values: readonly number[];
  /** Time at which the last value ends. */
  readonly end: number;
}

/**
 * Points of a step curve. For any number of values, a column of pixels has at most
 * four points: the first, the lowest, the highest and the last.
 */
export function stepPoints(
  { times, values, end }: Steps,
  x: (time: number) => number,
  y: (value: number) => number,
  from: number,
  to: number,
): [x: number, y: number][] {
  const points: [number, number][] = [];
  let before: number | undefined;
  const left = x(from);
  const right = x(Math.min(to, end));
  for (let index = 0; index < times.length;) {
    if (times[index] > to) break;
    const column = Math.floor(Math.max(left, x(times[index])));
    const first = values[index];
    let [least, greatest, last] = [first, first, first];
    const at = Math.max(left, x(times[index]));
    for (; index < times.length && times[index] <= to; index++) {
      if (Math.floor(Math.max(left, x(times[index]))) !== column) break;
      last = values[index];
      least = Math.min(least, last);
      greatest = Math.max(greatest, last);
    }
    // Of the values to the left of the chart, only the last one is visible.
    const isBefore = times[index - 1] < from;
    const all = isBefore ? [last] : [first, least, greatest, last];
    if (before !== undefined) points.push([at, y(before)]);
    for (const [place, value] of all.entries()) {
      if (place === 0 || value !== all[place - 1]) points.push([at, y(value)]);
    }
    before = last;
  }
  if (before !== undefined) points.push([Math.max(left, right), y(before)]);
  return points;
}

/** The data of an SVG path through the points of a curve. */
export function pathData(
  points: readonly (readonly [x: number, y: number])[],
  downTo?: number,
): string {
  if (points.length === 0) return "";
  const line = points.map(([x, y], index) =>
    `${index === 0 ? "M" : "L"}${digits(x)} ${digits(y)}`
  ).join("");
  return downTo === undefined
    ? line
    : `${line}L${digits(points[points.length - 1][0])} ${digits(downTo)}L${
      digits(points[0][0])
    } ${digits(downTo)}Z`;
}

/** A length with one decimal. */
function digits(value: number): string {
  return String(Number(value.toFixed(1)));
}

/** A chart as an SVG file, in light colours or, if the viewer prefers them, dark ones. */
export function svgFile(
  shapes: readonly Shape[],
  width: number,
  height: number,
): string {
  const dark = Object.entries(PALETTE).map(([name, [, colour]]) =>
    `.f-${name}{fill:${colour}}.s-${name}{stroke:${colour}}`
  ).join("");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<style>@media(prefers-color-scheme:dark){${dark}}</style>`,
    `<rect width="100%" height="100%" ${paint("fill", "ground")}/>`,
    ...shapes.map(svgElement),
    "</svg>",
    "",
  ].join("\n");
}

/** The light colour as an attribute, for programs without styles, and a class for the dark one. */
function paint(how: "fill" | "stroke", meaning: Meaning): string {
  return `${how}="${PALETTE[meaning][0]}" class="${how[0]}-${meaning}"`;
}

function svgElement(shape: Shape): string {
  switch (shape.kind) {
    case "rect": {
      const { x, y, width, height, title, meaning } = shape;
      const place = `x="${digits(x)}" y="${digits(y)}" width="${
        digits(width)
      }" height="${digits(height)}" rx="1.5" ${paint("fill", meaning)}`;
      return title === undefined
        ? `<rect ${place}/>`
        : `<rect ${place}><title>${escapeXml(title)}</title></rect>`;
    }
    case "line":
      return `<line x1="${digits(shape.x1)}" y1="${digits(shape.y1)}" x2="${
        digits(shape.x2)
      }" y2="${digits(shape.y2)}" ${paint("stroke", shape.meaning)}/>`;
    case "curve": {
      const { points, downTo, meaning } = shape;
      const area = downTo === undefined
        ? ""
        : `<path d="${pathData(points, downTo)}" fill-opacity="0.12" ${
          paint("fill", meaning)
        }/>`;
      return `${area}<path d="${
        pathData(points)
      }" fill="none" stroke-width="2" stroke-linejoin="round" ${
        paint("stroke", meaning)
      }/>`;
    }
    case "text":
      return `<text x="${digits(shape.x)}" y="${
        digits(shape.y)
      }" text-anchor="${shape.anchor ?? "start"}" ${
        paint("fill", shape.meaning)
      }>${escapeXml(shape.text)}</text>`;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** Escapes text for XML, because it comes from peers and users. */
function escapeXml(text: string): string {
  return printable(text).replace(/[&<>"]/g, (char) => ENTITIES[char]);
}
