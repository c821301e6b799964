import { TestOutput } from "../../tools/mutation/test_runner.ts";
import { assertEquals } from "../deps.ts";

/** The names that {@linkcode TestOutput} finds in the lines. */
function found(text: string): [string | undefined, string | undefined] {
  const output = new TestOutput();
  for (const line of text.split("\n")) output.line(line);
  return [output.file, output.name];
}

Deno.test("mutants: the output of deno test names the test that failed", () => {
  assertEquals(
    found(`running 2 tests from ./tests/a_test.ts
one ... ok (1ms)
two => three ... FAILED (2ms)

 ERRORS 

two => three => ./tests/a_test.ts:2:6
error: Error: x

 FAILURES 

two => three => ./tests/helpers/deadline.ts:92:22

FAILED | 1 passed | 1 failed (24ms)`),
    ["tests/a_test.ts", "two => three"],
  );
});

Deno.test("mutants: a file that fails outside of a test is named", () => {
  assertEquals(
    found(`running 1 test from ./tests/b_test.ts
Uncaught error from ./tests/b_test.ts FAILED

 FAILURES 

./tests/b_test.ts (uncaught error)
`),
    ["tests/b_test.ts", "./tests/b_test.ts (uncaught error)"],
  );
});

Deno.test("mutants: a run that was ended names the file that was running", () => {
  assertEquals(
    found(`running 1 test from ./tests/a_test.ts
one ... ok (1ms)
running 1 test from ./tests/b_test.ts
two ...`),
    ["tests/b_test.ts", undefined],
  );
  assertEquals(found("error: Module not found"), [undefined, undefined]);
});
