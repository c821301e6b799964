/**
 * What stands for a number, such as a stream for its id.
 *
 * @module
 */

/**
 * Values by id, in the order in which they were put in.
 *
 * The inner Map has no values in it, only places in a list. When V8 gives a Map
 * new memory (every hundred entries or so that come and go), the old memory
 * keeps its entries and refers to the new one; a scavenge takes that chain for
 * alive, and with it all streams that were in it. Over TCP this kept half of
 * the dead streams until the next full collection, and cost 18,000 instead of
 * 26,700 requests a second.
 */
export class IdMap<T> {
  readonly #places = new Map<number, number>();
  readonly #values: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** Entries. */
  get size(): number {
    return this.#places.size;
  }

  /** The value of `id`. */
  get(id: number): T | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#values[place];
  }

  /** All values; entries taken out meanwhile do not come. */
  *values(): Generator<T> {
    for (const place of this.#places.values()) {
      const value = this.#values[place];
      if (value !== undefined) yield value;
    }
  }

  /** Puts a value in, in place of the one before. */
  set(id: number, value: T): void {
    let place = this.#places.get(id);
    if (place === undefined) {
      place = this.#free.pop() ?? this.#values.length;
      this.#places.set(id, place);
    }
    this.#values[place] = value;
  }

  /** Takes an entry out; true when there was one. */
  delete(id: number): boolean {
    const place = this.#places.get(id);
    if (place === undefined) return false;
    this.#places.delete(id);
    this.#values[place] = undefined;
    this.#free.push(place);
    if (this.#places.size === 0) this.clear();
    return true;
  }

  /** Takes all entries out. */
  clear(): void {
    this.#places.clear();
    this.#values.length = 0;
    this.#free.length = 0;
  }
}
