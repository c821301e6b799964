/**
 * Checks header lists, and remembers checked names with their last values,
 * because most header lists of a connection differ from the one before in only
 * one or two values.
 *
 * @module
 */

import {
  checkName,
  isPlainValue,
  type NameRule,
  prepareHeaders,
  splitValue,
} from "./header_list.ts";
import { makePair } from "./pair.ts";
import type { NameValue } from "./types.ts";

/** The most headers of a list that is remembered, and the most names of all lists. */
const MOST_NAMES = 128;
/** The most characters of values that are remembered. */
const MOST_CHARACTERS = 16384;

/** Headers as an application passes them. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** A header list that has been checked. */
export interface CheckedHeaders {
  /**
   * The pairs for the wire: names in lower case, sorted, the NUL-joined parts of a
   * value in one pair. They never change, and lists of one checker share the pairs
   * that are alike: the same object is the same pair.
   */
  readonly pairs: readonly NameValue[];
  /** Whether a value may contain NUL. */
  readonly hasParts: boolean;
  /** Whether a name may be in the list more than once. */
  readonly repeats: boolean;
}

/** The list as callbacks see it: a copy, with values with NUL split into several. */
export function ownHeaders({ pairs, hasParts }: CheckedHeaders): NameValue[] {
  const own: NameValue[] = [];
  for (let index = 0; index < pairs.length; index++) {
    const pair = pairs[index];
    if (hasParts && pair[1].includes("\0")) {
      for (const part of pair[1].split("\0")) own.push([pair[0], part]);
    } else {
      own.push([pair[0], pair[1]]);
    }
  }
  return own;
}

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
  /** The name in lower case, and the unchanged value. It is replaced, not changed. */
  pair: NameValue;
  /** Whether the value contains NUL. */
  hasParts: boolean;
  /** Index of its pair in the last list that contained it. */
  place: number;
  /** Number of the last list that contained it. */
  list: number;
  /** The next header of the same name, for lists that repeat the name. */
  again: Checked | undefined;
  /** Whether it is such a next header. */
  readonly isAgain: boolean;
}

/**
 * Does the same as {@linkcode prepareHeaders}, for one direction of a connection.
 * A remembered name needs no check, nor does its last value, and a list of
 * remembered names is sorted by their ranks: 12 headers of which one is new take
 * 0.2 us instead of 1.9.
 */
export class HeaderChecker {
  readonly #rule: NameRule;
  readonly #escapes: boolean;
  /** The remembered headers, by the name as the application wrote it. */
  #names: Map<string, Checked> | undefined;
  /** The same names, in wire order. */
  readonly #order: CheckedName[] = [];
  /** Characters of all remembered values. */
  #characters = 0;
  /** The last list, in the application's order. */
  #list: Checked[] = NO_LIST;
  /** The last list that was remembered, which tells where names are likely to be. */
  #last: Checked[] = NO_LIST;
  /** The last list, sorted by name. */
  #checked: CheckedHeaders = NO_HEADERS;
  #lists = 0;

  /** Creates a checker that remembers nothing yet; `escapes` as for `prepareHeaders`. */
  constructor(rule: NameRule, escapes = false) {
    this.#rule = rule;
    this.#escapes = escapes;
  }

  /** Returns what `prepareHeaders` returns for `nv`. Throws as it does. */
  prepare(nv: HeaderList): NameValue[] {
    return ownHeaders(this.check(nv));
  }

