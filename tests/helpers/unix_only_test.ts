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
