/**
 * `deno task fuzz --seconds N --seed S [--target NAME]`: runs the targets side
 * by side in time, N seconds in all. `--replay SEED --target NAME` makes one
 * execution again.
 *
 * @module
 */

import { parseArgs } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { fuzz, TARGETS } from "./fuzz.ts";

const options = parseArgs(Deno.args, {
  string: ["target", "seconds", "seed", "replay"],
});
const targets = TARGETS.filter(({ name }) =>
  options.target === undefined || name === options.target
);
if (targets.length === 0) {
  console.error(
    `no target "${options.target}"; known are ${
      TARGETS.map(({ name }) => name).join(", ")
    }`,
  );
  Deno.exit(2);
}
if (options.replay !== undefined) {
  for (const target of targets) {
    await target.run(new Random(Number(options.replay)));
    await target.end?.();
  }
  console.log("holds");
  Deno.exit(0);
}

const seconds = Number(options.seconds ?? 60);
const first = Number(options.seed ?? 1);
/** Each target gets its turn for this long, so that a long run mixes them. */
const TURN_MS = Math.min(5000, 1000 * seconds / targets.length);
const sums = new Map(
  targets.map((
    target,
  ) => [target.name, { executions: 0, slowest: 0, slowestSeed: 0 }]),
);
const end = performance.now() + seconds * 1000;
let failed = false;
for (let seed = first; performance.now() < end && !failed; seed++) {
  for (const target of targets) {
    const outcome = await fuzz(target, seed, TURN_MS);
    const sum = sums.get(target.name);
    if (sum) {
      sum.executions += outcome.executions;
      if (outcome.slowest > sum.slowest) {
        sum.slowest = outcome.slowest;
        sum.slowestSeed = outcome.slowestSeed;
      }
    }
    if (outcome.failure) {
      failed = true;
      console.error(`${target.name}: ${target.property}: does not hold`);
      console.error(outcome.failure.error);
      console.error(
        `replay: deno task fuzz --target ${target.name} --replay ${outcome.failure.seed}`,
      );
    }
  }
}
for (const target of targets) await target.end?.();
for (const [name, { executions, slowest, slowestSeed }] of sums) {
  console.log(
    `${name}: ${executions} executions, slowest ${
      slowest.toFixed(0)
    } ms (seed ${slowestSeed})`,
  );
}
if (failed) Deno.exit(1);
