/**
 * A kubeconfig file as values with their place in the file.
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

/**
 * Most maps that one look-up visits through merge keys; aliases could otherwise
 * multiply them without limit.
 */
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

  /** The place of the value, for error messages. */
  get place(): KubeConfigPlace {
    return {
      file: this.#document.file,
      line: lineOf(this.#document.text, this.#path),
      field: fieldName(this.#path),
    };
  }

  /** Creates an error for this place. */
  error(message: string, cause?: unknown): KubeConfigError {
    return new KubeConfigError(message, this.place, { cause });
  }

  /** A field of this map; `undefined` if it is missing or empty. */
  get(name: string): Field | undefined {
    const value = lookUp(this.#map(), name);
    return isEmpty(value) ? undefined : this.#inner(name, value);
  }

  /** The entries of this list. */
  entries(): Field[] {
    if (!Array.isArray(this.#value)) {
      throw this.error(`this must be a list, not ${kindOf(this.#value)}`);
    }
    return this.#value.map((value, index) => this.#inner(index, value));
  }

  /** The fields of this map with their names. */
  fields(): [name: string, field: Field][] {
    return Object.entries(this.#map())
      .map(([name, value]) => [name, this.#inner(name, value)]);
  }

  /** This value as text. */
  text(): string {
    if (typeof this.#value !== "string") {
      throw this.error(`this must be a string, not ${kindOf(this.#value)}`);
    }
    return this.#value;
  }

  /** This value as a boolean, with the spellings of YAML 1.1. */
  truth(): boolean {
    const text = this.text();
    if (/^(true|yes|on|y)$/i.test(text)) return true;
    if (/^(false|no|off|n)$/i.test(text)) return false;
    throw this.error("this must be true or false");
  }

  /** This value as a path; a relative one starts at the folder of the file. */
  path(): string {
    const { file } = this.#document;
    const folder = file === undefined ? "." : dirname(resolve(file));
    return resolve(folder, this.text());
  }

  /** This value with numbers and booleans as in JSON. */
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
    throw this.error(`this must be a map, not ${kindOf(value)}`);
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

/** In the "failsafe" schema, each scalar is a string, so the token 0123 keeps its zero. */
async function parse(
  { file, text }: Document,
  schema: "failsafe" | "core",
): Promise<unknown> {
  // Loaded here, because it takes 15 ms, which programs without a kubeconfig save.
  const { parseAllYaml } = await import("../../deps.ts");
  try {
    // As in kubectl: of several documents, the first counts, and of several fields
    // with the same name, the last.
    const [value] = parseAllYaml(text, {
      schema,
      allowDuplicateKeys: true,
    }) as unknown[];
    return value;
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

/** The parser's message without the lines that it quotes, because they may contain a token. */
function reasonIn(cause: unknown): string {
  const { message } = cause as Error;
  return message.split("\n")[0].replace(/ at line \d+, column \d+:?$/, "");
}

/** The value of a key. Also follows the merge key `<<` (YAML 1.1), as kubectl does. */
function lookUp(map: Record<string, unknown>, name: string): unknown {
  const maps: unknown[] = [map];
  for (let count = 0; maps.length > 0 && count < MAX_MERGES; count++) {
    const next = maps.shift();
    if (typeof next !== "object" || next === null) continue;
    const fields = next as Record<string, unknown>;
    if (Object.hasOwn(fields, name)) return fields[name];
    const merged = Object.hasOwn(fields, "<<") ? fields["<<"] : [];
    // Merged maps are searched in order, each with the maps that it merges itself.
    maps.unshift(
      ...(Array.isArray(merged) ? merged.slice(0, MAX_MERGES) : [merged]),
    );
  }
  return undefined;
}

/** Whether a value counts as missing in kubectl. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null ||
    typeof value === "string" && /^(|~|null|Null|NULL)$/.test(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "nothing";
  return typeof value === "object" ? "a map" : "a string";
}
