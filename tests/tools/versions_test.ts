import { oldestDeno, versionsToTest } from "../../tools/versions.ts";
import { assertEquals, assertThrows } from "../deps.ts";

Deno.test("oldest: it is the version in the README, and no later than this one", async () => {
  const readme = await Deno.readTextFile(
    new URL("../../README.md", import.meta.url),
  );
  const numbers = (version: string): number[] =>
    version.split(/[.+-]/, 3).map(Number);
  const [oldest, here] = [oldestDeno(readme), Deno.version.deno].map(numbers);
  const at = oldest.findIndex((number, index) => number !== here[index]);
  assertEquals(at === -1 || oldest[at] < here[at], true, `${oldest}, ${here}`);
});

Deno.test("oldest: a README without it is an error", () => {
  assertEquals(oldestDeno("wants Deno 3.1.4 or later."), "3.1.4");
  assertThrows(() => oldestDeno("wants Deno"), TypeError, "or later");
});

Deno.test("versions: the tested versions are the oldest, and then the last of each later minor version", () => {
  const published = ["2.6.8", "2.7.1", "2.7.14", "2.8.3", "2.8.10", "2.9.0"];
  assertEquals(
    versionsToTest("2.7.14", [...published, "2.9.0-rc.1", "3.0.0"]),
    ["2.7.14", "2.8.10", "2.9.0", "3.0.0"],
  );
  assertEquals(versionsToTest("2.7.1", ["2.7.1", "2.7.2"]), ["2.7.1", "2.7.2"]);
});
