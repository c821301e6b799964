/**
 * Checks of values that are not numbers: bytes, options, strings from a list.
 *
 * JavaScript callers have no type checker, so every public function checks its
 * arguments and throws an error that contains the wrong one.
 *
 * This file is in the lowest layer, with `errors.ts`.
 *
 * @module
 */

import { InvalidArgumentError } from "./errors.ts";

/**
 * What must not reach a terminal or a page: control characters, C1 ones as well, which
 * some terminals take for ESC and a letter; format characters, which turn the
 * direction of text or hide it; line and paragraph separators; halves of
 * surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Formats a value for an error message so that its type shows: a port of `"80"` or `[80]`
 * is wrong because it is not a number, and so is `80n`. Never throws, although
 * `String(value)` can.
 */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  try {
    return Array.isArray(value) ? `[${value}]` : String(value);
  } catch {
    return `of type ${typeof value}`;
  }
}

/**
 * Text from a peer, safe for a terminal, a log or a page: every character that
 * could steer a terminal or turn the direction of text is spelled out, as in
 * `\x1b` and `\u{202e}`.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0) ?? 0;
    const digits = code.toString(16).padStart(2, "0");
    return code > 0xff ? `\\u{${digits}}` : `\\x${digits}`;
  });
}

/**
 * Throws an `InvalidArgumentError` that contains `name` unless `value` is a
 * `Uint8Array` whose buffer was not transferred. A transferred buffer looks
 * empty, so accepting it would lose data silently.
 */
export function checkBytes(name: string, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) {
    throw new InvalidArgumentError(`${name} is not a Uint8Array`);
  }
  if (isDetached(value)) {
    throw new InvalidArgumentError(
      `${name} is a view into a buffer that was transferred`,
    );
  }
}

/** Whether the buffer of `bytes` was transferred to another owner. */
export function isDetached(bytes: Uint8Array): boolean {
  return bytes.length === 0 && bytes.buffer instanceof ArrayBuffer &&
    bytes.buffer.detached;
}

/** The same bytes as a plain `Uint8Array`: `slice()` of a node `Buffer` would not copy. */
export function plainView(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Throws an `InvalidArgumentError` that contains `name` unless `value` is an object. */
export function checkOptions(name: string, value: object): void {
  if (typeof value !== "object" || value === null) {
    throw new InvalidArgumentError(`${name} ${show(value)} are not an object`);
  }
}

/** Throws an `InvalidArgumentError` that contains `name` unless `value` is one of `allowed`. */
export function checkOneOf(
  name: string,
  value: string,
  allowed: readonly string[],
): void {
  if (allowed.includes(value)) return;
  const list = allowed.map((each) => JSON.stringify(each)).join(", ");
  throw new InvalidArgumentError(
    `${name} ${show(value)} is none of ${list}`,
  );
}

/**
 * The names that an object with options may have. Typed by the options' interface
 * (`Names<SomeOptions>`), so that the compiler finds a name that is missing.
 */
export type Names<Options> = Readonly<Record<keyof Options, true>>;

/** Most typing errors in a name that is still recognised. */
const MOST_TYPOS = 3;
/** A name must have this many letters for each of them. */
const LETTERS_PER_TYPO = 3;

/**
 * Throws an `InvalidArgumentError` that contains `what` and the name when an option
 * is set that `names` does not have: a misspelt option, or one left over from another
 * library, would otherwise be ignored without a word. The error names the option
 * that was probably meant. Options that are `undefined` count as not set. What is
 * not an object at all has no options, and throws as well.
 */
export function checkNames(
  what: string,
  options: object,
  names: object,
): void {
  if (typeof options !== "object" || options === null) {
    throw new InvalidArgumentError(
      `the options of ${what} are not an object, but ${show(options)}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue;
    if (Reflect.get(options, name) === undefined) continue;
    const meant = closest(name, Object.keys(names));
    throw new InvalidArgumentError(
      `${what} has no option ${JSON.stringify(name)}${
        meant === undefined ? "" : `; did you mean "${meant}"?`
      }`,
    );
  }
}

/**
 * A copy of the options that `names` has. Unlike `{ ...options }`, it has the getters and
 * methods of a class as well, which {@linkcode checkNames} does not look at, but every
 * function that reads an option by its name does. Options that are `undefined` are left out.
 */
export function copyOptions<Options extends object>(
  options: Options,
  names: object,
): Options {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(names)) {
    const value = Reflect.get(options, name);
    if (value !== undefined) copy[name] = value;
  }
  return copy as Options;
}

/**
 * The one of `names` that was meant by another name, such as `onCtrlRecv` by
 * `on_ctrl_recv_cb`; `undefined` if none is similar enough.
 */
export function closest(
  name: string,
  names: readonly string[],
): string | undefined {
  const plain = plainName(name);
  let meant: string | undefined;
  let fewest = Infinity;
  for (const each of names) {
    const other = plainName(each);
    const typos = distance(other, plain);
    const length = Math.max(other.length, plain.length);
    const most = Math.floor(length / LETTERS_PER_TYPO) || 1;
    if (typos <= Math.min(most, MOST_TYPOS) && typos < fewest) {
      [meant, fewest] = [each, typos];
    }
  }
  return meant ?? names.find((each) => continues(plainName(each), plain));
}

/** Whether one name begins with the other, as `hostname` begins with `host`. */
function continues(one: string, other: string): boolean {
  return Math.min(one.length, other.length) >= 3 &&
    (one.startsWith(other) || other.startsWith(one));
}

function plainName(name: string): string {
  return name.replace(/_?cb$|_?callback$/i, "").replace(/[_-]/g, "")
    .toLowerCase();
}

/** Letters to insert, remove, change, or swap with the next one, to make one text of another. */
function distance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MOST_TYPOS) return Infinity;
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      let fewest = Math.min(changed, row[j] + 1, next[j - 1] + 1);
      if (i > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        fewest = Math.min(fewest, before[j - 2] + 1);
      }
      next.push(fewest);
    }
    before = row;
    row = next;
  }
  return row[to.length];
}
