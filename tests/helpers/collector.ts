/**
 * The garbage collector, for tests that look at what is still held.
 *
 * @module
 */

import v8 from "node:v8";
import vm from "node:vm";

/** Runs the collector; `undefined` where Deno has no way to it. */
export const collect: (() => void) | undefined = (() => {
  try {
    v8.setFlagsFromString("--expose-gc");
    return vm.runInNewContext("gc");
  } catch {
    return undefined;
  }
})();
