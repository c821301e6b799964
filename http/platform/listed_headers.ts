/**
 * Reads a `Headers` object without its iterator.
 *
 * @module
 */

import { makeList, makePair } from "../../frame/pair.ts";
import type { NameValue } from "../../frame/types.ts";
import { isPlain, LOWER_TOKEN } from "./header_text.ts";
import { usesStandIns } from "./stand_in_switch.ts";

/** Longest list that is searched for repeated names, which takes time that grows with its square. */
const MOST = 16;

/** The result of {@linkcode findKey}, which a program without `Headers` does not need. */
let found: { readonly key: symbol | undefined } | undefined;

/**
 * The headers in the order in which they were set, with names in lower case; `undefined`
 * if only the iterator can determine the result, because it joins repeated names. Deno's
 * iterator copies and sorts the list: 1.3 us for the three headers of a response, and
 * 0.3 us this way.
 */
export function listedHeaders(headers: Headers): NameValue[] | undefined {
  const list = pairsOf(headers);
  if (list === undefined || list.length > MOST) return undefined;
  const nv: NameValue[] = makeList();
  for (let index = 0; index < list.length; index++) {
    const name = list[index][0];
    const value = list[index][1];
    const lower = LOWER_TOKEN.test(name) ? name : name.toLowerCase();
    if (!isPlain(value)) return undefined;
    for (let before = 0; before < index; before++) {
      if (nv[before][0] === lower) return undefined;
    }
    nv.push(makePair(lower, value));
  }
  return nv;
}

/**
 * The headers as they were set, repeated names as well; `undefined` if only the iterator
 * is available.
 */
export function pairsOf(
  headers: Headers,
): readonly (readonly [name: string, value: string])[] | undefined {
  const { key } = found ??= { key: findKey() };
  if (
    key === undefined || Object.getPrototypeOf(headers) !== Headers.prototype
  ) return undefined;
  const list: unknown = Reflect.get(headers, key);
  return Array.isArray(list) ? list : undefined;
}

/**
 * The symbol under which Deno stores the list of a `Headers` object; `undefined` if it
 * stores it elsewhere or in another form.
 */
function findKey(): symbol | undefined {
  if (!usesStandIns()) return undefined;
  const own = Object.getOwnPropertySymbols(new Headers());
  return own.find((key) => key.description === "header list" && isList(key));
}

function isList(key: symbol): boolean {
  const headers = new Headers([["B", " b "], ["a", "1"], ["A", "2"]]);
  headers.delete("b");
  headers.append("c", "3");
  return JSON.stringify(Reflect.get(headers, key)) ===
    '[["a","1"],["a","2"],["c","3"]]';
}
