/**
 * Limits how many handlers of one connection run at once.
 *
 * @module
 */

/** A number of permits. One caller at a time may wait for the next free permit. */
export class Semaphore {
  #free: number;
  #waiting: PromiseWithResolvers<void> | undefined;
  #open = false;

  /** Creates `count` permits, all free. */
  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a permit. Returns `undefined` if one was free, otherwise a promise that resolves when one is. */
  take(): Promise<void> | undefined {
    if (--this.#free >= 0) return undefined;
    if (this.#open) return Promise.resolve();
    this.#waiting = Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  /** Gives a permit back. */
  readonly release = (): void => {
    this.#free++;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  };

  /** From now on no caller waits for a permit. */
  readonly open = (): void => {
    this.#open = true;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  };
}
