/**
 * Header lists to be sent: the rules for names and values, and the conversion of
 * a list to the pairs of a header block (SPDY/3 draft 2.6.10).
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { show } from "../values.ts";
import { isEscaped } from "./escaped_text.ts";
import type { NameValue } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/**
 * Which names may be sent. `"token"`: the names of HTTP (RFC 9110 5.6.2), with or
 * without a colon before them. `"wire"`: all names that a SPDY peer accepts,
 * 0x20..0x7e.
 */
export type NameRule = "token" | "wire";

const LOWER_TOKEN = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const ANY_TOKEN = /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const WIRE_NAME = /^[\x20-\x7e]+$/;
/** Tab and printable ASCII. */
const PLAIN_VALUE = /^[\t\x20-\x7e]*$/;
const CONTROL = /[^\t\x20-\x7e\x80-\uffff]/;

/** Colon names of SPDY/3 and the corresponding names of SPDY/2. */
const SPDY2_NAMES: readonly (readonly [string, string])[] = [
  [":host", "host"],
  [":method", "method"],
  [":path", "url"],
  [":scheme", "scheme"],
  [":status", "status"],
  [":version", "version"],
];
const TO_SPDY2: ReadonlyMap<string, string> = new Map(SPDY2_NAMES);
const FROM_SPDY2: ReadonlyMap<string, string> = new Map(
  SPDY2_NAMES.map(([spdy3, spdy2]) => [spdy2, spdy3]),
);

/**
 * Checks a header list and returns it as callbacks see it: a copy with names
 * in lower case, sorted by name, values with NUL split into several.
 *
 * Throws `InvalidArgumentError` when `nv` is not a list of pairs, when a name breaks
 * `rule`, and when a value contains a control character other than tab, an empty
 * part beside a NUL, or a lone surrogate. With `escapes`, values are escaped text: a lone
 * surrogate may represent a byte (see `escaped_text.ts`).
 */
export function prepareHeaders(
  nv: readonly (readonly [string, string])[],
  rule: NameRule = "token",
  escapes = false,
): NameValue[] {
  if (!Array.isArray(nv)) {
    throw new InvalidArgumentError("nv is not a list of [name, value] pairs");
  }
  const prepared: NameValue[] = [];
  for (let index = 0; index < nv.length; index++) {
    const pair = nv[index];
    if (!Array.isArray(pair)) {
      throw new InvalidArgumentError("a header is not a [name, value] pair");
    }
    // Until V8 has compiled it, taking a pair apart with `[name, value]` calls an iterator.
    const name: string = pair[0];
    const value: string = pair[1];
    const lowerName = checkName(name, rule);
    if (isPlainValue(value)) {
      prepared.push([lowerName, value]);
    } else {
      for (const part of splitValue(name, value, escapes)) {
        prepared.push([lowerName, part]);
      }
    }
  }
  return sortByName(prepared);
}

/** The name in lower case. Throws `InvalidArgumentError` for a name that breaks `rule`. */
export function checkName(name: string, rule: NameRule): string {
  if (typeof name !== "string") {
    throw new InvalidArgumentError(`header name ${show(name)} is not a string`);
  }
  if (LOWER_TOKEN.test(name)) return name;
  if (name === "") throw new InvalidArgumentError("header name is empty");
  if (!(rule === "token" ? ANY_TOKEN : WIRE_NAME).test(name)) {
    throw new InvalidArgumentError(
      `header name ${
        JSON.stringify(name)
      } contains a character that is not allowed in names`,
    );
  }
  // The name is ASCII, so this changes only ASCII letters.
  return name.toLowerCase();
}

/** Whether the value is plain ASCII, which needs no further check. */
export function isPlainValue(value: string): boolean {
  return typeof value === "string" && PLAIN_VALUE.test(value);
}

/**
 * The NUL-joined parts of a value that is not plain (see {@linkcode isPlainValue}). Throws
 * `InvalidArgumentError` for one that cannot be sent.
 */
export function splitValue(
  name: string,
  value: string,
  escapes: boolean,
): string[] {
  if (typeof value !== "string") {
    throw new InvalidArgumentError(
      `value of header ${JSON.stringify(name)} is not a string`,
    );
  }
  const parts = value.split("\0");
  for (const part of parts) {
    // An empty value is plain, so this part is not the only one.
    if (part === "") {
      throw new InvalidArgumentError(
        `value of header ${
          JSON.stringify(name)
        } has an empty part beside a NUL`,
      );
    }
    const control = CONTROL.exec(part);
    if (control !== null) {
      throw new InvalidArgumentError(
        `value of header ${
          JSON.stringify(name)
        } contains the control character ${
          JSON.stringify(control[0])
        } at ${control.index}`,
      );
    }
    if (!(escapes ? isEscaped(part) : part.isWellFormed())) {
      throw new InvalidArgumentError(
        `value of header ${JSON.stringify(name)} contains a lone surrogate`,
      );
    }
  }
  return parts;
}

/** Sorts in place by name; pairs of one name keep their order. */
export function sortByName(pairs: NameValue[]): NameValue[] {
  for (let index = 1; index < pairs.length; index++) {
    if (pairs[index - 1][0] > pairs[index][0]) {
      return pairs.sort(compareNames);
    }
  }
  return pairs;
}

/**
 * Whether two pairs that never change are alike. Checked lists share their pairs, so
 * that mostly they are the same object.
 */
export function isSamePair(left: NameValue, right: NameValue): boolean {
  return left === right || left[0] === right[0] && left[1] === right[1];
}

/** Names are ASCII, so comparing characters gives the order of the bytes. */
function compareNames(left: NameValue, right: NameValue): number {
  if (left[0] === right[0]) return 0;
  return left[0] < right[0] ? -1 : 1;
}

/**
 * The pairs of the header block of a prepared list: sorted, each name once with its
 * values joined by NUL, in SPDY/2 with the names of SPDY/2. May return `prepared`
 * itself.
 */
export function wirePairs(
  prepared: readonly NameValue[],
  traits: VersionTraits,
): readonly NameValue[] {
  const pairs = traits.renamesHeaders ? toSpdy2Names(prepared) : prepared;
  for (let index = 1; index < pairs.length; index++) {
    if (pairs[index - 1][0] === pairs[index][0]) return joinValues(pairs);
  }
  return pairs;
}

function toSpdy2Names(prepared: readonly NameValue[]): NameValue[] {
  return sortByName(
    prepared.map(([name, value]) => [TO_SPDY2.get(name) ?? name, value]),
  );
}

/** Renames the SPDY/2 names of a received list in place. */
export function fromSpdy2Names(pairs: NameValue[]): void {
  for (const pair of pairs) pair[0] = FROM_SPDY2.get(pair[0]) ?? pair[0];
}

/**
 * Joins the values of each name. Drops an empty value when the name has others,
 * because neither value beside a NUL may be empty (2.6.10).
 */
function joinValues(pairs: readonly NameValue[]): NameValue[] {
  const joined: NameValue[] = [];
  for (let index = 0; index < pairs.length;) {
    const name = pairs[index][0];
    const values: string[] = [];
    for (; index < pairs.length && pairs[index][0] === name; index++) {
      if (pairs[index][1] !== "") values.push(pairs[index][1]);
    }
    joined.push([name, values.join("\0")]);
  }
  return joined;
}
