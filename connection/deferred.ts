/**
 * Promises settled from outside, made only when somebody asks for them.
 *
 * @module
 */

function ignore(): void {}

/**
 * Marks a promise as handled: its rejection is for whoever awaits it, and no
 * unhandled rejection when nobody does.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/** Calls an asynchronous function; what it throws becomes a rejection, and that is handled. */
export function attempt<T>(work: () => Promise<T>): Promise<T> {
  return handled(Promise.try(work));
}

/** A promise with its two ends, already marked as handled. */
export function deferred<T>(): PromiseWithResolvers<T> {
  const result = Promise.withResolvers<T>();
  handled(result.promise);
  return result;
}

type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: () => unknown };

/**
 * A promise that costs nothing until `promise` is read: 10,000 streams that
 * nobody asks for `closed` make no promise.
 */
export class LazyPromise<T> {
  #outcome: Outcome<T> | undefined;
  #deferred: PromiseWithResolvers<T> | undefined;

  /** Whether it was resolved or rejected. */
  get settled(): boolean {
    return this.#outcome !== undefined;
  }

  /** The promise; the same one at each read. */
  get promise(): Promise<T> {
    if (this.#deferred === undefined) {
      this.#deferred = deferred<T>();
      this.#pass();
    }
    return this.#deferred.promise;
  }

  /** Resolves it; the first settling counts. */
  resolve(value: T): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { ok: true, value };
    this.#pass();
  }

  /** Rejects it; the first settling counts. */
  reject(error: unknown): void {
    this.rejectWith(() => error);
  }

  /**
   * Rejects it with an error that is made when somebody asks: making one takes
   * a look at the stack, 5 % of a request when each stream does it.
   */
  rejectWith(error: () => unknown): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { ok: false, error };
    this.#pass();
  }

  #pass(): void {
    if (this.#deferred === undefined || this.#outcome === undefined) return;
    if (this.#outcome.ok) this.#deferred.resolve(this.#outcome.value);
    else this.#deferred.reject(this.#outcome.error());
  }
}
