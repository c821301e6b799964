/**
 * Finds the best earlier copy for a run of repeated pairs, by comparing pairs
 * instead of bytes.
 *
 * Step 3 of the worked example in `README.md`.
 *
 * @module
 */

import * as constants from "../../zlib/constants.ts";
import type { BlockLayout } from "./block_layout.ts";
import type { MatchWindow } from "./window.ts";

// Read for each copy, and so a constant of this file; see `zlib/symbol_decoder.ts`.
const { WINDOW_SIZE } = constants;

/**
 * Most pairs that are remembered; a power of two. A window of 32 KiB holds about 1,000
 * usual ones. With 2048, responses are 0.001 bytes smaller and take 1 % more time.
 */
const REMEMBERED = 1024;
/** Initial room for pairs, enough for one block; a power of two. */
const FIRST_CAPACITY = 16;
/** Number of earlier copies of a run's first pair that are tried. */
const COPIES = 12;
/** Number of older copies, in blocks with the same names, that are tried. */
const BLOCKS = 20;
/** A value that is no position, no score and no byte. */
const NONE = -1;
/**
 * A chain links the copies of a value in blocks with the same names. There are four chains
 * for each pair that there is room for, up to this number of chains, and then as many
 * chains as pairs. Each copy is checked, because two values can share a chain.
 */
const SPARSE_CHAINS = 256;
const FIRST_CHAINS = 4 * FIRST_CAPACITY;
const HASH_FACTOR = 0x9e3779b1;

/**
 * A remembered pair consists of 2^2 adjacent numbers. The first is the id of its value, 0
 * when the value is not public. The following constants are the offsets of the others.
 */
const PAIR_SHIFT = 2;
/** Offset of the pair's position. */
const POSITION = 1;
/** Offset of the number of the previous copy, 0 for none. */
const BEFORE = 2;
/** Offset of the number of the previous copy in a block with the same names, 0 for none. */
const SAME_NAMES = 3;

/**
 * Remembers the sent pairs. They are numbered consecutively, with one number skipped
 * between two blocks, so that pairs with consecutive numbers are adjacent in the
 * window.
 */
export class RunFinder {
  /** The position of the earlier copy of the run that was found last. */
  source = 0;
  /** The position where the run that was found last ends. */
  reach = 0;
  /** The position from which the bytes before that run match, too. */
  early = 0;
  readonly #window: MatchWindow;
  readonly #layout: BlockLayout;
  /** The pairs, by the low bits of their numbers. */
  #pairs!: Int32Array<ArrayBuffer>;
  /** The capacity in pairs, minus one. */
  #mask!: number;
  #next!: number;
  /** By the hash of a block's names and a value: the number of the value's last copy in such a block. */
  #chains!: Int32Array<ArrayBuffer>;
  /** Number of bits by which a hash is shifted: its highest bits select a chain. */
  #chainShift!: number;
  /** Hash of the block's names. */
  #names = 0;
  // The indices in the window of the bytes after and before the best run so far, and these
  // bytes; NONE if the run cannot grow there.
  #behind = NONE;
  #before = NONE;
  #following = NONE;
  #preceding = NONE;

  constructor(window: MatchWindow, layout: BlockLayout) {
    this.#window = window;
    this.#layout = layout;
    this.clear();
  }

  /** Forgets every pair. */
  clear(): void {
    this.#next = 1;
    if (this.#mask === FIRST_CAPACITY - 1) {
      // No chain leads to the pairs any more.
      this.#chains.fill(0);
      return;
    }
    // One piece of memory for both: each one takes 350 bytes besides its own.
    const pairs = FIRST_CAPACITY << PAIR_SHIFT;
    const memory = new ArrayBuffer(4 * (pairs + FIRST_CHAINS));
    this.#pairs = new Int32Array(memory, 0, pairs);
    this.#mask = FIRST_CAPACITY - 1;
    this.#chains = new Int32Array(memory, 4 * pairs);
    this.#chainShift = 32 - Math.log2(FIRST_CHAINS);
  }

  /** Begins with the current block of the layout. */
  begin(): void {
    const { known, count } = this.#layout;
    let names = count;
    for (let index = 0; index < count; index++) {
      names = Math.imul(names, 31) + known[index].id | 0;
    }
    this.#names = names;
    this.#reserve(count + 1);
  }

  /** The chain with the copies of a value in blocks with this block's names. */
  #chainOf(id: number): number {
    return Math.imul(this.#names + id, HASH_FACTOR) >>> this.#chainShift;
  }

