/**
 * Runs the tests again and again, to find those that fail now and then:
 *
 *     deno task test-often all 10              # whole suite, beside two busy loops
 *     deno task test-often files 10            # each file in a process of its own
 *     deno task test-often tests 10 tests/zlib # each test in a process of its own
 *
 * A test that shares a process with others may need what these have loaded or
 * left; a test on a busy machine may depend on time. `--at-once=2` runs two
 * processes at a time. Prints what failed, and a line for each round.
 *
 * @module
 */

import { stdFlags } from "./std.ts";

/** Longest time of a process, ms. */
const LONGEST_SUITE = 30 * 60_000;
const LONGEST_FILE = 400_000;
/** How many processes use up a processor each while the suite runs. */
const BUSY_LOOPS = 2;
/** A busy loop. It ends when the process that started it has ended, even by a signal. */
const BUSY_LOOP = `
const parent = Deno.ppid;
while (Deno.ppid === parent) for (let turn = 0; turn < 1e8; turn++);
`;

const root = new URL("../", import.meta.url);

/** What one process did. */
interface Result {
  /** Tests that passed. */
  readonly passed: number;
  /** Whether no test failed, and some test ran. */
  readonly good: boolean;
  readonly output: string;
}

/** Names of the tests in a report for JUnit, without steps and ignored tests. */
export function testNames(report: string): string[] {
  const names: string[] = [];
  for (
    const [, attributes, end] of report.matchAll(
      /<testcase\b([^>]*?)(\/>|>[^]*?<\/testcase>)/g,
    )
  ) {
    const name = / name="([^"]*)"/.exec(attributes)?.[1] ?? "";
    if (end.includes("<skipped") || name.includes(" &gt; ")) continue;
    names.push(unescapeXml(name));
  }
  return names;
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = {
    lt: "<",
    gt: ">",
    amp: "&",
    quot: '"',
    apos: "'",
  };
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex, decimal, name) =>
      name !== undefined
        ? named[name] ?? whole
        : String.fromCodePoint(parseInt(hex ?? decimal, hex ? 16 : 10)),
  );
}

/** A filter of `deno test` for exactly one name. */
export function exactFilter(name: string): string {
  return `/^${name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}$/`;
}

async function denoTest(args: string[], longest: number): Promise<Result> {
  const late = AbortSignal.timeout(longest);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...flags, ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    signal: late,
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout) + decoder.decode(stderr);
  const passed = Number(/(\d+) passed/.exec(text)?.[1] ?? 0);
  const ignored = Number(/(\d+) ignored/.exec(text)?.[1] ?? 0);
  return {
    passed,
    good: success && passed + ignored > 0,
    output: late.aborted ? `${text}\nstopped after ${longest} ms` : text,
  };
}

/** Prints why a process failed: what follows the list of its tests. */
function printFailure(title: string, { output }: Result): void {
  const at = output.indexOf("\n ERRORS");
  console.log(
    `FAILED: ${title}\n${at < 0 ? output.slice(-5000) : output.slice(at)}`,
  );
}

async function wholeSuite(paths: string[]): Promise<[number, number]> {
  const busy = Array.from(
    { length: BUSY_LOOPS },
    () =>
      new Deno.Command(Deno.execPath(), { args: ["eval", BUSY_LOOP] }).spawn(),
  );
  try {
    const args = ["--doc", "--parallel", "--quiet", ...paths];
    const result = await denoTest(args, LONGEST_SUITE);
    if (!result.good) printFailure("the suite", result);
    return [result.passed, result.good ? 0 : 1];
  } finally {
    for (const process of busy) process.kill("SIGKILL");
    await Promise.all(busy.map((process) => process.status));
  }
}

async function testFiles(paths: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "--", ...paths.length > 0 ? paths : ["tests"]],
    cwd: root,
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((path) =>
    // The tests of npm's packages need these packages: see `deno task interop`.
    path.endsWith("_test.ts") && !path.startsWith("tests/interop/")
  );
}

/** Names of the tests of each file, so that a later round does not run the whole file to learn them. */
const namesOf = new Map<string, readonly string[]>();

/** Runs a file to learn the names of its tests; returns the result instead if it failed. */
async function learnNames(file: string): Promise<readonly string[] | Result> {
  const known = namesOf.get(file);
  if (known !== undefined) return known;
  const report = await Deno.makeTempFile();
  try {
    const args = ["--no-check", `--junit-path=${report}`, file];
    const whole = await denoTest(args, LONGEST_FILE);
    if (!whole.good) return whole;
    const names = testNames(await Deno.readTextFile(report));
    namesOf.set(file, names);
    return names;
  } finally {
    await Deno.remove(report);
  }
}

/** Runs each file or, with `eachTest`, each test of each file; resolves to how many tests passed and how many processes failed. */
async function alone(
  paths: string[],
  atOnce: number,
  eachTest: boolean,
): Promise<[passed: number, failed: number]> {
  const files = (await testFiles(paths)).values();
  let passed = 0;
  let failed = 0;
  const count = (title: string, result: Result): void => {
    passed += result.passed;
    if (result.good) return;
    failed++;
    printFailure(title, result);
  };
  const one = async (): Promise<void> => {
    for (const file of files) {
      if (!eachTest) {
        count(file, await denoTest(["--no-check", file], LONGEST_FILE));
        continue;
      }
      const names = await learnNames(file);
      if ("good" in names) {
        count(file, names);
        continue;
      }
      for (const name of names) {
        const filter = `--filter=${exactFilter(name)}`;
        const result = await denoTest(
          [filter, "--no-check", file],
          LONGEST_FILE,
        );
        count(`${file}: ${name}`, result);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return [passed, failed];
}

let flags: string[] = [];

if (import.meta.main) {
  const atOnce = Deno.args.find((arg) => arg.startsWith("--at-once="));
  const [mode, rounds = "1", ...paths] = Deno.args.filter((arg) =>
    arg !== atOnce
  );
  if (!["all", "files", "tests"].includes(mode) || !(Number(rounds) > 0)) {
    console.error(
      "usage: deno task test-often all|files|tests [rounds] [paths] [--at-once=N]",
    );
    Deno.exit(2);
  }
  flags = await stdFlags();
  const processes = Number(atOnce?.slice("--at-once=".length) ?? 1);
  if (mode !== "all" && (await testFiles(paths)).length === 0) {
    console.error(`test-often: no test file in ${paths.join(", ")}`);
    Deno.exit(2);
  }
  let bad = 0;
  for (let round = 1; round <= Number(rounds); round++) {
    const begin = performance.now();
    const [passed, failed] = mode === "all"
      ? await wholeSuite(paths)
      : await alone(paths, processes, mode === "tests");
    const seconds = Math.round((performance.now() - begin) / 1000);
    console.log(
      `round ${round}, ${mode}: ${passed} tests passed, ${failed} processes ` +
        `failed, ${seconds} s, load ${Deno.loadavg()[0].toFixed(1)}`,
    );
    bad += failed;
  }
  Deno.exit(bad === 0 ? 0 : 1);
}
