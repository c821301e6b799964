/** Lines for the terminal stay within its columns. */

import { progressLine } from "../../cli/progress.ts";
import { cyan, red, show, wrap } from "../../cli/terminal.ts";
import { type Timing, waterfallText } from "../../cli/timing.ts";
import { wrapText } from "../../cli/wrap.ts";
import { assert, assertEquals } from "../deps.ts";
import { Random } from "../helpers/random.ts";

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

Deno.test("a progress bar stays below the columns and shows the amount", () => {
  for (let columns = 2; columns <= 120; columns++) {
    for (const total of [undefined, 0, 123_456_789]) {
      const line = progressLine(23_456_789, total, 1234, columns);
      assert(line.length < columns, `${columns} columns: ${line}`);
      if (columns >= 60) assert(line.includes("23.5 MB"), line);
    }
  }
});

Deno.test("a long line continues in the next row, between words and indented", () => {
  const text = "  cells of a table  and a long text behind them";
  assertEquals(wrapText(text, 80, { indent: 6 }), [text]);
  assertEquals(wrapText(text, 30, { indent: 6, together: 20 }), [
    "  cells of a table  and a long",
    "      text behind them",
  ]);
  // The cells stay together. What does not fit after them is in the next row.
  assertEquals(wrapText(text, 22, { indent: 1, together: 20 }), [
    "  cells of a table",
    " and a long text",
    " behind them",
  ]);
  // A row keeps some columns, however large the indentation is.
  assertEquals(
    wrapText(text, 30, { indent: 60, together: 20 }).at(-1),
    `${" ".repeat(10)}text behind them`,
  );
});

Deno.test("a word that is longer than a row is broken where the row ends", () => {
  assertEquals(wrapText(`  name ${"v".repeat(40)} end`, 30, { indent: 4 }), [
    `  name ${"v".repeat(23)}`,
    `    ${"v".repeat(17)} end`,
  ]);
  assertEquals(
    wrapText(`${"n".repeat(25)} ${"v".repeat(40)}`, 30, { indent: 4 }),
    [
      "n".repeat(25),
      `    ${"v".repeat(26)}`,
      `    ${"v".repeat(14)}`,
    ],
  );
});

Deno.test("colours take no columns, wide characters take two, marks none", () => {
  const line = show`${cyan("name")} ${red("x".repeat(25))}`;
  assertEquals(wrap(line, 30, { indent: 2 }).length, 1);
  assertEquals(wrap(line, 29, { indent: 2 }).length, 2);
  assertEquals(wrapText("\u4e2d".repeat(15), 30, { indent: 0 }).length, 1);
  assertEquals(wrapText("\u4e2d".repeat(16), 30, { indent: 0 }), [
    "\u4e2d".repeat(15),
    "\u4e2d",
  ]);
  assertEquals(wrapText("e\u0301".repeat(30), 30, { indent: 0 }).length, 1);
});

Deno.test("rows fit the columns and lose nothing, whatever the line", () => {
  const random = new Random(1);
  for (let round = 0; round < 500; round++) {
    const words = Array.from(
      { length: random.int(1, 30) },
      () => "abcdefghij".repeat(9).slice(0, random.int(1, 80)),
    );
    const text = " ".repeat(random.int(0, 9)) +
      words.join(" ".repeat(random.int(1, 2)));
    const columns = random.int(20, 120);
    const options = { indent: random.int(0, 60), together: random.int(0, 19) };
    const found = wrapText(text, columns, options);
    found.forEach((row, index) => {
      // Text that stays together is at least as wide as its longest word.
      if (index > 0 || options.together === 0) {
        assert(row.length <= columns, row);
      }
    });
    assertEquals(
      found.join("").replaceAll(" ", ""),
      text.replaceAll(" ", ""),
    );
  }
});
