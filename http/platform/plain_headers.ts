/**
 * Reads headers without creating a `Headers` object, if the result is certainly the
 * same.
 *
 * @module
 */

import { makeList, makePair } from "../../frame/pair.ts";
import type { NameValue } from "../../frame/types.ts";
import { HeaderCache } from "./header_cache.ts";
import { LOWER_TOKEN, TOKEN } from "./header_text.ts";

/**
 * The headers in the given order, with names in lower case; `undefined` if only
 * `Headers` can determine the result, because it joins repeated names, trims white
 * space and rejects invalid headers. Reading six headers of an object this way
 * takes 0.8 us; `Headers` takes 4.4 us.
 */
export function plainHeaders(init: HeadersInit): NameValue[] | undefined {
  return Array.isArray(init) ? plainPairs(init) : plainRecord(init);
}

/** The last headers that were passed. */
const MEMORY = new HeaderCache((name) => LOWER_TOKEN.test(name) ? 1 : 0);

function plainRecord(init: HeadersInit): NameValue[] | undefined {
  if (!isPlainObject(init)) return undefined;
  const nv: NameValue[] = makeList();
  let unique = true;
  const keys = Object.keys(init);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    const isLower = MEMORY.kindOf(index, key) === 1;
    const name = isLower ? key : toName(key);
    const value = init[key];
    if (name === undefined || !isValue(index, value)) return undefined;
    // An object can contain both "A" and "a".
    if (!isLower) unique = false;
    nv.push(makePair(name, value));
  }
  return unique || areUnique(nv) ? nv : undefined;
}

function plainPairs(init: readonly unknown[]): NameValue[] | undefined {
  const nv: NameValue[] = makeList();
  for (let index = 0; index < init.length; index++) {
    const pair = init[index];
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    const given: unknown = pair[0];
    if (typeof given !== "string") return undefined;
    const name = MEMORY.kindOf(index, given) === 1 ? given : toName(given);
    const value: unknown = pair[1];
    if (name === undefined || !isValue(index, value)) return undefined;
    nv.push(makePair(name, value));
  }
  return areUnique(nv) ? nv : undefined;
}

/** Whether an object has only own properties with string names. */
function isPlainObject(object: unknown): object is Record<string, unknown> {
  if (typeof object !== "object" || object === null) return false;
  const prototype = Object.getPrototypeOf(object);
  return (prototype === Object.prototype || prototype === null) &&
    Object.getOwnPropertySymbols(object).length === 0;
}

function toName(text: string): string | undefined {
  return TOKEN.test(text) ? text.toLowerCase() : undefined;
}

function isValue(index: number, value: unknown): value is string {
  return typeof value === "string" && MEMORY.isPlain(index, value) &&
    !isSpace(value.charCodeAt(0)) &&
    !isSpace(value.charCodeAt(value.length - 1));
}

function isSpace(char: number): boolean {
  return char === 0x20 || char === 0x09;
}

function areUnique(nv: readonly NameValue[]): boolean {
  return new Set(nv.map(([name]) => name)).size === nv.length;
}
