/**
 * Runs fuzz targets for a limited time. Each execution has a seed of its own,
 * which replays it.
 *
 * @module
 */

import { Random } from "../helpers/random.ts";
import type { Outcome, Target } from "./target.ts";
import { sessionTarget, splitTarget } from "./targets/hostile.ts";
import { http1Target } from "./targets/http1.ts";
import { inflateTarget } from "./targets/inflate.ts";
import { proxyHeadTarget } from "./targets/proxy_head.ts";
import { scriptTarget } from "./targets/script.ts";
import { modelTarget } from "./targets/stream_model.ts";

/** Every target, in the order in which they run. */
export const TARGETS: readonly Target[] = [
  sessionTarget,
  splitTarget,
  scriptTarget,
  modelTarget,
  inflateTarget,
  proxyHeadTarget,
  http1Target,
];

/**
 * Distance between the seeds of one run, so that runs with neighbouring seeds do
 * not repeat each other.
 */
const SEED_STRIDE = 0x9e3779b1;

/** The seed of execution `index` of a run. */
export function executionSeed(seed: number, index: number): number {
  return (seed + Math.imul(index, SEED_STRIDE)) >>> 0;
}

/** Runs one target until `milliseconds` are over, or its property fails. */
export async function fuzz(
  target: Target,
  seed: number,
  milliseconds: number,
): Promise<Outcome> {
  const end = performance.now() + milliseconds;
  let executions = 0;
  let slowest = 0;
  let slowestSeed = seed;
  for (let begin = performance.now(); begin < end || executions === 0;) {
    const own = executionSeed(seed, executions);
    try {
      const running = target.run(new Random(own));
      // Most targets are synchronous, and are faster if no turn of the event
      // loop is in between.
      if (running !== undefined) await running;
    } catch (error) {
      return {
        target,
        executions,
        slowest,
        slowestSeed,
        failure: { seed: own, error },
      };
    }
    executions++;
    const now = performance.now();
    if (now - begin > slowest) {
      slowest = now - begin;
      slowestSeed = own;
    }
    begin = now;
  }
  return { target, executions, slowest, slowestSeed };
}
