/**
 * Finds which test files evaluate which mutants, so that a mutant only runs the
 * tests that can notice it.
 *
 * @module
 */

import { type Mutant, withProbes } from "./mutants_of.ts";
import type { ProjectCopy } from "./test_runner.ts";

/** Longest run of one test file without a mutant, ms. */
const LONGEST = 300_000;
/** The variable that tells probes where to write. */
const VARIABLE = "MUTANT_PROBES";

/**
 * Declares the probe. Each process appends a number to the file when it first
 * reaches that mutant, so that the numbers of a killed process are not lost. It is
 * one line, so that line numbers do not change.
 */
const PRELUDE = `const $seen = globalThis.$probes ??= [];` +
  `let $probeFile; try { $probeFile = Deno.env.get("${VARIABLE}"); } catch { /* not allowed */ };` +
  `const $reached = (n) => { $seen[n] = true;` +
  ` if ($probeFile) Deno.writeTextFileSync($probeFile, n + "\\n", { append: true }); };`;

/** A test file, as it runs without a mutant. */
export interface MeasuredTest {
  readonly path: string;
  /** Its time, ms. */
  readonly time: number;
  /** Numbers of the mutants that it reaches. */
  readonly reaches: ReadonlySet<number>;
}

/**
 * Runs each test file with a probe at each mutant. A file that fails twice is
 * named and left out.
 */
export async function measureTests(
  copies: readonly ProjectCopy[],
  mutants: readonly Mutant[],
  tests: readonly string[],
): Promise<MeasuredTest[]> {
  const byFile = new Map<string, Map<number, Mutant>>();
  mutants.forEach((mutant, number) => {
    const some = byFile.get(mutant.file) ?? new Map();
    byFile.set(mutant.file, some.set(number, mutant));
  });
  const originals = new Map<string, string>();
  for (const [file, some] of byFile) {
    const text = await Deno.readTextFile(`${copies[0].folder}/${file}`);
    originals.set(file, text);
    for (const { folder } of copies) {
      await Deno.writeTextFile(
        `${folder}/${file}`,
        withProbes(text, some, PRELUDE),
      );
    }
  }
  const queue = [...tests];
  const measured: MeasuredTest[] = [];
  await Promise.all(copies.map(async (copy) => {
    for (let path = queue.shift(); path; path = queue.shift()) {
      const test = await measureTest(copy, path) ??
        await measureTest(copy, path);
      if (test !== undefined) measured.push(test);
      else console.log(`left out: ${path} fails without a mutant`);
    }
  }));
  for (const [file, text] of originals) {
    for (const { folder } of copies) {
      await Deno.writeTextFile(`${folder}/${file}`, text);
    }
  }
  return measured;
}

async function measureTest(
  copy: ProjectCopy,
  path: string,
): Promise<MeasuredTest | undefined> {
  const probes = await Deno.makeTempFile({ prefix: "probes" });
  try {
    const { outcome, time } = await copy.test([path], LONGEST, {
      [VARIABLE]: probes,
    });
    if (outcome !== "passed") return undefined;
    const lines = (await Deno.readTextFile(probes)).split("\n");
    const reaches = new Set(lines.filter((line) => line !== "").map(Number));
    return { path, time, reaches };
  } finally {
    await Deno.remove(probes);
  }
}
