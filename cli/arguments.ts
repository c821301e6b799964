/**
 * Reads the arguments of a command into exact types, with the conventions of
 * kubectl and GNU programs.
 *
 * The standard library's `parseArgs` (1.0) is not used, because it reads `-p80` as
 * three options, drops the empty value of `-c ""`, reads `-i=true` as false, and
 * takes a positional argument "true" after a flag for the value of the flag.
 *
 * @module
 */

import { closest } from "../values.ts";
import { UsageError } from "./command.ts";

/** The options of a command, without their leading dashes. */
export interface ArgumentSpec<
  Value extends string,
  List extends string,
  Flag extends string,
> {
  /** Options with a value, such as `--port 80`; the last one is used. */
  readonly values?: readonly Value[];
  /** Options with a value that may be repeated. */
  readonly lists?: readonly List[];
  /** Options without a value; off by default. */
  readonly flags?: readonly Flag[];
  /** Those of `flags` that are on by default; `--no-NAME` turns them off. */
  readonly onByDefault?: readonly Flag[];
  /** Other names: one letter after one dash, longer ones after two: `{ p: "port" }`. */
  readonly aliases?: Readonly<Record<string, Value | List | Flag>>;
  /** Whether arguments may follow `--`. */
  readonly rest?: boolean;
}

/** A command's arguments. */
export interface Arguments<
  Value extends string,
  List extends string,
  Flag extends string,
> {
  readonly values: { readonly [name in Value]?: string };
  readonly lists: { readonly [name in List]: readonly string[] };
  readonly flags: { readonly [name in Flag]: boolean };
  /** Arguments that belong to no option. */
  readonly positionals: readonly string[];
  /** Arguments after `--`. */
  readonly rest: readonly string[];
}

/**
 * Reads `args`: `--name value`, `--name=value`, `-n value`, `-n80`, `-n=value`, and
 * several one-letter flags together, as in `-it`.
 *
 * Throws {@linkcode UsageError} for an option that is not in `spec`, and for one
 * without its value.
 */
export function readArguments<
  Value extends string = never,
  List extends string = never,
  Flag extends string = never,
>(
  args: readonly string[],
  spec: ArgumentSpec<Value, List, Flag>,
): Arguments<Value, List, Flag> {
  const reading = new Reading(spec);
  const rest = reading.read(args);
  const { values = [], lists = [], flags = [] } = spec;
  return {
    values: mapNames(values, (name) => reading.values.get(name)?.at(-1)),
    lists: mapNames(lists, (name) => reading.values.get(name) ?? []),
    flags: mapNames(
      flags,
      (name) =>
        reading.flags.get(name) ?? spec.onByDefault?.includes(name) ?? false,
    ),
    positionals: spec.rest
      ? reading.positionals
      : [...reading.positionals, ...rest],
    rest: spec.rest ? rest : [],
  };
}

/** Reads the arguments once. */
class Reading {
  readonly #flagNames: ReadonlySet<string>;
  readonly #valueNames: ReadonlySet<string>;
  readonly #negatable: ReadonlySet<string>;
  readonly #aliases: ReadonlyMap<string, string>;
  #left: string[] = [];

  readonly values = new Map<string, string[]>();
  readonly flags = new Map<string, boolean>();
  readonly positionals: string[] = [];

  constructor(spec: ArgumentSpec<string, string, string>) {
    this.#flagNames = new Set(spec.flags);
    this.#valueNames = new Set([...spec.values ?? [], ...spec.lists ?? []]);
    this.#negatable = new Set(spec.onByDefault);
    this.#aliases = new Map(Object.entries(spec.aliases ?? {}));
  }

  /** Reads up to `--`; returns the arguments after it. */
  read(args: readonly string[]): string[] {
    this.#left = [...args];
    for (;;) {
      const arg = this.#left.shift();
      if (arg === undefined || arg === "--") return this.#left;
      if (arg.startsWith("--")) this.#readLong(arg);
      else if (arg.startsWith("-") && arg.length > 1) this.#readLetters(arg);
      else this.positionals.push(arg);
    }
  }

  #readLong(arg: string): void {
    const equals = arg.indexOf("=");
    const typed = equals < 0 ? arg : arg.slice(0, equals);
    const value = equals < 0 ? undefined : arg.slice(equals + 1);
    const name = this.#aliases.get(typed.slice(2)) ?? typed.slice(2);
    const positive = name.replace(/^no-/, "");
    if (name !== positive && this.#negatable.has(positive)) {
      this.flags.set(positive, !readFlag(typed, value));
      return;
    }
    if (!this.#take(typed, name, value)) {
      throw new UsageError(`unknown option ${arg}${this.#suggestion(typed)}`);
    }
  }

  /** A hint at the option that was probably meant. */
  #suggestion(typed: string): string {
    const names = [
      ...this.#flagNames,
      ...this.#valueNames,
      ...[...this.#negatable].map((name) => `no-${name}`),
    ].map((name) => `--${name}`);
    return didYouMean(typed, names);
  }

  /** Reads letters after one dash: flags, and at the end one option with its value. */
  #readLetters(arg: string): void {
    for (let at = 1; at < arg.length; at++) {
      const name = this.#aliases.get(arg[at]) ?? arg[at];
      const rest = arg.slice(at + 1);
      const more = rest !== "" && !rest.startsWith("=");
      const value = more ? rest : rest === "" ? undefined : rest.slice(1);
      const typed = `-${arg[at]}`;
      if (more && this.#flagNames.has(name)) {
        this.flags.set(name, true);
        continue;
      }
      if (!this.#take(typed, name, value)) {
        throw new UsageError(
          `unknown option ${typed}${arg === typed ? "" : ` in ${arg}`}`,
        );
      }
      return;
    }
  }

  /** Reads an option with its value; false if there is none of this name. */
  #take(typed: string, name: string, value: string | undefined): boolean {
    if (this.#flagNames.has(name)) {
      this.flags.set(name, readFlag(typed, value));
      return true;
    }
    if (!this.#valueNames.has(name)) return false;
    const given = value ?? this.#left.shift();
    if (given === undefined) throw new UsageError(`${typed} needs a value`);
    this.values.set(name, [...this.values.get(name) ?? [], given]);
    return true;
  }
}

/** `; did you mean X?` for the known word that was probably meant. */
export function didYouMean(typed: string, known: readonly string[]): string {
  const meant = closest(typed, known);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

function readFlag(typed: string, value = "true"): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw new UsageError(`${typed}=${value}: the value must be true or false`);
}

function mapNames<Name extends string, T>(
  names: readonly Name[],
  read: (name: Name) => T,
): { [name in Name]: T } {
  const entries = names.map((name) => [name, read(name)] as const);
  return Object.fromEntries(entries) as { [name in Name]: T };
}
