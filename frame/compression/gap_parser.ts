/**
 * Chooses literals and matches for the public bytes outside repeated headers, so
 * that they take the fewest bits in the fixed codes.
 *
 * Step 3 of the worked example in `README.md`.
 *
 * @module
 */

import * as tokens from "../../zlib/block_writer.ts";
import * as constants from "../../zlib/constants.ts";
import {
  DISTANCE_EXTRA,
  LENGTH_CODE,
  LENGTH_EXTRA,
} from "../../zlib/constants.ts";
import { FIXED_DISTANCE_CODE, FIXED_LITERAL_CODE } from "../../zlib/huffman.ts";
import type { BlockLayout } from "./block_layout.ts";
import type { MatchWindow } from "./window.ts";

// Read at each position, and so constants of this file; see `zlib/symbol_decoder.ts`.
const { matchToken } = tokens;
const { distanceCode, MAX_MATCH, MIN_MATCH, WINDOW_SIZE } = constants;

/** Bits of a match's length in the fixed code, by length. */
const LENGTH_BITS: Uint8Array = Uint8Array.from(
  { length: MAX_MATCH + 1 },
  (_, length) => {
    const code = LENGTH_CODE[length];
    return FIXED_LITERAL_CODE.lengths[257 + code] + LENGTH_EXTRA[code];
  },
);
const { lengths: LITERAL_BITS } = FIXED_LITERAL_CODE;
/** Bits of a match's distance in the fixed code, by distance code. */
const DISTANCE_BITS: Uint8Array = Uint8Array.from(
  DISTANCE_EXTRA,
  (extra, code) => FIXED_DISTANCE_CODE.lengths[code] + extra,
);
/** Distance from the first to the last byte of the shortest match. */
const LAST = MIN_MATCH - 1;
/** A cost that is higher than that of any block. */
const FAR = 0x7fffffff;

/** How many positions with the same hash are tried. With 48, a corpus request takes 0.3 bytes more; with 200, it takes as many. */
const TRIES = 100;
/** The same in a gap longer than {@linkcode LONG_GAP}, so that time stays linear. */
const LONG_TRIES = 6;
const LONG_GAP = 2048;
/** After a match of this length, the search for a longer one ends. */
const NICE_LENGTH = 32;
/**
 * A match of this length is used completely, and no other token begins inside it.
 * With 7, corpus responses took 6 % more time; with 4, they were 0.2 bytes larger.
 */
const TAKEN_LENGTH = 5;
/**
 * The common beginning of a changed value and an earlier one is indexed again only
 * after this many bytes, if it is longer than {@linkcode SHORT}. Blocks that differ in a
 * path take 5 % less time this way.
 */
const INDEX_AGAIN = 4096;
const SHORT = 32;
/** Longest gap whose memory is kept for the next one, bytes. */
const KEPT_CAPACITY = 8192;
/** Size of the table of the last such position for each name, by the low bits of the name's id; a power of two. */
const NAMES = 64;

/**
 * Memory for parsing one gap. All parsers of the process share it, because nothing in
 * it is needed after the gap: it saves each connection 7 KiB.
 */
class Workspace {
  /** By position in the gap: the fewest bits up to there. */
  costs: Int32Array<ArrayBuffer> = new Int32Array(512);
  /** By position in the gap: the last token on that path. */
  steps: Int32Array<ArrayBuffer> = new Int32Array(512);
  /** The tokens of the cheapest path, in reverse order. */
  tokens: Int32Array<ArrayBuffer> = new Int32Array(512);
  /** Matches at one position; each is longer than the one before. */
  readonly found: Int32Array<ArrayBuffer> = new Int32Array(2 * (TRIES + 1));

  /** Makes room for a gap of `size` bytes, and marks every position but the first as not reached. */
  prepare(size: number): void {
    const room = this.costs.length;
    if (size >= room || (room > KEPT_CAPACITY && size < KEPT_CAPACITY)) {
      const capacity = 2 ** Math.ceil(Math.log2(size + 1));
      this.costs = new Int32Array(capacity);
      this.steps = new Int32Array(capacity);
      this.tokens = new Int32Array(capacity);
    }
    const { costs } = this;
    costs[0] = 0;
    for (let at = 1; at <= size; at++) costs[at] = FAR;
  }
}

const workspace = new Workspace();

/** Finds the cheapest tokens of one gap by dynamic programming over its bytes. */
export class GapParser {
  /** The position where the run before the last parsed gap ends. */
  begin = 0;
  /** The position where the run after the last parsed gap begins. */
  end = 0;
  /** Number of {@linkcode tokens}. */
  count = 0;
  readonly #window: MatchWindow;
  readonly #layout: BlockLayout;
  /** By name, the position at which the beginning of a changed value was last indexed. */
  #indexed: Int32Array | undefined;

  constructor(window: MatchWindow, layout: BlockLayout) {
    this.#window = window;
    this.#layout = layout;
  }

  /**
   * The tokens of the last parsed gap, between `begin` and `end`, in reverse order.
   * Valid until any parser parses its next gap.
   */
  get tokens(): Int32Array<ArrayBuffer> {
    return workspace.tokens;
  }

