/**
 * What the peer's inflater remembers, as far as it is public: the memory in
 * which matches are searched.
 *
 * Invariant: no byte of a secret value is ever written here. A secret leaves a
 * hole, a run of a byte that no text has in UTF-8. A match is found by comparing
 * public bytes with what stands here, so it can neither begin in a hole, run into
 * one nor reach across one. Only a length may have that byte too; once one had,
 * no comparison goes on over it ({@linkcode MatchWindow.matchLength},
 * {@linkcode MatchWindow.matchBefore}).
 *
 * Step 2 of the worked example in `README.md`.
 *
 * @module
 */

import { MIN_MATCH, WINDOW_SIZE } from "../../zlib/constants.ts";

/** Stands for each byte of a secret. */
const HOLE = 0xff;
/**
 * The hash table holds 2^13 positions, of which 16 bits are enough. With 2^12
 * and 2^14 a corpus response takes 0.2 bytes more and 0.1 bytes fewer. Another
 * table by four bytes, for the chains, took 3 % more time.
 */
const HASH_BITS = 13;
const HASH_SHIFT = 32 - HASH_BITS;
const HASH_FACTOR = 0x9e3779b1;
/** Selects the bytes that are hashed, MIN_MATCH, of the four that are read. */
const HASHED = 0xffffff;
/** So many bytes are copied by words in the time that a call takes. */
const FEW = 96;
const FIRST_CAPACITY = 4096;
/** What is kept as the window slides: all that a match may reach, and a little. */
const KEPT = WINDOW_SIZE + 8;
/** Largest capacity, where no block asks for more. */
const SLIDING = 2 * WINDOW_SIZE;
/** Memory behind the window that reading several bytes at once may touch. */
const BEYOND = 8;
const ENCODER: TextEncoder = new TextEncoder();

/** What a window begins with, made once for each dictionary. */
const beginnings = new WeakMap<Uint8Array, MatchWindow>();

/**
 * The last bytes of the stream, addressed by their positions in it (the
 * dictionary's first byte has position 0), and an index of what begins where.
 */
export class MatchWindow {
  /** The byte at a position stands at `position - base`. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Position of the first byte in `bytes`. */
  base = 0;
  /** The memory of `bytes`, for reading several at once. */
  #words: DataView<ArrayBuffer>;
  /** Where the next byte goes: the length of the stream so far. */
  position = 0;
  /** Whether a length has had a byte that looks like a hole. */
  #hasAlike = false;
  /** By hash of three bytes, the low 16 bits of the last position indexed. */
  readonly #heads: Uint16Array<ArrayBuffer>;
  /** At `position & #linkMask`, the low 16 bits of the position before with that hash. */
  #links: Uint16Array<ArrayBuffer>;
  #linkMask: number;

  private constructor(beginning?: MatchWindow) {
    const capacity = FIRST_CAPACITY;
    this.bytes = new Uint8Array(capacity + BEYOND);
    this.#words = new DataView(this.bytes.buffer);
    this.#links = new Uint16Array(capacity);
    this.#linkMask = capacity - 1;
    if (beginning === undefined) {
      this.#heads = new Uint16Array(1 << HASH_BITS);
    } else {
      this.#heads = beginning.#heads.slice();
      this.#links.set(beginning.#links);
      this.bytes.set(beginning.bytes);
      this.position = beginning.position;
    }
  }

  /** A window that holds the dictionary (at most 4 KiB less 1). */
  static of(dictionary: Uint8Array): MatchWindow {
    let beginning = beginnings.get(dictionary);
    if (beginning === undefined) {
      beginning = new MatchWindow();
      beginning.bytes.set(dictionary);
      beginning.position = dictionary.length;
      beginning.index(0, dictionary.length);
      beginnings.set(dictionary, beginning);
    }
    return new MatchWindow(beginning);
  }

  /** Makes room for `size` more bytes behind the last 32 KiB; `bytes` and `base` may be others afterwards. */
  reserve(size: number): void {
    const held = this.position - this.base;
    const kept = Math.min(held, KEPT);
    let capacity = this.bytes.length - BEYOND;
    if (held + size <= capacity) return;
    // Grown to twice a window it slides, which is seldom enough.
    const wanted = Math.max(kept + size, Math.min(held + size, SLIDING));
    while (capacity < wanted) capacity *= 2;
    this.base = this.position - kept;
    if (capacity + BEYOND === this.bytes.length) {
      this.bytes.copyWithin(0, held - kept, held);
      return;
    }
    const grown = new Uint8Array(capacity + BEYOND);
    grown.set(this.bytes.subarray(held - kept, held));
    this.bytes = grown;
    this.#words = new DataView(grown.buffer);
    this.#growLinks(Math.min(capacity, WINDOW_SIZE));
  }

  /** Nothing older than the window is looked up in the chains. */
  #growLinks(capacity: number): void {
    if (capacity <= this.#links.length) return;
    const grown = new Uint16Array(capacity);
    const first = Math.max(0, this.position - this.#links.length);
    for (let at = first; at < this.position; at++) {
      grown[at & (capacity - 1)] = this.#links[at & this.#linkMask];
    }
    this.#links = grown;
    this.#linkMask = capacity - 1;
  }

  /** Forgets everything; positions begin at 0 again. */
  clear(): void {
    this.position = 0;
    this.base = 0;
    this.#hasAlike = false;
    this.#heads.fill(0);
    this.#links.fill(0);
  }

  /** The byte at a position, as it is matched. */
  at(position: number): number {
    return this.bytes[position - this.base];
  }

  /** Writes a number in big-endian order. */
  writeNumber(value: number, size: 2 | 4): void {
    let index = this.position - this.base;
    this.position += size;
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) {
      const byte = (value >>> shift) & 0xff;
      if (byte === HOLE) this.#hasAlike = true;
      this.bytes[index++] = byte;
    }
  }

