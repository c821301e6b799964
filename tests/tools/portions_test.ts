import { portions } from "../../tools/portions.ts";
import { assertEquals } from "../deps.ts";

Deno.test("arguments are divided into portions that are short enough, in their order", () => {
  assertEquals(portions([], 10), []);
  // Five characters each, with the space and the quotation marks.
  const args = ["aa", "bb", "cc"];
  assertEquals(portions(args, 15), [args]);
  assertEquals(portions(args, 14), [["aa", "bb"], ["cc"]]);
  assertEquals(portions(args, 9), [["aa"], ["bb"], ["cc"]]);
  assertEquals(portions(["a", "too long for one", "b"], 10), [
    ["a"],
    ["too long for one"],
    ["b"],
  ]);
});
