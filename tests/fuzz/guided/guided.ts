/**
 * Runs a byte target on inputs that are mutations of each other. An input that
 * reaches something new is kept and mutated further.
 *
 * @module
 */

import { Random } from "../../helpers/random.ts";
import type { ByteTarget } from "../byte_target.ts";
import { type Entry, loadCorpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { mutate } from "./mutate.ts";

/** A longer run is a failure, ms: no input may take long. */
const SLOWEST = 5000;

/** The result of a guided run. */
export interface GuidedOutcome {
  readonly executions: number;
  /** Number of blocks, distinguished by how often they ran, that were reached. */
  readonly features: number;
  /** Number of inputs that were stored before, and of inputs that reach something new. */
  readonly entries: readonly Entry[];
  readonly before: number;
  /** The first input for which the property did not hold. */
  readonly failure?: {
    readonly input: Uint8Array<ArrayBuffer>;
    readonly error: unknown;
  };
}

/** Runs the target for this many ms, or until its property fails. */
export async function runGuided(
  target: ByteTarget,
  seed: number,
  milliseconds: number,
): Promise<GuidedOutcome> {
  const random = new Random(seed);
  const coverage = new Coverage(target.sources);
  const stored = await loadCorpus(target);
  const entries: Entry[] = [];
  const reached = new Set<number>();
  const end = performance.now() + milliseconds;
  let executions = 0;
  let failure: GuidedOutcome["failure"];
  const run = async (input: Uint8Array<ArrayBuffer>): Promise<void> => {
    executions++;
    const begin = performance.now();
    try {
      await target.run(input);
      const time = performance.now() - begin;
      if (time > SLOWEST) throw new Error(`took ${time.toFixed(0)} ms`);
    } catch (error) {
      failure = { input, error };
      return;
    }
    const features = await coverage.take();
    const { size } = reached;
    for (const feature of features) reached.add(feature);
    if (reached.size > size) entries.push({ input, features });
  };
  await coverage.start();
  for (const input of stored) {
    if (failure === undefined) await run(input);
  }
  const before = entries.length;
  const others = stored.length > 0 ? [...stored] : [new Uint8Array(0)];
  while (failure === undefined && performance.now() < end) {
    // In half of the cases, one of the last inputs that reached something new.
    const base = entries.length > 0 && random.chance(0.5)
      ? entries[
        random.int(Math.max(0, entries.length - 20), entries.length - 1)
      ]
        .input
      : random.pick(others);
    const count = entries.length;
    await run(mutate(base, others, target.words ?? [], random));
    if (entries.length > count) others.push(entries[count].input);
  }
  return { executions, features: reached.size, entries, before, failure };
}
