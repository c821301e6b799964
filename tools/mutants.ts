/**
 * Mutation testing: changes one operator, constant or statement at a time, runs
 * the tests that evaluate it, and lists the changes that no test noticed.
 *
 *     deno task mutants                              # 60 mutants of each folder
 *     deno task mutants --count 100 --seed 7 session # more, others, one folder
 *     deno task mutants --file session/floods.ts     # all mutants of one file, or of several
 *     deno task mutants --list survivors.txt frame   # those in a list, as printed
 *     deno task mutants --file frame/ping.ts --tests tests/frame/  # only these tests
 *     deno task mutants --killers --count 20 frame   # names the test that failed
 *
 * The seed chooses the mutants. First each test file runs once, with a probe at
 * each chosen mutant: this shows which test files reach which mutants. A mutant
 * then runs only those, the quickest of its own folder first, until one fails.
 * The file of that test runs again by itself: if it passes, the mutant is not
 * killed by it, and the test is named as one that failed once.
 *
 * `tools/accepted_mutants.txt` lists the mutants that are not counted, because
 * no test can or should see them. Each line there says why.
 *
 * @module
 */

import { Random } from "../tests/helpers/random.ts";
import { toolArguments } from "../tests/helpers/tool_arguments.ts";
import {
  describeMutant,
  type Mutant,
  mutantsOf,
  withMutant,
} from "./mutation/mutants_of.ts";
import { type MeasuredTest, measureTests } from "./mutation/reach.ts";
import { ProjectCopy, type TestRun } from "./mutation/test_runner.ts";

/**
 * The folders and files of tests that must notice a mutant, by its folder; its own first.
 * {@linkcode SLOW} tests are left out: other tests reach the same code.
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

const HELP = `deno task mutants [options] [folders]

  --count N      mutants of each folder; default 60
  --seed S       chooses the mutants; default 1
  --file FILE    all mutants of a file; can be repeated
  --list FILE    the mutants in a list, as printed
  --tests PATH   only these tests; can be repeated
  --killers      names the test that failed

The folders are zlib, frame, session and connection if none is named.`;

/** Tests that measure memory or start processes. */
const SLOW =
  /security\/(worst_peer|kubernetes_memory|tls_handshakes|unread_bytes)_test/;
/** Mutants of a folder when no count is given. */
const DEFAULT_COUNT = 60;
/** Test files that run in the first process, the others run in a second one. */
const FIRST_TESTS = 4;
/**
 * A mutant may take this many times as long as the same tests without it, and
 * this many ms more.
 */
const TIME_FACTOR = 5;
const MORE_TIME = 15_000;
/** Processes that run at the same time. */
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

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(new URL(path, root)).then(() => true, () => false);
}

