/**
 * The options of a command as one table: arguments are read with it, and help, man
 * page and completions are generated from it.
 *
 * @module
 */

import { type Arguments, readArguments } from "./arguments.ts";
import type { Option, Options } from "./option.ts";

type ValueName<T extends Options> = {
  [K in keyof T]: T[K] extends { repeated: true } ? never
    : T[K] extends { value: string } ? T[K]["name"]
    : never;
}[number];

type ListName<T extends Options> = {
  [K in keyof T]: T[K] extends { repeated: true } ? T[K]["name"] : never;
}[number];

type FlagName<T extends Options> = {
  [K in keyof T]: T[K] extends { value: string } ? never : T[K]["name"];
}[number];

/** The arguments of a command with these options. */
export type ReadOptions<T extends Options> = Arguments<
  ValueName<T>,
  ListName<T>,
  FlagName<T>
>;

/** Reads arguments with a table. Throws `UsageError` as {@linkcode readArguments} does. */
export function readOptions<const T extends Options>(
  args: readonly string[],
  options: T,
  rest = false,
): ReadOptions<T> {
  const named = (test: (option: Option) => boolean): string[] =>
    options.filter(test).map(({ name }) => name);
  const aliases = options.flatMap(({ name, short, aliases = [] }) =>
    [...short === undefined ? [] : [short], ...aliases].map((alias) =>
      [alias, name] as const
    )
  );
  // The names are known to the type of the table, but not in this function.
  return readArguments<string, string, string>(args, {
    values: named(({ value, repeated }) => value !== undefined && !repeated),
    lists: named(({ repeated }) => repeated ?? false),
    flags: named(({ value }) => value === undefined),
    onByDefault: named(({ onByDefault }) => onByDefault ?? false),
    aliases: Object.fromEntries(aliases),
    rest,
  }) as ReadOptions<T>;
}

/** `--help`, an option of every command. */
export const HELP_OPTION: Option = {
  name: "help",
  short: "h",
  help: "this text",
};

/** The name as the user types it: `--no-NAME` for a flag that is on by default. */
export function typedName({ name, onByDefault }: Option): string {
  return onByDefault ? `--no-${name}` : `--${name}`;
}

/** Width of the names, columns. */
const NAMES_WIDTH = 25;

/** The options as `--help` shows them, each line at most `columns` wide. */
export function optionsText(options: Options, columns: number): string {
  const lines: string[] = [];
  for (const option of options) {
    if (option.help === undefined) continue;
    const short = option.short === undefined ? "    " : `-${option.short}, `;
    const value = option.value === undefined ? "" : ` ${option.value}`;
    const names = `  ${short}${typedName(option)}${value}`;
    const [first, ...more] = wrap(option.help, columns - NAMES_WIDTH);
    const indent = " ".repeat(NAMES_WIDTH);
    if (names.length < NAMES_WIDTH) {
      lines.push(names.padEnd(NAMES_WIDTH) + first);
    } else lines.push(names, indent + first);
    lines.push(...more.map((line) => indent + line));
  }
  return lines.join("\n");
}

/** Wraps words in lines of at most `columns`, but at least 20. */
export function wrap(text: string, columns: number): string[] {
  const width = Math.max(20, columns);
  const lines: string[] = [""];
  for (const word of text.split(/\s+/)) {
    const line = lines[lines.length - 1];
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
