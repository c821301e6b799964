/**
 * What the peer's inflater remembers, as far as it is public: the memory in
 * which matches are searched.
 *
 * Invariant: no byte of a secret value is ever written here. A secret leaves a
 * hole, a run of a symbol that is no byte. A match is found by comparing public
 * bytes with what stands here, so it can neither begin in a hole, run into one
 * nor reach across one: that needs no check, and none can be forgotten.
 *
 * @module
 */

import { MAX_WINDOW, MIN_MATCH } from "../../zlib/constants.ts";

/** Stands for each byte of a secret; bytes are 0..255. */
const HOLE = 0x100;
/**
 * The hash tables hold 2^11 and 2^12 positions, of which 16 bits are enough.
 * With 2^12 for four symbols half as many places with another text are tried in
 * vain, so that 14 tries do for 24: 3 % less time a corpus request and 5 % a
 * response, 0.01 and 0.12 bytes more. 2^13 gains no more, and takes 8 KiB.
 */
const THREE_BITS = 11;
const FOUR_BITS = 12;
const THREE_SHIFT = 32 - THREE_BITS;
const FOUR_SHIFT = 32 - FOUR_BITS;
const HASH_FACTOR = 0x9e3779b1;
/** Bytes that are hashed for the chains; a shorter match is searched at one place only. */
const CHAINED = 4;
/** Symbols that are compared at once. */
const WORD = 4;
const FIRST_CAPACITY = 4096;
const ENCODER: TextEncoder = new TextEncoder();

/** What a window begins with, made once for each dictionary. */
const beginnings = new WeakMap<Uint8Array, MatchWindow>();

/**
 * A ring of symbols, addressed by their positions in the stream (the
 * dictionary's first byte has position 0), and an index of what begins where.
 */
export class MatchWindow {
  /** The symbol at a position stands at `position & mask`. */
  symbols: Uint16Array<ArrayBuffer>;
  /** The memory of `symbols`, for reading four at once. */
  #words: DataView<ArrayBuffer>;
  /** Capacity less one; the capacity is a power of two. */
  mask: number;
  /** Where the next symbol goes: the length of the stream so far. */
  position = 0;
  /** By hash of three symbols, the low 16 bits of the last position indexed. */
  readonly #threeHeads: Uint16Array<ArrayBuffer>;
  /** By hash of four symbols, the same. */
  readonly #heads: Uint16Array<ArrayBuffer>;
  /** At `position & #chainMask`, how far back the position before with that hash of four stands; 0 for none within reach. */
  #chain: Uint16Array<ArrayBuffer>;
  #chainMask: number;

  private constructor(beginning?: MatchWindow) {
    const capacity = FIRST_CAPACITY;
    this.symbols = new Uint16Array(capacity);
    this.#words = new DataView(this.symbols.buffer);
    this.#chain = new Uint16Array(capacity);
    this.mask = capacity - 1;
    this.#chainMask = capacity - 1;
    if (beginning === undefined) {
      this.#threeHeads = new Uint16Array(1 << THREE_BITS);
      this.#heads = new Uint16Array(1 << FOUR_BITS);
    } else {
      this.#threeHeads = beginning.#threeHeads.slice();
      this.#heads = beginning.#heads.slice();
      this.#chain.set(beginning.#chain);
      this.symbols.set(beginning.symbols);
      this.position = beginning.position;
    }
  }

  /** A window that holds the dictionary (at most 4 KiB less 1). */
  static of(dictionary: Uint8Array): MatchWindow {
    let beginning = beginnings.get(dictionary);
    if (beginning === undefined) {
      beginning = new MatchWindow();
      beginning.symbols.set(dictionary);
      beginning.position = dictionary.length;
      beginning.index(0, dictionary.length);
      beginnings.set(dictionary, beginning);
    }
    return new MatchWindow(beginning);
  }

