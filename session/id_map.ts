/**
 * A map with numbers as keys, such as stream ids.
 *
 * @module
 */

/** Enough for one entry. */
const FIRST_CAPACITY = 4;
/** A table of at most this many slots is kept when the last entry is removed. */
const KEPT_CAPACITY = 512;

/**
 * Values by id, 1..2^31-1, iterated in the order of their ids.
 *
 * Ids increase, and most open streams are recent. So the low bits of an id select
 * its slot in a table, and an older entry in that slot moves to a `Map`. At most a
 * quarter of the slots are used. A table that has grown is released when the last
 * entry is removed. A peer that chooses ids with the same slot only costs the
 * look-up in the `Map`.
 *
 * The `Map` does not hold all entries, because V8 keeps the entries of a `Map`'s
 * former memory alive through scavenges, and with them half of all closed streams.
 */
export class IdMap<T> {
  /** The id in each slot, 0 for none. */
  #ids: Uint32Array<ArrayBuffer> = NO_IDS;
  #values: (T | undefined)[] = [];
  /** The capacity, a power of two, minus one. Without a table it has no meaning: no slot is found. */
  #mask = 0;
  /** Entries in the table. */
  #inTable = 0;
  /** Entries that a newer one displaced from their slot; most tables never have any. */
  #displaced: Map<number, T> | undefined;

  /** Number of entries. */
  get size(): number {
    return this.#inTable + (this.#displaced?.size ?? 0);
  }

  /** The value of `id`. */
  get(id: number): T | undefined {
    const slot = id & this.#mask;
    if (this.#ids[slot] === id) return this.#values[slot];
    return this.#displaced?.get(id);
  }

  /** All values. Entries that are removed meanwhile are skipped. */
  *values(): Generator<T> {
    if (this.size === 0) return;
    // A typed array sorts numbers without calls: 0.13 ms for 5,000 entries, not 0.47.
    const ids = new Uint32Array(this.size);
    let count = 0;
    for (const id of this.#displaced?.keys() ?? []) ids[count++] = id;
    for (const id of this.#ids) if (id > 0) ids[count++] = id;
    for (const id of ids.sort()) {
      const value = this.get(id);
      if (value !== undefined) yield value;
    }
  }

  /** Sets the value of `id`. */
  set(id: number, value: T): void {
    if (this.#inTable * 4 >= this.#ids.length) this.#grow();
    const slot = id & this.#mask;
    const current = this.#ids[slot];
    if (current === id) {
      this.#values[slot] = value;
    } else if (this.#displaced?.has(id)) {
      this.#displaced.set(id, value);
    } else {
      if (current === 0) this.#inTable++;
      else {
        this.#displaced ??= new Map();
        this.#displaced.set(current, this.#values[slot] as T);
      }
      this.#ids[slot] = id;
      this.#values[slot] = value;
    }
  }

  /** Removes an entry; true when there was one. */
  delete(id: number): boolean {
    const slot = id & this.#mask;
    if (this.#ids[slot] !== id || id === 0) {
      return this.#displaced?.delete(id) ?? false;
    }
    this.#ids[slot] = 0;
    this.#values[slot] = undefined;
    this.#inTable--;
    if (this.#ids.length > KEPT_CAPACITY && this.size === 0) this.clear();
    return true;
  }

  /** Removes all entries. */
  clear(): void {
    this.#ids = NO_IDS;
    this.#values = [];
    this.#inTable = 0;
    this.#displaced = undefined;
  }

  #grow(): void {
    const ids = this.#ids;
    const values = this.#values;
    const capacity = Math.max(FIRST_CAPACITY, ids.length * 2);
    this.#ids = new Uint32Array(capacity);
    this.#values = new Array(capacity).fill(undefined);
    this.#mask = capacity - 1;
    // Ids in different slots also have different slots in a larger table.
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index];
      if (id === 0) continue;
      this.#ids[id & this.#mask] = id;
      this.#values[id & this.#mask] = values[index];
    }
  }
}

const NO_IDS = new Uint32Array(0);
