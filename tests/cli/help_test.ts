/** Help, completions and man page, which are made from the same tables. */

import { helpText } from "../../cli/help.ts";
import { stripAnsiCode } from "../../deps.ts";
import { assert, assertEquals, assertMatch } from "../deps.ts";
import { run, runOnTerminal } from "./process.ts";
import {
  linuxOnly,
  onlyIf,
  type SomeMachines,
  unixOnly,
} from "../helpers/unix_only.ts";

Deno.test("help: it prints the version, the help of a command, and the nearest command", async () => {
  for (const asked of ["-V", "--version", "version"]) {
    const { code, stdout } = await run([asked]);
    assertEquals(code, 0);
    assertMatch(stdout, /^spdy \d+\.\d+\.\d+, Deno \d/);
  }
  const first = await run(["help", "get"]);
  const second = await run(["get", "--help"]);
  assertEquals([first.code, first.stdout], [0, second.stdout]);
  const wrong = await run(["gte"]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.stderr, /unknown command "gte"; did you mean get\?/);
  const unknown = await run(["help", "nothing-like-it"]);
  assertEquals(unknown.code, 2);
  assertMatch(unknown.stderr, /known are get, /);
});

Deno.test("help fits in narrow terminals", () => {
  const text = helpText({
    name: "x",
    summary: "",
    usage: "[OPTION...]",
    about: "Many words that are put into lines of the width that there is. "
      .repeat(3),
    options: [{
      name: "option",
      short: "o",
      value: "VALUE",
      help: "what it does, in more words than fit into one line of it",
    }],
    run: () => Promise.resolve(0),
  }, 60);
  for (const line of text.split("\n")) assert(line.length <= 60, line);
  assertMatch(text, /\n {2}-o, --option VALUE {4,}what it does/);
});

async function scriptOf(shell: string): Promise<string> {
  const { code, stdout } = await run(["completions", shell]);
  assertEquals(code, 0);
  return stdout;
}

