/**
 * Replays recordings of a real spdylay: `deno task vectors [DIR]`. DIR, or the
 * variable SPDY_VECTORS, names a folder with other recordings in the same form.
 * The last line is `N passed, N failed, N deviate`; the exit code is 1 if any
 * failed.
 *
 * @module
 */

import { judge, unusedNames } from "./judge.ts";
import { readVectors } from "./recording.ts";

const other = Deno.args[0] ?? Deno.env.get("SPDY_VECTORS");
const vectors = await readVectors(
  other ?? new URL("spdylay/", import.meta.url),
);
const verdicts = vectors.map((vector) => judge(vector, other === undefined));
for (const { id, status, detail, rules } of verdicts) {
  if (status === "failed") console.log(`failed: ${id}\n  ${detail}`);
  if (status === "deviates") {
    console.log(
      `deviates: ${id}: ${rules.map(({ name }) => name).join(", ")}`,
    );
  }
}
const unused = other === undefined ? unusedNames(vectors, verdicts) : [];
for (const name of unused) console.log(`failed: nothing deviates by ${name}`);

const count = (status: string): number =>
  verdicts.filter((verdict) => verdict.status === status).length;
const failed = count("failed") + unused.length;
console.log(
  `${count("passed")} passed, ${failed} failed, ${count("deviates")} deviate`,
);
if (failed > 0 || vectors.length === 0) Deno.exit(1);
