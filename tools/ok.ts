/**
 * The gate: all checks that must pass before a commit, the cheapest ones first. Its
 * last line is `N passed, N failed`.
 *
 * @module
 */

import { portions } from "./portions.ts";
import { RUN_AGAIN } from "./speed.ts";
import { stdFlags, stdSource } from "./std.ts";

const root = new URL("../", import.meta.url);
const source = await stdSource();
const flags = await stdFlags();
const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
const entries = Object.values<string>(config.exports);

/** `.cspell_words.txt` lists words that cspell does not know. */
const SPELLING = ["run", "-A", "npm:cspell@9", "lint", "--no-progress"];

/** Most characters of paths in one command: Windows allows 32,767 for all of it. */
const LONGEST_LINE = 24_000;

/** The HTTP tests again, as on a version of Deno on which stand-ins do not work. */
const WITHOUT_STAND_INS = [
  "test",
  "-A",
  "--no-check",
  "--parallel",
  "--quiet",
  ...flags,
  "--preload",
  "tests/helpers/without_stand_ins.ts",
  "tests/http",
];

const STEPS: readonly (readonly [name: string, args: string[]])[] = [
  ["fmt", ["fmt", "--check"]],
  ["spelling", SPELLING],
  ["lint", ["lint", ...flags]],
  ...portions(await filesToCheck(), LONGEST_LINE).map((
    files,
  ): [string, string[]] => ["check", ["check", ...flags, ...files]]),
  ["check viewer", ["check", "viewer/main.ts"]],
  ["doc", ["doc", "--lint", ...flags, ...entries]],
  ["imports", ["run", "-A", "tools/check_imports.ts"]],
  ["test", ["test", "-A", "--doc", "--parallel", "--quiet", ...flags]],
  ["test without stand-ins", WITHOUT_STAND_INS],
  // Not beside other tests, because these compare times.
  ["speed", ["run", "-A", "tools/speed.ts"]],
  ["publish", ["publish", "--dry-run", "--allow-dirty", ...flags]],
];

/**
 * All files except those for a browser, which need the types of the DOM. These types
 * would apply to all files of the same check, and differ from those of Deno.
 */
async function filesToCheck(): Promise<string[]> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "*.ts"],
    cwd: root,
  }).output();
  const forBrowser =
    /^viewer\/(detail|dom|frames|list|main|summary|time_view)\.ts$/;
  return new TextDecoder().decode(stdout).split("\n")
    .filter((path) => path !== "" && !forBrowser.test(path));
}

let summary = "";
for (const [name, args] of STEPS) {
  const begin = performance.now();
  const output = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { SPDY_STD: source, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(output.stdout) +
    new TextDecoder().decode(output.stderr);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  const counted = text.match(
    /(\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed/,
  );
  if (name === "test" && counted) {
    summary = `${counted[1]} passed, ${counted[2]} failed`;
  }
  if (!output.success) {
    console.log(text);
    console.log(`${name}: failed after ${seconds} s`);
    console.log(summary || "0 passed, 1 failed");
    Deno.exit(1);
  }
  // If a speed check passed only in its second run, the output of the first is shown.
  if (text.includes(RUN_AGAIN)) console.log(text);
  console.log(`${name}: ok (${seconds} s)`);
}
console.log(summary);
