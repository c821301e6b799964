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
import { KubeConfigError } from "./kubernetes/config/error.ts";
import { attach } from "./cli/attach.ts";
import { bench } from "./cli/bench.ts";
import { completionsFor } from "./cli/completions.ts";
import { cp } from "./cli/cp.ts";
import { decode } from "./cli/decode.ts";
import { exec } from "./cli/exec.ts";
import { get } from "./cli/get.ts";
import { manFor } from "./cli/man.ts";
import { portForward } from "./cli/port_forward.ts";
import { proxy } from "./cli/proxy.ts";
import { serve } from "./cli/serve.ts";
import { didYouMean } from "./cli/arguments.ts";
import config from "./deno.json" with { type: "json" };
import {
  bold,
  columns,
  OutputClosedError,
  print,
  printError,
  printErrorInRows,
  red,
  show,
  showLines,
  type Shown,
  wrap,
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
  completionsFor(() => COMMANDS),
  manFor(() => COMMANDS),
];

/**
 * Runs the command line and resolves to its exit code: 0 for success, 1 for a
 * failure, 2 for wrong arguments; after `exec` and `attach`, that of the process.
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
  try {
    return await runCommand(args);
  } catch (error) {
    if (error instanceof OutputClosedError) return EXIT_FAILURE;
    complain(...linesOf(error));
    if (!(error instanceof UsageError)) return EXIT_FAILURE;
    printError(show`Try: spdy ${args[0]} --help`);
    return EXIT_USAGE;
  }
}

async function runCommand(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === "-V" || name === "--version" || name === "version") {
    print(show`spdy ${config.version}, Deno ${Deno.version.deno}`);
    return EXIT_OK;
  }
  const asksForHelp = name === "--help" || name === "-h" || name === "help";
  if (name === undefined || asksForHelp && rest.length === 0) {
    for (const line of usage()) print(line);
    return name === undefined ? EXIT_USAGE : EXIT_OK;
  }
  const wanted = asksForHelp ? rest[0] : name;
  const command = COMMANDS.find((command) => command.name === wanted);
  if (command === undefined && wanted.startsWith("-")) {
    complain(`unknown option ${wanted}: write it after the command`);
    return EXIT_USAGE;
  }
  if (command === undefined) {
    const known = COMMANDS.map(({ name }) => name);
    const hint = didYouMean(wanted, known) || `; known are ${known.join(", ")}`;
    complain(`unknown command "${wanted}"${hint}`);
    return EXIT_USAGE;
  }
  // The arguments after "--" belong to a program in a pod.
  const end = rest.indexOf("--");
  const own = end < 0 ? rest : rest.slice(0, end);
  if (asksForHelp || own.includes("--help") || own.includes("-h")) {
    print(showLines(command.help));
    return EXIT_OK;
  }
  return await command.run(rest);
}

function usage(): Shown[] {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const indent = width + 4;
  const lines = COMMANDS.flatMap(({ name, summary }) =>
    wrap(show`  ${bold(name.padEnd(width))}  ${summary}`, columns(), { indent })
  );
  return [
    showLines("Usage: spdy COMMAND [OPTION...]\n"),
    ...lines,
    showLines(""),
    ...wrap(
      show`spdy COMMAND --help describes a command. spdy --version prints the version.`,
      columns(),
      { indent: 0 },
    ),
  ];
}

/**
 * The message of an error, split into lines. Only a `KubeConfigError` can have several:
 * it may contain the standard error of a credential plugin, or its install hint.
 */
function linesOf(error: unknown): string[] {
  const reason = reasonOf(error);
  return error instanceof KubeConfigError ? reason.split(/\r?\n/) : [reason];
}

function complain(message = "", ...more: string[]): void {
  printErrorInRows(show`${red("spdy:")} ${message}`);
  for (const line of more) printError(show`${line}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
