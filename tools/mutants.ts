/**
 * Mutation testing: changes one operator, constant or statement at a time, runs
 * the tests that evaluate it, and lists the changes that no test noticed.
 *
 *     deno task mutants                              # 60 mutants of each folder
 *     deno task mutants --count 100 --seed 7 session # more, others, one folder
 *     deno task mutants --file session/floods.ts     # all mutants of one file
 *     deno task mutants --list survivors.txt frame   # those in a list, as printed
 *
 * The seed chooses the mutants. First each test file runs once, with a probe at
 * each chosen mutant: this shows which test files reach which mutants. A mutant
 * then runs only those, the quickest of its own folder first, until one fails.
 *
 * `tools/accepted_mutants.txt` lists the mutants that are not counted, because
 * no test can or should see them. Each line there says why.
 *
 * @module
 */

import { parseArgs } from "../tests/deps.ts";
import { Random } from "../tests/helpers/random.ts";
import {
  describeMutant,
  type Mutant,
  mutantsOf,
  withMutant,
} from "./mutation/mutants_of.ts";
import { type MeasuredTest, measureTests } from "./mutation/reach.ts";
import { ProjectCopy } from "./mutation/test_runner.ts";

/**
 * The folders and files of tests that must notice a mutant, by its folder; its own first.
 * {@linkcode SLOW} ones are left out: what they reach others reach as well.
 */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  zlib: ["zlib", "frame", "wrong_types_test.ts"],
  frame: [
    "frame",
    "session",
    "vectors",
    "constants_test.ts",
    "wrong_types_test.ts",
  ],
  session: [
    "session",
    "vectors",
    "constants_test.ts",
    "wrong_types_test.ts",
    "unknown_options_test.ts",
  ],
  connection: ["connection", "http", "security"],
  http: ["http", "simulation"],
  kubernetes: ["kubernetes", "simulation"],
  cli: ["cli"],
};
/** The folders of tests for a mutant of any other file. */
const OTHER_TESTS = ["session", "connection", "security", "http"];
/** Folders that are tested when none is named. */
const DEFAULT_FOLDERS = ["zlib", "frame", "session", "connection"];

/** Tests that measure memory or start processes. */
const SLOW =
  /security\/(worst_peer|kubernetes_memory|tls_handshakes|unread_bytes)_test/;
/** Mutants of a folder when no count is given. */
const DEFAULT_COUNT = 60;
/** Test files that run in the first process, the others run in a second one. */
const FIRST_TESTS = 4;
/** A mutant has this much more time than the same tests without it, and so many ms more. */
const TIME_FACTOR = 5;
const MORE_TIME = 15_000;
/** Processes that run side by side. */
const WORKERS = 2;

const root = new URL("../", import.meta.url);

async function filesOf(folder: string, ending: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(new URL(`${folder}/`, root))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...await filesOf(path, ending));
    else if (path.endsWith(ending)) files.push(path);
  }
  return files.sort();
}

async function sourcesOf(folder: string): Promise<string[]> {
  const own = await Deno.stat(new URL(`${folder}.ts`, root)).then(
    () => [`${folder}.ts`],
    () => [],
  );
  return [...own, ...await filesOf(folder, ".ts")];
}

async function testsOf(folder: string): Promise<string[]> {
  const folders = TESTS[folder] ?? OTHER_TESTS;
  const lists = await Promise.all(
    folders.map((name) =>
      name.endsWith(".ts")
        ? [`tests/${name}`]
        : filesOf(`tests/${name}`, "_test.ts")
    ),
  );
  return lists.flat().filter((path) => !SLOW.test(path));
}

async function acceptedMutants(): Promise<Set<string>> {
  const path = new URL("accepted_mutants.txt", import.meta.url);
  const lines = (await Deno.readTextFile(path)).split("\n");
  return new Set(lines.map((line) => line.split("  # ")[0]));
}

