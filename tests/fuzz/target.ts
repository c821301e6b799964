/**
 * What a fuzz target is, and how its executions are run and replayed.
 *
 * @module
 */

import type { Random } from "../helpers/random.ts";

/** Something that is run again and again with other random choices. */
export interface Target {
  /** Its name on the command line. */
  readonly name: string;
  /** What must hold for every execution. */
  readonly property: string;
  /** Runs once; throws if the property does not hold. */
  run(random: Random): void | Promise<void>;
  /** Ends what executions share, such as a process. */
  end?(): Promise<void>;
}

/** The result of running a target for a while. */
export interface Outcome {
  readonly target: Target;
  /** Number of executions. */
  readonly executions: number;
  /** Longest execution, ms. */
  readonly slowest: number;
  /** Seed of the slowest execution. */
  readonly slowestSeed: number;
  /** The first execution whose property did not hold. */
  readonly failure?: { readonly seed: number; readonly error: unknown };
}
