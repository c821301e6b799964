/**
 * Hands out, one by one, what comes in.
 *
 * @module
 */

import { Deferred } from "./deferred.ts";

/** So many places of items that were taken may stay in the list. */
const MOST_TAKEN = 32;

/** A queue with awaiting readers; ends once, well or with an error. */
export class AcceptQueue<T> {
  #items: (T | undefined)[] = [];
  #first = 0;
  #readers: Deferred<IteratorResult<T, undefined>>[] = [];
  #end: { readonly error: unknown } | undefined;
  readonly #waits: (item: T) => void;
  readonly #taken: (item: T) => void;
  /** Whether somebody has begun to take items. */
  asked = false;

  /** `waits` is told of each item that nobody waited for, `taken` of these when somebody takes them. */
  constructor(
    waits: (item: T) => void = () => {},
    taken: (item: T) => void = () => {},
  ) {
    this.#waits = waits;
    this.#taken = taken;
  }

  /** Items that nobody has taken yet. */
  get size(): number {
    return this.#items.length - this.#first;
  }

  /** For this module's own loops, which wait all the time. */
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

  /** Calls of {@linkcode next} that wait. */
  get reading(): number {
    return this.#readers.length;
  }

  /** Takes out all items. */
  takeAll(): T[] {
    const items = this.#items.slice(this.#first) as T[];
    this.#items = [];
    this.#first = 0;
    items.forEach(this.#taken);
    return items;
  }

  /** The next item; after the end what is left, then done or the error. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.size > 0) {
      return Promise.resolve({ done: false, value: this.#shift() });
    }
    const reader = new Deferred<IteratorResult<T, undefined>>();
    if (this.#end === undefined) this.#readers.push(reader);
    else settle(reader, this.#end.error);
    return reader.promise;
  }

  /** Takes out the first item: the list must not keep it alive, however long it never runs empty. */
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

  /** No more items; with an error, readers get it. */
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
