/**
 * Rows of the benchmark as a picture: for each row a bar of ours and one for each
 * peer.
 *
 * @module
 */

import { type Meaning, scale, type Shape, svgFile } from "../viewer/chart.ts";
import { type Comparison, median } from "./harness.ts";

const WIDTH = 760;
/** Where the bars begin and end; in front are the names, behind the figures. */
const BARS = [250, 640] as const;
const BAR = 14;
const GAP = 4;
const ROW_GAP = 20;
const TITLE = 40;
const MARGIN = 16;

/** The part of a comparison that is drawn. */
export type Drawn = Pick<Comparison, "row" | "ours" | "peer">;

/** One bar. */
interface Bar {
  readonly name: string;
  readonly value: number;
  readonly meaning: Meaning;
}

/**
 * The picture of comparisons in one unit, as an SVG file.
 *
 * @param figure A value with its unit, as text.
 */
export function pictureOf(
  title: string,
  comparisons: readonly Drawn[],
  figure: (value: number) => string,
): string {
  const rows = Map.groupBy(comparisons, ({ row }) => row);
  const most = Math.max(
    ...comparisons.flatMap((each) => barsOf([each]).map(({ value }) => value)),
  );
  const x = scale(0, most, ...BARS);
  const shapes: Shape[] = [
    { kind: "text", meaning: "text", x: MARGIN, y: 24, text: title },
  ];
  let y = TITLE;
  for (const [row, all] of rows) {
    shapes.push({
      kind: "text",
      meaning: "text",
      x: MARGIN,
      y: y + BAR - 2,
      text: row,
    });
    y += BAR + GAP;
    for (const { name, value, meaning } of barsOf(all)) {
      const middle = y + BAR - 3;
      shapes.push(
        {
          kind: "text",
          meaning: "faint",
          x: BARS[0] - 8,
          y: middle,
          text: name,
          anchor: "end",
        },
        {
          kind: "rect",
          meaning,
          x: BARS[0],
          y,
          width: Math.max(1, x(value) - BARS[0]),
          height: BAR,
        },
        {
          kind: "text",
          meaning: "faint",
          x: x(value) + 8,
          y: middle,
          text: figure(value),
        },
      );
      y += BAR + GAP;
    }
    y += ROW_GAP;
  }
  return svgFile(shapes, WIDTH, y - ROW_GAP + MARGIN);
}

/** Ours once, then each peer that was run. */
function barsOf(comparisons: readonly Drawn[]): Bar[] {
  const bars: Bar[] = [];
  for (const { ours, peer } of comparisons) {
    if (bars.length === 0) {
      const value = median(ours.figures);
      bars.push({ name: "this library", value, meaning: "data" });
    }
    if ("missing" in peer) continue;
    const value = median(peer.figures);
    bars.push({ name: peer.name, value, meaning: "waiting" });
  }
  return bars;
}

/** Writes a picture to `docs/`, under a name made of its title. */
export async function writePicture(
  title: string,
  comparisons: readonly Drawn[],
  figure: (value: number) => string,
): Promise<void> {
  const name = title.toLowerCase().replace(/\W+/g, "_").replace(/_$/, "");
  await Deno.writeTextFile(
    new URL(`../docs/bench_${name}.svg`, import.meta.url),
    pictureOf(title, comparisons, figure),
  );
}
