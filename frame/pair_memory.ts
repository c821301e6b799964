/**
 * Header pairs that were read lately, found again by their bytes.
 *
 * @module
 */

/** A valid pair without NUL, and where the memory has its bytes. */
export class KnownPair {
  /**
   * The pair that came behind this one when it was last looked at, if its name
   * is greater: a guess, but in a list of such pairs the names ascend.
   */
  next: KnownPair | undefined = undefined;
  /** Where its bytes begin in the memory: both lengths, name and value, as in the block. */
  at = 0;
  /** How many bytes that are. */
  length = 0;
  /** How many of them stand before the value. */
  valueOffset = 0;
  /** How many bytes there is room for. */
  room = 0;

  /** A pair that has no bytes yet. */
  constructor(
    /** The name: ASCII, so as long as its bytes. */
    readonly name: string,
    /** The value. */
    public value: string,
  ) {}
}

const SLOTS = 64;
/** All that a memory holds but the strings, bytes. */
const CAPACITY = 4096;
/** Longest pair that is kept, bytes. */
const LONGEST = 1024;
/** Room for a pair is a multiple of this, bytes, so that its next value fits as well. */
const ROOM_STEP = 16;
const NOTHING = new Uint8Array(0);

/**
 * The last pair of each of a few dozen names.
 *
 * Most headers of a block stood in an earlier one, behind the same header as
 * there. To see that they are the same takes less time than to check their
 * bytes, and saves the strings.
 */
export class PairMemory {
  readonly #slots: (KnownPair | undefined)[] = Array(SLOTS).fill(undefined);
  /** Stands before the first pair of every block. */
  readonly #start = new KnownPair("", "");
  /** Made when the first pair is kept: an idle session has none. */
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  /** The memory of `#bytes`, for reading eight at once. */
  #words = new DataView(NOTHING.buffer);
  #end = 0;
  #lengthSize: 0 | 2 | 4 = 0;

  /**
   * Begins a block whose lengths have `lengthSize` bytes; returns what stands
   * before its first pair. Pairs with other lengths are forgotten.
   */
  begin(lengthSize: 2 | 4): KnownPair {
    if (lengthSize !== this.#lengthSize) this.#forget();
    this.#lengthSize = lengthSize;
    return this.#start;
  }

  /** Whether `pair` stands at `at` in a block whose bytes end at `end` in `words`. */
  stands(pair: KnownPair, words: DataView, at: number, end: number): boolean {
    return pair.length <= end - at &&
      isSame(this.#words, pair.at, words, at, pair.length);
  }

  /** The pair kept last under the name of `length` bytes at `at`. */
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

  /** Whether the value of `length` bytes at `at` is that of `pair`. */
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
   * Keeps a pair whose bytes are `block[from..end)`, its value from `valueAt`
   * on, unless it is long. `known` is what `find` has for its name. When the
   * memory is full it forgets all others.
   */
  keep(
    known: KnownPair | undefined,
    name: string,
    value: string,
    block: Uint8Array,
    from: number,
    valueAt: number,
    end: number,
  ): KnownPair | undefined {
    const length = end - from;
    if (length > LONGEST) return undefined;
    let pair = known;
    if (pair === undefined || length > pair.room) {
      const room = Math.ceil(length / ROOM_STEP) * ROOM_STEP;
      if (this.#bytes === NOTHING) this.#allocate();
      if (this.#end + room > CAPACITY) {
        this.#forget();
        // What was forgotten leads to others that were.
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
    this.#bytes.set(block.subarray(from, end), pair.at);
    pair.value = value;
    pair.length = length;
    pair.valueOffset = valueAt - from;
    return pair;
  }

  #allocate(): void {
    this.#bytes = new Uint8Array(CAPACITY);
    this.#words = new DataView(this.#bytes.buffer);
  }

  /** Lets go of all pairs. */
  #forget(): void {
    this.#slots.fill(undefined);
    this.#start.next = undefined;
    this.#end = 0;
  }
}

/** Whether the same `length` bytes stand at both places. */
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
  // Eight at once, the last of which may overlap with those before: a block of
  // 690 bytes is read 8 % faster than with four.
  const last = length - 8;
  for (let index = 0; index < last; index += 8) {
    if (
      left.getBigInt64(leftAt + index, true) !==
        right.getBigInt64(rightAt + index, true)
    ) return false;
  }
  return left.getBigInt64(leftAt + last, true) ===
    right.getBigInt64(rightAt + last, true);
}

/** A slot for a name; those that browsers and servers send all have their own. */
function slotOf(first: number, last: number, length: number): number {
  return (first * 5 + last * 3 + length) % SLOTS;
}
