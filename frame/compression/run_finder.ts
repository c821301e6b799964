/**
 * Finds the best earlier copy for a run of repeated pairs, by pairs instead of
 * bytes.
 *
 * Step 3 of the worked example in `README.md`.
 *
 * @module
 */

import { WINDOW_SIZE } from "../../zlib/constants.ts";
import type { BlockLayout } from "./block_layout.ts";
import type { MatchWindow } from "./window.ts";

/** Pairs remembered; a power of two. A window of 32 KiB holds about 1,000 usual ones. */
const REMEMBERED = 2048;
/** Pairs that there is room for at first; a power of two. */
const FIRST_CAPACITY = 64;
/** Earlier copies of a run's first pair that are looked at. */
const COPIES = 12;
/** Older ones, in blocks with the same names, that are looked at. */
const BLOCKS = 20;
/**
 * The same where all pairs but one are those of the block before, which then
 * is a good copy already: a row of such blocks is encoded in 3.5 us instead of
 * 3.8 each.
 */
const CLOSE_COPIES = 3;
const CLOSE_BLOCKS = 12;
/** No byte is that. */
const NONE = -1;
/** Chains of copies in blocks with the same names; a power of two. That two share one is found out copy by copy. */
const CHAINS = 1024;
const HASH_FACTOR = 0x9e3779b1;
const CHAIN_SHIFT = 32 - Math.log2(CHAINS);

// What is remembered of a pair, as numbers that stand next to each other:
const PAIR_SHIFT = 2;
/** the id of its value, 0 when it is not public; */
const ID = 0;
/** its position; */
const POSITION = 1;
/** the number of its copy before, 0 for none; */
const BEFORE = 2;
/** that of its copy before in a block with the same names, 0 for none. */
const SAME_NAMES = 3;

/**
 * Remembers the pairs sent, numbered one after another with a number left out
 * between two blocks, so that pairs with neighbouring numbers are neighbours in
 * the window.
 */
export class RunFinder {
  /** Of the run found last: position of its earlier copy. */
  source = 0;
  /** Of the run found last: how far it goes, as position. */
  reach = 0;
  /** Of the run found last: where the bytes before it agree from, as position. */
  early = 0;
  readonly #window: MatchWindow;
  readonly #layout: BlockLayout;
  /** The pairs, by the low bits of their numbers. */
  #pairs = new Int32Array(FIRST_CAPACITY << PAIR_SHIFT);
  /** How many pairs there is room for, less one. */
  #mask = FIRST_CAPACITY - 1;
  #next = 1;
  /** By hash of a block's names and a value, the number of the value's last copy in such a block. */
  readonly #chains = new Int32Array(CHAINS);
  /** Hash of the block's names. */
  #names = 0;
  // Of the run found so far: the bytes behind it and before it, NONE where it cannot grow.
  #following = NONE;
  #preceding = NONE;

  constructor(window: MatchWindow, layout: BlockLayout) {
    this.#window = window;
    this.#layout = layout;
  }

  /** Forgets every pair. */
  clear(): void {
    this.#next = 1;
    this.#chains.fill(0);
  }

  /** Begins with the block that was laid out. */
  begin(): void {
    const { known, count } = this.#layout;
    let names = count;
    for (let index = 0; index < count; index++) {
      names = Math.imul(names, 31) + known[index].id | 0;
    }
    this.#names = names;
    this.#reserve(count + 1);
  }

  /** Which chain has the copies of a value in blocks with this block's names. */
  #chainOf(id: number): number {
    return Math.imul(this.#names + id, HASH_FACTOR) >>> CHAIN_SHIFT;
  }

