/**
 * The arguments of a tool of this project, such as `deno task mutants`.
 *
 * @module
 */

import { type ArgumentSpec, readArguments } from "../../cli/arguments.ts";
import { UsageError } from "../../cli/command.ts";

/** The options of a tool. */
export interface ToolSpec<
  Value extends string,
  List extends string,
  Flag extends string,
  Num extends string,
> extends Pick<ArgumentSpec<Value, List, Flag>, "values" | "lists" | "flags"> {
  /** Options whose value is a number, 0 or more. */
  readonly numbers?: readonly Num[];
  /** Whether it takes words that belong to no option. */
  readonly words?: boolean;
}

/** What a tool was told. */
export interface ToolArguments<
  Value extends string,
  List extends string,
  Flag extends string,
  Num extends string,
> {
  readonly values: { readonly [name in Value]?: string };
  readonly lists: { readonly [name in List]: readonly string[] };
  readonly flags: { readonly [name in Flag | "help"]: boolean };
  readonly numbers: { readonly [name in Num]?: number };
  readonly positionals: readonly string[];
}

/**
 * Reads `args`. Throws `UsageError` for an unknown option, one without its value, a
 * value that is not a number where one is needed, and a word that the tool does not take.
 */
export function readToolArguments<
  Value extends string = never,
  List extends string = never,
  Flag extends string = never,
  Num extends string = never,
>(
  args: readonly string[],
  spec: ToolSpec<Value, List, Flag, Num>,
): ToolArguments<Value, List, Flag, Num> {
  const { values: names = [], lists, flags = [], numbers: wanted = [] } = spec;
  const { values, positionals, ...read } = readArguments(args, {
    values: [...names, ...wanted],
    lists,
    flags: [...flags, "help"],
  });
  if (!spec.words && positionals.length > 0) {
    throw new UsageError(`"${positionals[0]}" belongs to no option`);
  }
  const numbers: { [name in Num]?: number } = {};
  for (const name of wanted) {
    const text = values[name];
    if (text === undefined) continue;
    if (!/^\d+(\.\d+)?$/.test(text)) {
      throw new UsageError(`--${name} is "${text}": expected a number`);
    }
    numbers[name] = Number(text);
  }
  return { ...read, values, positionals, numbers };
}

/**
 * Reads the arguments of the process. Ends it with `usage` on standard output for
 * `--help`, and with an error and `usage` on standard error for wrong arguments.
 */
export function toolArguments<
  Value extends string = never,
  List extends string = never,
  Flag extends string = never,
  Num extends string = never,
>(
  usage: string,
  spec: ToolSpec<Value, List, Flag, Num>,
): ToolArguments<Value, List, Flag, Num> {
  try {
    const read = readToolArguments(Deno.args, spec);
    if (!read.flags.help) return read;
    console.log(usage);
    Deno.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    Deno.exit(2);
  }
}
