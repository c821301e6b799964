/**
 * Runs the soak tests one after the other. They take too long and too much memory
 * for the unit tests.
 *
 *     deno task soak
 *
 * @module
 */

import { soakConnections } from "./connections.ts";
import { soakWindowTuning } from "./window_tuning.ts";

let failed = 0;
for (const soak of [soakConnections, soakWindowTuning]) {
  if (!await soak()) {
    console.log(`${soak.name}: FAILED`);
    failed++;
  }
}
console.log(failed === 0 ? "soak: ok" : `soak: ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
