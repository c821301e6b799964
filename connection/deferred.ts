/**
 * Promises that are settled from outside, some of them created on first use.
 *
 * @module
 */

function ignore(): void {}

/**
 * Marks a promise as handled, so that its rejection is not reported as unhandled when
 * nobody awaits it.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/**
 * Calls a function that gives a promise which needs no handling, as those of
 * {@linkcode Deferred} do; what it throws becomes such a promise, too.
 */
export function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return work();
  } catch (error) {
    return handled(Promise.reject(error));
  }
}

/**
 * A promise with its two ends. Its rejection is for whoever awaits it, and
 * handled when nobody does: it is marked when it rejects, which most never do.
 */
export class Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;

  constructor() {
    // One is made when the module is loaded, also by Node 20, whose Promise has
    // no `withResolvers`.
    let resolve!: (value: T) => void;
    let reject!: (error: unknown) => void;
    this.promise = new Promise<T>((whenResolved, whenRejected) => {
      resolve = whenResolved;
      reject = whenRejected;
    });
    this.resolve = resolve;
    this.#reject = reject;
  }

  /** Rejects it; the first settling counts. */
  reject(error: unknown): void {
    handled(this.promise);
    this.#reject(error);
  }
}

/**
 * A promise that costs nothing until `promise` is read: 10,000 streams that
 * nobody asks for `closed` make no promise.
 */
export class LazyPromise<T> {
  #state: "pending" | "resolved" | "rejected" = "pending";
  #value: T | undefined;
  #error: (() => unknown) | undefined;
  #deferred: Deferred<T> | undefined;
  #awaited = false;

  /** Whether it was resolved or rejected. */
  get settled(): boolean {
    return this.#state !== "pending";
  }

  /** Whether the application has the promise, and it is not settled. */
  get awaited(): boolean {
    return this.#awaited && this.#state === "pending";
  }

  /** The promise, for the application; the same one at each read. */
  get promise(): Promise<T> {
    this.#awaited = true;
    return this.observed;
  }

  /**
   * The same promise, for this module itself: that it is told of the settling
   * does not make it {@linkcode awaited}.
   */
  get observed(): Promise<T> {
    if (this.#deferred === undefined) {
      this.#deferred = new Deferred();
      this.#pass();
    }
    return this.#deferred.promise;
  }

  /** Resolves it; the first settling counts. */
  resolve(value: T): void {
    if (this.settled) return;
    this.#state = "resolved";
    this.#value = value;
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
    if (this.settled) return;
    this.#state = "rejected";
    this.#error = error;
    this.#pass();
  }

  #pass(): void {
    if (this.#deferred === undefined) return;
    if (this.#state === "resolved") this.#deferred.resolve(this.#value as T);
    else if (this.#state === "rejected") this.#deferred.reject(this.#error?.());
  }
}