  #reserve(count: number): void {
    const needed = Math.min(this.#next + count, REMEMBERED);
    let capacity = this.#mask + 1;
    if (capacity >= needed) return;
    // No pair has been overwritten yet, so each keeps its place.
    while (capacity < needed) capacity *= 2;
    const grown = new Int32Array(capacity << PAIR_SHIFT);
    grown.set(this.#pairs);
    this.#pairs = grown;
    this.#mask = capacity - 1;
    const chains = Math.max(capacity, Math.min(4 * capacity, SPARSE_CHAINS));
    while (this.#chains.length < chains) this.#splitChains();
  }

  /** Doubles the number of chains. Both halves of a chain begin with the copies of the whole. */
  #splitChains(): void {
    const chains = this.#chains;
    const split = new Int32Array(2 * chains.length);
    for (let index = 0; index < chains.length; index++) {
      split[2 * index] = split[2 * index + 1] = chains[index];
    }
    this.#chains = split;
    this.#chainShift--;
  }

  /**
   * Finds the earlier copy of the pair `index`, which must have one, that covers the
   * most bytes after it, up to `to`, and before it, down to `from`.
   */
  find(index: number, from: number, to: number): void {
    const { starts, seen, count, repeated, copies } = this.#layout;
    // When all pairs but one repeat the block before, that block is nearly always the
    // best copy: not searching others takes a sixth less time for the whole encoding,
    // and makes a corpus request 0.4 bytes larger.
    if (repeated + 1 >= count && copies[index] !== NONE) {
      return this.#takeCopy(index, from, to);
    }
    const pairs = this.#pairs;
    const mask = this.#mask;
    const start = starts[index];
    const wanted = seen[index]!;
    const id = wanted.id;
    const oldest = Math.max(this.#next - REMEMBERED, 0);
    /** The highest possible score. */
    const most = to - from;
    const { bytes } = this.#window;
    let best = NONE;
    let number = wanted.number;
    let lowest = number;
    for (
      let left = COPIES;
      left > 0 && number > oldest && best < most;
      left--
    ) {
      const place = (number & mask) << PAIR_SHIFT;
      const distance = start - pairs[place + POSITION];
      if (distance > WINDOW_SIZE) break;
      // Only a copy that matches one more byte on either side can be better.
      if (
        best === NONE ||
        bytes[this.#behind - distance] === this.#following ||
        bytes[this.#before - distance] === this.#preceding
      ) best = this.#weigh(number, start - distance, index, from, to, best);
      lowest = number;
      number = pairs[place + BEFORE];
    }
    number = this.#chains[this.#chainOf(id)];
    for (
      let left = BLOCKS;
      left > 0 && number > oldest && best < most;
      left--
    ) {
      const place = (number & mask) << PAIR_SHIFT;
      if (number < lowest) {
        const distance = start - pairs[place + POSITION];
        if (distance > WINDOW_SIZE) break;
        if (
          pairs[place] === id &&
          (best === NONE ||
            bytes[this.#behind - distance] === this.#following ||
            bytes[this.#before - distance] === this.#preceding)
        ) best = this.#weigh(number, start - distance, index, from, to, best);
      }
      number = pairs[place + SAME_NAMES];
    }
    if (best === NONE) {
      const window = this.#window;
      this.source = wanted.last;
      this.reach = start + window.matchLength(wanted.last, start, to);
      this.early = start - window.matchBefore(wanted.last, start, from);
    }
  }

  /**
   * Takes the copy in the block before, with the pairs after it that repeat that block,
   * too. They have the same bytes by construction, also bytes that look like the hole
   * of a secret, at which a comparison of bytes would end.
   */
  #takeCopy(index: number, from: number, to: number): void {
    const { starts, copies } = this.#layout;
    const window = this.#window;
    const source = copies[index];
    const start = starts[index];
    let last = index + 1;
    // The last of the positions is the end of the block, and so at least `to`.
    while (starts[last] < to && copies[last] !== NONE) last++;
    const end = starts[last];
    this.source = source;
    this.reach = end < to
      ? end + window.matchLength(source + end - start, end, to)
      : to;
    this.early = start - window.matchBefore(source, start, from);
  }

  /**
   * Compares the copy of the pair `index` at `source` with the best copy so far,
   * whose score is `best` (NONE: none yet), and keeps the better one. Returns its
   * score: the number of matching bytes before and after the start of the pair.
   */
  #weigh(
    number: number,
    source: number,
    index: number,
    from: number,
    to: number,
    best: number,
  ): number {
    const { starts, seen } = this.#layout;
    const window = this.#window;
    const start = starts[index];
    const pairs = this.#pairs;
    const mask = this.#mask;
    let last = index + 1;
    for (; starts[last] < to; last++) {
      if (pairs[(++number & mask) << PAIR_SHIFT] !== seen[last]?.id) break;
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
    this.#preceding = this.early > from ? window.at(this.early - 1) : NONE;
    this.#behind = reach - window.base;
    this.#before = this.early - 1 - window.base;
    return score;
  }

  /** Remembers the block, whose pairs must have been recorded. */
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
        pairs[place] = 0;
        continue;
      }
      pairs[place] = entry.id;
      pairs[place + BEFORE] = entry.number;
      entry.number = number;
      const hash = this.#chainOf(entry.id);
      pairs[place + SAME_NAMES] = this.#chains[hash];
      this.#chains[hash] = number;
    }
    pairs[((first + count) & mask) << PAIR_SHIFT] = 0;
    this.#next = first + count + 1;
  }
}
