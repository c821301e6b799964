/**
 * Checks header lists, and remembers checked names with their last values,
 * because most header lists of a connection differ from the one before in only
 * one or two values.
 *
 * @module
 */

import {
  checkName,
  isPlain,
  type NameRule,
  prepareHeaders,
  splitValue,
} from "./header_list.ts";
import type { NameValue } from "./types.ts";

/** Longest list that is remembered, and the most names. */
const MOST_NAMES = 128;
/** The most characters of values that are remembered. */
const MOST_CHARACTERS = 16384;

/** Headers as an application passes them. */
type HeaderList = readonly (readonly [name: string, value: string])[];

/** A name that has been checked. */
interface CheckedName {
  /** The name as the application wrote it. */
  readonly given: string;
  readonly lower: string;
  /** Its index among all remembered names, in wire order. */
  rank: number;
}

/** A header that has been checked. */
interface Checked {
  readonly name: CheckedName;
  /** The name in lower case, and the unchanged value. */
  readonly pair: NameValue;
  /** Whether the value contains NUL. */
  hasParts: boolean;
  /** Number of the last list that contained it. */
  list: number;
  /** The next header of the same name, for lists that repeat the name. */
  again: Checked | undefined;
}

/**
 * Does the same as {@linkcode prepareHeaders}, for one direction of a connection.
 * A remembered name needs no check, nor does its last value, and a list of
 * remembered names is sorted by their ranks: 12 headers of which one is new take
 * 0.3 us instead of 1.9.
 */
export class HeaderChecker {
  readonly #rule: NameRule;
  readonly #escapes: boolean;
  /** The remembered headers, by the name as the application wrote it. */
  readonly #names = new Map<string, Checked>();
  /** The same names, in wire order. */
  readonly #order: CheckedName[] = [];
  /** Characters of all remembered values. */
  #characters = 0;
  /** The last list, in the application's order. */
  #list: Checked[] = [];
  /** An array to reuse for the next list. */
  #spare: Checked[] = [];
  /** The pairs of the last list, sorted by name. */
  #sorted: NameValue[] = [];
  #hasParts = false;
  #lists = 0;

  /** Creates a checker that remembers nothing yet; `escapes` as for `prepareHeaders`. */
  constructor(rule: NameRule, escapes = false) {
    this.#rule = rule;
    this.#escapes = escapes;
  }

  /** Returns what `prepareHeaders` returns for `nv`. Throws as it does. */
  prepare(nv: HeaderList): NameValue[] {
    if (!this.#remember(nv)) return this.#prepareNew(nv);
    const sorted = this.#sorted;
    const prepared: NameValue[] = [];
    for (let index = 0; index < sorted.length; index++) {
      const name = sorted[index][0];
      const value = sorted[index][1];
      if (this.#hasParts && value.includes("\0")) {
        for (const part of value.split("\0")) prepared.push([name, part]);
      } else {
        prepared.push([name, value]);
      }
    }
    return prepared;
  }

  /**
   * The same list for the wire, where the NUL-joined parts of a value stay in one
   * pair. It is valid until the next call; do not change it.
   */
  check(nv: HeaderList): NameValue[] {
    return this.#remember(nv) ? this.#sorted : this.#prepareNew(nv);
  }

  #prepareNew(nv: HeaderList): NameValue[] {
    return prepareHeaders(nv, this.#rule, this.#escapes);
  }

  /** Checks the list; false when it cannot be remembered, or is not a list. */
  #remember(nv: HeaderList): boolean {
    const before = this.#list;
    const list = this.#spare;
    const sorted = this.#sorted;
    // Reset first, so that an exception below leaves no half-checked list.
    this.#list = [];
    this.#spare = before;
    this.#sorted = [];
    if (!Array.isArray(nv) || nv.length > MOST_NAMES) return false;
    const number = ++this.#lists;
    let isSame = nv.length === before.length;
    let hasParts = false;
    for (let index = 0; index < nv.length; index++) {
      const pair: unknown = nv[index];
      if (!Array.isArray(pair)) return false;
      const name = pair[0];
      const value = pair[1];
      let checked: Checked | undefined = before[index];
      // Most names have the same index as in the list before.
      if (
        checked === undefined || checked.name.given !== name ||
        checked.list === number
      ) {
        isSame = false;
        checked = this.#find(name, number);
        if (checked === undefined) return this.#forget();
      }
      checked.list = number;
      if (checked.pair[1] !== value) {
        checked.hasParts = checkValue(name, value, this.#escapes);
        this.#characters += value.length - checked.pair[1].length;
        checked.pair[1] = value;
      }
      if (checked.hasParts) hasParts = true;
      list[index] = checked;
    }
    if (this.#characters > MOST_CHARACTERS) return this.#forget();
    // Getters of a list can call this method again while the list is read.
    if (this.#lists !== number) return this.#forget();
    list.length = nv.length;
    this.#list = list;
    this.#hasParts = hasParts;
    this.#sorted = isSame ? sorted : sortedPairs(list);
    return true;
  }

  /** A remembered header of that name that this list does not use yet; `undefined` when the name cannot be remembered. */
  #find(name: string, list: number): Checked | undefined {
    let checked = this.#names.get(name) ?? this.#learn(name);
    while (checked?.list === list) {
      checked = checked.again ??= blank(checked.name);
    }
    return checked;
  }

  /** Checks and remembers a new name. */
  #learn(given: string): Checked | undefined {
    const lower = checkName(given, this.#rule);
    const order = this.#order;
    if (order.length === MOST_NAMES) return undefined;
    let place = 0;
    for (let end = order.length; place < end;) {
      const middle = (place + end) >>> 1;
      if (order[middle].lower < lower) place = middle + 1;
      else end = middle;
    }
    // The same name in other case: ranks cannot keep the order of the list then.
    if (order[place]?.lower === lower) return undefined;
    const name = { given, lower, rank: place };
    order.splice(place, 0, name);
    for (let rank = place + 1; rank < order.length; rank++) {
      order[rank].rank = rank;
    }
    const checked = blank(name);
    this.#names.set(given, checked);
    return checked;
  }

  #forget(): false {
    this.#names.clear();
    this.#order.length = 0;
    this.#characters = 0;
    this.#spare = [];
    return false;
  }
}

/** A header of that name with the empty value, which needs no check. */
function blank(name: CheckedName): Checked {
  return {
    name,
    pair: [name.lower, ""],
    hasParts: false,
    list: 0,
    again: undefined,
  };
}

/** The pairs sorted by the ranks of their names; pairs of one name keep their order. */
function sortedPairs(list: readonly Checked[]): NameValue[] {
  const ranks: number[] = [];
  const pairs: NameValue[] = [];
  // Insertion sort, because lists are short and often partly sorted.
  for (let index = 0; index < list.length; index++) {
    const { name: { rank }, pair } = list[index];
    let place = index;
    for (; place > 0 && ranks[place - 1] > rank; place--) {
      ranks[place] = ranks[place - 1];
      pairs[place] = pairs[place - 1];
    }
    ranks[place] = rank;
    pairs[place] = pair;
  }
  return pairs;
}

/** Whether the value contains NUL. Throws for a value that cannot be sent. */
function checkValue(name: string, value: string, escapes: boolean): boolean {
  return !isPlain(value) && splitValue(name, value, escapes).length > 1;
}
