import { MAX_MATCH } from "./constants.ts";

/** The effort of a compression level; the first five members are those of zlib's configuration table. */
export interface Effort {
  /** After a match of this length, the search at the next byte follows only a quarter of the chain. */
  readonly good: number;
  /**
   * Lazy matching searches for a longer match at the next byte only after a match
   * shorter than this. Greedy matching indexes the positions inside a match only
   * up to this length.
   */
  readonly lazy: number;
  /** A match of this length ends the search. */
  readonly nice: number;
  /** Maximum number of earlier positions to compare. */
  readonly chain: number;
  /** Whether a longer match at the next byte replaces a match. */
  readonly isLazy: boolean;
  /** Shortest match to search for: 3 finds more, 4 is faster. */
  readonly shortest: 3 | 4;
}

/** A match of three bytes at a greater distance is longer than three literals when encoded. */
const FAR = 512;
/** A match of this length or more is long: only every other position in it is indexed. */
const LONG = 64;
/** Number of bytes that are read to index a position. */
const INDEXED = 5;
/** Number of bytes after a position that the best possible match at it may need. */
const LOOKAHEAD = MAX_MATCH + INDEXED;
/** Initial capacity of the window, bytes. */
const FIRST_WINDOW = 1024;
/** The window grows up to this size or four times the window size of the stream, whichever is larger, bytes. */
const LEAST_LARGEST_WINDOW = 1 << 17;
/** Maximum number of tokens in a block. */
const MAX_TOKENS = 16384;
/** Maximum number of index bits of the hash tables. */
const MAX_HASH_BITS = 15;
/** Multipliers that spread the bytes at a position over the high bits. */
const HASH_FACTOR = 0x9e3779b1;
const SECOND_FACTOR = 0x85ebca6b;
/** Number of bytes after the window that a four-byte read may touch. */
const BEYOND = 8;
const NOTHING = new Uint8Array(0);

/**
 * Divides bytes into literals and matches: the part of deflate that RFC 1951
 * leaves to the implementation.
 *
 * Two hash tables index the earlier positions. `#latest` maps the hash of the
 * shortest match (three or four bytes) to the last position that has it. `#heads`
 * does the same for one byte more, and `#links` chains each of its positions to
 * the previous one. So the nearest shortest match is found directly, and a chain
 * has few positions that cannot give a longer match. (With a single chain for
 * four bytes, level 6 took a quarter longer and its output was larger.)
 *
 * The tables store positions modulo twice the window size. The window moves by
 * that amount, so the tables need no update when it does. A stale position does no
 * harm: each candidate is compared byte by byte, and a chain ends where distances
 * stop increasing.
 */
export class Tokenizer {
  /** The history, then the bytes of the current block, then the bytes without tokens. */
  window: Uint8Array<ArrayBuffer> = NOTHING;
  /** Index in `window` of the start of the current block. */
  blockStart = 0;
  /** Index in `window` of the first byte that has no token yet. */
  position = 0;
  /** Index in `window` of the end of the bytes. */
  end = 0;
  /** The tokens of the current block, as defined in `block_writer.ts`. */
  tokens: Int32Array = new Int32Array(0);
  /** Number of elements of `tokens` that are used. */
  count = 0;

  readonly #effort: Effort;
  readonly #windowSize: number;
  /** A view of the memory of `window` and `BEYOND` more bytes, for reading four bytes at once. */
  #words = new DataView(NOTHING.buffer);
  #latest = new Uint16Array(0);
  #heads = new Uint16Array(0);
  #links = new Uint16Array(0);
  #hashShift = 32;
  /** Positions before this one are indexed. */
  #indexed = 0;

  /** Creates a tokenizer; its buffers are allocated when bytes are added. */
  constructor(effort: Effort, windowSize: number) {
    this.#effort = effort;
    this.#windowSize = windowSize;
  }

