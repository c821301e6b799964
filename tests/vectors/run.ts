/**
 * Replays recordings of a real spdylay: `deno task vectors [DIR]`.
 *
 * @module
 */

import { readVectors } from "./recording.ts";
import { difference, recordedOutcome } from "./outcome.ts";
import { replay } from "./replay.ts";
const directory = Deno.args[0] ?? Deno.env.get("SPDY_VECTORS") ??
  new URL("spdylay/", import.meta.url);
const vectors = await readVectors(directory);
let passed = 0, failed = 0;
for (const v of vectors) {
  const expected = recordedOutcome(v.recording, "whole");
  if (!expected) {
    console.log("crash", v.id);
    continue;
  }
  let d: string | undefined;
  try {
    d = difference(expected, replay(v.recording, expected, "whole"));
  } catch (e) {
    d = String((e as Error).stack);
  }
  if (d) {
    failed++;
    console.log("FAIL", v.id, "\n", d.slice(0, 900));
  } else passed++;
}
console.log(passed, failed);
