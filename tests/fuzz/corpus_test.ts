/**
 * Replays the stored inputs of the byte targets, which `deno task fuzz --guided
 * --corpus` has found.
 */

import { inputText } from "./byte_target.ts";
import { BYTE_TARGETS } from "./byte_targets/mod.ts";
import { loadCorpus } from "./guided/corpus.ts";

for (const target of BYTE_TARGETS) {
  Deno.test(`fuzz corpus, ${target.name}: ${target.property}`, async () => {
    for (const input of await loadCorpus(target)) {
      try {
        await target.run(input);
      } catch (error) {
        throw new Error(
          `replay: deno task fuzz --target ${target.name} --input ${
            inputText(input)
          }`,
          { cause: error },
        );
      }
    }
  });
}
