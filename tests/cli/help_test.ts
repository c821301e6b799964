/** Help, completions and man page, which are made of the same tables. */

import { assert, assertEquals, assertMatch } from "../deps.ts";
import { helpText } from "../../cli/help.ts";
import { run } from "./process.ts";

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

Deno.test({
  name: "completions: bash completes commands and options",
  ignore: Deno.build.os === "windows",
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
  },
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