  /** Makes room for `size` more symbols behind the last 32 KiB. */
  reserve(size: number): void {
    const kept = Math.min(this.position, MAX_WINDOW);
    if (kept + size <= this.symbols.length) return;
    let capacity = this.symbols.length;
    while (capacity < kept + size) capacity *= 2;
    this.symbols = this.#moved(this.symbols, capacity);
    this.#words = new DataView(this.symbols.buffer);
    this.mask = capacity - 1;
    // Nothing older than the window is looked up in the chain.
    capacity = Math.min(capacity, MAX_WINDOW);
    if (this.#chain.length === capacity) return;
    this.#chain = this.#moved(this.#chain, capacity);
    this.#chainMask = capacity - 1;
  }

  /** A ring of the given capacity with the same entries for the window. */
  #moved(
    ring: Uint16Array<ArrayBuffer>,
    capacity: number,
  ): Uint16Array<ArrayBuffer> {
    const moved = new Uint16Array(capacity);
    const { position } = this;
    if (position <= ring.length) {
      moved.set(ring);
      return moved;
    }
    const first = position - Math.min(ring.length, MAX_WINDOW);
    for (let at = first; at < position; at++) {
      moved[at & (capacity - 1)] = ring[at & (ring.length - 1)];
    }
    return moved;
  }

  /** Forgets everything; positions begin at 0 again. */
  clear(): void {
    this.position = 0;
    this.#heads.fill(0);
    this.#threeHeads.fill(0);
    this.#chain.fill(0);
  }

