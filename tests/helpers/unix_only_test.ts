import { assertEquals } from "../deps.ts";
import { onlyIf } from "./unix_only.ts";

Deno.test("a test of some machines has their name, and is skipped elsewhere", () => {
  const { test } = Deno;
  const defined: Deno.TestDefinition[] = [];
  Object.assign(Deno, {
    test: (definition: Deno.TestDefinition) => defined.push(definition),
  });
  const fn = (): void => {};
  try {
    onlyIf(true, "Unix only").test("a", fn);
    onlyIf(false, "Linux only").test("b", { sanitizeOps: false }, fn);
    onlyIf(false, "Linux only").test({ name: "c", fn });
  } finally {
    Object.assign(Deno, { test });
  }
  assertEquals(defined, [
    { name: "a (Unix only)", ignore: false, fn },
    { name: "b (Linux only)", ignore: true, sanitizeOps: false, fn },
    { name: "c (Linux only)", ignore: true, fn },
  ]);
});

/** Says that a test is skipped, without saying why in its name. */
const SKIPS = /^\s*(ignore(: (?!true|false)|,$)|Deno\.test\.ignore\()/m;

Deno.test("a test that some machines skip says why in its name", async () => {
  const found: string[] = [];
  const search = async (folder: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await search(new URL(`${name}/`, folder));
      if (!/\.ts$/.test(name) || /^unix_only(_test)?\.ts$/.test(name)) continue;
      const text = await Deno.readTextFile(new URL(name, folder));
      if (SKIPS.test(text)) found.push(name);
    }
  };
  await search(new URL("../", import.meta.url));
  // Its name says that there is no Node.
  assertEquals(found, ["package_test.ts"]);
});
