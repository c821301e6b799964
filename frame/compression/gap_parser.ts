/**
 * Chooses literals and matches for public bytes that no repeated header
 * covers, so that they take the fewest bits in the fixed codes.
 *
 * @module
 */

import { matchToken } from "../../zlib/block_writer.ts";
import {
  DISTANCE_EXTRA,
  distanceCode,
  LENGTH_CODE,
  LENGTH_EXTRA,
  MAX_MATCH,
  MAX_WINDOW,
  MIN_MATCH,
} from "../../zlib/constants.ts";
import { FIXED_DISTANCE_CODE, FIXED_LITERAL_CODE } from "../../zlib/huffman.ts";
import type { BlockLayout } from "./block_layout.ts";
import type { MatchWindow } from "./window.ts";

/** Bits of a match's length in the fixed code, by length. */
const LENGTH_BITS: Uint8Array = Uint8Array.from(
  { length: MAX_MATCH + 1 },
  (_, length) => {
    const code = LENGTH_CODE[length];
    return FIXED_LITERAL_CODE.lengths[257 + code] + LENGTH_EXTRA[code];
  },
);
const { lengths: LITERAL_BITS } = FIXED_LITERAL_CODE;
/** Marks in the path a place that the run before the gap reaches for free. */
const FREE = -1;
const FAR = 0x7fffffff;

/** How many positions with the same hash are tried. */
const TRIES = 8;
/** The same where a gap is longer than {@linkcode LONG_GAP}, so that time stays linear. */
const LONG_TRIES = 6;
const LONG_GAP = 2048;
/** Inside a match this long no other is searched for. */
const NICE_LENGTH = 32;

/** Finds the cheapest tokens of one gap by dynamic programming over its bytes. */
export class GapParser {
  /** Of the last gap parsed: where the run before it ends, as position. */
  begin = 0;
  /** Of the last gap parsed: where the run behind it begins, as position. */
  end = 0;
  /** Of the last gap parsed: the tokens between `begin` and `end`, last first. */
  tokens: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** How many `tokens` there are. */
  count = 0;
  readonly #window: MatchWindow;
  readonly #layout: BlockLayout;
  #costs = new Int32Array(64);
  #steps = new Int32Array(64);

  constructor(window: MatchWindow, layout: BlockLayout) {
    this.#window = window;
    this.#layout = layout;
  }

  /**
   * Parses the gap `from..to`. The run before it may go on up to `free`, the
   * run behind it may begin at `early` or later, at no cost.
   *
   * @param limit End of the public bytes, at least `to`.
   * @param first Index of the first pair that begins in the gap or behind it.
   */
  parse(
    from: number,
    to: number,
    free: number,
    early: number,
    limit: number,
    first: number,
  ): void {
    const window = this.#window;
    if (free >= early) {
      // The runs meet: nothing to search.
      window.indexAll(from, Math.min(to + 3, limit));
      this.begin = this.end = Math.max(early, from);
      this.count = 0;
      return;
    }
    window.indexAll(from, Math.min(free + 3, limit));
    const size = to - free;
    this.#prepare(size);
    this.#search(free, early - free, size, limit, first);
    window.indexAll(early, Math.min(to + 3, limit));

    const costs = this.#costs;
    let end = size;
    for (let at = early - free; at < end; at++) {
      if (costs[at] <= costs[end]) end = at;
    }
    this.end = free + end;
    this.begin = free;
    this.#trace(end);
  }

