/**
 * A cache of recently read header pairs, looked up by their bytes.
 *
 * @module
 */

import { LastBlock } from "./last_block.ts";

/** A valid pair without NUL, and the place of its bytes in the memory. */
export class KnownPair {
  /**
   * The pair that followed this one when it was last read, if its name is greater: a
   * prediction. In a chain of such pairs the names ascend.
   */
  next: KnownPair | undefined = undefined;
  /** Offset of its bytes in the memory: both lengths, name and value, as in the block. */
  at = 0;
  /** Number of its bytes. */
  length = 0;
  /** Offset of the value within them. */
  valueOffset = 0;
  /** Reserved bytes. */
  room = 0;

  /** Creates a pair without bytes. */
  constructor(
    /** The name. It is ASCII, so its length is that of its bytes. */
    readonly name: string,
    /** The value, or `undefined` if it has changed and no block has repeated it since. */
    public value: string | undefined,
  ) {}
}

const SLOTS = 64;
/** Initial memory without the strings, bytes: enough for a small request. */
const FIRST_CAPACITY = 256;
/** Most memory without the strings, bytes. */
const CAPACITY = 4096;
/** Longest pair that is kept, bytes. */
const LONGEST = 1024;
/** The reserved bytes of a pair are a multiple of this, so that a new value mostly fits too. */
const ROOM_STEP = 16;
const NOTHING = new Uint8Array(0);

/**
 * The last pair of each of a few dozen names.
 *
 * Most headers of a block repeat an earlier block, in the same order. Comparing
 * their bytes takes less time than checking them, and saves new strings.
 */
export class PairMemory {
  /** The last block, if its pairs are those that follow `#start`. */
  readonly last: LastBlock = new LastBlock();
  readonly #slots: (KnownPair | undefined)[] = Array(SLOTS).fill(undefined);
  /** The predecessor of the first pair of every block. */
  readonly #start = new KnownPair("", "");
  /** Allocated when the first pair is kept, so that an idle session has none. */
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  /** A view of `#bytes`, to read eight bytes at once. */
  #words = new DataView(NOTHING.buffer);
  #end = 0;
  #lengthSize: 0 | 2 | 4 = 0;

