/**
 * Generates the help of a command from its table of options.
 *
 * @module
 */

import type { Command } from "./command.ts";
import type { Options } from "./option.ts";
import { HELP_OPTION, optionsText, wrap } from "./options.ts";

/** A command without its help text. */
export interface CommandParts {
  readonly name: string;
  readonly summary: string;
  /** The arguments after its name, such as `[OPTION...] URL...`. */
  readonly usage: string;
  /** Description: paragraphs are wrapped, and indented lines are unchanged. */
  readonly about: string;
  readonly options: Options;
  /** More text after the options, in the same form as `about`. */
  readonly notes?: string;
  /** What its argument may be, for completions. */
  readonly choices?: readonly string[];
  run(args: string[]): Promise<number>;
}

/** Widest help text, columns; narrower terminals get narrower lines. */
const WIDEST = 80;

/** Columns by which the second line of the usage is indented. */
const INDENT = 4;

/** Creates a command, and generates its help. */
export function defineCommand(parts: CommandParts): Command {
  const { name, summary, choices, run } = parts;
  const options = [...parts.options, HELP_OPTION];
  return {
    name,
    summary,
    options,
    choices,
    run,
    get help(): string {
      return helpText({ ...parts, options }, columnsOf());
    },
  };
}

function columnsOf(): number {
  try {
    return Math.min(WIDEST, Deno.consoleSize().columns);
  } catch {
    // Standard output is not a terminal.
    return WIDEST;
  }
}

/** The help text in lines of at most `columns`. */
export function helpText(parts: CommandParts, columns: number): string {
  const { name, usage, about, options, notes } = parts;
  const sections = [
    wrap(`Usage: spdy ${name} ${usage}`, columns - INDENT)
      .join(`\n${" ".repeat(INDENT)}`),
    paragraphs(about, columns),
    optionsText(options, columns),
  ];
  if (notes !== undefined) sections.push(paragraphs(notes, columns));
  return sections.join("\n\n");
}

/** Wraps paragraphs; lines that begin with a space are unchanged. */
function paragraphs(text: string, columns: number): string {
  return text.trim().split(/\n\n+/).map((paragraph) =>
    /^ /m.test(paragraph) ? paragraph : wrap(paragraph, columns).join("\n")
  ).join("\n\n");
}
