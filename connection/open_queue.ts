/**
 * Streams that wait for the peer's MAX_CONCURRENT_STREAMS.
 *
 * @module
 */

/** Orders streams by priority, then by age. An entry can be removed. */
export class OpenQueue<T> {
  /** By priority, 0 the most urgent; a Set keeps the order and removes in O(1). */
  readonly #levels: Set<T>[] = [];
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Adds an entry at the end of its priority. */
  push(pri: number, entry: T): void {
    while (this.#levels.length <= pri) this.#levels.push(new Set());
    this.#levels[pri].add(entry);
    this.#size++;
  }

  /** Takes out the next entry, or the next one that `fits`. */
  shift(fits?: (entry: T) => boolean): T | undefined {
    for (const level of this.#levels) {
      for (const entry of level) {
        if (fits?.(entry) === false) continue;
        level.delete(entry);
        this.#size--;
        return entry;
      }
    }
    return undefined;
  }

  /** Takes out this entry; false when it is not there. */
  delete(pri: number, entry: T): boolean {
    const found = this.#levels[pri]?.delete(entry) ?? false;
    if (found) this.#size--;
    return found;
  }
}
