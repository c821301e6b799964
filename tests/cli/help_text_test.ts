/**
 * The help texts, as they are printed. After an intended change:
 *
 *     deno run -A tools/std.ts test -A tests/cli/help_text_test.ts -- --update
 */

import { main } from "../../cli.ts";
import { stripAnsiCode } from "../../deps.ts";
import { assert, assertEquals, assertSnapshot, stub } from "../deps.ts";

/** What a run prints on standard output, without colours, on a terminal of this width. */
async function printed(args: string[], columns = 80): Promise<string> {
  const lines: string[] = [];
  using _size = stub(Deno, "consoleSize", () => ({ columns, rows: 24 }));
  using _log = stub(console, "log", (...parts: unknown[]) => {
    lines.push(stripAnsiCode(parts.join(" ")));
  });
  assertEquals(await main(args), 0);
  return lines.join("\n");
}

/** The names of the commands in the list of `--help`. */
function namesIn(list: string): string[] {
  const names = [...list.matchAll(/^ {2}(\S+) {2,}/gm)].map(([, name]) => name);
  assert(names.length > 10, `${names.length} commands were found`);
  return names;
}

Deno.test("help texts: the list of commands and the help of each command equal the snapshot", async (context) => {
  const list = await printed(["--help"]);
  await assertSnapshot(context, list);
  for (const command of namesIn(list)) {
    await assertSnapshot(context, await printed([command, "--help"]));
  }
});

Deno.test("help texts: no line of a command is wider than 60 columns on a terminal of 60", async () => {
  const list = await printed(["--help"]);
  const wide: string[] = [];
  for (const command of namesIn(list)) {
    const text = await printed([command, "--help"], 60);
    wide.push(...text.split("\n").filter((line) => line.length > 60));
  }
  assertEquals(wide, []);
});
