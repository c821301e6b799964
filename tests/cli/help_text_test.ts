/**
 * The help texts, as they are printed. After an intended change:
 *
 *     deno run -A tools/std.ts test -A tests/cli/help_text_test.ts -- --update
 */

import { stripAnsiCode } from "../../deps.ts";
import { main } from "../../cli.ts";
import { assertEquals, assertSnapshot, stub } from "../deps.ts";

/** What a run prints on standard output, without colours, on a terminal of 80 columns. */
async function printed(args: string[]): Promise<string> {
  const lines: string[] = [];
  using _size = stub(Deno, "consoleSize", () => ({ columns: 80, rows: 24 }));
  using _log = stub(console, "log", (...parts: unknown[]) => {
    lines.push(stripAnsiCode(parts.join(" ")));
  });
  assertEquals(await main(args), 0);
  return lines.join("\n");
}

Deno.test("help texts: the list of commands, and each command", async (context) => {
  const list = await printed(["--help"]);
  await assertSnapshot(context, list);
  for (const [, command] of list.matchAll(/^ {2}(\S+) {2,}/gm)) {
    await assertSnapshot(context, await printed([command, "--help"]));
  }
});
