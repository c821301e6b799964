/**
 * The garbage collector, for tests that check what is still in memory.
 *
 * @module
 */

import v8 from "node:v8";
import vm from "node:vm";
import { onlyIf, type SomeMachines } from "./unix_only.ts";

/** Runs the collector; `undefined` if this Deno offers no way to run it. */
export const collect: (() => void) | undefined = (() => {
  try {
    v8.setFlagsFromString("--expose-gc");
    return vm.runInNewContext("gc");
  } catch {
    return undefined;
  }
})();

/** Tests that run the collector. */
export const withCollector: SomeMachines = onlyIf(
  collect !== undefined,
  "needs the collector",
);
