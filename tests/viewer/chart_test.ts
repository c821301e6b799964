/** Charts as data, and as SVG files. */

import {
  pathData,
  percent,
  scale,
  sizeText,
  stepPoints,
  svgFile,
  ticks,
  timeText,
} from "../../viewer/chart.ts";
import { assert, assertEquals, assertLess } from "../deps.ts";
import { Random } from "../helpers/random.ts";

Deno.test("chart: ticks are round and few, whatever the range", () => {
  assertEquals(ticks(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assertEquals(ticks(0, 0.3, 3), [0, 0.1, 0.2, 0.3]);
  assertEquals(ticks(12, 19, 4), [12, 14, 16, 18]);
  assertEquals(ticks(5, 5, 4), [5]);
  const random = new Random(17);
  for (let round = 0; round < 500; round++) {
    const begin = random.int(0, 1e6) / 100;
    const length = 10 ** (random.int(0, 11) - 3);
    const most = random.int(1, 10);
    const found = ticks(begin, begin + length, most);
    assertLess(found.length, most + 2);
    for (const tick of found) {
      assert(tick >= begin - 1e-6 * length, `${tick} ${begin}`);
      assert(tick <= begin + length * (1 + 1e-6), `${tick} ${begin} ${length}`);
    }
  }
});

Deno.test("chart: times, sizes and percentages are written as short text", () => {
  assertEquals(
    [0, 0.05, 12.345, 999, 1500, 180_000, 7_200_000].map(timeText),
    ["0 ms", "0.05 ms", "12.3 ms", "999 ms", "1.5 s", "3 min", "2 h"],
  );
  assertEquals(
    [0, 1023, 1536, (1 << 20) - 99, 5e12].map(sizeText),
    ["0 B", "1023 B", "1.5 KiB", "1 MiB", "4.55 TiB"],
  );
  assertEquals([percent(0, 3), percent(576, 141)], ["", "24 %"]);
});

Deno.test("chart: a curve of a million steps has a few points for each pixel and keeps its extremes", () => {
  const times: number[] = [];
  const values: number[] = [];
  for (let index = 0; index < 1_000_000; index++) {
    times.push(index);
    values.push(index === 654_321 ? -5 : index === 123_456 ? 99 : index & 7);
  }
  const x = scale(0, 1e6, 0, 500);
  const points = stepPoints(
    { times, values, end: 1e6 },
    x,
    (value) => value,
    0,
    1e6,
  );
  assertLess(points.length, 5 * 501);
  const heights = points.map(([, y]) => y);
  assertEquals([Math.min(...heights), Math.max(...heights)], [-5, 99]);
  assert(
    points.every(([x], index) => index === 0 || x >= points[index - 1][0]),
  );
});

Deno.test("chart: a curve that begins before the chart has its value at the left edge", () => {
  const steps = { times: [0, 10, 20], values: [5, 7, 1], end: 30 };
  const x = scale(12, 18, 0, 60);
  assertEquals(
    stepPoints(steps, x, (value) => value, 12, 18),
    [[0, 7], [60, 7]],
  );
  assertEquals(pathData([[0, 7], [60, 7]], 9), "M0 7L60 7L60 9L0 9Z");
});

Deno.test("chart: no text becomes markup or a character that XML forbids", () => {
  const hostile = '</text><script>alert("1")</script>\x00\x1b\u202e&';
  const svg = svgFile(
    [
      { kind: "text", meaning: "text", x: 0, y: 0, text: hostile },
      {
        kind: "rect",
        meaning: "data",
        x: 0,
        y: 0,
        width: 1,
        height: 1,
        title: hostile,
      },
    ],
    10,
    10,
  );
  assert(!svg.includes("<script"));
  // deno-lint-ignore no-control-regex
  assertEquals(svg.match(/[\x00-\x09\x0b-\x1f\u202e]/), null);
  assertEquals(svg.match(/&lt;\/text&gt;/g)?.length, 2);
});