  /** Writes a number in big-endian order. */
  writeNumber(value: number, size: 2 | 4): void {
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) {
      this.symbols[this.position++ & this.mask] = (value >>> shift) & 0xff;
    }
  }

  /** Writes text as UTF-8. */
  writeText(text: string): void {
    const { symbols, mask, position } = this;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) {
        this.position = position + index;
        for (const byte of ENCODER.encode(text.slice(index))) {
          symbols[this.position++ & mask] = byte;
        }
        return;
      }
      symbols[(position + index) & mask] = unit;
    }
    this.position = position + text.length;
  }

  /** Writes a copy of what stands at `source`. */
  writeCopy(source: number, size: number): void {
    const { symbols, mask, position } = this;
    const from = source & mask;
    const to = position & mask;
    if (Math.max(from, to) + size <= mask) {
      symbols.copyWithin(to, from, from + size);
    } else {
      for (let index = 0; index < size; index++) {
        symbols[(position + index) & mask] = symbols[(source + index) & mask];
      }
    }
    this.position = position + size;
  }

  /** Leaves a hole for `size` bytes that are nobody's business. */
  writeHole(size: number): void {
    const { symbols, mask, position } = this;
    for (let index = 0; index < size; index++) {
      symbols[(position + index) & mask] = HOLE;
    }
    this.position = position + size;
  }

  /** How many symbols from `source` on equal those from `target` up to `end`, which are public. */
  matchLength(source: number, target: number, end: number): number {
    const { symbols, mask } = this;
    const begin = target;
    while (
      target < end && symbols[source & mask] === symbols[target & mask]
    ) {
      source++;
      target++;
    }
    return target - begin;
  }

  /**
   * The same, four symbols at once: 1 % less time a corpus response where runs
   * are compared, and 5 % more where most matches end within a few symbols.
   */
  longMatchLength(source: number, target: number, end: number): number {
    const { mask } = this;
    const from = source & mask;
    const to = target & mask;
    const last = end - target - WORD;
    let length = 0;
    // Near the end of the ring there is no word to read.
    if ((from > to ? from : to) + last + WORD <= mask) {
      const words = this.#words;
      while (
        length <= last &&
        words.getBigInt64((from + length) * 2, true) ===
          words.getBigInt64((to + length) * 2, true)
      ) length += WORD;
    }
    return length +
      this.matchLength(source + length, target + length, end);
  }

  /** How many symbols before `source` equal those before `target` down to `begin`, which are public. */
  matchBefore(source: number, target: number, begin: number): number {
    const { symbols, mask } = this;
    const end = target;
    while (
      target > begin && source > 0 &&
      symbols[(source - 1) & mask] === symbols[(target - 1) & mask]
    ) {
      source--;
      target--;
    }
    return end - target;
  }

  /** Indexes the positions from `from` on that have four public bytes up to `to`. */
  index(from: number, to: number): void {
    const { symbols, mask } = this;
    const threeHeads = this.#threeHeads;
    const heads = this.#heads;
    const chain = this.#chain;
    const chainMask = this.#chainMask;
    const last = to - CHAINED;
    if (from > last) return;
    let four = symbols[from & mask] << 8 | symbols[(from + 1) & mask] << 16 |
      symbols[(from + 2) & mask] << 24;
    for (let at = from; at <= last; at++) {
      four = four >>> 8 | symbols[(at + 3) & mask] << 24;
      threeHeads[Math.imul(four & 0xffffff, HASH_FACTOR) >>> THREE_SHIFT] = at;
      const hash = Math.imul(four, HASH_FACTOR) >>> FOUR_SHIFT;
      const distance = (at - heads[hash]) & 0xffff;
      heads[hash] = at;
      chain[at & chainMask] = distance > MAX_WINDOW || distance > at
        ? 0
        : distance;
    }
  }

  /**
   * Indexes `at`, which has four public bytes, and searches what begins there.
   *
   * The heads hold 16 bits of a position. A stale one points at a wrong place
   * in the window, where the bytes turn out to differ.
   *
   * @param most Longest match that is of use.
   * @param tries How many places to look at.
   * @param nice Length from which no longer match is looked for.
   * @param found Gets a length and a distance for each match, every one longer
   * and farther than the one before.
   * @returns How many numbers were put into `found`.
   */
  search(
    at: number,
    most: number,
    tries: number,
    nice: number,
    found: Int32Array,
  ): number {
    const { symbols, mask } = this;
    const chain = this.#chain;
    const chainMask = this.#chainMask;
    const three = symbols[at & mask] | symbols[(at + 1) & mask] << 8 |
      symbols[(at + 2) & mask] << 16;
    const four = three | symbols[(at + 3) & mask] << 24;
    const threeHash = Math.imul(three, HASH_FACTOR) >>> THREE_SHIFT;
    const near = (at - this.#threeHeads[threeHash]) & 0xffff;
    this.#threeHeads[threeHash] = at;
    const hash = Math.imul(four, HASH_FACTOR) >>> FOUR_SHIFT;
    let distance = (at - this.#heads[hash]) & 0xffff;
    this.#heads[hash] = at;
    if (distance > MAX_WINDOW || distance > at) distance = 0;
    chain[at & chainMask] = distance;

    let count = 0;
    let longest = MIN_MATCH - 1;
    if (near <= MAX_WINDOW && near <= at && near > 0) {
      const length = this.matchLength(at - near, at, at + most);
      if (length >= MIN_MATCH) {
        found[count++] = length;
        found[count++] = near;
        longest = length;
      }
    }
    if (longest < CHAINED - 1) longest = CHAINED - 1;
    // Of two parameters `Math.min` makes floating-point numbers: 5 % of the time.
    const enough = nice < most ? nice : most;
    if (longest >= enough) return count;
    // Nearest first: a farther match is of use only where it is longer.
    let next = symbols[(at + longest) & mask];
    for (let back = distance; distance !== 0; back += distance) {
      if (back > MAX_WINDOW) break;
      const source = at - back;
      if (symbols[(source + longest) & mask] === next) {
        const length = this.matchLength(source, at, at + most);
        if (length > longest) {
          found[count++] = length;
          found[count++] = back;
          longest = length;
          if (longest >= enough) break;
          next = symbols[(at + longest) & mask];
        }
      }
      if (--tries === 0) break;
      distance = chain[source & chainMask];
    }
    return count;
  }
}
