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

import { MAX_WINDOW } from "../../zlib/constants.ts";

/** Stands for each byte of a secret; bytes are 0..255. */
const HOLE = 0x100;
const HASH_SIZE = 32768;
const SHIFT = 17;
const SHORT_SHIFT = 17;
const FIRST_CAPACITY = 4096;
const ENCODER: TextEncoder = new TextEncoder();

/** What a window begins with, made once for each dictionary. */
const beginnings = new WeakMap<Uint8Array, MatchWindow>();

/**
 * A ring of symbols, addressed by their positions in the stream (the
 * dictionary's first byte has position 0), with chains of the positions that
 * begin with the same three symbols.
 */
export class MatchWindow {
  /** The symbol at a position stands at `position & mask`. */
  symbols: Uint16Array<ArrayBuffer>;
  /** Capacity less one; the capacity is a power of two. */
  mask: number;
  /** By hash of three symbols, the last position indexed, plus 1; 0 for none. */
  heads: Int32Array<ArrayBuffer>;
  shortHeads: Int32Array<ArrayBuffer>;
  /** At `position & mask`, how far back the position indexed before with that hash stands; 0 for none within reach. */
  chain: Uint16Array<ArrayBuffer>;
  /** Where the next symbol goes: the length of the stream so far. */
  position = 0;

  private constructor(
    capacity: number,
    heads: Int32Array<ArrayBuffer> = new Int32Array(HASH_SIZE),
    shortHeads: Int32Array<ArrayBuffer> = new Int32Array(HASH_SIZE),
  ) {
    this.symbols = new Uint16Array(capacity);
    this.chain = new Uint16Array(capacity);
    this.mask = capacity - 1;
    this.heads = heads;
    this.shortHeads = shortHeads;
  }

  /** A window that holds the dictionary (at most 4 KiB less 1). */
  static of(dictionary: Uint8Array): MatchWindow {
    let beginning = beginnings.get(dictionary);
    if (beginning === undefined) {
      beginning = new MatchWindow(FIRST_CAPACITY);
      beginning.symbols.set(dictionary);
      beginning.position = dictionary.length;
      for (let at = 0; at + 4 <= dictionary.length; at++) {
        beginning.index(at);
      }
      beginnings.set(dictionary, beginning);
    }
    const window = new MatchWindow(
      FIRST_CAPACITY,
      beginning.heads.slice(),
      beginning.shortHeads.slice(),
    );
    window.symbols.set(beginning.symbols);
    window.chain.set(beginning.chain);
    window.position = beginning.position;
    return window;
  }

  /** Makes room for `size` more symbols behind the last 32 KiB. */
  reserve(size: number): void {
    const kept = Math.min(this.position, MAX_WINDOW);
    if (kept + size <= this.symbols.length) return;
    let capacity = this.symbols.length;
    while (capacity < kept + size) capacity *= 2;
    const { symbols, chain, mask } = this;
    this.symbols = new Uint16Array(capacity);
    this.chain = new Uint16Array(capacity);
    this.mask = capacity - 1;
    if (this.position <= symbols.length) {
      this.symbols.set(symbols);
      this.chain.set(chain);
      return;
    }
    for (let at = this.position - kept; at < this.position; at++) {
      this.symbols[at & this.mask] = symbols[at & mask];
      this.chain[at & this.mask] = chain[at & mask];
    }
  }

  /** Forgets everything; positions begin at 0 again. */
  clear(): void {
    this.position = 0;
    this.heads.fill(0);
    this.shortHeads.fill(0);
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
    for (let index = 0; index < size; index++) {
      symbols[(position + index) & mask] = symbols[(source + index) & mask];
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

  /** Indexes the positions of the public bytes `from..to` that have three more behind them. */
  indexAll(from: number, to: number): void {
    for (let at = from; at + 4 <= to; at++) this.index(at);
  }

  /**
   * Indexes the symbols at `at`, which are public, as are the three behind it.
   */
  index(at: number): void {
    const { symbols, mask, heads, shortHeads, chain } = this;
    const begin = symbols[at & mask] | symbols[(at + 1) & mask] << 8 |
      symbols[(at + 2) & mask] << 16;
    shortHeads[Math.imul(begin, 0x9e3779b1) >>> SHORT_SHIFT] = at + 1;
    const hash =
      Math.imul(begin | symbols[(at + 3) & mask] << 24, 0x9e3779b1) >>> SHIFT;
    const before = heads[hash];
    heads[hash] = at + 1;
    const distance = at + 1 - before;
    chain[at & mask] = before === 0 || distance > MAX_WINDOW ? 0 : distance;
  }
}