  #reserve(count: number): void {
    const needed = Math.min(this.#next + count, REMEMBERED);
    let capacity = this.#mask + 1;
    if (capacity >= needed) return;
    // Nothing has been overwritten yet, so each pair keeps its place.
    while (capacity < needed) capacity *= 2;
    const grown = new Int32Array(capacity << PAIR_SHIFT);
    grown.set(this.#pairs);
    this.#pairs = grown;
    this.#mask = capacity - 1;
  }

  /**
   * Finds an earlier copy for the pair `index`, which has one, and as much of
   * what follows up to `to` as possible; bytes before it agree down to `from` at most.
   */
  find(index: number, from: number, to: number): void {
    const { starts, seen, count, repeated } = this.#layout;
    const pairs = this.#pairs;
    const mask = this.#mask;
    const start = starts[index];
    const wanted = seen[index]!;
    const id = wanted.id;
    const oldest = Math.max(this.#next - REMEMBERED, 0);
    const isClose = repeated + 1 >= count;
    /** What all bytes score: nothing can be better. */
    const most = to - from;
    const { bytes, base } = this.#window;
    // Where the bytes behind the best run and before it stand in `bytes`.
    let behind = 0;
    let before = 0;
    let best = -1;
    let number = wanted.number;
    let lowest = number;
    for (
      let left = isClose ? CLOSE_COPIES : COPIES;
      left > 0 && number > oldest && best < most;
      left--
    ) {
      const place = (number & mask) << PAIR_SHIFT;
      const distance = start - pairs[place + POSITION];
      if (distance > WINDOW_SIZE) break;
      // Only a copy that agrees with a byte more on one side may be better.
      if (
        best < 0 || bytes[behind - distance] === this.#following ||
        bytes[before - distance] === this.#preceding
      ) {
        best = this.#weigh(number, start - distance, index, from, to, best);
        behind = this.reach - base;
        before = this.early - 1 - base;
      }
      lowest = number;
      number = pairs[place + BEFORE];
    }
    number = this.#chains[this.#chainOf(id)];
    for (
      let left = isClose ? CLOSE_BLOCKS : BLOCKS;
      left > 0 && number > oldest && best < most;
      left--
    ) {
      const place = (number & mask) << PAIR_SHIFT;
      if (number < lowest) {
        const distance = start - pairs[place + POSITION];
        if (distance > WINDOW_SIZE) break;
        if (
          pairs[place + ID] === id &&
          (best < 0 || bytes[behind - distance] === this.#following ||
            bytes[before - distance] === this.#preceding)
        ) {
          best = this.#weigh(number, start - distance, index, from, to, best);
          behind = this.reach - base;
          before = this.early - 1 - base;
        }
      }
      number = pairs[place + SAME_NAMES];
    }
    if (best < 0) {
      const window = this.#window;
      this.source = wanted.last;
      this.reach = start + window.matchLength(wanted.last, start, to);
      this.early = start - window.matchBefore(wanted.last, start, from);
    }
  }

  /**
   * Compares a copy of the pair `index`, at `source`, with the best so far,
   * which scores `best` (-1: none yet), and keeps the better one. Returns its
   * score: the bytes that agree, before the pair and from it on.
   */
  #weigh(
    number: number,
    source: number,
    index: number,
    from: number,
    to: number,
    best: number,
  ): number {
    const { starts, seen, count } = this.#layout;
    const window = this.#window;
    const start = starts[index];
    const pairs = this.#pairs;
    const mask = this.#mask;
    let last = index + 1;
    for (; last < count && starts[last] < to; last++) {
      const id = pairs[((++number & mask) << PAIR_SHIFT) + ID];
      if (id === 0 || id !== seen[last]?.id) break;
    }
    const end = starts[last];
    const reach = end + window.matchLength(source + end - start, end, to);
    const before = window.matchBefore(source, start, from);
    const score = reach - start + before;
    if (score <= best) return best;
    this.source = source;
    this.reach = reach;
    this.early = start - before;
    this.#following = reach < to ? window.at(reach) : NONE;
    this.#preceding = start - before > from
      ? window.at(start - before - 1)
      : NONE;
    return score;
  }

  /** Remembers the block, whose pairs have been noted. */
  note(): void {
    const { starts, seen, count } = this.#layout;
    const pairs = this.#pairs;
    const mask = this.#mask;
    const first = this.#next;
    for (let index = 0; index < count; index++) {
      const number = first + index;
      const place = (number & mask) << PAIR_SHIFT;
      const entry = seen[index];
      pairs[place + POSITION] = starts[index];
      if (entry === undefined) {
        pairs[place + ID] = 0;
        continue;
      }
      pairs[place + ID] = entry.id;
      pairs[place + BEFORE] = entry.number;
      entry.number = number;
      const hash = this.#chainOf(entry.id);
      pairs[place + SAME_NAMES] = this.#chains[hash];
      this.#chains[hash] = number;
    }
    pairs[(((first + count) & mask) << PAIR_SHIFT) + ID] = 0;
    this.#next = first + count + 1;
  }
}
