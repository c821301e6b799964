/**
 * The public part of what the peer's inflater remembers: the memory in which matches
 * are searched.
 *
 * Invariant: no byte of a secret value is ever written here. A secret is replaced by a
 * hole, a run of a byte that never occurs in UTF-8. Matches are found by comparing
 * public bytes with this memory, so that no match can begin in a hole, enter one or
 * cross one. Only a length field and a value that is not UTF-8 can contain that byte,
 * too; if one does, comparisons stop at it ({@linkcode MatchWindow.matchLength}, {@linkcode MatchWindow.matchBefore}).
 *
 * Step 2 of the worked example in `README.md`.
 *
 * @module
 */

import * as constants from "../../zlib/constants.ts";
import { encodeEscaped } from "../escaped_text.ts";

// Read at each position, and so constants of this file; see `zlib/symbol_decoder.ts`.
const { MIN_MATCH, WINDOW_SIZE } = constants;

/** The byte that replaces each byte of a secret. */
const HOLE = 0xff;
/**
 * The hash table grows with the window up to 2^13 positions, of which it stores 16
 * bits. With 2^12 a corpus response takes 0.2 bytes more, with 2^14 0.1 bytes fewer. A
 * second table, which hashed four bytes for the chains, took 3 % more time.
 */
const HASH_BITS = 13;
const FIRST_HASH_BITS = 11;
const HASH_SHIFT = 32 - HASH_BITS;
const HASH_FACTOR = 0x9e3779b1;
/** Selects the MIN_MATCH bytes that are hashed from the four that are read. */
const HASHED = 0xffffff;
/** At this number of bytes, copying eight at a time takes as long as a call of `copyWithin`. */
const FEW = 400;
const FIRST_CAPACITY = 2048;
/** Memory after the window that reading several bytes at once can touch. */
const BEYOND = 8;

/** The table of a stream without a dictionary. */
const NO_HEADS = new Uint16Array(1 << HASH_BITS);

/**
 * The initial window of each dictionary, created once. All windows share its hash
 * table and chains: their own for all positions from the start would take 18 KiB for
 * each connection, for the first KiB of headers.
 */
const beginnings = new WeakMap<Uint8Array, MatchWindow>();

/**
 * The last bytes of the stream, addressed by their positions in it (the dictionary's
 * first byte has position 0), and an index to find matches.
 */
export class MatchWindow {
  /** The byte at a position is `bytes[position - base]`. */
  bytes!: Uint8Array<ArrayBuffer>;
  /** Position of the first byte in `bytes`. */
  base = 0;
  /** A view of `bytes`, to read several at once. */
  #words!: DataView<ArrayBuffer>;
  /** Position of the next byte: the length of the stream so far. */
  position = 0;
  /** Whether a length field or a value contained a byte that looks like a hole. */
  #hasAlike = false;
  /** By the hash of three bytes: the low 16 bits of the last indexed position, 0 for none. */
  #heads!: Uint16Array<ArrayBuffer>;
  /** Number of bits by which a hash is shifted: its highest bits select a head. */
  #headShift!: number;
  /** By the highest {@linkcode HASH_BITS} of a hash: its last position in the dictionary, where `#heads` has none. */
  #dictionaryHeads: Uint16Array<ArrayBuffer> = NO_HEADS;
  /** At `position & #linkMask`: the low 16 bits of the previous position with that hash. */
  #links!: Uint16Array<ArrayBuffer>;
  #linkMask!: number;
  /** The chains of the positions before `#dictionaryEnd`, which `#links` does not have. */
  #dictionaryLinks: Uint16Array<ArrayBuffer> = NO_HEADS;
  #dictionaryEnd = 0;

  private constructor(beginning?: MatchWindow) {
    if (beginning === undefined) {
      this.#allocate(FIRST_CAPACITY, FIRST_CAPACITY, HASH_BITS);
    } else this.#beginAfter(beginning);
  }

