// cspell:ignore sevre foward decompres

import { didYouMean, readArguments } from "../../cli/arguments.ts";
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

Deno.test("arguments after -- are separate, if the command accepts them", () => {
  const { positionals, rest } = readArguments(
    ["pod", "--", "ls", "-l", "--port"],
    { values: ["port"], rest: true },
  );
  assertEquals(positionals, ["pod"]);
  assertEquals(rest, ["ls", "-l", "--port"]);
});

Deno.test("an unknown option is a usage error with its name", () => {
  for (const args of [["--prot", "80"], ["-x"], ["--__proto__", "1"]]) {
    assertThrows(
      () => readArguments(args, SPEC),
      UsageError,
      `unknown option ${args[0]}`,
    );
  }
});

Deno.test("a misspelt word is recognised as a misspelt option of a function is", () => {
  for (
    const [typed, known, meant] of [
      ["gte", ["serve", "get", "cp"], "get"],
      ["sevre", ["serve", "get"], "serve"],
      ["port-foward", ["proxy", "port-forward"], "port-forward"],
      ["SYN_REPLAY", ["SYN_STREAM", "SYN_REPLY"], "SYN_REPLY"],
      ["--time", ["--retry", "--timeout"], "--timeout"],
      ["--no-decompres", ["--no-decompress", "--data"], "--no-decompress"],
      ["cat", ["cp", "get"], undefined],
      ["run", [], undefined],
    ] as const
  ) {
    assertEquals(
      didYouMean(typed, known),
      meant === undefined ? "" : `; did you mean ${meant}?`,
      typed,
    );
  }
});

Deno.test("letters can be combined, with a value after the last one", () => {
  const spec = {
    values: ["namespace", "container"],
    flags: ["stdin", "tty"],
    aliases: {
      n: "namespace",
      c: "container",
      i: "stdin",
      t: "tty",
      ns: "namespace",
    },
    rest: true,
  } as const;
  const cases: [
    args: string[],
    on: string,
    namespace: string | undefined,
    container: string | undefined,
  ][] = [
    [["-it"], "it", undefined, undefined],
    [["-ti"], "it", undefined, undefined],
    [["-i", "-t"], "it", undefined, undefined],
    [["-itn", "shop"], "it", "shop", undefined],
    [["-itnshop"], "it", "shop", undefined],
    [["-n=shop", "-i"], "i", "shop", undefined],
    [["-nit"], "", "it", undefined],
    [["-n", "-c"], "", "-c", undefined],
    [["-c", "", "--ns=a=b"], "", "a=b", ""],
    [["-i=true", "--tty=false"], "i", undefined, undefined],
    [["-t=false", "-i=false"], "", undefined, undefined],
  ];
  for (const [args, on, namespace, container] of cases) {
    // Words that could be mistaken for the value of a flag.
    const read = readArguments([...args, "true", "false"], spec);
    assertEquals<unknown>(read, {
      values: { namespace, container },
      lists: {},
      flags: { stdin: on.includes("i"), tty: on.includes("t") },
      positionals: ["true", "false"],
      rest: [],
    }, args.join(" "));
  }
  const refused: [args: string[], message: string][] = [
    [["-ix"], "unknown option -x in -ix"],
    [["-n"], "-n needs a value"],
    [["--namespace"], "--namespace needs a value"],
    [["-itn"], "-n needs a value"],
    [["-i=maybe"], "the value must be true or false"],
    [["--stdin=1"], "the value must be true or false"],
    [["--i-do-not-exist=7"], "unknown option --i-do-not-exist=7"],
  ];
  for (const [args, message] of refused) {
    assertThrows(() => readArguments(args, spec), UsageError, message);
  }
});