  /** Writes text as UTF-8. */
  writeText(text: string): void {
    const { bytes } = this;
    const words = this.#words;
    const begin = this.position - this.base;
    let index = 0;
    // Four at once: 15 % faster.
    for (const last = text.length - 3; index < last; index += 4) {
      const a = text.charCodeAt(index);
      const b = text.charCodeAt(index + 1);
      const c = text.charCodeAt(index + 2);
      const d = text.charCodeAt(index + 3);
      if ((a | b | c | d) > 0x7f) break;
      words.setInt32(begin + index, a | b << 8 | c << 16 | d << 24, true);
    }
    for (; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) break;
      bytes[begin + index] = unit;
    }
    this.position += index;
    if (index === text.length) return;
    const { written } = ENCODER.encodeInto(
      text.slice(index),
      bytes.subarray(begin + index),
    );
    this.position += written;
  }

  /** Writes a copy of what stands at `source`, all of which stands before. */
  writeCopy(source: number, size: number): void {
    const words = this.#words;
    const from = source - this.base;
    const to = this.position - this.base;
    this.position += size;
    if (size > FEW) {
      this.bytes.copyWithin(to, from, from + size);
      return;
    }
    for (let index = 0; index < size; index += 4) {
      words.setInt32(to + index, words.getInt32(from + index, true), true);
    }
  }

  /** Leaves a hole for `size` secret bytes. */
  writeHole(size: number): void {
    const index = this.position - this.base;
    this.bytes.fill(HOLE, index, index + size);
    this.position += size;
  }

  /** How many bytes from `source` on equal those from `target` up to `end`, which are public. */
  matchLength(source: number, target: number, end: number): number {
    const words = this.#words;
    const from = source - this.base;
    const to = target - this.base;
    const most = end - target;
    let length = 0;
    while (length < most) {
      const difference = words.getInt32(from + length, true) ^
        words.getInt32(to + length, true);
      if (difference !== 0) {
        // The lowest bit that differs stands in the first byte that does.
        length += (31 - Math.clz32(difference & -difference)) >>> 3;
        break;
      }
      length += 4;
    }
    if (length > most) length = most;
    return this.#hasAlike ? this.#withoutAlike(to, length) : length;
  }

  /** How many of `length` bytes stand before one that looks like a hole. */
  #withoutAlike(index: number, length: number): number {
    for (let count = 0; count < length; count++) {
      if (this.bytes[index + count] === HOLE) return count;
    }
    return length;
  }

  /** How many bytes before `source` equal those before `target` down to `begin`, which are public. */
  matchBefore(source: number, target: number, begin: number): number {
    const { bytes } = this;
    const distance = target - source;
    const last = Math.max(begin, distance) - this.base;
    let index = target - this.base;
    while (index > last) {
      const byte = bytes[index - 1];
      if (byte !== bytes[index - 1 - distance] || byte === HOLE) break;
      index--;
    }
    return target - this.base - index;
  }

  /** Indexes the positions from `from` on that have three public bytes up to `to`. */
  index(from: number, to: number): void {
    const { base } = this;
    const words = this.#words;
    const heads = this.#heads;
    const links = this.#links;
    const linkMask = this.#linkMask;
    const last = to - MIN_MATCH;
    for (let at = from; at <= last; at++) {
      const hash = hashOf(words.getInt32(at - base, true));
      links[at & linkMask] = heads[hash];
      heads[hash] = at;
    }
  }

  /**
   * Indexes `at`, which has three public bytes, and searches what begins there.
   *
   * Heads and links hold 16 bits of a position. A stale one points at a wrong
   * place in the window, where the bytes turn out to differ.
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
    const words = this.#words;
    const links = this.#links;
    const linkMask = this.#linkMask;
    const index = at - this.base;
    const begin = words.getInt32(index, true);
    const hash = hashOf(begin);
    let place = this.#heads[hash];
    this.#heads[hash] = at;
    links[at & linkMask] = place;

    const reach = at < WINDOW_SIZE ? at : WINDOW_SIZE;
    let distance = (at - place) & 0xffff;
    // Where the last place of a hash has other bytes, so have mostly those before
    // it: not looking at them takes 9 % less time for requests and 5 % for
    // responses, and makes these 0.1 bytes larger.
    if (
      distance === 0 || distance > reach || most < MIN_MATCH ||
      ((words.getInt32(index - distance, true) ^ begin) & HASHED) !== 0
    ) return 0;
    let longest = this.matchLength(at - distance, at, at + most);
    if (longest < MIN_MATCH) return 0;
    found[0] = longest;
    found[1] = distance;
    let count = 2;
    // Of two parameters `Math.min` makes floating-point numbers: 5 % of the time.
    const enough = nice < most ? nice : most;
    if (longest >= enough) return count;
    // Nearest first: a farther match is of use only where it is longer.
    let ending = words.getInt32(index + longest - 3, true);
    for (; tries > 1; tries--) {
      const nearer = distance;
      place = links[place & linkMask];
      distance = (at - place) & 0xffff;
      if (distance <= nearer || distance > reach) break;
      // The four bytes that would make it longer tell most places apart.
      if (words.getInt32(index - distance + longest - 3, true) !== ending) {
        continue;
      }
      const length = this.matchLength(at - distance, at, at + most);
      if (length <= longest) continue;
      found[count++] = length;
      found[count++] = distance;
      longest = length;
      if (longest >= enough) break;
      ending = words.getInt32(index + longest - 3, true);
    }
    return count;
  }
}

/** A hash of the bytes that are hashed. */
function hashOf(four: number): number {
  return Math.imul(four & HASHED, HASH_FACTOR) >>> HASH_SHIFT;
}
