/**
 * Streams that wait for the peer's MAX_CONCURRENT_STREAMS.
 *
 * @module
 */

/** Orders streams by priority, then by age. An entry can be removed. */
export class OpenQueue<T> {
  /** By priority, 0 is the most urgent. A Set keeps the order and removes in O(1). */
  readonly #levels: Set<T>[] = [];
  #size = 0;

  /** Number of waiting streams. */
  get size(): number {
    return this.#size;
  }

  /** Adds an entry at the end of its priority. */
  push(pri: number, entry: T): void {
    while (this.#levels.length <= pri) this.#levels.push(new Set());
    this.#levels[pri].add(entry);
    this.#size++;
  }

  /** Removes and returns the next entry, or the next one that `fits`. */
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

  /** Removes an entry; false if it is not in the queue. */
  delete(pri: number, entry: T): boolean {
    const found = this.#levels[pri]?.delete(entry) ?? false;
    if (found) this.#size--;
    return found;
  }
}
