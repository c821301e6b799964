/**
 * One kubeconfig file as values that know where they are.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { KubeConfigError, type KubeConfigPlace } from "./error.ts";
import { fieldName, type FieldPath, lineOf } from "./locate.ts";

/**
 * Longest kubeconfig, in characters. The parser takes linear time: 4 Mi
 * characters of one string take 140 ms, 50,000 keys 230 ms. Deep nesting ends
 * with a RangeError.
 */
export const MAX_TEXT: number = 4 * 1024 * 1024;

/** Maps that one look-up goes through by merge keys; aliases could make them grow without end. */
const MAX_MERGES = 100;

/** One kubeconfig file. */
export interface Document {
  /** Its path; `undefined` for a text without a file. */
  readonly file: string | undefined;
  readonly text: string;
}

/** A value in a document. */
export class Field {
  readonly #document: Document;
  readonly #path: FieldPath;
  readonly #value: unknown;

  constructor(document: Document, path: FieldPath, value: unknown) {
    this.#document = document;
    this.#path = path;
    this.#value = value;
  }

  /** Its place, for error messages. */
  get place(): KubeConfigPlace {
    return {
      file: this.#document.file,
      line: lineOf(this.#document.text, this.#path),
      field: fieldName(this.#path),
    };
  }

  /** Makes the error that says what is wrong here. */
  error(message: string, cause?: unknown): KubeConfigError {
    return new KubeConfigError(message, this.place, { cause });
  }

  /** A field of this map; `undefined` when the map does not have it, or has it empty. */
  get(name: string): Field | undefined {
    const value = lookUp(this.#map(), name);
    return isEmpty(value) ? undefined : this.#inner(name, value);
  }

  /** The entries of this list. */
  entries(): Field[] {
    if (!Array.isArray(this.#value)) {
      throw this.error(`a list is needed here, not ${kindOf(this.#value)}`);
    }
    return this.#value.map((value, index) => this.#inner(index, value));
  }

  /** The fields of this map with their names. */
  fields(): [name: string, field: Field][] {
    return Object.entries(this.#map())
      .map(([name, value]) => [name, this.#inner(name, value)]);
  }

  /** This text. */
  text(): string {
    if (typeof this.#value !== "string") {
      throw this.error(`a string is needed here, not ${kindOf(this.#value)}`);
    }
    return this.#value;
  }

  /** This truth value, as YAML 1.1 spells it. */
  truth(): boolean {
    const text = this.text();
    if (/^(true|yes|on)$/i.test(text)) return true;
    if (/^(false|no|off)$/i.test(text)) return false;
    throw this.error("true or false is needed here");
  }

  /** This path, taken from the folder of the file unless it is absolute. */
  path(): string {
    const { file } = this.#document;
    const folder = file === undefined ? "." : dirname(resolve(file));
    return resolve(folder, this.text());
  }

  /** This value with numbers and truth values as JSON has them. */
  async typed(): Promise<unknown> {
    let value: unknown = await parse(this.#document, "core");
    for (const step of this.#path) {
      value = (value as Record<string | number, unknown>)[step];
    }
    return value;
  }

  #map(): Record<string, unknown> {
    const value = this.#value;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
    throw this.error(`a map is needed here, not ${kindOf(value)}`);
  }

  #inner(step: string | number, value: unknown): Field {
    return new Field(this.#document, [...this.#path, step], value);
  }
}

/**
 * Reads a kubeconfig.
 *
 * Throws {@linkcode KubeConfigError} for a text that is not YAML, or is too long.
 */
export async function readDocument(document: Document): Promise<Field> {
  const { file, text } = document;
  if (text.length > MAX_TEXT) {
    throw new KubeConfigError(
      `the file has more than ${MAX_TEXT} characters`,
      { file },
    );
  }
  const value = await parse(document, "failsafe");
  return new Field(document, [], isEmpty(value) ? {} : value);
}

/** With "failsafe" each scalar is a string: the token 0123 keeps its zero. */
async function parse(
  { file, text }: Document,
  schema: "failsafe" | "core",
): Promise<unknown> {
  // Loaded here: it costs 15 ms, and is not for those who load no kubeconfig.
  const { parseYaml } = await import("../../deps.ts");
  try {
    return parseYaml(text, { schema });
  } catch (cause) {
    const message = cause instanceof RangeError
      ? "it is nested too deeply"
      : reasonIn(cause);
    const line = /at line (\d+)/.exec(String(cause))?.[1];
    throw new KubeConfigError(`this is not YAML: ${message}`, {
      file,
      line: line === undefined ? undefined : Number(line),
    }, { cause });
  }
}

/** The parser's reason without the lines that it quotes: they may hold a token. */
function reasonIn(cause: unknown): string {
  const { message } = cause as Error;
  return message.split("\n")[0].replace(/ at line \d+, column \d+:?$/, "");
}

/** A value of a map, also by its merge key `<<` (YAML 1.1), which kubectl reads as well. */
function lookUp(map: Record<string, unknown>, name: string): unknown {
  const maps: unknown[] = [map];
  for (let count = 0; maps.length > 0 && count < MAX_MERGES; count++) {
    const next = maps.shift();
    if (typeof next !== "object" || next === null) continue;
    const fields = next as Record<string, unknown>;
    if (Object.hasOwn(fields, name)) return fields[name];
    const merged = Object.hasOwn(fields, "<<") ? fields["<<"] : [];
    // What is merged counts in its order, each with what it merges itself.
    maps.unshift(
      ...(Array.isArray(merged) ? merged.slice(0, MAX_MERGES) : [merged]),
    );
  }
  return undefined;
}

/** Whether a value counts as missing, as it does for kubectl. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null ||
    typeof value === "string" && /^(|~|null|Null|NULL)$/.test(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "nothing";
  return typeof value === "object" ? "a map" : "a string";
}