  /** Resets the parser after the window was cleared. */
  clear(): void {
    this.#indexed?.fill(-INDEX_AGAIN);
  }

  /**
   * Parses the gap `from..to`. At no cost, the run before it can continue up to
   * `free`, and the run after it can begin at `early` or later.
   *
   * @param limit End of the public bytes, at least `to`.
   * @param first Index of the first pair that begins in the gap or after it.
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
      // The runs meet, so there is nothing to search.
      window.index(from, Math.min(to + LAST, limit));
      this.begin = this.end = Math.max(early, from);
      this.count = 0;
      return;
    }
    const known = free - from > SHORT && this.#isKnown(from, first);
    window.index(known ? free - LAST : from, Math.min(free + LAST, limit));
    const size = to - free;
    workspace.prepare(size);
    this.#search(free, early - free, size, limit, first);
    window.index(early, Math.min(to + LAST, limit));

    const { costs } = workspace;
    let end = size;
    for (let at = early - free; at < end; at++) {
      if (costs[at] <= costs[end]) end = at;
    }
    this.end = free + end;
    this.begin = free;
    this.#trace(end);
  }

  /** Whether the beginning of the changed pair `index`, at `from`, was indexed recently. If not, records that the caller indexes it now. */
  #isKnown(from: number, index: number): boolean {
    // A reference to a secret can continue up to the end of the block.
    if (index >= this.#layout.count) return false;
    const name = this.#layout.known[index].id & (NAMES - 1);
    const indexed = this.#indexed ??= new Int32Array(NAMES).fill(-INDEX_AGAIN);
    if (from - indexed[name] < INDEX_AGAIN) return true;
    indexed[name] = from;
    return false;
  }

  /**
   * For each of `size` positions from `from` on, finds the fewest bits up to there,
   * and the last token on that path. Tokens begin only at the
   * first `starts` positions, which are indexed.
   */
  #search(
    from: number,
    starts: number,
    size: number,
    limit: number,
    pair: number,
  ): void {
    const { starts: pairStarts, known } = this.#layout;
    const window = this.#window;
    const { bytes, base } = window;
    const { costs, steps, found } = workspace;
    const tries = size > LONG_GAP ? LONG_TRIES : TRIES;
    // After the last pair, `pairStarts` has the end of the block.
    while (pairStarts[pair] < from) pair++;
    let searchTo = Math.min(from + starts, limit - LAST);
    for (let at = 0; at < starts; at++) {
      const position = from + at;
      const byte = bytes[position - base];
      const literalCost = costs[at] + LITERAL_BITS[byte];
      if (literalCost < costs[at + 1]) {
        costs[at + 1] = literalCost;
        steps[at + 1] = byte;
      }
      if (position === pairStarts[pair]) {
        // The last copy of the name and its length is a likely match.
        const source = known[pair++].last;
        if (source !== -1 && position - source <= WINDOW_SIZE) {
          const most = size - at < MAX_MATCH ? size - at : MAX_MATCH;
          const length = window.matchLength(source, position, position + most);
          this.#relax(at, MIN_MATCH, length, position - source);
        }
      }
      if (position >= searchTo) continue;
      const distance = window.indexOne(position);
      if (distance === 0 || size - at < MIN_MATCH) continue;
      const numbers = window.search(
        position,
        distance,
        Math.min(size - at, MAX_MATCH),
        tries,
        NICE_LENGTH,
        found,
      );
      if (numbers === 0) continue;
      const longest = found[numbers - 2];
      const end = position + longest;
      if (longest >= TAKEN_LENGTH) {
        window.index(
          position + 1,
          Math.min(end, from + starts, limit - LAST) + LAST,
        );
        if (at + longest <= starts) {
          this.#relax(at, longest, longest, found[numbers - 1]);
          while (pairStarts[pair] < end) pair++;
          at += longest - 1;
          continue;
        }
        // The run after the gap begins inside this match, so all its lengths matter.
        searchTo = position;
      }
      let shortest = MIN_MATCH;
      for (let index = 0; index < numbers; index += 2) {
        this.#relax(at, shortest, found[index], found[index + 1]);
        shortest = found[index] + 1;
      }
    }
  }

  /** Relaxes the costs with matches of `shortest..longest` bytes at one distance, from the index `at`. */
  #relax(
    at: number,
    shortest: number,
    longest: number,
    distance: number,
  ): void {
    const { costs, steps } = workspace;
    const base = costs[at] + DISTANCE_BITS[distanceCode(distance)];
    for (let length = shortest; length <= longest; length++) {
      const cost = base + LENGTH_BITS[length];
      if (cost < costs[at + length]) {
        costs[at + length] = cost;
        steps[at + length] = matchToken(length, distance);
      }
    }
  }

  /** Collects the tokens of the cheapest path to `end`. */
  #trace(end: number): void {
    const { steps, tokens } = workspace;
    let count = 0;
    let at = end;
    while (at > 0) {
      const token = steps[at];
      tokens[count++] = token;
      at -= token < 0x100 ? 1 : token >>> 16;
    }
    this.count = count;
  }
}
