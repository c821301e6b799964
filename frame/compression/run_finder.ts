/**
 * Finds the best earlier copy for a run of repeated pairs, by pairs instead of
 * bytes.
 *
 * @module
 */

import { MAX_WINDOW } from "../../zlib/constants.ts";
import type { BlockLayout } from "./block_layout.ts";
import type { Seen } from "./history.ts";
import type { MatchWindow } from "./window.ts";

/** Pairs remembered; a power of two. A window of 32 KiB holds about 1,000 usual ones. */
const REMEMBERED = 2048;
const MASK = REMEMBERED - 1;
/** Earlier copies of a run's first pair that are looked at. */
const COPIES = 8;
/** Earlier blocks with the same names that are looked at. */
const BLOCKS = 32;
/**
 * The same where all pairs but one are those of the block before, which then
 * is a good copy already: a row of such blocks is encoded in 3.4 us instead of
 * 4.4 each, and corpus requests take 0.1 bytes more.
 */
const CLOSE_COPIES = 2;
const CLOSE_BLOCKS = 8;
/** Blocks whose names give the same hash form a chain; that they differ is found out pair by pair. */
const SHAPES = 256;

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
  // Of each pair, by the low bits of its number: what it is, if it is public,
  readonly #seen: (Seen | undefined)[] = [];
  // its position,
  readonly #positions: number[] = [];
  // the number of its copy before, 0 for none,
  readonly #before: number[] = [];
  // and, of a block's first pair, that of the block before with its shape.
  readonly #sameShape: number[] = [];
  #next = 1;
  /** By shape (hash of the names), the number of the first pair of the last block that has it. */
  readonly #shapes = new Int32Array(SHAPES);
  #shape = 0;

  constructor(window: MatchWindow, layout: BlockLayout) {
    this.#window = window;
    this.#layout = layout;
  }

  /** Forgets every pair. */
  clear(): void {
    this.#next = 1;
    this.#shapes.fill(0);
  }

  /** Begins with the block that was laid out. */
  begin(): void {
    const { known, count } = this.#layout;
    let shape = count;
    for (let index = 0; index < count; index++) {
      shape = Math.imul(shape, 31) + known[index].id | 0;
    }
    this.#shape = shape & (SHAPES - 1);
  }

  /**
   * Finds an earlier copy for the pair `index`, which has one, and as much of
   * what follows up to `to` as possible; bytes before it agree down to `from` at most.
   */
  find(index: number, from: number, to: number): void {
    const window = this.#window;
    const { starts, seen, count, repeated } = this.#layout;
    const start = starts[index];
    const wanted = seen[index]!;
    const oldest = this.#next - REMEMBERED;
    const isClose = repeated + 1 >= count;
    let best = -1;
    let number = wanted.number;
    let lowest = number;
    for (
      let left = isClose ? CLOSE_COPIES : COPIES;
      left > 0 && number > oldest && number > 0;
      left--
    ) {
      if (start - this.#positions[number & MASK] > MAX_WINDOW) break;
      best = this.#weigh(number, index, from, to, best);
      lowest = number;
      number = this.#before[number & MASK];
    }
    number = this.#shapes[this.#shape];
    for (
      let left = isClose ? CLOSE_BLOCKS : BLOCKS;
      left > 0 && number > oldest && number > 0;
      left--
    ) {
      const candidate = number + index;
      const position = this.#positions[candidate & MASK];
      if (start - position > MAX_WINDOW) break;
      if (candidate < lowest && this.#seen[candidate & MASK] === wanted) {
        best = this.#weigh(candidate, index, from, to, best);
      }
      number = this.#sameShape[number & MASK];
    }
    if (best < 0) {
      this.source = wanted.last;
      this.reach = start + window.matchLength(wanted.last, start, to);
      this.early = start - window.matchBefore(wanted.last, start, from);
    }
  }

  /**
   * Compares a copy of the pair `index` with the best so far, which scores
   * `best` (-1: none yet), and keeps the better one. Returns its score: the
   * bytes that agree, before the pair and from it on.
   */
  #weigh(
    number: number,
    index: number,
    from: number,
    to: number,
    best: number,
  ): number {
    const { starts, seen, count } = this.#layout;
    const window = this.#window;
    const start = starts[index];
    const source = this.#positions[number & MASK];
    if (best >= 0 && !this.#isPromising(start - source, from, to)) return best;
    let last = index + 1;
    while (
      last < count && seen[last] !== undefined && starts[last] < to &&
      this.#seen[++number & MASK] === seen[last]
    ) last++;
    const end = starts[last];
    const reach = end + window.matchLength(source + end - start, end, to);
    const before = window.matchBefore(source, start, from);
    const score = reach - start + before;
    if (score <= best) return best;
    this.source = source;
    this.reach = reach;
    this.early = start - before;
    return score;
  }

  /** Whether a copy at this distance agrees with a byte more, on one side at least, than the best so far. */
  #isPromising(distance: number, from: number, to: number): boolean {
    const { symbols, mask } = this.#window;
    const { reach, early } = this;
    return reach < to &&
        symbols[(reach - distance) & mask] === symbols[reach & mask] ||
      early > from &&
        symbols[(early - 1 - distance) & mask] === symbols[(early - 1) & mask];
  }

  /** Remembers the block, whose pairs have been noted. */
  note(): void {
    const { starts, seen, count } = this.#layout;
    const first = this.#next;
    for (let index = 0; index < count; index++) {
      const number = first + index;
      const slot = number & MASK;
      const entry = seen[index];
      this.#seen[slot] = entry;
      this.#positions[slot] = starts[index];
      this.#before[slot] = 0;
      if (entry === undefined) continue;
      this.#before[slot] = entry.number;
      entry.number = number;
    }
    this.#seen[(first + count) & MASK] = undefined;
    this.#sameShape[first & MASK] = this.#shapes[this.#shape];
    this.#shapes[this.#shape] = first;
    this.#next = first + count + 1;
  }
}
