/**
 * The command line: `deno run -A jsr:@spdy/spdy/cli COMMAND ...`.
 *
 * @module
 */

import {
  type Command,
  EXIT_FAILURE,
  EXIT_OK,
  EXIT_USAGE,
  reasonOf,
  UsageError,
} from "./cli/command.ts";
import { attach } from "./cli/attach.ts";
import { bench } from "./cli/bench.ts";
import { cp } from "./cli/cp.ts";
import { decode } from "./cli/decode.ts";
import { exec } from "./cli/exec.ts";
import { get } from "./cli/get.ts";
import { portForward } from "./cli/port_forward.ts";
import { proxy } from "./cli/proxy.ts";
import { serve } from "./cli/serve.ts";
import {
  bold,
  OutputClosedError,
  print,
  printError,
  red,
  show,
  showLines,
  type Shown,
} from "./cli/terminal.ts";

const COMMANDS: readonly Command[] = [
  get,
  serve,
  proxy,
  decode,
  bench,
  exec,
  attach,
  cp,
  portForward,
];

/**
 * Runs the command line and resolves to its exit code: 0 when all went well,
 * 1 when the work failed, 2 when the arguments make no sense.
 *
 * @example
 * ```ts
 * import { main } from "@spdy/spdy/cli";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * assertEquals(await main(["--help"]), 0);
 * ```
 */
export async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (
    name === undefined || name === "--help" || name === "-h" || name === "help"
  ) {
    for (const line of usage()) print(line);
    return name === undefined ? EXIT_USAGE : EXIT_OK;
  }
  const command = COMMANDS.find((command) => command.name === name);
  if (command === undefined) {
    complain(
      `unknown command "${name}"; known are ${
        COMMANDS.map(({ name }) => name).join(", ")
      }`,
    );
    return EXIT_USAGE;
  }
  // What follows "--" belongs to a program in a pod.
  const end = rest.indexOf("--");
  const own = end < 0 ? rest : rest.slice(0, end);
  if (own.includes("--help") || own.includes("-h")) {
    print(showLines(command.help));
    return EXIT_OK;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    if (error instanceof OutputClosedError) return EXIT_FAILURE;
    complain(reasonOf(error));
    if (!(error instanceof UsageError)) return EXIT_FAILURE;
    printError(show`Try: spdy ${command.name} --help`);
    return EXIT_USAGE;
  }
}

function usage(): Shown[] {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) =>
    show`  ${bold(name.padEnd(width))}  ${summary}`
  );
  return [
    showLines("Usage: spdy COMMAND [OPTION...]\n"),
    ...lines,
    showLines("\nspdy COMMAND --help says more."),
  ];
}

function complain(message: string): void {
  printError(show`${red("spdy:")} ${message}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
