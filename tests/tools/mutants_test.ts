import { describeMutant, mutantsOf } from "../../tools/mutation/mutants_of.ts";
import { assertEquals } from "../deps.ts";

Deno.test("mutants: operators, constants, negations and statements, each once", () => {
  const text = `import { a } from "./a.ts";
type Size = 1 | 2;
function work(size: number): boolean {
  if (size < 4 && !a(size)) reset();
  return true;
}
`;
  assertEquals(mutantsOf("work.ts", text).map(describeMutant), [
    "work.ts: if (size < 4 && !a(size)) reset(); [&& -> ||]",
    "work.ts: if (size < 4 && !a(size)) reset(); [< -> <=]",
    "work.ts: if (size < 4 && !a(size)) reset(); [4 -> 5]",
    "work.ts: if (size < 4 && !a(size)) reset(); [!a(size) -> a(size)]",
    "work.ts: if (size < 4 && !a(size)) reset(); [reset(); -> ;]",
    "work.ts: return true; [true -> false]",
  ]);
});

Deno.test("mutants: text concatenation and comments are not changed", () => {
  const text = `// a < b
const name = "a" + 1;
`;
  assertEquals(
    mutantsOf("name.ts", text).map(({ line, before, after }) => [
      line,
      before,
      after,
    ]),
    [[2, "1", "2"]],
  );
});

Deno.test("mutants: a statement that only checks a type is not dropped", () => {
  const text = `frame satisfies never;
send(frame satisfies Frame);
`;
  assertEquals(mutantsOf("frame.ts", text).map(({ line }) => line), [2]);
});

Deno.test("mutants: a list of option names is not changed, as its type allows only `true`", () => {
  const text = `const NAMES: Names<Options> = { a: true };
const used: Record<string, boolean> = { a: true };
`;
  assertEquals(mutantsOf("names.ts", text).map(({ line }) => line), [2]);
});

Deno.test("mutants: what only keeps compiled code is not changed", () => {
  const text = `keepCompiledCode(new Item(1, true));
keepOther(1);
`;
  assertEquals(mutantsOf("kept.ts", text).map(({ line }) => line), [2, 2]);
});

Deno.test("mutants: a comparison that chooses between its two sides keeps its operator, as both are the same when they are equal", () => {
  const text = `const least = a < b ? a : b;
const other = a < b ? a : c;
if (none || a > b) a = b;
if (a > b) a = c;
if (a > b) a = b;
else stop();
if (a === b) a = b;
while (a < b) a = b;
`;
  assertEquals(
    mutantsOf("bounds.ts", text)
      .filter(({ before }) => /^[<>=]+$/.test(before))
      .map(({ line, before }) => `${line} ${before}`),
    ["2 <", "4 >", "5 >", "7 ===", "8 <"],
  );
});
