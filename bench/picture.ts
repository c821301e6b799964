/**
 * Draws rows of the benchmark as a picture: each row has a bar for this library,
 * and one for each peer.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { type Meaning, scale, type Shape, svgFile } from "../viewer/chart.ts";
import { type Comparison, median } from "./harness.ts";

const WIDTH = 760;
/** Where the bars begin and end. Names are to their left, figures to their right. */
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

/** One bar for this library, then one for each peer that was run. */
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

/**
 * Writes a picture to `folder`, under a name made of its title. The file is
 * formatted, so that `deno fmt --check` accepts it.
 */
export async function writePicture(
  title: string,
  comparisons: readonly Drawn[],
  figure: (value: number) => string,
  folder: URL = new URL("../docs/", import.meta.url),
): Promise<void> {
  const name = title.toLowerCase().replace(/\W+/g, "_").replace(/_$/, "");
  const file = fileURLToPath(new URL(`bench_${name}.svg`, folder));
  await Deno.writeTextFile(file, pictureOf(title, comparisons, figure));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", file],
  }).output();
  if (!success) {
    throw new Error(
      `deno fmt failed for ${file}: ${new TextDecoder().decode(stderr)}`,
    );
  }
}
