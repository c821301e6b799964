/**
 * Runs the benchmarks and prints them as one table.
 *
 *     deno task bench [--quick] [--only NAME]... [--write]
 *
 * `--only` selects rows whose name contains NAME, `--quick` runs fewer rounds,
 * and `--write` writes the table to `bench/RESULTS.md` and draws pictures for the
 * documentation.
 *
 * Each family of rows runs in a process of its own, because code that was compiled for
 * one family can be slower for the next.
 *
 * @module
 */

import {
  type Comparison,
  median,
  type Plan,
  ratios,
  type Row,
  runRow,
  spread,
  type Unit,
} from "./harness.ts";
import { goVersion } from "./peers/spdystream.ts";
import { writePicture } from "./picture.ts";

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

const FULL: Plan = {
  roundMilliseconds: 800,
  rounds: 5,
  warmUpMilliseconds: 1000,
};
const QUICK: Plan = {
  roundMilliseconds: 250,
  rounds: 3,
  warmUpMilliseconds: 500,
};

interface Flags {
  readonly quick: boolean;
  readonly write: boolean;
  readonly only: readonly string[];
  /** Only in a child process: the family to run. Its results are printed as JSON. */
  readonly family: string | undefined;
}

async function main(flags: Flags): Promise<void> {
  if (flags.family !== undefined) {
    const { rows }: { rows: readonly Row[] } = await import(
      new URL(`${flags.family}.ts`, import.meta.url).href
    );
    for (const row of rows) {
      if (!isWanted(row, flags.only)) continue;
      console.error(`${flags.family}: ${row.name} ...`);
      const comparisons = await runRow(row, flags.quick ? QUICK : FULL);
      console.log(JSON.stringify(comparisons));
    }
    Deno.exit(0);
  }
  const begin = performance.now();
  const comparisons: Comparison[] = [];
  const failed: string[] = [];
  for (const family of FAMILIES) {
    const { success, results } = await runFamily(family, flags);
    comparisons.push(...results);
    if (!success) failed.push(family);
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

function parseFlags(args: readonly string[]): Flags {
  const only: string[] = [];
  let quick = false;
  let write = false;
  let family: string | undefined;
  const rest = args[Symbol.iterator]();
  for (const flag of rest) {
    if (flag === "--quick") quick = true;
    else if (flag === "--write") write = true;
    else if (flag === "--only") only.push(valueOf(flag, rest));
    else if (flag === "--family") family = valueOf(flag, rest);
    else fail(`bench: ${flag} is none of --quick, --only NAME, --write`);
  }
  return { quick, write, only, family };
}

function valueOf(flag: string, rest: Iterator<string>): string {
  const next = rest.next();
  if (next.done) fail(`bench: ${flag} needs a value`);
  return next.value;
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}

function isWanted(row: Row, only: readonly string[]): boolean {
  return only.length === 0 || only.some((name) => row.name.includes(name));
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
      import.meta.filename!,
      "--family",
      family,
      ...(flags.quick ? ["--quick"] : []),
      ...flags.only.flatMap((name) => ["--only", name]),
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
  const begin = [row, figure(median(ours.figures), unit), peer.name];
  const goals = [
    atLeast === undefined ? "" : times(atLeast),
    aim === undefined ? "" : times(aim),
  ];
  if ("missing" in peer) {
    return [...begin, "-", "-", ...goals, `not run: ${peer.missing}`, ""];
  }
  const all = ratios(comparison);
  const ratio = median(all);
  return [
    ...begin,
    figure(median(peer.figures), unit),
    times(ratio),
    ...goals,
    verdict(ratio, atLeast, aim),
    `\u00b1${(spread(all) * 100).toFixed(0)} %`,
  ];
}

function verdict(ratio: number, atLeast?: number, aim?: number): string {
  if (atLeast === undefined && aim === undefined) return "";
  if (aim !== undefined && ratio >= aim) return "ahead, aim reached";
  return ratio >= (atLeast ?? Infinity) ? "ahead" : "behind";
}

function times(ratio: number): string {
  return `${ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)} x`;
}

function figure(value: number, unit: Unit): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const text = value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${text} ${unit}`;
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

if (import.meta.main) await main(parseFlags(Deno.args));
