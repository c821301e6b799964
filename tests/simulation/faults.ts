/**
 * Puts known faults back into a copy of this project, one at a time, and reports
 * how many seeds it takes until the simulation detects each: `deno task
 * simulate-faults`. Arguments select the faults whose names contain one of them.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { toolArguments } from "../helpers/tool_arguments.ts";
import type { Family } from "./families.ts";
import { changed, type Fault, FAULTS } from "./known_faults.ts";

/** A fault that this many seeds do not show counts as not detected. Seeds of a path take longer. */
const MOST_SEEDS = 20_000;
const MOST_PATH_SEEDS = 400;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Copies what the simulation needs. The copy shares no file with this project. */
async function copyProject(target: string): Promise<void> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "*.ts", "deno.json"],
    cwd: ROOT,
  }).output();
  for (const file of new TextDecoder().decode(stdout).trim().split("\n")) {
    const to = `${target}/${file}`;
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(`${ROOT}${file}`, to);
  }
}

/** Puts a fault into the copy, or takes it out again (`undone`). */
async function change(
  root: string,
  fault: Fault,
  undone: boolean,
): Promise<void> {
  for (const change of fault.changes) {
    const file = `${root}/${change.file}`;
    if (undone) await Deno.copyFile(`${ROOT}${change.file}`, file);
    else {
      const text = await Deno.readTextFile(file);
      await Deno.writeTextFile(file, changed(text, change));
    }
  }
}

/** How many times as long as without the fault urgent requests wait if it counts as detected. */
const LONGER = 1.3;

/** How many times as many transfers as without the fault are slow if it counts as detected. */
const SLOWER = 1.5;

/** What is printed for the unchanged project on these seeds, once it is needed. */
let usual: Promise<string> | undefined;

/** Runs seeds until one fails. */
async function find(root: string, family: Family): Promise<string> {
  const text = await run(root, family);
  // The last line also counts statements about many seeds that do not hold.
  const found = /^(\d+) seeds, (\d+) failed, ([\d.]+) s$/m.exec(text);
  if (found === null) throw new Error(text);
  const [, tried, failed, seconds] = found;
  if (failed === "0") {
    const worse = family === "path" ? await worseThanUsual(text) : undefined;
    return worse ?? `NOT SEEN in ${tried} seeds`;
  }
  const violation = text.split("\n").find((line) =>
    /^ {2}(?!medians|slow)/.test(line)
  );
  return `${tried} seeds, ${seconds} s: ${violation?.trim().slice(0, 100)}`;
}

/** Says what is worse than in the unchanged project on the same seeds, if anything is. */
async function worseThanUsual(text: string): Promise<string | undefined> {
  const before = await (usual ??= run(ROOT, "path"));
  const [wait, usualWait] = [text, before].map(medianWait);
  if (wait > LONGER * usualWait) {
    return `urgent requests wait for ${wait} instead of ${usualWait} round trips`;
  }
  const [slow, usualSlow] = [text, before].map(slowTransfers);
  if (slow > SLOWER * usualSlow) {
    return `${slow} transfers instead of ${usualSlow} have less than half the rate of TCP alone`;
  }
  return undefined;
}

function medianWait(text: string): number {
  return Number(/wait for ([\d.]+) round trips with/.exec(text)?.[1] ?? NaN);
}

function slowTransfers(text: string): number {
  return Number(/^ {2}slow: (\d+) /m.exec(text)?.[1] ?? NaN);
}

/** Runs seeds, and returns what is printed. */
async function run(root: string, family: Family): Promise<string> {
  const seeds = family === "path" ? MOST_PATH_SEEDS : MOST_SEEDS;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "tools/std.ts", "run", "-A", "--no-check"],
      "tests/simulation/run.ts",
      ...["--family", family, "--seeds", `${seeds}`, "--failures", "1"],
    ],
    cwd: root,
  }).output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}

const HELP = `deno task simulate-faults [words]

Puts each fault whose name contains one of the words, or every one, into a copy
of the project, and tells after how many seeds the simulation sees it. Faults:
${FAULTS.map(({ name, family }) => `  ${name} (${family})`).join("\n")}`;

const words = toolArguments(HELP, { words: true }).positionals;
const chosen = FAULTS.filter(({ name }) =>
  words.length === 0 || words.some((word) => name.includes(word))
);
const unknown = words.filter((word) =>
  !FAULTS.some(({ name }) => name.includes(word))
);
if (unknown.length > 0) {
  console.error(`no fault's name contains ${unknown.join(" or ")}\n\n${HELP}`);
  Deno.exit(2);
}

const copy = await Deno.makeTempDir({ prefix: "simulation-faults-" });
let unseen = 0;
try {
  await copyProject(copy);
  for (const fault of chosen) {
    await change(copy, fault, false);
    const result = await find(copy, fault.family);
    console.log(`${fault.name} (${fault.family}): ${result}`);
    if (result.startsWith("NOT SEEN")) unseen++;
    await change(copy, fault, true);
  }
} finally {
  await Deno.remove(copy, { recursive: true });
}
if (unseen > 0) Deno.exit(1);