unixOnly.test({
  name: "completions: bash completes commands and options",
  async fn() {
    const script = await scriptOf("bash");
    const complete = async (words: string[]): Promise<string[]> => {
      const { code, stdout, stderr } = await new Deno.Command("bash", {
        args: [
          "--norc",
          "-c",
          `${script}\nCOMP_WORDS=(${
            words.map((word) => `'${word}'`).join(" ")
          }); COMP_CWORD=${
            words.length - 1
          }; _spdy; printf '%s\\n' "\${COMPREPLY[@]}"`,
        ],
      }).output();
      const text = new TextDecoder();
      assertEquals(code, 0, text.decode(stderr));
      return text.decode(stdout).trim().split("\n");
    };
    assertEquals(await complete(["spdy", "ben"]), ["bench"]);
    assertEquals(await complete(["spdy", "get", "--rem"]), ["--remote-name"]);
    assertEquals(await complete(["spdy", "help", "pro"]), ["proxy"]);
    assertEquals(await complete(["spdy", "serve", "--no-f"]), [
      "--no-flow-control",
    ]);
    // If the help lists the values, they are completed.
    assertEquals(await complete(["spdy", "get", "--version", "3"]), [
      "3",
      "3.1",
    ]);
    assertEquals(await complete(["spdy", "decode", "--from", ""]), [
      "client",
      "server",
    ]);
    assertEquals(await complete(["spdy", "completions", "z"]), ["zsh"]);
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/two words.pcap`, "");
      assertEquals(
        await complete(["spdy", "decode", `${folder}/two`]),
        [`${folder}/two words.pcap`],
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** Tests with a shell, if this machine has it. */
async function withShell(shell: string): Promise<SomeMachines> {
  const found = await printedBy(shell, ["--version"]).then(
    () => true,
    () => false,
  );
  return onlyIf(found, `needs ${shell}`);
}

/** The output of a shell for a script. */
async function printedBy(shell: string, args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command(shell, { args }).output();
  return new TextDecoder().decode(stdout).trim().split("\n");
}

const [zsh, fish] = await Promise.all(["zsh", "fish"].map(withShell));

zsh.test("completions: zsh completes at the first try, from a file of fpath", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/_spdy`, await scriptOf("zsh"));
    // The functions of zsh's completion, as far as they show what was asked.
    const words = (typed: string): string => `
      fpath=(${folder} $fpath)
      autoload -Uz _spdy
      compdef() { print compdef }
      _describe() { print describe $1 }
      _arguments() { print -l arguments $@ }
      _values() { print -l $@ }
      words=(${typed}); CURRENT=\${#words}
      _spdy`;
    const first = await printedBy("zsh", ["-f", "-c", words("spdy de")]);
    assertEquals(first, ["describe command"]);
    const second = await printedBy("zsh", ["-f", "-c", words("spdy get -v")]);
    assertEquals(second[0], "arguments");
    assert(second.some((word) => word.endsWith(":value:(2 3 3.1)")));
    const sourced = await printedBy("zsh", [
      "-f",
      "-c",
      `compdef() { print compdef $@ }; source ${folder}/_spdy`,
    ]);
    assertEquals(sourced, ["compdef _spdy spdy"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

fish.test("completions: fish completes commands, options and values", async () => {
  const file = await Deno.makeTempFile({ suffix: ".fish" });
  try {
    await Deno.writeTextFile(file, await scriptOf("fish"));
    const complete = (line: string): Promise<string[]> =>
      printedBy("fish", [
        "--no-config",
        "-c",
        `source ${file}; complete -C '${line}' | string replace -r '\t.*' ''`,
      ]);
    const commands = await complete("spdy ben");
    assertEquals(commands, ["bench"]);
    assertEquals(await complete("spdy get --rem"), ["--remote-name"]);
    assertEquals(await complete("spdy get --version "), ["2", "3", "3.1"]);
    assertEquals(await complete("spdy completions z"), ["zsh"]);
    assertEquals(await complete("spdy help dec"), ["decode"]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("completions: zsh and fish complete every command and option", async () => {
  const zsh = await scriptOf("zsh");
  const fish = await scriptOf("fish");
  for (const word of ["get", "serve", "proxy", "bench", "decode", "exec"]) {
    assert(zsh.includes(`    ${word})`) || zsh.includes(`'${word}:`), word);
    assert(fish.includes(`-a ${word} `), word);
  }
  assertMatch(zsh, /^#compdef spdy\n/);
  assertMatch(zsh, /'--write-out\[/);
  assertMatch(fish, /-l write-out -s w -x -d '/);
  const { code, stderr } = await run(["completions", "tcsh"]);
  assertEquals(code, 2);
  assertMatch(stderr, /needs bash, zsh or fish/);
});

Deno.test("man: the page contains every option, and man can read it", async () => {
  const { code, stdout } = await run(["man"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^\.TH SPDY 1\n/);
  assert(stdout.includes("\\-L, \\-\\-location"), stdout);
  for (const line of stdout.split("\n")) {
    assert(
      !/^[.']/.test(line) || /^\.(TH|SH|PP|TP|nf|fi|B)\b/.test(line),
      line,
    );
  }
});

Deno.test("wrong arguments outside of the options of a command are refused in one line", async () => {
  const cases: [args: string[], reason: string][] = [
    [["-v", "get"], "unknown option -v: write it after the command"],
    [["man", "get"], "man takes no arguments"],
    [["get", "spdy://"], '"spdy://" is not a valid URL'],
  ];
  for (const [args, reason] of cases) {
    const { code, stderr } = await run(args);
    assertEquals([code, stderr.split("\n")[0]], [2, `spdy: ${reason}`]);
  }
});

linuxOnly.test({
  name:
    "a narrow terminal gets a narrow list of commands, and a dumb one no escape sequences",
  // `script` of util-linux makes the terminal.
  async fn() {
    const text: string = stripAnsiCode(await runOnTerminal(["--help"], 60));
    const rows = text.trimEnd().split("\r\n");
    assertEquals(rows.filter((row) => row.length > 60), []);
    assertEquals(rows.some((row) => /^ {16}\S/.test(row)), true, text);
    const missing = ["get", "spdy://127.0.0.1:1/"];
    assertEquals(
      (await runOnTerminal(missing, 80, "dumb")).includes("\x1b"),
      false,
    );
    assertEquals((await runOnTerminal(missing, 80)).includes("\x1b"), true);
  },
});