  #beginAfter(beginning: MatchWindow): void {
    const end = beginning.position;
    const own = powerOfTwo(FIRST_CAPACITY - end);
    this.#allocate(FIRST_CAPACITY, own, headBits(FIRST_CAPACITY));
    this.#dictionaryHeads = beginning.#heads;
    this.#dictionaryLinks = beginning.#links;
    this.#dictionaryEnd = end;
    this.bytes.set(beginning.bytes.subarray(0, end));
    this.position = end;
  }

  /** Creates a window that contains the dictionary (shorter than 2 KiB). */
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

  /** Begins a new stream after `dictionary`, the one with which the window was created, as {@linkcode MatchWindow.of} does. */
  restart(dictionary: Uint8Array): void {
    this.base = 0;
    this.#hasAlike = false;
    const beginning = beginnings.get(dictionary)!;
    if (this.#dictionaryEnd === 0) return this.#beginAfter(beginning);
    // The window has not grown. The bytes and links of the stream before are overwritten
    // before they are read, because only heads lead to them.
    this.#heads.fill(0);
    this.position = beginning.position;
  }

  /** Makes room for `size` more bytes after the last 32 KiB; may replace `bytes` and `base`. */
  reserve(size: number): void {
    const held = this.position - this.base;
    // All that a match can reach.
    const kept = Math.min(held, WINDOW_SIZE);
    let capacity = this.bytes.length - BEYOND;
    if (held + size <= capacity) return;
    // At twice the window size it slides instead of growing, which happens rarely.
    while (capacity < kept + size) capacity *= 2;
    this.base = this.position - kept;
    if (capacity + BEYOND === this.bytes.length) {
      this.bytes.copyWithin(0, held - kept, held);
      return;
    }
    const { bytes } = this;
    const links = this.#links;
    const heads = this.#heads;
    const mask = this.#linkMask;
    const shift = this.#headShift;
    this.#allocate(
      capacity,
      Math.max(links.length, Math.min(capacity, WINDOW_SIZE)),
      Math.max(32 - shift, headBits(capacity)),
    );
    this.bytes.set(bytes.subarray(held - kept, held));
    this.#takeLinks(links, mask);
    this.#takeHeads(heads, shift);
  }

  /** How many more bytes it has room for without {@linkcode reserve}. */
  get room(): number {
    return this.bytes.length - BEYOND - (this.position - this.base);
  }

  /**
   * Takes over a hash table that may have been smaller. Each of its entries becomes
   * several entries, all with the same position, which has the hash of only one of them.
   * The others get a position of their own when one is indexed again: this adds 0.1 bytes
   * to each of the first 20 responses.
   */
  #takeHeads(before: Uint16Array, shift: number): void {
    const heads = this.#heads;
    const added = shift - this.#headShift;
    for (let index = 0; index < heads.length; index++) {
      heads[index] = before[index >>> added];
    }
    if (added === 0 || this.#headShift > 32 - HASH_BITS) return;
    for (let index = 0; index < heads.length; index++) {
      if (heads[index] === 0) heads[index] = this.#dictionaryHeads[index];
    }
    this.#dictionaryHeads = NO_HEADS;
  }

  /** Takes over the chains. They never need more than the window, because older positions are not looked up. */
  #takeLinks(before: Uint16Array, mask: number): void {
    const links = this.#links;
    links.set(this.#dictionaryLinks.subarray(0, this.#dictionaryEnd));
    const first = Math.max(this.#dictionaryEnd, this.position - before.length);
    for (let at = first; at < this.position; at++) {
      links[at & this.#linkMask] = before[at & mask];
    }
    this.#dictionaryEnd = 0;
  }

  /** Forgets everything; positions restart at 0. */
  clear(): void {
    this.position = 0;
    this.base = 0;
    this.#hasAlike = false;
    this.#dictionaryHeads = NO_HEADS;
    this.#dictionaryEnd = 0;
    this.#allocate(FIRST_CAPACITY, FIRST_CAPACITY, headBits(FIRST_CAPACITY));
  }

  /**
   * Memory for so many bytes and links, and a hash table of so many bits, all empty.
   * It is one piece: each further one takes 350 bytes besides its own, and 1 us.
   */
  #allocate(capacity: number, links: number, bits: number): void {
    const size = capacity + BEYOND;
    const heads = 1 << bits;
    const memory = new ArrayBuffer(size + 2 * (links + heads));
    this.bytes = new Uint8Array(memory, 0, size);
    this.#words = new DataView(memory, 0, size);
    this.#links = new Uint16Array(memory, size, links);
    this.#linkMask = links - 1;
    this.#heads = new Uint16Array(memory, size + 2 * links, heads);
    this.#headShift = 32 - bits;
  }

  /** The byte at a position, or that of a hole. */
  at(position: number): number {
    return this.bytes[position - this.base];
  }

  /** Writes a number in big-endian order. */
  writeNumber(value: number, size: 2 | 4): void {
    const index = this.position - this.base;
    this.position += size;
    if (size === 4) this.#words.setInt32(index, value);
    else this.#words.setInt16(index, value);
    for (let rest = value; rest >= HOLE; rest >>>= 8) {
      if ((rest & 0xff) === HOLE) this.#hasAlike = true;
    }
  }

  /** Writes escaped text (`escaped_text.ts`) as UTF-8. */
  writeText(text: string): void {
    const { bytes } = this;
    const words = this.#words;
    const begin = this.position - this.base;
    let index = 0;
    // Four characters at once are 15 % faster.
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
    const written = encodeEscaped(
      text.slice(index),
      bytes.subarray(begin + index),
    );
    if (bytes.subarray(begin + index, begin + index + written).includes(HOLE)) {
      this.#hasAlike = true;
    }
    this.position += written;
  }

  /** Writes a copy of `size` earlier bytes from `source`. */
  writeCopy(source: number, size: number): void {
    const words = this.#words;
    const from = source - this.base;
    const to = this.position - this.base;
    this.position += size;
    if (size > FEW) {
      this.bytes.copyWithin(to, from, from + size);
      return;
    }
    for (let index = 0; index < size; index += 8) {
      words.setBigInt64(
        to + index,
        words.getBigInt64(from + index, true),
        true,
      );
    }
  }

  /** Writes a hole for `size` secret bytes. */
  writeHole(size: number): void {
    const index = this.position - this.base;
    this.bytes.fill(HOLE, index, index + size);
    this.position += size;
  }

  /** How many bytes from `source` on match the public bytes `target..end`. */
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
        // The lowest bit that differs is in the first byte that differs.
        length += (31 - Math.clz32(difference & -difference)) >>> 3;
        break;
      }
      length += 4;
    }
    if (length > most) length = most;
    return this.#hasAlike ? this.#withoutAlike(to, length) : length;
  }

  /** How many of `length` bytes come before one that looks like a hole. */
  #withoutAlike(index: number, length: number): number {
    for (let count = 0; count < length; count++) {
      if (this.bytes[index + count] === HOLE) return count;
    }
    return length;
  }

  /** How many bytes before `source` match the public bytes before `target`, down to `begin`. */
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

  /** Indexes the positions from `from` on that are followed by three public bytes before `to`. */
  index(from: number, to: number): void {
    const { base } = this;
    const words = this.#words;
    const heads = this.#heads;
    const headShift = this.#headShift;
    const dictionaryHeads = this.#dictionaryHeads;
    const links = this.#links;
    const linkMask = this.#linkMask;
    const last = to - MIN_MATCH;
    for (let at = from; at <= last; at++) {
      const hash = hashOf(words.getInt32(at - base, true));
      const head = hash >>> headShift;
      let place = heads[head];
      if (place === 0) place = dictionaryHeads[hash >>> HASH_SHIFT];
      links[at & linkMask] = place;
      heads[head] = at;
    }
  }

  /**
   * Indexes `at`, where three public bytes begin. Returns the distance of the last
   * position with their hash, 0 if there is none or it has other bytes. Without the call
   * of {@linkcode MatchWindow.search} for each position, requests take 2 % less time.
   *
   * Heads and links contain 16 bits of a position. A stale one points to a wrong place
   * in the window; the comparison then finds that the bytes differ.
   */
  indexOne(at: number): number {
    const words = this.#words;
    const index = at - this.base;
    const begin = words.getInt32(index, true);
    const hash = hashOf(begin);
    const head = hash >>> this.#headShift;
    let place = this.#heads[head];
    this.#heads[head] = at;
    const reach = at < WINDOW_SIZE ? at : WINDOW_SIZE;
    let distance = (at - place) & 0xffff;
    if (
      place === 0 ||
      // A small table mixes many hashes. The position of another hash must not hide that
      // of the dictionary: this saves 1.6 bytes of a first request.
      this.#dictionaryHeads !== NO_HEADS && distance <= reach &&
        ((words.getInt32(index - distance, true) ^ begin) & HASHED) !== 0
    ) {
      place = this.#dictionaryHeads[hash >>> HASH_SHIFT];
      distance = (at - place) & 0xffff;
    }
    this.#links[at & this.#linkMask] = place;
    // If the last position of a hash has other bytes, mostly the earlier ones have,
    // too: not trying them takes 9 % less time for requests and 5 % for responses, and
    // makes responses 0.1 bytes larger.
    return distance > reach ||
        ((words.getInt32(index - distance, true) ^ begin) & HASHED) !== 0
      ? 0
      : distance;
  }

  /**
   * Searches matches for `at`.
   *
   * @param distance What {@linkcode MatchWindow.indexOne} returned for `at`, not 0.
   * @param most Longest useful match.
   * @param tries How many positions to try.
   * @param nice Length at which the search stops.
   * @param found Receives a length and a distance for each match, each longer and
   * farther than the one before.
   * @returns How many numbers were written to `found`.
   */
  search(
    at: number,
    distance: number,
    most: number,
    tries: number,
    nice: number,
    found: Int32Array,
  ): number {
    const words = this.#words;
    const links = this.#links;
    const linkMask = this.#linkMask;
    const index = at - this.base;
    const reach = at < WINDOW_SIZE ? at : WINDOW_SIZE;
    let place = (at - distance) & 0xffff;
    let longest = this.matchLength(at - distance, at, at + most);
    if (longest < MIN_MATCH) return 0;
    found[0] = longest;
    found[1] = distance;
    let count = 2;
    // `Math.min` of two parameters yields floating-point numbers: 5 % of the time.
    const enough = nice < most ? nice : most;
    if (longest >= enough) return count;
    // Nearest first: a farther match is useful only if it is longer.
    let ending = words.getInt32(index + longest - 3, true);
    const dictionaryLinks = this.#dictionaryLinks;
    const dictionaryEnd = this.#dictionaryEnd;
    for (; tries > 1; tries--) {
      const nearer = distance;
      place = place < dictionaryEnd
        ? dictionaryLinks[place]
        : links[place & linkMask];
      distance = (at - place) & 0xffff;
      if (distance <= nearer || distance > reach) break;
      // The four bytes that a longer match needs rule out most positions.
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

/** The hash of the first three of four bytes; its highest bits are the best. */
function hashOf(four: number): number {
  return Math.imul(four & HASHED, HASH_FACTOR);
}

/** The lowest power of two that is at least `value`. */
function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}

/**
 * Bits of the hash table for a window with room for so many bytes. One bit more above
 * 2 KiB saves 0.2 % of the bytes of the first five requests, and takes 4 KiB.
 */
function headBits(capacity: number): number {
  const bits = Math.log2(capacity) - 1;
  return Math.min(Math.max(bits, FIRST_HASH_BITS), HASH_BITS);
}
