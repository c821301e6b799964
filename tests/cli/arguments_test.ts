import { readArguments } from "../../cli/arguments.ts";
import { UsageError } from "../../cli/command.ts";
import { assertEquals, assertThrows } from "../deps.ts";

const SPEC = {
  values: ["port", "data"],
  lists: ["header"],
  flags: ["silent", "flow-control"],
  onByDefault: ["flow-control"],
  aliases: { p: "port", s: "silent", H: "header" },
} as const;

Deno.test("values, lists, flags and positionals each have their own type", () => {
  assertEquals(
    readArguments(
      ["-p", "80", "-H", "a: 1", "--header", "b: 2", "-s", "dir", "7"],
      SPEC,
    ),
    {
      values: { port: "80", data: undefined },
      lists: { header: ["a: 1", "b: 2"] },
      flags: { silent: true, "flow-control": true },
      positionals: ["dir", "7"],
      rest: [],
    },
  );
});

Deno.test("--no-NAME turns off a flag that is on by default", () => {
  const { flags } = readArguments(["--no-flow-control"], SPEC);
  assertEquals(flags, { silent: false, "flow-control": false });
});

Deno.test("numbers and repeated values stay strings", () => {
  const { values, positionals } = readArguments(
    ["--port=007", "--port", "08", "1e3"],
    SPEC,
  );
  assertEquals(values, { port: "08", data: undefined });
  assertEquals(positionals, ["1e3"]);
});

Deno.test("what follows -- is kept apart where the command takes it", () => {
  const { positionals, rest } = readArguments(
    ["pod", "--", "ls", "-l", "--port"],
    { values: ["port"], rest: true },
  );
  assertEquals(positionals, ["pod"]);
  assertEquals(rest, ["ls", "-l", "--port"]);
});

Deno.test("an unknown option is a usage error that names it", () => {
  for (const args of [["--prot", "80"], ["-x"], ["--__proto__", "1"]]) {
    assertThrows(
      () => readArguments(args, SPEC),
      UsageError,
      `unknown option ${args[0]}`,
    );
  }
});
