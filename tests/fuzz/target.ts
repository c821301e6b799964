/**
 * What a fuzz target is, and how one execution of it is made and replayed.
 *
 * @module
 */

import type { Random } from "../helpers/random.ts";

/** Something that is run over and over with other random choices. */
export interface Target {
  /** Its name on the command line. */
  readonly name: string;
  /** What holds for every execution. */
  readonly property: string;
  /** One execution; throws when the property does not hold. */
  run(random: Random): void | Promise<void>;
  /** Ends what executions have in common, such as a process. */
  end?(): Promise<void>;
}

/** What came of running a target for a while. */
export interface Outcome {
  readonly target: Target;
  /** Executions made. */
  readonly executions: number;
  /** Longest execution, ms. */
  readonly slowest: number;
  /** Seed of the slowest execution. */
  readonly slowestSeed: number;
  /** The first execution whose property did not hold. */
  readonly failure?: { readonly seed: number; readonly error: unknown };
}
