/**
 * Runs the tests and prints the share of lines that they reach, for each file and
 * folder. Fails if a folder of the core is below its minimum.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { runDeno } from "./std.ts";

/** Lines that tests must reach, percent. */
const FLOORS: Readonly<Record<string, number>> = {
  zlib: 95,
  frame: 95,
  session: 95,
};

interface Count {
  hit: number;
  found: number;
}

const root = new URL("../", import.meta.url);
const folder = new URL("coverage/", root);
await Deno.remove(folder, { recursive: true }).catch(() => undefined);
const status = await runDeno([
  "test",
  "-A",
  "--parallel",
  "--quiet",
  `--coverage=${fileURLToPath(folder)}`,
  ...Deno.args,
]);
if (status !== 0) Deno.exit(status);

const report = await new Deno.Command(Deno.execPath(), {
  args: [
    "coverage",
    "--lcov",
    "--exclude=tests/|tools/|bench/|examples/",
    fileURLToPath(folder),
  ],
  cwd: root,
}).output();
const files = readLcov(new TextDecoder().decode(report.stdout));
const folders = new Map<string, Count>();
for (const [file, count] of files) {
  const name = file.includes("/")
    ? file.slice(0, file.indexOf("/"))
    : file.replace(/\.ts$/, "");
  const sum = folders.get(name) ?? { hit: 0, found: 0 };
  folders.set(name, {
    hit: sum.hit + count.hit,
    found: sum.found + count.found,
  });
  console.log(`${percent(count).toFixed(1).padStart(6)} %  ${file}`);
}
console.log();
let short = false;
for (const [name, count] of [...folders].sort()) {
  const floor = FLOORS[name];
  const below = floor !== undefined && percent(count) < floor;
  short ||= below;
  const remark = floor === undefined
    ? ""
    : `  (at least ${floor} %)${below ? "  TOO LOW" : ""}`;
  console.log(`${percent(count).toFixed(1).padStart(6)} %  ${name}${remark}`);
}
if (short) Deno.exit(1);

function percent(count: Count): number {
  return count.found === 0 ? 100 : 100 * count.hit / count.found;
}

function readLcov(text: string): [file: string, count: Count][] {
  return text.split("end_of_record\n").filter((record) =>
    record.includes("SF:")
  ).map((record) => [
    field(record, "SF").replace(fileURLToPath(root), "").replaceAll("\\", "/"),
    { hit: Number(field(record, "LH")), found: Number(field(record, "LF")) },
  ]);
}

function field(record: string, name: string): string {
  return record.match(new RegExp(`^${name}:(.*)$`, "m"))?.[1] ?? "";
}
