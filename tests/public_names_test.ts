/**
 * The public names of each entry of the package, so that none is added or removed
 * unnoticed. After an intended change:
 *
 *     deno run -A tools/std.ts test -A tests/public_names_test.ts -- --update
 */

import config from "../deno.json" with { type: "json" };
import { assertSnapshot } from "./deps.ts";

for (const [entry, path] of Object.entries(config.exports)) {
  Deno.test(`public names of ${entry}`, async (context) => {
    const module = await import(new URL(`../${path}`, import.meta.url).href);
    await assertSnapshot(context, Object.keys(module).sort());
  });
}
