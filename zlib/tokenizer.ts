import { MAX_MATCH } from "./constants.ts";

/** How hard a level looks for matches; the first five as in zlib's configuration table. */
export interface Effort {
  /** From this length on, the next byte is tried with a quarter of the chain. */
  readonly good: number;
  /**
   * Up to this length: lazy matching tries the next byte for a longer match;
   * greedy matching lets later matches refer to places inside this one.
   */
  readonly lazy: number;
  /** From this length on, no longer match is looked for. */
  readonly nice: number;
  /** How many earlier places are compared at most. */
  readonly chain: number;
  /** Whether a match gives way to a longer one at the next byte. */
  readonly isLazy: boolean;
  /** Shortest match looked for: 3 finds more, 4 is faster. */
  readonly shortest: 3 | 4;
}

/** A match of three bytes from farther away costs more than the bytes do. */
const FAR = 512;
/** Length from which on a match is long. */
const LONG = 64;
/** Bytes that are read to index a place. */
const INDEXED = 5;
/** Bytes that have to stand ahead for matches to be found as well as they can be. */
const LOOKAHEAD = MAX_MATCH + INDEXED;
/** First capacity of the window, bytes. */
const FIRST_WINDOW = 1024;
/** The window never has to be larger than this, bytes, or four times what matches may reach. */
const LEAST_LARGEST_WINDOW = 1 << 17;
/** Longest list of tokens: a block ends there at the latest. */
const MAX_TOKENS = 16384;
/** Index bits of the hash tables at most. */
const MAX_HASH_BITS = 15;
/** Multipliers that spread the bytes of a place over the high bits. */
const HASH_FACTOR = 0x9e3779b1;
const SECOND_FACTOR = 0x85ebca6b;
/** Memory behind the window that reading four bytes at once may touch. */
const BEYOND = 8;
const NOTHING = new Uint8Array(0);

/**
 * Turns bytes into literals and matches: the part of deflate that RFC 1951
 * leaves open.
 *
 * Two indexes of earlier places, by a hash of what stands there: `#latest` has
 * the last place where the shortest match begins, `#heads` the last place of one
 * byte more, from which `#links` leads to those before. So the shortest matches
 * are found where they are nearest, and the chains have few places that cannot
 * be longer ones. (With one chain by four bytes instead, level 6 took a quarter
 * longer for a larger output.)
 *
 * Places are kept modulo twice the window, so nothing has to be done to them as
 * the window slides (by that much): a stale place is only a bad guess, as every
 * guess is compared, and a chain ends where the distances stop growing.
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
  /** The memory of `window`, and a little more: for reading four bytes at once. */
  #words = new DataView(NOTHING.buffer);
  #latest = new Uint16Array(0);
  #heads = new Uint16Array(0);
  #links = new Uint16Array(0);
  #hashShift = 32;
  /** Places before this one are indexed. */
  #indexed = 0;

  /** Takes no memory to speak of until bytes are added. */
  constructor(effort: Effort, windowSize: number) {
    this.#effort = effort;
    this.#windowSize = windowSize;
  }

  /** Puts bytes before the stream that matches may refer to. */
  setDictionary(dictionary: Uint8Array): void {
    this.add(dictionary.subarray(-this.#windowSize), 0);
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
    this.#reserveTokens(this.end - this.position);
    this.#index(this.position);
    this.#tokenize(bound);
    return this.position < bound;
  }

  /** Begins the next block. */
  startBlock(): void {
    this.blockStart = this.position;
    this.count = 0;
  }

  /**
   * Makes tokens up to `bound` at least, unless the list is full. It is one loop
   * because it carries much from byte to byte, all in local variables.
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
    // A match found at the byte before, which stands if there is none longer here.
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
        // Where the latest place of a hash has other bytes, so have mostly those
        // before it: not looking at them is 15 % faster.
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
        // The chains have no matches of three bytes.
        if (best < 3) best = 3;
        if (isMatch && best < enough) {
          let left = waiting >= good ? chain >>> 2 : chain;
          let ending = words.getInt32(position + best - 3, true);
          let last = 0;
          let distance = (position - place) & placeMask;
          // The next place is looked up by this place, not by its distance: the
          // look-ups wait for one another, and text is 11 % faster.
          while (distance > last && distance <= reach && left > 0) {
            const from = position - distance;
            // The four bytes that would make it longer tell most of them apart.
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
      // Inside a long match every other place will do: JSON, with long ones, is
      // deflated 15 % faster for 0.8 % in size.
      this.#index(position, best >= LONG && shortest > 3 ? 2 : 1);
    }
    this.position = position;
    this.count = count;
  }

  /** Indexes every `step`th place before `to`, as far as their bytes are there. */
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

  /** Makes room for so many tokens more, as far as a block can have them. */
  #reserveTokens(count: number): void {
    const needed = Math.min(MAX_TOKENS, this.count + count);
    if (needed <= this.tokens.length) return;
    const doubled = Math.min(MAX_TOKENS, this.tokens.length * 2);
    const grown = new Int32Array(Math.max(needed, doubled));
    grown.set(this.tokens);
    this.tokens = grown;
  }

  /** Makes the window larger, and the tables with it, which then have to be filled again. */
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

/** How many bytes are the same from both places on, at most `longest`. */
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
      // The lowest bit that differs stands in the first byte that does.
      const same = (31 - Math.clz32(difference & -difference)) >>> 3;
      return Math.min(length + same, longest);
    }
  }
  return longest;
}

/** Selects the first bytes of four, as many as the shortest match has. */
function maskOf(shortest: 3 | 4): number {
  return shortest === 3 ? 0xffffff : -1;
}

/** A hash, in the high bits, of those of four bytes that the mask selects. */
function latestHash(begin: number, mask: number): number {
  return Math.imul(begin & mask, HASH_FACTOR);
}

/** A hash, in the high bits, of four bytes and four more that overlap with them. */
function chainHash(begin: number, more: number): number {
  return Math.imul(begin, HASH_FACTOR) + Math.imul(more, SECOND_FACTOR);
}

function powerOfTwo(least: number): number {
  let size = FIRST_WINDOW;
  while (size < least) size *= 2;
  return size;
}
