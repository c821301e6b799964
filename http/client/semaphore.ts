/**
 * So many at once.
 *
 * @module
 */

/** Hands out a number of places; one taker may wait for the next. */
export class Semaphore {
  #free: number;
  #waiting: PromiseWithResolvers<void> | undefined;
  #open = false;

  /** `count` places, all free. */
  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a place; the promise resolves when there is one, `undefined` says that there was. */
  take(): Promise<void> | undefined {
    if (--this.#free >= 0) return undefined;
    if (this.#open) return Promise.resolve();
    this.#waiting = Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  /** Gives a place back. */
  readonly release = (): void => {
    this.#free++;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  };

  /** From now on nobody waits for a place. */
  readonly open = (): void => {
    this.#open = true;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  };
}