/** Whether a test fails with the mutant in the code. */
async function isKilled(
  copy: ProjectCopy,
  mutant: Mutant,
  tests: readonly MeasuredTest[],
): Promise<boolean> {
  const path = `${copy.folder}/${mutant.file}`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, withMutant(text, mutant));
  try {
    for (
      const group of [tests.slice(0, FIRST_TESTS), tests.slice(FIRST_TESTS)]
    ) {
      if (group.length === 0) continue;
      const usual = group.reduce((sum, { time }) => sum + time, 0);
      const { outcome } = await copy.test(
        group.map((test) => test.path),
        usual * TIME_FACTOR + MORE_TIME,
      );
      if (outcome !== "passed") return true;
    }
    return false;
  } finally {
    await Deno.writeTextFile(path, text);
  }
}

/** The tests that reach a mutant, those of its own folder first, then the quickest. */
function testsFor(
  folder: string,
  number: number,
  measured: readonly MeasuredTest[],
): MeasuredTest[] {
  const isOther = ({ path }: MeasuredTest): number =>
    path.startsWith(`tests/${folder}/`) ? 0 : 1;
  return measured.filter(({ reaches }) => reaches.has(number)).sort((a, b) =>
    isOther(a) - isOther(b) || a.time - b.time
  );
}

/** Tests a folder's mutants; returns its line of the result. */
async function testFolder(
  folder: string,
  chosen: readonly Mutant[],
  copies: readonly ProjectCopy[],
): Promise<string> {
  const measured = await measureTests(copies, chosen, await testsOf(folder));
  let next = 0;
  let killed = 0;
  await Promise.all(copies.map(async (copy) => {
    while (next < chosen.length) {
      const number = next++;
      const mutant = chosen[number];
      const tests = testsFor(folder, number, measured);
      if (await isKilled(copy, mutant, tests)) killed++;
      else {
        const why = tests.length === 0 ? "not reached" : "survived";
        console.log(`${why}: line ${mutant.line}, ${describeMutant(mutant)}`);
      }
    }
  }));
  const share = (100 * killed / Math.max(chosen.length, 1)).toFixed(0);
  return `${folder}: ${killed} of ${chosen.length} killed, ${share} %`;
}

/** The names of mutants in a list that this program printed. */
async function listedMutants(path: string): Promise<Set<string>> {
  const lines = (await Deno.readTextFile(path)).split("\n");
  return new Set(lines.map((line) => line.replace(/^.*?: line \d+, /, "")));
}

/** So many mutants of the files, by chance; all of them without a count. */
async function chooseMutants(
  files: readonly string[],
  count: number | undefined,
  random: Random,
  list: string | undefined,
): Promise<Mutant[]> {
  const accepted = await acceptedMutants();
  const all: Mutant[] = [];
  for (const file of files) {
    const text = await Deno.readTextFile(new URL(file, root));
    all.push(...mutantsOf(file, text));
  }
  const counted = all.filter((one) => !accepted.has(describeMutant(one)));
  if (list !== undefined) {
    const listed = await listedMutants(list);
    return counted.filter((one) => listed.has(describeMutant(one)));
  }
  if (count === undefined) return counted;
  return random.shuffle(counted).slice(0, count);
}

async function main(): Promise<void> {
  const options = parseArgs(Deno.args, {
    string: ["count", "seed", "file", "list", "_"],
  });
  const random = new Random(Number(options.seed ?? 1));
  const { file } = options;
  const folders = file !== undefined
    ? [file.replace(/\.ts$/, "").split("/")[0]]
    : options._.length > 0
    ? options._.map(String)
    : DEFAULT_FOLDERS;
  const copies: ProjectCopy[] = [];
  try {
    for (let left = WORKERS; left > 0; left--) {
      copies.push(await ProjectCopy.make());
    }
    for (const folder of folders) {
      const files = file === undefined ? await sourcesOf(folder) : [file];
      const count = options.count !== undefined
        ? Number(options.count)
        : file === undefined
        ? DEFAULT_COUNT
        : undefined;
      const chosen = await chooseMutants(
        files,
        count,
        random,
        options.list,
      );
      console.log(await testFolder(folder, chosen, copies));
    }
  } finally {
    for (const copy of copies) await copy[Symbol.asyncDispose]();
  }
}

if (import.meta.main) await main();
