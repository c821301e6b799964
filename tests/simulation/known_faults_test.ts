import { changed, FAULTS } from "./known_faults.ts";

const ROOT = new URL("../../", import.meta.url);

for (const { name, changes } of FAULTS) {
  Deno.test(`known fault: the source still has the code that it replaces: ${name}`, async () => {
    for (const change of changes) {
      changed(await Deno.readTextFile(new URL(change.file, ROOT)), change);
    }
  });
}
