/**
 * Header pairs that were read lately, found again by their bytes.
 *
 * @module
 */

import type { NameValue } from "./types.ts";

const SLOTS = 64;
/** Equals no bytes: its character is not one. */
const NOTHING: Readonly<NameValue> = ["\u0100", ""];
/** Longest value that is kept: what a peer can make a memory hold is 32 KiB and the names. */
const LONGEST = 512;

/**
 * The last pair of each of a few dozen names.
 *
 * Most headers of a block stood in an earlier one. To see that they are the
 * same takes no longer than to check their bytes, and saves the strings.
 */
export class PairMemory {
  readonly #slots: Readonly<NameValue>[] = Array(SLOTS).fill(NOTHING);

  /**
   * The pair kept last in the slot of the name that stands at `at`: often one
   * of that name.
   */
  like(block: Uint8Array, at: number, length: number): Readonly<NameValue> {
    return this.#slots[slotOf(block[at], block[at + length - 1], length)];
  }

  /** Keeps a pair, both ASCII, unless its value is long. */
  keep(name: string, value: string): void {
    if (value.length > LONGEST) return;
    const { length } = name;
    const last = name.charCodeAt(length - 1);
    this.#slots[slotOf(name.charCodeAt(0), last, length)] = [name, value];
  }
}

/** A slot for a name; those that browsers and servers send all have their own. */
function slotOf(first: number, last: number, length: number): number {
  return (first * 5 + last * 3 + length) % SLOTS;
}