  /**
   * Begins a block whose length fields have `lengthSize` bytes; returns the
   * predecessor of its first pair. Forgets pairs with length fields of another size.
   */
  begin(lengthSize: 2 | 4): KnownPair {
    if (lengthSize !== this.#lengthSize) this.forget();
    this.#lengthSize = lengthSize;
    return this.#start;
  }

  /** Whether the bytes of `pair` are at `at` in a block that ends at `end` in `words`. */
  isAt(pair: KnownPair, words: DataView, at: number, end: number): boolean {
    return pair.length <= end - at &&
      isSame(this.#words, pair.at, words, at, pair.length);
  }

  /** The same, except that the value may be another one of the same length. */
  hasHead(pair: KnownPair, words: DataView, at: number, end: number): boolean {
    return pair.length <= end - at &&
      isSame(this.#words, pair.at, words, at, pair.valueOffset);
  }

  /**
   * Gives `pair` another value of the same length, whose bytes are at `at`. Its text is
   * not kept, because values that change mostly change again.
   */
  change(pair: KnownPair, words: DataView, at: number): void {
    const { valueOffset } = pair;
    const length = pair.length - valueOffset;
    copy(words, at, this.#words, pair.at + valueOffset, length);
    pair.value = undefined;
  }

  /** The last kept pair with the name of `length` bytes at `at`. */
  find(words: DataView, at: number, length: number): KnownPair | undefined {
    const first = words.getUint8(at);
    const last = words.getUint8(at + length - 1);
    const pair = this.#slots[slotOf(first, last, length)];
    return pair !== undefined && pair.name.length === length &&
        isSame(
          this.#words,
          pair.at + this.#lengthSize,
          words,
          at,
          length,
        )
      ? pair
      : undefined;
  }

  /** Whether `pair` has the value of `length` bytes at `at`. */
  hasValue(
    pair: KnownPair,
    words: DataView,
    at: number,
    length: number,
  ): boolean {
    const { valueOffset } = pair;
    return pair.length - valueOffset === length &&
      isSame(this.#words, pair.at + valueOffset, words, at, length);
  }

  /**
   * Keeps a pair whose bytes are those of `words` from `from` to `end`, and whose
   * value begins at `valueAt`, unless it is too long. `known` is the result of `find` for its name.
   * When the memory is full, all other pairs are forgotten.
   */
  keep(
    known: KnownPair | undefined,
    name: string,
    value: string,
    words: DataView,
    from: number,
    valueAt: number,
    end: number,
  ): KnownPair | undefined {
    const length = end - from;
    if (length > LONGEST) return undefined;
    let pair = known;
    if (pair === undefined || length > pair.room) {
      const room = Math.ceil(length / ROOM_STEP) * ROOM_STEP;
      if (this.#end + room > this.#bytes.length) this.#grow(room);
      if (this.#end + room > CAPACITY) {
        this.forget();
        // Not reused: its `next` leads to other forgotten pairs.
        pair = undefined;
      }
      if (pair === undefined) {
        pair = new KnownPair(name, value);
        const last = name.charCodeAt(name.length - 1);
        this.#slots[slotOf(name.charCodeAt(0), last, name.length)] = pair;
      }
      pair.at = this.#end;
      pair.room = room;
      this.#end += room;
    }
    copy(words, from, this.#words, pair.at, length);
    pair.value = value;
    pair.length = length;
    pair.valueOffset = valueAt - from;
    return pair;
  }

  /** Makes room for a pair of `room` bytes, unless the memory has its full size. */
  #grow(room: number): void {
    const { length } = this.#bytes;
    if (length === CAPACITY) return;
    let capacity = Math.max(length * 2, FIRST_CAPACITY);
    while (capacity < this.#end + room) capacity *= 2;
    capacity = Math.min(capacity, CAPACITY);
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#words = new DataView(grown.buffer);
  }

  /** Forgets all pairs. */
  forget(): void {
    this.#slots.fill(undefined);
    this.#start.next = undefined;
    this.last.forget();
    this.#end = 0;
  }
}

/** Whether both places have the same `length` bytes. */
function isSame(
  left: DataView,
  leftAt: number,
  right: DataView,
  rightAt: number,
  length: number,
): boolean {
  if (length < 8) {
    for (let index = 0; index < length; index++) {
      if (left.getUint8(leftAt + index) !== right.getUint8(rightAt + index)) {
        return false;
      }
    }
    return true;
  }
  // Compares eight bytes at once, and twice in each turn; the last eight may overlap
  // with those before. A block of 690 bytes is read 8 % faster than with four.
  const last = length - 8;
  let index = 0;
  for (; index < last - 8; index += 16) {
    if (
      left.getBigInt64(leftAt + index, true) !==
        right.getBigInt64(rightAt + index, true) ||
      left.getBigInt64(leftAt + index + 8, true) !==
        right.getBigInt64(rightAt + index + 8, true)
    ) return false;
  }
  return (index >= last ||
    left.getBigInt64(leftAt + index, true) ===
      right.getBigInt64(rightAt + index, true)) &&
    left.getBigInt64(leftAt + last, true) ===
      right.getBigInt64(rightAt + last, true);
}

/** Copies `length` bytes, which takes half the time of a view and `set`. */
function copy(
  from: DataView,
  fromAt: number,
  to: DataView,
  toAt: number,
  length: number,
): void {
  if (length < 8) {
    for (let index = 0; index < length; index++) {
      to.setUint8(toAt + index, from.getUint8(fromAt + index));
    }
    return;
  }
  // The last eight bytes may overlap with those before.
  const last = length - 8;
  for (let index = 0; index < last; index += 8) {
    to.setBigInt64(toAt + index, from.getBigInt64(fromAt + index, true), true);
  }
  to.setBigInt64(toAt + last, from.getBigInt64(fromAt + last, true), true);
}

/** The slot of a name. The usual names of browsers and servers all have different slots. */
function slotOf(first: number, last: number, length: number): number {
  return (first * 5 + last * 3 + length) % SLOTS;
}
