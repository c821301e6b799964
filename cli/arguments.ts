/**
 * Reads a command's arguments with the standard library's `parseArgs`, and
 * checks what it returns, so that the commands get exact types.
 *
 * @module
 */

import { parseArgs } from "../deps.ts";
import { UsageError } from "./command.ts";

/** The options that a command takes, without their leading dashes. */
export interface ArgumentSpec<
  Value extends string,
  List extends string,
  Flag extends string,
> {
  /** Options with a value, such as `--port 80`; the last one counts. */
  readonly values?: readonly Value[];
  /** Options with a value that may be repeated. */
  readonly lists?: readonly List[];
  /** Options without a value; off by default. */
  readonly flags?: readonly Flag[];
  /** Those of `flags` that are on by default; `--no-NAME` turns them off. */
  readonly onByDefault?: readonly Flag[];
  /** Short names: `{ p: "port" }`. */
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

/** Reads `args`. Throws {@linkcode UsageError} for an option that `spec` does not have. */
export function readArguments<
  Value extends string = never,
  List extends string = never,
  Flag extends string = never,
>(
  args: readonly string[],
  spec: ArgumentSpec<Value, List, Flag>,
): Arguments<Value, List, Flag> {
  const { values = [], lists = [], flags = [], onByDefault = [] } = spec;
  const on: Record<string, boolean> = {};
  for (const name of onByDefault) on[name] = true;
  // Plain strings: the names are known to this file's types, not to those of
  // parseArgs.
  const parsed: Record<string, unknown> = parseArgs([...args], {
    string: ["_", ...values, ...lists] as string[],
    boolean: [...flags] as string[],
    collect: [...lists] as string[],
    negatable: [...onByDefault] as string[],
    default: on,
    alias: { ...spec.aliases },
    "--": spec.rest ?? false,
    unknown: refuseUnknown,
  });
  return {
    values: mapNames(values, (name) => optionalString(name, parsed[name])),
    lists: mapNames(lists, (name) => strings(name, parsed[name])),
    flags: mapNames(flags, (name) => parsed[name] === true),
    positionals: strings("arguments", parsed._),
    rest: strings("arguments after --", parsed["--"]),
  };
}

function mapNames<Name extends string, T>(
  names: readonly Name[],
  read: (name: Name) => T,
): { [name in Name]: T } {
  const entries = names.map((name) => [name, read(name)] as const);
  return Object.fromEntries(entries) as { [name in Name]: T };
}

function refuseUnknown(argument: string, key?: string): boolean {
  if (key !== undefined) throw new UsageError(`unknown option ${argument}`);
  return true;
}

function optionalString(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new UsageError(`--${name} needs a value`);
}

function strings(name: string, value: unknown): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.map(String);
  throw new UsageError(`${name}: not a list`);
}
