/**
 * Header pairs that were read lately, found again by their bytes.
 *
 * @module
 */

/** A valid pair without NUL, and where the memory has its bytes. */
export interface KnownPair {
  /** The name: ASCII, so as long as its bytes. */
  readonly name: string;
  /** The value. */
  readonly value: string;
  /** Where the name's bytes begin in the memory. */
  readonly nameAt: number;
  /** Where the value's bytes begin in the memory. */
  readonly valueAt: number;
  /** Length of the value, bytes. */
  readonly valueLength: number;
}

const SLOTS = 64;
/** All that a memory holds but the strings, bytes. */
const CAPACITY = 4096;
/** Longest pair that is kept, bytes. */
const LONGEST = 1024;

/**
 * The last pair of each of a few dozen names.
 *
 * Most headers of a block stood in an earlier one. To see that they are the
 * same takes no longer than to check their bytes, and saves the strings.
 */
export class PairMemory {
  readonly #slots: (KnownPair | undefined)[] = Array(SLOTS).fill(undefined);
  /** Made when the first pair is kept: an idle session has none. */
  #bytes: Uint8Array | undefined;
  #end = 0;

  /** The pair kept last under the name of `length` bytes at `at`. */
  find(block: Uint8Array, at: number, length: number): KnownPair | undefined {
    const pair = this.#slots[slotOf(block, at, length)];
    return pair !== undefined && pair.name.length === length &&
        this.#stands(pair.nameAt, block, at, length)
      ? pair
      : undefined;
  }

  /** Whether the value of `length` bytes at `at` is that of `pair`. */
  hasValue(
    pair: KnownPair,
    block: Uint8Array,
    at: number,
    length: number,
  ): boolean {
    return pair.valueLength === length &&
      this.#stands(pair.valueAt, block, at, length);
  }

  /**
   * Keeps a pair whose name begins at `nameAt` and whose value at `valueAt`,
   * unless it is long. When the memory is full it forgets all others.
   */
  keep(
    name: string,
    value: string,
    block: Uint8Array,
    nameAt: number,
    valueAt: number,
    end: number,
  ): void {
    const size = end - nameAt;
    if (size > LONGEST) return;
    this.#bytes ??= new Uint8Array(CAPACITY);
    if (this.#end + size > CAPACITY) {
      this.#slots.fill(undefined);
      this.#end = 0;
    }
    this.#bytes.set(block.subarray(nameAt, end), this.#end);
    this.#slots[slotOf(block, nameAt, name.length)] = {
      name,
      value,
      nameAt: this.#end,
      valueAt: this.#end + valueAt - nameAt,
      valueLength: end - valueAt,
    };
    this.#end += size;
  }

  #stands(
    kept: number,
    block: Uint8Array,
    at: number,
    length: number,
  ): boolean {
    const bytes = this.#bytes;
    if (bytes === undefined) return false;
    for (let index = 0; index < length; index++) {
      if (block[at + index] !== bytes[kept + index]) return false;
    }
    return true;
  }
}

/** A slot for a name; those that browsers and servers send all have their own. */
function slotOf(block: Uint8Array, at: number, length: number): number {
  return (block[at] * 5 + block[at + length - 1] * 3 + length) % SLOTS;
}
