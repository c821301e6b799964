/** Lines for the terminal stay within its columns. */

import { progressLine } from "../../cli/progress.ts";
import { type Timing, waterfallText } from "../../cli/timing.ts";
import { assert, assertEquals } from "../deps.ts";

const TIMINGS: Timing[] = [
  {
    url: "spdys://www.example.com/a/rather/long/path/to/a/file.html?with=query",
    start: 0,
    sent: 10,
    head: 40,
    end: 100,
    bytes: 1000,
    result: "200",
  },
  { url: "spdy://h/", start: 50, end: 50, bytes: 0, result: "REFUSED_STREAM" },
];

Deno.test("the waterfall fits the columns, however narrow", () => {
  for (let columns = 54; columns <= 220; columns++) {
    const lines = [...waterfallText(TIMINGS, columns)];
    assertEquals(lines.length, 3);
    for (const line of lines) {
      assert(line.length <= columns, `${columns} columns: ${line}`);
      if (line.includes("|")) assert(/\|.*[#.-].*\|/.test(line), line);
    }
  }
});

Deno.test("a progress bar stays below the columns and says how much there is", () => {
  for (let columns = 2; columns <= 120; columns++) {
    for (const total of [undefined, 0, 123_456_789]) {
      const line = progressLine(23_456_789, total, 1234, columns);
      assert(line.length < columns, `${columns} columns: ${line}`);
      if (columns >= 60) assert(line.includes("23.5 MB"), line);
    }
  }
});