  #prepare(size: number): void {
    if (size >= this.#costs.length) {
      const capacity = 2 ** Math.ceil(Math.log2(size + 1));
      this.#costs = new Int32Array(capacity);
      this.#steps = new Int32Array(capacity);
      this.tokens = new Int32Array(capacity);
    }
    const costs = this.#costs;
    const steps = this.#steps;
    for (let at = 0; at <= size; at++) {
      costs[at] = at === 0 ? 0 : FAR;
      steps[at] = FREE;
    }
  }

  /**
   * Fills `#costs` with the fewest bits up to each place, `#steps` with the
   * last token on the way there, and indexes every position.
   */
  #search(
    from: number,
    starts: number,
    size: number,
    limit: number,
    hint: number,
  ): void {
    const { starts: pairStarts, known } = this.#layout;
    const window = this.#window;
    const { symbols, mask, chain, heads, shortHeads } = window;
    const costs = this.#costs;
    const steps = this.#steps;
    const tries = size > LONG_GAP ? LONG_TRIES : TRIES;
    while (hint < this.#layout.count && pairStarts[hint] < from) hint++;
    let searchFrom = 0;
    for (let at = 0; at < starts; at++) {
      const position = from + at;
      const symbol = symbols[position & mask];
      const literalCost = costs[at] + LITERAL_BITS[symbol];
      if (literalCost < costs[at + 1]) {
        costs[at + 1] = literalCost;
        steps[at + 1] = symbol;
      }
      if (pairStarts[hint] === position && hint < this.#layout.count) {
        const source = known[hint++].last;
        if (source >= 0 && position - source <= MAX_WINDOW) {
          const length = window.matchLength(source, position, from + size);
          if (length >= MIN_MATCH) {
            this.#relax(at, MIN_MATCH, length, position - source);
            searchFrom = at + length - 4;
          }
        }
      }
      if (position + 4 > limit) continue;
      const begin = symbol | symbols[(position + 1) & mask] << 8 |
        symbols[(position + 2) & mask] << 16;
      const shortHash = Math.imul(begin, 0x9e3779b1) >>> 17;
      const hash = Math.imul(
        begin | symbols[(position + 3) & mask] << 24,
        0x9e3779b1,
      ) >>> 17;
      let source = shortHeads[shortHash] - 1;
      shortHeads[shortHash] = position + 1;
      const before = heads[hash] - 1;
      heads[hash] = position + 1;
      let distance = before < 0 || position - before > MAX_WINDOW
        ? 0
        : position - before;
      chain[position & mask] = distance;
      if (at < searchFrom) continue;
      const most = Math.min(size - at, MAX_MATCH);
      let longest = MIN_MATCH - 1;
      if (source >= 0 && position - source <= MAX_WINDOW) {
        let length = 0;
        while (
          length < most &&
          symbols[(source + length) & mask] ===
            symbols[(position + length) & mask]
        ) length++;
        if (length > longest) {
          this.#relax(at, MIN_MATCH, length, position - source);
          longest = length;
          // The nearest with three equal bytes is the nearest with four, too.
          if (source === before) {
            distance = chain[source & mask];
          } else source = position;
        } else source = position;
      } else source = position;
      if (longest >= NICE_LENGTH) {
        searchFrom = at + longest;
        continue;
      }
      if (longest < 3) longest = 3;
      for (let left = tries; left > 0 && distance !== 0; left--) {
        source -= distance;
        if (position - source > MAX_WINDOW || longest >= most) break;
        if (
          symbols[(source + longest) & mask] ===
            symbols[(position + longest) & mask]
        ) {
          let length = 0;
          while (
            length < most &&
            symbols[(source + length) & mask] ===
              symbols[(position + length) & mask]
          ) length++;
          if (length > longest) {
            this.#relax(at, longest + 1, length, position - source);
            longest = length;
            if (length >= NICE_LENGTH) {
              searchFrom = at + length;
              break;
            }
          }
        }
        distance = chain[source & mask];
      }
    }
  }

  /** Offers matches of `shortest..longest` bytes at one distance from the place `at`. */
  #relax(
    at: number,
    shortest: number,
    longest: number,
    distance: number,
  ): void {
    const costs = this.#costs;
    const steps = this.#steps;
    const code = distanceCode(distance);
    const base = costs[at] + FIXED_DISTANCE_CODE.lengths[code] +
      DISTANCE_EXTRA[code];
    if (longest > MAX_MATCH) longest = MAX_MATCH;
    for (let length = shortest; length <= longest; length++) {
      const cost = base + LENGTH_BITS[length];
      if (cost < costs[at + length]) {
        costs[at + length] = cost;
        steps[at + length] = matchToken(length, distance);
      }
    }
  }

  /** Collects the tokens on the way to `end`; returns the place where they begin. */
  #trace(end: number): number {
    let count = 0;
    let at = end;
    while (at > 0 && this.#steps[at] !== FREE) {
      const token = this.#steps[at];
      this.tokens[count++] = token;
      at -= token < 0x100 ? 1 : token >>> 16;
    }
    this.count = count;
    return at;
  }
}
