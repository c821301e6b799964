/**
 * Runs the speed checks of `tests/speed`, one file after the other and nothing
 * beside them: they compare times, so that other tests on the same machine
 * would decide about them. What fails is run a second time after its reason
 * has been printed; a second failure counts.
 *
 *     deno run -A tools/speed.ts               # all files
 *     deno run -A tools/speed.ts work_per_byte # one of them
 *
 * @module
 */

import { runDeno } from "./std.ts";

/** What is printed when a file is given its second run. */
export const RUN_AGAIN = "running it once more";

const root = new URL("../", import.meta.url);
const folder = new URL("tests/speed/", root);

/** The files to run, in the order of their names. */
function files(names: readonly string[]): string[] {
  const all = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".ts")).sort();
  if (names.length === 0) return all;
  return names.map((name) => {
    const file = name.endsWith(".ts") ? name : `${name}.ts`;
    if (all.includes(file)) return file;
    throw new Error(`tests/speed has no ${file}: expected ${all.join(", ")}`);
  });
}

/** Whether all tests of a file pass; `deno test` prints why one does not. */
async function passes(file: string): Promise<boolean> {
  return await runDeno(["test", "-A", "--quiet", `tests/speed/${file}`]) === 0;
}

if (import.meta.main) {
  let failed = false;
  for (const file of files(Deno.args)) {
    if (await passes(file)) continue;
    console.log(`tests/speed/${file} failed, see above: ${RUN_AGAIN}`);
    if (await passes(file)) continue;
    console.log(`tests/speed/${file} failed twice`);
    failed = true;
  }
  if (failed) Deno.exit(1);
}