  /** Checks the list. Throws as `prepareHeaders` does. */
  check(nv: HeaderList): CheckedHeaders {
    // Remembering lists takes 1.5 KiB, so it begins with the second list.
    const known = this.checkLike(nv) ??
      (this.#lists++ === 0 ? undefined : this.#checkRemembered(nv));
    return known ?? {
      pairs: prepareHeaders(nv, this.#rule, this.#escapes),
      hasParts: false,
      repeats: true,
    };
  }

  /**
   * Checks a list with the names of the list before, in the same order; `undefined`
   * for another one, which {@linkcode HeaderChecker.check} then checks.
   */
  checkLike(nv: HeaderList): CheckedHeaders | undefined {
    const list = this.#list;
    const { length } = list;
    if (length === 0 || !Array.isArray(nv) || nv.length !== length) {
      return undefined;
    }
    const before = this.#checked;
    const number = ++this.#lists;
    let changed: NameValue[] | undefined;
    let hasParts = false;
    // Set again at the end: an exception must not leave a list that is only half checked.
    this.#list = NO_LIST;
    for (let index = 0; index < length; index++) {
      const given: unknown = nv[index];
      const checked = list[index];
      if (
        !Array.isArray(given) || given.length !== 2 ||
        given[0] !== checked.name.given
      ) return undefined;
      const value = given[1];
      if (value !== checked.pair[1]) {
        this.#setValue(checked, value);
        changed ??= before.pairs.slice();
        changed[checked.place] = checked.pair;
      }
      if (checked.hasParts) hasParts = true;
    }
    // Getters of a list can call this method again while the list is read.
    if (this.#lists !== number || this.#characters > MOST_CHARACTERS) {
      return this.#forget();
    }
    this.#list = list;
    if (changed === undefined) return before;
    return this.#checked = {
      pairs: changed,
      hasParts,
      repeats: before.repeats,
    };
  }

  /** Checks any list; `undefined` when it cannot be remembered, or is not a list of pairs. */
  #checkRemembered(nv: HeaderList): CheckedHeaders | undefined {
    const before = this.#last;
    this.#list = NO_LIST;
    if (!Array.isArray(nv) || nv.length > MOST_NAMES) return undefined;
    const number = ++this.#lists;
    const list: Checked[] = [];
    let hasParts = false;
    let repeats = false;
    for (let index = 0; index < nv.length; index++) {
      const given: unknown = nv[index];
      if (!Array.isArray(given) || given.length !== 2) return undefined;
      const name = given[0];
      const value = given[1];
      // Many names have the same index as in the last list.
      let checked: Checked | undefined = before[index];
      if (checked === undefined || checked.name.given !== name) {
        checked = this.#names?.get(name) ?? this.#learn(name);
      }
      while (checked?.list === number) {
        checked = checked.again ??= blank(checked.name, true);
      }
      if (checked === undefined) return this.#forget();
      checked.list = number;
      if (checked.isAgain) repeats = true;
      if (value !== checked.pair[1]) this.#setValue(checked, value);
      if (checked.hasParts) hasParts = true;
      list.push(checked);
    }
    if (this.#lists !== number || this.#characters > MOST_CHARACTERS) {
      return this.#forget();
    }
    this.#list = this.#last = list;
    return this.#checked = { pairs: sortedPairs(list), hasParts, repeats };
  }

  /** Checks and remembers a new value. */
  #setValue(checked: Checked, value: string): void {
    const { name, pair } = checked;
    checked.hasParts = checkValue(name.given, value, this.#escapes);
    // A getter of the list may have had another list checked, which is remembered now
    // and may contain this header with its old value.
    this.#list = NO_LIST;
    this.#characters += value.length - pair[1].length;
    checked.pair = makePair(name.lower, value);
  }

  /** Checks and remembers a new name; `undefined` when it cannot be remembered. */
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
    const checked = blank(name, false);
    this.#names ??= new Map();
    this.#names.set(given, checked);
    return checked;
  }

  #forget(): undefined {
    this.#names = undefined;
    this.#order.length = 0;
    this.#characters = 0;
    this.#list = this.#last = NO_LIST;
    return undefined;
  }
}

const NO_LIST: Checked[] = [];
const NO_HEADERS: CheckedHeaders = {
  pairs: [],
  hasParts: false,
  repeats: false,
};

/** A header of that name with the empty value, which needs no check. */
function blank(name: CheckedName, isAgain: boolean): Checked {
  return {
    name,
    pair: [name.lower, ""],
    hasParts: false,
    place: 0,
    list: 0,
    again: undefined,
    isAgain,
  };
}

/** The pairs sorted by the ranks of their names; pairs of one name keep their order. */
function sortedPairs(list: readonly Checked[]): NameValue[] {
  const ranks: number[] = [];
  const sorted: Checked[] = [];
  // Insertion sort, because lists are short and often partly sorted.
  for (let index = 0; index < list.length; index++) {
    const { rank } = list[index].name;
    let place = index;
    for (; place > 0 && ranks[place - 1] > rank; place--) {
      ranks[place] = ranks[place - 1];
      sorted[place] = sorted[place - 1];
    }
    ranks[place] = rank;
    sorted[place] = list[index];
  }
  const pairs: NameValue[] = [];
  for (let place = 0; place < sorted.length; place++) {
    const checked = sorted[place];
    checked.place = place;
    pairs.push(checked.pair);
  }
  return pairs;
}

/** Whether the value contains NUL. Throws for a value that cannot be sent. */
function checkValue(name: string, value: string, escapes: boolean): boolean {
  return !isPlainValue(value) && splitValue(name, value, escapes).length > 1;
}
