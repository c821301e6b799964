/**
 * Runs seeds: `deno task simulate --seeds N --family F --seed S`.
 *
 * @module
 */

import { toolArguments } from "../helpers/tool_arguments.ts";
import { FAMILY_NAMES } from "./families.ts";
import { median } from "./median.ts";
import { checkMany } from "./path/simulate.ts";
import { runSeeds } from "./seeds.ts";

const HELP = `deno task simulate: two connections in a network, in virtual time

  --seeds N      how many seeds of each family; default 200
  --family F     ${FAMILY_NAMES.join(", ")}; default all
  --seed S       the first seed; default 1
  --minutes M    stop after so long
  --failures N   stop after so many seeds that fail; default 10
  --verbose      tell all that happens, for one seed`;

/** Statements about many seeds are checked if there are at least this many figures. */
const MANY = 300;

const { values: { family }, flags, numbers } = toolArguments(HELP, {
  values: ["family"],
  flags: ["verbose"],
  numbers: ["seeds", "seed", "minutes", "failures"],
});
const wanted = family?.split(",") ?? FAMILY_NAMES;
const families = FAMILY_NAMES.filter((name) => wanted.includes(name));
const unknown = wanted.filter((name) =>
  !(FAMILY_NAMES as readonly string[]).includes(name)
);
if (unknown.length > 0) {
  console.error(`there is no family ${unknown.join(", ")}\n\n${HELP}`);
  Deno.exit(2);
}
const alone = numbers.seed !== undefined && numbers.seeds === undefined;
let failed = 0;
let total = 0;
const begin = performance.now();
for (const name of families) {
  const report = await runSeeds(name, {
    first: numbers.seed ?? 1,
    count: numbers.seeds ?? (alone ? 1 : 200),
    failures: numbers.failures ?? 10,
    milliseconds: (numbers.minutes ?? Infinity) * 60_000 / families.length,
    verbose: flags.verbose,
  });
  for (const { seed, violations } of report.failed) {
    console.log(`${name} ${seed}:`);
    for (const violation of violations) console.log(`  ${violation}`);
  }
  const seconds = report.milliseconds / 1000;
  console.log(
    `${name}: ${report.seeds} seeds, ${report.failed.length} failed, ${
      seconds.toFixed(1)
    } s, ${(report.seeds / seconds).toFixed(0)} seeds/s, ${
      (report.events / report.seeds).toFixed(0)
    } events a seed`,
  );
  if (report.shares.length > 0) {
    const [share, wait] = [report.shares, report.waits].map((figures) =>
      median(figures).toFixed(3)
    );
    console.log(
      `  medians: ${share} of the rate of TCP alone; urgent requests wait for ${wait} round trips with 32 KiB`,
    );
    const slow = report.shares.filter((each) => each < 0.5).length;
    console.log(
      `  slow: ${slow} of ${report.shares.length} transfers have less than half the rate of TCP alone`,
    );
    if (report.shares.length >= MANY) {
      for (const violation of checkMany(report.shares, report.waits)) {
        console.log(`  of many seeds: ${violation}`);
        failed++;
      }
    }
  }
  failed += report.failed.length;
  total += report.seeds;
}
const seconds = (performance.now() - begin) / 1000;
console.log(`${total} seeds, ${failed} failed, ${seconds.toFixed(1)} s`);
if (failed > 0) Deno.exit(1);