async function sourcesOf(folder: string): Promise<string[]> {
  const own = await exists(`${folder}.ts`) ? [`${folder}.ts`] : [];
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

/** The folder that a source file belongs to; `session.ts` belongs to `session`. */
function folderOf(file: string): string {
  return file.replace(/\.ts$/, "").split("/")[0];
}

async function acceptedMutants(): Promise<Set<string>> {
  const path = new URL("accepted_mutants.txt", import.meta.url);
  const lines = (await Deno.readTextFile(path)).split("\n");
  return new Set(lines.map((line) => line.split("  # ")[0]));
}

/** The result of the tests with a mutant. */
interface Verdict {
  /** The test that failed, and then failed again by itself; `undefined` if there is none. */
  readonly killer: string | undefined;
  /** Tests that failed, and then passed by themselves with the same mutant. */
  readonly unsteady: readonly string[];
}

/**
 * Runs the tests with the mutant in the code, until one fails. Its file then runs
 * again by itself: a test that failed because the machine was busy is no proof.
 */
async function judge(
  copy: ProjectCopy,
  mutant: Mutant,
  tests: readonly MeasuredTest[],
): Promise<Verdict> {
  const path = `${copy.folder}/${mutant.file}`;
  const text = await Deno.readTextFile(path);
  const unsteady: string[] = [];
  await Deno.writeTextFile(path, withMutant(text, mutant));
  try {
    const groups = [tests.slice(0, FIRST_TESTS), tests.slice(FIRST_TESTS)];
    for (let group = groups.shift(); group; group = groups.shift()) {
      if (group.length === 0) continue;
      const { outcome, file, name } = await runTests(copy, group);
      if (outcome === "passed") continue;
      const killer = `${name ?? file ?? "all tests"} (${outcome})`;
      const at = group.findIndex((test) => test.path === file);
      // None of them could even be loaded.
      if (at < 0) return { killer, unsteady };
      const again = await runTests(copy, [group[at]]);
      if (again.outcome !== "passed") return { killer, unsteady };
      unsteady.push(killer);
      groups.unshift(group.slice(at + 1));
    }
    return { killer: undefined, unsteady };
  } finally {
    await Deno.writeTextFile(path, text);
  }
}

function runTests(
  copy: ProjectCopy,
  tests: readonly MeasuredTest[],
): Promise<TestRun> {
  const usual = tests.reduce((sum, { time }) => sum + time, 0);
  return copy.test(
    tests.map(({ path }) => path),
    usual * TIME_FACTOR + MORE_TIME,
  );
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

/** Options of the command line that concern the tests. */
interface TestOptions {
  /** Whether the test that killed a mutant is printed. */
  readonly killers: boolean;
  /** Beginnings of the paths of the tests to run; all that the folder has if it is empty. */
  readonly tests: readonly string[];
}

/** Tests a folder's mutants; returns its line of the result. */
async function testFolder(
  folder: string,
  chosen: readonly Mutant[],
  copies: readonly ProjectCopy[],
  { killers, tests: only }: TestOptions,
): Promise<string> {
  const paths = (await testsOf(folder)).filter((path) =>
    only.length === 0 || only.some((begin) => path.startsWith(begin))
  );
  const measured = await measureTests(copies, chosen, paths);
  let next = 0;
  let killed = 0;
  await Promise.all(copies.map(async (copy) => {
    while (next < chosen.length) {
      const number = next++;
      const mutant = chosen[number];
      const tests = testsFor(folder, number, measured);
      const { killer, unsteady } = await judge(copy, mutant, tests);
      if (killer !== undefined) killed++;
      const what = `line ${mutant.line}, ${describeMutant(mutant)}`;
      for (const test of unsteady) {
        console.log(`failed once by ${test}: ${what}`);
      }
      if (killer === undefined) {
        console.log(
          `${tests.length > 0 ? "survived" : "not reached"}: ${what}`,
        );
      } else if (killers) console.log(`killed by ${killer}: ${what}`);
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

/** This many mutants of the files, chosen by the seed; all of them without a count. */
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
  const names = new Set(all.map(describeMutant));
  for (const name of accepted) {
    if (files.includes(name.split(": ")[0]) && !names.has(name)) {
      console.log(`accepted, but no longer in the code: ${name}`);
    }
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
  const options = toolArguments(HELP, {
    values: ["list"],
    lists: ["file", "tests"],
    flags: ["killers"],
    numbers: ["count", "seed"],
    words: true,
  });
  const random = new Random(options.numbers.seed ?? 1);
  const named = options.lists.file;
  const folders = named.length > 0
    ? [...new Set(named.map(folderOf))]
    : options.positionals.length > 0
    ? options.positionals
    : DEFAULT_FOLDERS;
  for (const path of named.length > 0 ? named : folders) {
    if (await exists(path)) continue;
    console.error(`there is no ${path} in the project\n\n${HELP}`);
    Deno.exit(2);
  }
  const copies: ProjectCopy[] = [];
  try {
    for (let left = WORKERS; left > 0; left--) {
      copies.push(await ProjectCopy.make());
    }
    for (const folder of folders) {
      const files = named.length > 0
        ? named.filter((file) => folderOf(file) === folder)
        : await sourcesOf(folder);
      const count = options.numbers.count ??
        (named.length > 0 ? undefined : DEFAULT_COUNT);
      const chosen = await chooseMutants(
        files,
        count,
        random,
        options.values.list,
      );
      console.log(
        await testFolder(folder, chosen, copies, {
          tests: options.lists.tests,
          killers: options.flags.killers,
        }),
      );
    }
  } finally {
    for (const copy of copies) await copy[Symbol.asyncDispose]();
  }
}

if (import.meta.main) await main();
