import { MAX_MATCH } from "./constants.ts";

/** How hard a level looks for matches, as zlib's configuration table has it. */
export interface Effort {
  /** From this length on, a match is looked for with a quarter of the chain at the next byte. */
  readonly good: number;
  /** From this length on, the next byte is not tried for a longer match (lazy), or the bytes of a match are not indexed (greedy). */
  readonly lazy: number;
  /** From this length on, no longer match is looked for. */
  readonly nice: number;
  /** How many earlier places are compared at most. */
  readonly chain: number;
  /** Whether a match may give way to a longer one at the next byte. */
  readonly isLazy: boolean;
}

/** Shortest match looked for: places are indexed by so many bytes. */
const HASHED = 4;
/** Bytes that have to stand ahead for matches to be found as well as they can be. */
const LOOKAHEAD = MAX_MATCH + HASHED;
/** First capacity of the window and of the token list. */
const FIRST_WINDOW = 1024;
const FIRST_TOKENS = 256;
/** The window never has to be larger than this, bytes, or four times what matches may reach. */
const LEAST_LARGEST_WINDOW = 1 << 17;
/** Longest list of tokens: a block ends there at the latest. */
const MAX_TOKENS = 16384;
/** Index bits of the hash table at most. */
const MAX_HASH_BITS = 15;
const NOTHING = new Uint8Array(0);

/**
 * Turns bytes into literals and matches: the part of deflate that RFC 1951
 * leaves open.
 *
 * Earlier places with the same four bytes are chained: `#heads` has the latest
 * place of each hash, `#links` of each place the one before it. Places are kept
 * modulo twice the window, so nothing has to be done to them as the window
 * slides (by that much): a stale place is only a bad guess, as every guess is
 * compared, and a chain ends where distances stop growing.
 */
export class Tokenizer {
  /** History, then the bytes of the block under way, then those still to be looked at. */
  window: Uint8Array<ArrayBuffer> = NOTHING;
  /** Where in `window` the block under way begins. */
  blockStart = 0;
  /** Where in `window` the bytes begin that have no token yet. */
  position = 0;
  /** Where in `window` the bytes end. */
  end = 0;
  /** The tokens of the block under way; see `block_writer.ts` for their form. */
  tokens: Int32Array = new Int32Array(0);
  /** How many of `tokens` there are. */
  count = 0;

  readonly #effort: Effort;
  readonly #windowSize: number;
  #heads = new Uint16Array(0);
  #links = new Uint16Array(0);
  #hashShift = 32;
  /** Places before this one are in the chains. */
  #indexed = 0;

  /** Takes no memory to speak of until bytes are added. */
  constructor(effort: Effort, windowSize: number) {
    this.#effort = effort;
    this.#windowSize = windowSize;
  }

