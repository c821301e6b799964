/**
 * `spdy man`: generates the man page from the same tables as the help.
 *
 * @module
 */

import { type Command, EXIT_OK, UsageError } from "./command.ts";
import { defineCommand } from "./help.ts";
import { readOptions, typedName } from "./options.ts";
import { print, showLines } from "./terminal.ts";

/** `spdy man`, for a list of commands. */
export function manFor(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "man",
    summary: "the manual as a man page",
    usage: "",
    about: `Prints the manual in the form that man(1) reads.

  spdy man > spdy.1 && man ./spdy.1`,
    options: [],
    run(args: string[]): Promise<number> {
      if (readOptions(args, []).positionals.length > 0) {
        throw new UsageError("man takes no arguments");
      }
      print(showLines(manPage(commands())));
      return Promise.resolve(EXIT_OK);
    },
  });
}

/** The page in roff, with man(7)'s macros. */
export function manPage(commands: readonly Command[]): string {
  const lines = [
    ".TH SPDY 1",
    ".SH NAME",
    "spdy \\- SPDY/2, SPDY/3 and SPDY/3.1 on the command line",
    ".SH SYNOPSIS",
    ".B spdy",
    "COMMAND [OPTION...]",
  ];
  for (const { name, help, options } of commands) {
    lines.push(".SH", roff(`spdy ${name}`), ".nf");
    const [synopsis] = help.split("\n\n", 1);
    lines.push(roff(synopsis.replace(/\s+/g, " ")), ".fi");
    // The options come from the table, and the text around them from the help.
    const texts = help.split("\n\n").slice(1).filter((text) =>
      !/^ +(-\w, )?--/m.test(text)
    );
    const [about, ...notes] = texts;
    lines.push(...textLines(about));
    for (const option of options) {
      if (option.help === undefined) continue;
      const short = option.short === undefined ? "" : `-${option.short}, `;
      const value = option.value === undefined ? "" : ` ${option.value}`;
      lines.push(
        ".TP",
        roff(`${short}${typedName(option)}${value}`),
        roff(option.help.replace(/\s+/g, " ")),
      );
    }
    for (const note of notes) lines.push(...textLines(note));
  }
  lines.push(
    ".SH EXIT STATUS",
    "0: success. 1: failure. 2: wrong arguments. exec and attach: that of the process.",
  );
  return lines.join("\n");
}

/** A paragraph; indented lines are unchanged. */
function textLines(text = ""): string[] {
  const lines = text.split("\n").map(roff);
  return /^ /m.test(text) ? [".PP", ".nf", ...lines, ".fi"] : [".PP", ...lines];
}

/** Escapes text that roff would read as a request or an escape. */
function roff(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
