import { assertEquals } from "../deps.ts";
import { judge, unusedNames } from "./judge.ts";
import { readVectors } from "./recording.ts";

const directory = new URL("spdylay/", import.meta.url);
const vectors = await readVectors(directory);
const files = new Set(vectors.map(({ id }) => id.split(" ")[0]));

for (const file of files) {
  Deno.test(`recordings of spdylay: ${file}`, () => {
    const failed = vectors.filter(({ id }) => id.startsWith(`${file} `))
      .map((vector) => judge(vector, true))
      .filter(({ status }) => status === "failed")
      .map(({ id, detail }) => `${id}: ${detail}`);
    assertEquals(failed, []);
  });
}

Deno.test("every deviation in the list still exists", () => {
  const verdicts = vectors.map((vector) => judge(vector, true));
  assertEquals(unusedNames(vectors, verdicts), []);
});
