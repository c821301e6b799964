/**
 * Tests of our own `Request` and `Response`, and of what depends on them: skipped by
 * `deno task test-without-stand-ins`.
 *
 * @module
 */

import { usesStandIns } from "../../http/platform/stand_in_switch.ts";
import { onlyIf, type SomeMachines } from "./unix_only.ts";

/** Tests that run only with stand-ins. */
export const withStandIns: SomeMachines = onlyIf(
  usesStandIns(),
  "needs stand-ins",
);
