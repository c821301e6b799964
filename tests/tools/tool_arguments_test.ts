/** The arguments of the project's tools. */

import { UsageError } from "../../cli/command.ts";
import { assertEquals, assertThrows } from "../deps.ts";
import { readToolArguments } from "../helpers/tool_arguments.ts";

const SPEC = {
  values: ["family"],
  lists: ["file"],
  flags: ["verbose"],
  numbers: ["count", "minutes"],
  words: true,
} as const;

Deno.test("the arguments of a tool are read as values, lists, flags, numbers and words", () => {
  assertEquals(
    readToolArguments(
      "--count 5 --minutes=0.5 --file a.ts --file b.ts --verbose frame zlib"
        .split(" "),
      SPEC,
    ),
    {
      values: { family: undefined, count: "5", minutes: "0.5" },
      lists: { file: ["a.ts", "b.ts"] },
      flags: { verbose: true, help: false },
      rest: [],
      numbers: { count: 5, minutes: 0.5 },
      positionals: ["frame", "zlib"],
    },
  );
  assertEquals(readToolArguments(["--help"], SPEC).flags.help, true);
});

Deno.test("a tool refuses unknown options and values that are no numbers", () => {
  const wrong: [args: string, message: string][] = [
    ["--counts 5", "counts"],
    ["--count", "count"],
    ["--count all", '--count is "all": expected a number'],
    ["--count=-1", '--count is "-1": expected a number'],
    ["--minutes 1e9", '--minutes is "1e9": expected a number'],
    ["--minutes=", '--minutes is "": expected a number'],
  ];
  for (const [args, message] of wrong) {
    assertThrows(
      () => readToolArguments(args.split(" "), SPEC),
      UsageError,
      message,
    );
  }
});

Deno.test("a tool that takes no words refuses them", () => {
  assertThrows(
    () => readToolArguments(["--quick", "zlib"], { flags: ["quick"] }),
    UsageError,
    '"zlib" belongs to no option',
  );
});