  /** Sets the history before the stream, which matches may refer to. */
  setDictionary(dictionary: Uint8Array): void {
    this.add(dictionary.subarray(-this.#windowSize), 0);
    this.blockStart = this.position = this.end;
  }

  /** Copies the bytes of `data` from index `from` on into the window; returns how many fitted. */
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
   * Makes tokens from the added bytes: from all of them when `flush` is true, else
   * while `LOOKAHEAD` bytes follow. Returns true when the block is full, so that
   * the caller must write it before the next call.
   */
  run(flush: boolean): boolean {
    const bound = flush ? this.end : this.end - LOOKAHEAD;
    if (this.position >= bound) return false;
    this.#reserveTokens(this.end - this.position);
    this.#index(this.position);
    this.#tokenize(bound);
    return this.position < bound;
  }

  /** Starts the next block. */
  startBlock(): void {
    this.blockStart = this.position;
    this.count = 0;
  }

  /**
   * Makes tokens at least up to `bound`, unless the list becomes full. It is one
   * loop because the state from byte to byte is then all in local variables.
   */
  #tokenize(bound: number): void {
    const { good, nice, chain, lazy, isLazy, shortest } = this.#effort;
    const { window, tokens, end } = this;
    const words = this.#words;
    const latest = this.#latest;
    const heads = this.#heads;
    const links = this.#links;
    const linkMask = links.length - 1;
    const windowSize = this.#windowSize;
    const placeMask = windowSize * 2 - 1;
    const shift = this.#hashShift;
    const latestShift = shift - 1;
    const second = shortest - 3;
    const latestMask = maskOf(shortest);
    const indexable = Math.max(0, end - INDEXED + 1);
    let { position, count } = this;
    // The match found at the previous byte: used unless this byte has a longer one.
    let waiting = 0;
    let waitingDistance = 0;

    while ((position < bound && count < MAX_TOKENS - 2) || waiting > 0) {
      let best = waiting > 0 ? waiting : shortest - 1;
      let bestDistance = 0;
      if (position < indexable) {
        const begin = words.getInt32(position, true);
        const more = words.getInt32(position + second, true);
        const near = latestHash(begin, latestMask) >>> latestShift;
        const hash = chainHash(begin, more) >>> shift;
        const nearest = (position - latest[near]) & placeMask;
        let place = heads[hash];
        latest[near] = position;
        links[position & linkMask] = place;
        heads[hash] = position;

        const longest = Math.min(MAX_MATCH, end - position);
        const enough = Math.min(nice, longest);
        const reach = Math.min(windowSize, position);
        // When the latest position with a hash has other bytes, the earlier ones
        // mostly have other bytes, too. Skipping them is 15 % faster.
        const isMatch = nearest - 1 >>> 0 < reach && longest > best &&
          ((words.getInt32(position - nearest, true) ^ begin) & latestMask) ===
            0;
        if (isMatch && waiting === 0) {
          const length = matchLength(
            words,
            position - nearest,
            position,
            longest,
          );
          if (length > 3 || nearest <= FAR) {
            best = length;
            bestDistance = nearest;
          }
        }
        // The chains cannot find matches of three bytes.
        if (best < 3) best = 3;
        if (isMatch && best < enough) {
          let left = waiting >= good ? chain >>> 2 : chain;
          let ending = words.getInt32(position + best - 3, true);
          let last = 0;
          let distance = (position - place) & placeMask;
          // Looks up the next position by this position, not by its distance. Each
          // lookup depends on the one before, so the shorter chain of operations
          // makes text 11 % faster.
          while (distance > last && distance <= reach && left > 0) {
            const from = position - distance;
            // A longer match must have these four bytes; few candidates do.
            if (words.getInt32(from + best - 3, true) === ending) {
              const length = matchLength(words, from, position, longest);
              if (length > best) {
                best = length;
                bestDistance = distance;
                if (length >= enough) break;
                ending = words.getInt32(position + best - 3, true);
              }
            }
            left--;
            last = distance;
            place = links[place & linkMask];
            distance = (position - place) & placeMask;
          }
        }
      }

      if (isLazy && bestDistance > 0 && best < lazy && count < MAX_TOKENS - 2) {
        if (waiting > 0) tokens[count++] = window[position - 1];
        waiting = best;
        waitingDistance = bestDistance;
        position++;
        continue;
      }
      this.#indexed = Math.min(position + 1, indexable);
      if (bestDistance > 0) {
        if (waiting > 0) tokens[count++] = window[position - 1];
        tokens[count++] = best << 16 | bestDistance;
        position += best;
        if (!isLazy && best > lazy) {
          this.#indexed = Math.min(position, indexable);
        }
      } else if (waiting > 0) {
        tokens[count++] = waiting << 16 | waitingDistance;
        position += waiting - 1;
      } else {
        tokens[count++] = window[position++];
        continue;
      }
      waiting = 0;
      // Indexes every other position inside a long match: JSON, which has many, is
      // compressed 15 % faster, to 0.8 % more bytes.
      this.#index(position, best >= LONG && shortest > 3 ? 2 : 1);
    }
    this.position = position;
    this.count = count;
  }

  /** Indexes every `step`th position before `to` whose bytes are all in the window. */
  #index(to: number, step = 1): void {
    const { shortest } = this.#effort;
    const second = shortest - 3;
    const latestMask = maskOf(shortest);
    const stop = Math.min(to, this.end - INDEXED + 1);
    const words = this.#words;
    const latest = this.#latest;
    const heads = this.#heads;
    const links = this.#links;
    const linkMask = links.length - 1;
    const shift = this.#hashShift;
    const latestShift = shift - 1;
    let place = this.#indexed;
    for (; place < stop; place += step) {
      const begin = words.getInt32(place, true);
      const more = words.getInt32(place + second, true);
      const hash = chainHash(begin, more) >>> shift;
      latest[latestHash(begin, latestMask) >>> latestShift] = place;
      links[place & linkMask] = heads[hash];
      heads[hash] = place;
    }
    this.#indexed = place;
  }

