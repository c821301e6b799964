/**
 * Runs the benchmarks and prints them as one table: `deno task bench`.
 *
 * Each family of rows runs in a process of its own, because code that was compiled for
 * one family can be slower for the next.
 *
 * @module
 */

import { figure, times, verdict } from "./figures.ts";
import { type Comparison, median, ratios, spread } from "./harness.ts";
import { toolArguments } from "../tests/helpers/tool_arguments.ts";
import { goVersion } from "./peers/spdystream.ts";
import { stdFlags } from "../tools/std.ts";
import { writePicture } from "./picture.ts";

const HELP = `deno task bench [options]

  --quick      run fewer and shorter rounds
  --only NAME  only rows whose name contains NAME; may be repeated
  --write      write the table to bench/RESULTS.md, and draw the pictures of the
               documentation`;

/** Each file exports `rows`. */
const FAMILIES = [
  "in_memory",
  "copies",
  "tcp",
  "http",
  "cores",
  "header_blocks",
  "headers",
  "zlib",
  "memory",
  "connections",
  "start",
  "scale",
] as const;

interface Flags {
  readonly quick: boolean;
  readonly write: boolean;
  readonly only: readonly string[];
}

async function main(flags: Flags): Promise<void> {
  const begin = performance.now();
  const comparisons: Comparison[] = [];
  const failed: string[] = [];
  for (const family of FAMILIES) {
    const { success, results } = await runFamily(family, flags);
    comparisons.push(...results);
    if (!success) failed.push(family);
  }
  if (comparisons.length === 0 && failed.length === 0) {
    fail(`bench: no row's name contains ${flags.only.join(" or ")}`);
  }
  const lines = await machine();
  lines.push(
    `${flags.quick ? "Quick run" : "Full run"}: ${
      Math.round((performance.now() - begin) / 1000)
    } s`,
  );
  console.log(lines.join("\n") + "\n");
  console.log(toText(comparisons));
  if (failed.length > 0) fail(`bench: failed: ${failed.join(", ")}`);
  if (flags.write) await write(lines, comparisons);
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}

async function runFamily(
  family: string,
  flags: Flags,
): Promise<{ success: boolean; results: Comparison[] }> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--v8-flags=--expose-gc",
      "--unstable-net",
      ...await stdFlags(),
      new URL("family.ts", import.meta.url).href,
      family,
      `${flags.quick}`,
      ...flags.only,
    ],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  const lines = new TextDecoder().decode(stdout).trim();
  const results: Comparison[] = lines === ""
    ? []
    : lines.split("\n").flatMap((line) => JSON.parse(line));
  return { success, results };
}

async function machine(): Promise<string[]> {
  const cpu = await Deno.readTextFile("/proc/cpuinfo").then(
    (text) => text.match(/model name\s*:\s*(.*)/)?.[1],
    () => undefined,
  );
  return [
    `Machine: ${
      cpu ?? Deno.build.arch
    }, ${navigator.hardwareConcurrency} cores, ${Deno.build.os}`,
    `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}; Go ${await goVersion()}`,
    "Peers: spdy-transport 3.0.0, moby/spdystream 0.5.1, pako 3.0.3, fflate 0.8.3",
  ];
}

const HEAD = [
  "row",
  "ours",
  "peer",
  "peer's",
  "ratio",
  "at least",
  "aim",
  "verdict",
  "spread",
];

/** The cells of a comparison's line. */
function cells(comparison: Comparison): string[] {
  const { row, unit, ours, peer, atLeast, aim } = comparison;
  const own = median(ours.figures);
  const wanted = [atLeast, aim];
  const goals = wanted.map((goal) => goal === undefined ? "" : times(goal));
  if ("missing" in peer) {
    const end = [...goals, `not run: ${peer.missing}`, ""];
    return [row, figure(own, unit), peer.name, "-", "-", ...end];
  }
  const others = median(peer.figures);
  const all = ratios(comparison);
  const ratio = median(all);
  return [
    row,
    figure(own, unit, others),
    peer.name,
    figure(others, unit, own),
    times(ratio, wanted.filter((goal) => goal !== undefined)),
    ...goals,
    verdict(ratio, atLeast, aim),
    `\u00b1${(spread(all) * 100).toFixed(0)} %`,
  ];
}

function toText(comparisons: readonly Comparison[]): string {
  const table = [HEAD, ...comparisons.map(cells)];
  const widths = HEAD.map((_, column) =>
    Math.max(...table.map((line) => line[column].length))
  );
  return table.map((line) =>
    line.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()
  ).join("\n");
}

/** Writes the table, followed by that of the previous run, and the pictures. */
async function write(
  lines: readonly string[],
  comparisons: readonly Comparison[],
): Promise<void> {
  const file = new URL("RESULTS.md", import.meta.url);
  const before = (await Deno.readTextFile(file)).split(/^(?=## )/m)[1] ?? "";
  const table = [HEAD, HEAD.map(() => "---"), ...comparisons.map(cells)]
    .map((line) => `| ${line.join(" | ")} |`);
  const text = [
    "# Benchmark results",
    "",
    "The last two runs of `deno task bench --write`. Ratios are medians of rounds in",
    "which ours and the peers took turns; more is better; the spread is half the",
    "distance from the lowest to the highest ratio. Rates are a second of CPU time:",
    "both ends of each conversation share one process and keep one core busy.",
    "",
    `## ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    "",
    ...lines.map((line) => `- ${line}`),
    "",
    ...table,
    "",
    before,
  ].join("\n");
  await Deno.writeTextFile(file, text);
  const drawn = comparisons.filter(({ picture }) => picture !== undefined);
  for (const [title, all] of Map.groupBy(drawn, ({ picture }) => picture!)) {
    await writePicture(title, all, (value) => figure(value, all[0].unit));
  }
}

if (import.meta.main) {
  const { lists, flags } = toolArguments(HELP, {
    lists: ["only"],
    flags: ["quick", "write"],
  });
  await main({ ...flags, only: lists.only });
}
