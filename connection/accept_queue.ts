/**
 * A queue of incoming items with asynchronous readers.
 *
 * @module
 */

import { Deferred } from "./deferred.ts";

/** Number of items that are removed from the front of the list before the rest is moved. */
const MOST_TAKEN = 32;

/** A queue whose readers can wait. It ends once, cleanly or with an error. */
export class AcceptQueue<T> {
  #items: (T | undefined)[] = [];
  #first = 0;
  #readers: Deferred<IteratorResult<T, undefined>>[] = [];
  #end: { readonly error: unknown } | undefined;
  readonly #waits: (item: T) => void;
  readonly #taken: (item: T) => void;
  /** Whether an iterator exists. */
  asked = false;

  /** Calls `waits` for each item that no reader was waiting for, and `taken` when such an item is taken. */
  constructor(
    waits: (item: T) => void = () => {},
    taken: (item: T) => void = () => {},
  ) {
    this.#waits = waits;
    this.#taken = taken;
  }

  /** Number of items that wait. */
  get size(): number {
    return this.#items.length - this.#first;
  }

  /** Iterates over the items; used by the loops of this package. */
  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.next() };
  }

  /** Adds an item. */
  push(item: T): void {
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#items.push(item);
      this.#waits(item);
    } else reader.resolve({ done: false, value: item });
  }

  /** Number of pending {@linkcode next} calls. */
  get reading(): number {
    return this.#readers.length;
  }

  /** The items that wait, in order. */
  waiting(): T[] {
    return this.#items.slice(this.#first) as T[];
  }

  /** Removes and returns all items. */
  takeAll(): T[] {
    const items = this.waiting();
    this.#items = [];
    this.#first = 0;
    items.forEach(this.#taken);
    return items;
  }

  /** Removes and returns the next item, if one waits. */
  take(): T | undefined {
    return this.size > 0 ? this.#shift() : undefined;
  }

  /** The next item. After the end: the remaining items, then `done` or the error. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.size > 0) {
      return Promise.resolve({ done: false, value: this.#shift() });
    }
    const reader = new Deferred<IteratorResult<T, undefined>>();
    if (this.#end === undefined) {
      // A list that an item is pushed to has room for 17 at once.
      if (this.#readers.length === 0) this.#readers = [reader];
      else this.#readers.push(reader);
    } else settle(reader, this.#end.error);
    return reader.promise;
  }

  /** Removes the first item. The list must not keep it alive, even if it never becomes empty. */
  #shift(): T {
    const item = this.#items[this.#first] as T;
    this.#items[this.#first++] = undefined;
    if (this.#first === this.#items.length || this.#first === MOST_TAKEN) {
      this.#items.splice(0, this.#first);
      this.#first = 0;
    }
    this.#taken(item);
    return item;
  }

  /** Ends the queue; readers get `error`, if there is one. */
  end(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const reader of this.#readers.splice(0)) settle(reader, error);
  }
}

function settle<T>(
  reader: Deferred<IteratorResult<T, undefined>>,
  error: unknown,
): void {
  if (error === undefined) reader.resolve({ done: true, value: undefined });
  else reader.reject(error);
}