  /** Makes space for up to `count` bytes; for none when the block must end first. */
  #makeRoom(count: number): void {
    const largest = Math.max(LEAST_LARGEST_WINDOW, this.#windowSize * 4);
    const capacity = this.window.length;
    // Keeps the bytes of the current block, which may be written as a stored block.
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

  /** Makes space for `count` more tokens, up to `MAX_TOKENS`. */
  #reserveTokens(count: number): void {
    const needed = Math.min(MAX_TOKENS, this.count + count);
    if (needed <= this.tokens.length) return;
    const doubled = Math.min(MAX_TOKENS, this.tokens.length * 2);
    const grown = new Int32Array(Math.max(needed, doubled));
    grown.set(this.tokens);
    this.tokens = grown;
  }

  /** Enlarges the window and the tables; the positions of one window size are then indexed again. */
  #grow(capacity: number): void {
    const words = new DataView(new ArrayBuffer(capacity + BEYOND));
    const grown = new Uint8Array(words.buffer, 0, capacity);
    grown.set(this.window.subarray(0, this.end));
    this.window = grown;
    this.#words = words;
    const places = Math.min(capacity, this.#windowSize);
    const hashBits = Math.min(MAX_HASH_BITS, Math.log2(places));
    this.#hashShift = 32 - hashBits;
    this.#latest = new Uint16Array(2 << hashBits);
    this.#heads = new Uint16Array(1 << hashBits);
    this.#links = new Uint16Array(places);
    this.#indexed = Math.max(0, this.#indexed - this.#windowSize);
  }
}

/** Number of equal bytes from both positions on, at most `longest`. */
function matchLength(
  words: DataView,
  from: number,
  place: number,
  longest: number,
): number {
  for (let length = 0; length < longest; length += 4) {
    const difference = words.getInt32(from + length, true) ^
      words.getInt32(place + length, true);
    if (difference !== 0) {
      // The lowest bit that differs is in the first byte that differs.
      const same = (31 - Math.clz32(difference & -difference)) >>> 3;
      return Math.min(length + same, longest);
    }
  }
  return longest;
}

/** Mask of the first three or four bytes of a word: those of the shortest match. */
function maskOf(shortest: 3 | 4): number {
  return shortest === 3 ? 0xffffff : -1;
}

/** Hash, in the high bits, of the bytes of a word that the mask selects. */
function latestHash(begin: number, mask: number): number {
  return Math.imul(begin & mask, HASH_FACTOR);
}

/** Hash, in the high bits, of four bytes and of four more that overlap them. */
function chainHash(begin: number, more: number): number {
  return Math.imul(begin, HASH_FACTOR) + Math.imul(more, SECOND_FACTOR);
}

function powerOfTwo(least: number): number {
  let size = FIRST_WINDOW;
  while (size < least) size *= 2;
  return size;
}