  /** Puts bytes before the stream that matches may refer to. */
  setDictionary(dictionary: Uint8Array): void {
    const history = dictionary.subarray(-this.#windowSize);
    this.add(history, 0);
    this.blockStart = this.position = this.end;
  }

  /** Copies bytes of `data` from `from` on into the window; returns how many had room. */
  add(data: Uint8Array, from: number): number {
    if (data.length - from > this.window.length - this.end) {
      this.#makeRoom(data.length - from);
    }
    const count = Math.min(data.length - from, this.window.length - this.end);
    this.window.set(data.subarray(from, from + count), this.end);
    this.end += count;
    return count;
  }

  /**
   * Makes tokens of the bytes added: of all when `flush`, else as far as enough
   * bytes stand ahead. Returns true when the block is full and has to be written
   * before more.
   */
  run(flush: boolean): boolean {
    const bound = flush ? this.end : this.end - LOOKAHEAD;
    if (this.position >= bound) return false;
    this.#index(this.position);
    if (this.#effort.isLazy) this.#runLazy(bound);
    else this.#runGreedy(bound);
    return this.position < bound;
  }

  /** Begins the next block. */
  startBlock(): void {
    this.blockStart = this.position;
    this.count = 0;
  }

  #runGreedy(bound: number): void {
    const { chain, lazy } = this.#effort;
    while (this.position < bound && this.count < MAX_TOKENS) {
      const match = this.#findMatch(this.position, HASHED - 1, chain);
      if (match === 0) {
        this.#emit(this.window[this.position]);
        this.position++;
        continue;
      }
      this.#emit(match);
      this.position += match >>> 16;
      if (match >>> 16 <= lazy) this.#index(this.position);
      else this.#indexed = Math.max(this.#indexed, this.position);
    }
  }

  #runLazy(bound: number): void {
    const { good, lazy, chain } = this.#effort;
    while (this.position < bound && this.count < MAX_TOKENS) {
      let match = this.#findMatch(this.position, HASHED - 1, chain);
      if (match === 0) {
        this.#emit(this.window[this.position]);
        this.position++;
        continue;
      }
      while (match >>> 16 < lazy && this.count < MAX_TOKENS - 1) {
        const length = match >>> 16;
        const next = this.#findMatch(
          this.position + 1,
          length,
          length >= good ? chain >>> 2 : chain,
        );
        if (next === 0) break;
        this.#emit(this.window[this.position]);
        this.position++;
        match = next;
      }
      this.#emit(match);
      this.position += match >>> 16;
      this.#index(this.position);
    }
  }

  #emit(token: number): void {
    if (this.count === this.tokens.length) {
      const grown = new Int32Array(Math.max(FIRST_TOKENS, this.count * 2));
      grown.set(this.tokens);
      this.tokens = grown;
    }
    this.tokens[this.count++] = token;
  }

  /**
   * Looks for the longest earlier match at `place`, longer than `atLeast`; indexes
   * `place`. Returns its token, or 0.
   */
  #findMatch(place: number, atLeast: number, chain: number): number {
    const window = this.window;
    const longest = Math.min(MAX_MATCH, this.end - place);
    if (longest <= atLeast || longest < HASHED) return 0;
    this.#index(place);
    const links = this.#links;
    const linkMask = links.length - 1;
    const placeMask = this.#windowSize * 2 - 1;
    const hash = this.#hash(place);
    let candidate = this.#heads[hash];
    if (this.#indexed === place) {
      links[place & linkMask] = candidate;
      this.#heads[hash] = place & placeMask;
      this.#indexed++;
    } else {
      candidate = links[place & linkMask];
    }
    const nice = Math.min(this.#effort.nice, longest);
    const reach = Math.min(this.#windowSize, place);
    let best = atLeast;
    let bestDistance = 0;
    let lastDistance = 0;
    for (let left = chain; left > 0; left--) {
      const distance = (place - candidate) & placeMask;
      if (distance <= lastDistance || distance > reach) break;
      lastDistance = distance;
      const from = place - distance;
      if (
        window[from + best] === window[place + best] &&
        window[from] === window[place]
      ) {
        let length = 0;
        while (
          length < longest && window[from + length] === window[place + length]
        ) length++;
        if (length > best) {
          best = length;
          bestDistance = distance;
          if (length >= nice) break;
        }
      }
      candidate = links[from & linkMask];
    }
    return bestDistance === 0 ? 0 : best << 16 | bestDistance;
  }

  #hash(place: number): number {
    const window = this.window;
    const bytes = window[place] | window[place + 1] << 8 |
      window[place + 2] << 16 | window[place + 3] << 24;
    return Math.imul(bytes, 0x9e3779b1) >>> this.#hashShift;
  }

  /** Puts the places up to `to` into the chains, as far as their bytes are there. */
  #index(to: number): void {
    const last = Math.min(to, this.end - HASHED + 1);
    const links = this.#links;
    const linkMask = links.length - 1;
    const placeMask = this.#windowSize * 2 - 1;
    for (; this.#indexed < last; this.#indexed++) {
      const hash = this.#hash(this.#indexed);
      links[this.#indexed & linkMask] = this.#heads[hash];
      this.#heads[hash] = this.#indexed & placeMask;
    }
  }

  /** Makes room for `count` bytes, or for as many as can be had at once; none when the block has to end first. */
  #makeRoom(count: number): void {
    const largest = Math.max(LEAST_LARGEST_WINDOW, this.#windowSize * 4);
    const capacity = this.window.length;
    // The bytes of the block stay: it may yet have to be stored.
    const slide = this.#windowSize * 2;
    const history = Math.min(this.position, this.#windowSize);
    const unreachable = Math.min(this.blockStart, this.position - history);
    const reclaimed = unreachable - unreachable % slide;
    if (capacity < largest && reclaimed * 2 <= capacity) {
      this.#grow(Math.min(largest, powerOfTwo(this.end + count)));
    } else if (reclaimed > 0) {
      this.window.copyWithin(0, reclaimed, this.end);
      this.blockStart -= reclaimed;
      this.position -= reclaimed;
      this.end -= reclaimed;
      this.#indexed -= reclaimed;
    }
  }

  /** Makes the window larger, and the tables with it. */
  #grow(capacity: number): void {
    const grown = new Uint8Array(capacity);
    grown.set(this.window.subarray(0, this.end));
    this.window = grown;
    const places = Math.min(capacity, this.#windowSize);
    const hashBits = Math.min(MAX_HASH_BITS, Math.log2(places));
    this.#hashShift = 32 - hashBits;
    this.#heads = new Uint16Array(1 << hashBits);
    this.#links = new Uint16Array(places);
    this.#indexed = Math.max(0, this.#indexed - this.#windowSize);
  }
}

function powerOfTwo(least: number): number {
  let size = FIRST_WINDOW;
  while (size < least) size *= 2;
  return size;
}
