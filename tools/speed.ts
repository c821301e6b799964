/**
 * Runs the speed checks of `tests/speed`, one file after the other. They compare
 * times, so other tests at the same time could make them fail. A file that fails
 * is run again after the reason was printed, and fails if its second run does.
 *
 *     deno run -A tools/speed.ts               # all files
 *     deno run -A tools/speed.ts work_per_byte # one of them
 *
 * @module
 */

import { runDeno } from "./std.ts";

/** Printed before the second run of a file. */
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
