/**
 * `deno task fuzz --seconds N --seed S [--target NAME]`: runs the targets in
 * turns, for N seconds in all. `--replay SEED --target NAME` repeats one
 * execution.
 *
 * `--guided [--corpus]`: runs the byte targets guided by coverage, starting with
 * their stored inputs; `--corpus` stores what reaches something new. `--input
 * TEXT --target NAME` runs a byte target on one input.
 *
 * @module
 */

import { Random } from "../helpers/random.ts";
import { toolArguments } from "../helpers/tool_arguments.ts";
import { inputOf, inputText } from "./byte_target.ts";
import { BYTE_TARGETS } from "./byte_targets/mod.ts";
import { fuzz, TARGETS } from "./fuzz.ts";
import { saveCorpus } from "./guided/corpus.ts";
import { runGuided } from "./guided/guided.ts";

const HELP = `deno task fuzz [options]

  --seconds N    how long, in all; default 60
  --seed S       the seed; default 1
  --target NAME  only this target
  --replay SEED  repeat one execution of a target
  --guided       the byte targets, guided by coverage
  --corpus       as --guided, and store what reaches something new
  --input TEXT   run a byte target on one input`;

const { values: options, flags, numbers } = toolArguments(HELP, {
  values: ["target", "input"],
  flags: ["guided", "corpus"],
  numbers: ["seconds", "seed", "replay"],
});
const { seconds = 60, seed = 1 } = numbers;

/** The targets that the arguments select; ends the process if there is none. */
function chosen<T extends { readonly name: string }>(
  targets: readonly T[],
): T[] {
  const some = targets.filter(({ name }) =>
    options.target === undefined || name === options.target
  );
  if (some.length > 0) return some;
  const names = targets.map(({ name }) => name).join(", ");
  console.error(`no target "${options.target}"; known are ${names}`);
  Deno.exit(2);
}

/** Runs the byte targets, guided by coverage; returns whether all their properties held. */
async function guide(): Promise<boolean> {
  const targets = chosen(BYTE_TARGETS);
  for (const target of targets) {
    const outcome = await runGuided(
      target,
      seed,
      1000 * seconds / targets.length,
    );
    const { executions, features, entries, before, failure } = outcome;
    const found = entries.length - before;
    console.log(
      `${target.name}: ${executions} executions, ${features} features, ${found} new inputs`,
    );
    if (failure !== undefined) {
      console.error(`${target.name}: ${target.property}: does not hold`);
      console.error(failure.error);
      const text = inputText(failure.input);
      console.error(
        `replay: deno task fuzz --target ${target.name} --input ${text}`,
      );
      return false;
    }
    if (flags.corpus) {
      const count = await saveCorpus(target, entries);
      console.log(`${target.name}: ${count} inputs are stored`);
    }
  }
  return true;
}

/** Runs the seeded targets in turns; returns whether all their properties held. */
async function run(): Promise<boolean> {
  const targets = chosen(TARGETS);
  /** Time of a turn, ms, so that a long run mixes all targets. */
  const turn = Math.min(5000, 1000 * seconds / targets.length);
  const sums = new Map(
    targets.map((
      target,
    ) => [target.name, { executions: 0, slowest: 0, slowestSeed: 0 }]),
  );
  const end = performance.now() + seconds * 1000;
  let failed = false;
  for (let next = seed; performance.now() < end && !failed; next++) {
    for (const target of targets) {
      const outcome = await fuzz(target, next, turn);
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
  return !failed;
}

let holds = true;
if (options.input !== undefined) {
  for (const target of chosen(BYTE_TARGETS)) {
    await target.run(inputOf(options.input));
  }
  console.log("holds");
} else if (numbers.replay !== undefined) {
  for (const target of chosen(TARGETS)) {
    await target.run(new Random(numbers.replay));
    await target.end?.();
  }
  console.log("holds");
} else if (flags.guided || flags.corpus) holds = await guide();
else holds = await run();
if (!holds) Deno.exit(1);
