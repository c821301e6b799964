/**
 * What stands for a number, such as a stream for its id.
 *
 * @module
 */

const FIRST_CAPACITY = 16;
/** Places that stay when the last entry leaves. */
const KEPT_CAPACITY = 512;

/**
 * Values by id, 1..2^31-1, walked in the order of their ids.
 *
 * Ids go up, and most open streams are young ones: an id's place in the table
 * is its low bits, and an older entry that stands there moves over to a Map.
 * The table has entries at a quarter of its places at most; what it grew to goes
 * when the last entry leaves. Ids that are chosen to share a place cost a Map's
 * look-up.
 *
 * No Map holds all entries, because V8's Maps keep the entries of their former
 * memory alive through scavenges, and with them half of all dead streams.
 */
export class IdMap<T> {
  /** The id at each place, 0 for none. */
  #ids: Uint32Array<ArrayBuffer> = NO_IDS;
  #values: (T | undefined)[] = [];
  /** Capacity less one; the capacity is a power of two. */
  #mask = 0;
  /** Entries in the table. */
  #young = 0;
  /** Entries whose place a younger one took. */
  readonly #elders = new Map<number, T>();

  /** Entries. */
  get size(): number {
    return this.#young + this.#elders.size;
  }

  /** The value of `id`. */
  get(id: number): T | undefined {
    const place = id & this.#mask;
    if (this.#ids[place] === id) return this.#values[place];
    return this.#elders.size === 0 ? undefined : this.#elders.get(id);
  }

  /** All values; entries taken out meanwhile do not come. */
  *values(): Generator<T> {
    const ids = [...this.#elders.keys(), ...this.#ids.filter((id) => id > 0)];
    for (const id of ids.sort((a, b) => a - b)) {
      const value = this.get(id);
      if (value !== undefined) yield value;
    }
  }

  /** Puts a value in, in place of the one before. */
  set(id: number, value: T): void {
    if (this.#young * 4 >= this.#ids.length) this.#grow();
    const place = id & this.#mask;
    const stands = this.#ids[place];
    if (stands === id) {
      this.#values[place] = value;
    } else if (this.#elders.has(id)) {
      this.#elders.set(id, value);
    } else {
      if (stands === 0) this.#young++;
      else this.#elders.set(stands, this.#values[place] as T);
      this.#ids[place] = id;
      this.#values[place] = value;
    }
  }

  /** Takes an entry out; true when there was one. */
  delete(id: number): boolean {
    const place = id & this.#mask;
    if (this.#ids[place] !== id || id === 0) return this.#elders.delete(id);
    this.#ids[place] = 0;
    this.#values[place] = undefined;
    this.#young--;
    if (this.#ids.length > KEPT_CAPACITY && this.size === 0) this.clear();
    return true;
  }

  /** Takes all entries out. */
  clear(): void {
    this.#ids = NO_IDS;
    this.#values = [];
    this.#mask = 0;
    this.#young = 0;
    this.#elders.clear();
  }

  #grow(): void {
    const ids = this.#ids;
    const values = this.#values;
    const capacity = Math.max(FIRST_CAPACITY, ids.length * 2);
    this.#ids = new Uint32Array(capacity);
    this.#values = new Array(capacity).fill(undefined);
    this.#mask = capacity - 1;
    // Those that had places of their own have them in a larger table, too.
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index];
      if (id === 0) continue;
      this.#ids[id & this.#mask] = id;
      this.#values[id & this.#mask] = values[index];
    }
  }
}

const NO_IDS = new Uint32Array(0);
