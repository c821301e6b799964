/**
 * Promises that are settled from outside, some of them created on first use.
 *
 * @module
 */

function ignore(): void {}

/**
 * Marks a promise as handled, so that its rejection is not reported as unhandled if
 * it is never awaited.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/**
 * Calls a function that returns a promise whose rejection is handled, such as that of
 * a {@linkcode Deferred}. An exception becomes a rejected promise of the same kind.
 */
export function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return work();
  } catch (error) {
    return handled(Promise.reject(error));
  }
}

/**
 * A promise that is settled from outside. A rejection that is never awaited counts
 * as handled. The promise is only marked as handled when it rejects, because most
 * never do.
 */
export class Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;

  constructor() {
    // Not `Promise.withResolvers`, which Node 20 lacks: one is created when the
    // module is loaded.
    let resolve!: (value: T) => void;
    let reject!: (error: unknown) => void;
    this.promise = new Promise<T>((whenResolved, whenRejected) => {
      resolve = whenResolved;
      reject = whenRejected;
    });
    this.resolve = resolve;
    this.#reject = reject;
  }

  /** Rejects it; has no effect when it is settled. */
  reject(error: unknown): void {
    handled(this.promise);
    this.#reject(error);
  }
}

/** A promise that settles in the same way. */
export function promiseOf<T>(
  promise: Promise<T> | LazyPromise<T>,
): Promise<T> {
  return promise instanceof LazyPromise ? promise.promise : promise;
}

/** Is told how a {@linkcode LazyPromise} settles, at once and without a promise. */
export interface Listener<T> {
  /** Called once, unless it rejects. Does not throw. */
  resolved(value: T): void;
  /** Called once, unless it resolves. Does not throw. */
  rejected(error: unknown): void;
}

/**
 * A promise that is created when `promise` is first read. 10,000 streams whose
 * `closed` is never read therefore create no promise.
 */
export class LazyPromise<T> {
  #state: "pending" | "resolved" | "rejected" = "pending";
  #value: T | undefined;
  /** Creates the value. */
  #make: (() => T) | undefined;
  #error: (() => unknown) | undefined;
  #deferred: Deferred<T> | undefined;
  #listener: Listener<T> | undefined;
  #awaited = false;

  /** Whether it was resolved or rejected. */
  get settled(): boolean {
    return this.#state !== "pending";
  }

  /** Whether the application has read the promise, and it is not settled. */
  get awaited(): boolean {
    return this.#awaited && this.#state === "pending";
  }

  /** The promise, for the application; the same one at each read. */
  get promise(): Promise<T> {
    this.#awaited = true;
    return this.observed;
  }

  /** The same promise, for this package. Reading it does not make it {@linkcode awaited}. */
  get observed(): Promise<T> {
    if (this.#deferred === undefined) {
      this.#deferred = new Deferred();
      this.#pass();
    }
    return this.#deferred.promise;
  }

  /**
   * Tells `listener` as soon as it settles, also if it has settled already. It is then
   * {@linkcode awaited}. There is one listener at most. A promise, an async function and
   * their microtasks take 1 us and 0.5 KB of each request.
   */
  listen(listener: Listener<T>): void {
    this.#awaited = true;
    this.#listener = listener;
    this.#pass();
  }

  /** Resolves it; has no effect when it is settled. */
  resolve(value: T): void {
    if (this.settled) return;
    this.#state = "resolved";
    this.#value = value;
    this.#pass();
  }

  /** Resolves it with a value that is created when the promise is read, which few are. */
  resolveWith(make: () => T): void {
    if (this.settled) return;
    this.#state = "resolved";
    this.#make = make;
    this.#pass();
  }

  /** Rejects it; has no effect when it is settled. */
  reject(error: unknown): void {
    this.rejectWith(() => error);
  }

  /**
   * Rejects it with an error that is created when the promise is read: creating one
   * captures the stack, which takes 5 % of a request when each stream does it.
   */
  rejectWith(error: () => unknown): void {
    if (this.settled) return;
    this.#state = "rejected";
    this.#error = error;
    this.#pass();
  }

  #pass(): void {
    if (this.#state === "pending") return;
    const deferred = this.#deferred;
    const listener = this.#listener;
    this.#listener = undefined;
    if (deferred === undefined && listener === undefined) return;
    if (this.#state === "resolved") {
      if (this.#make !== undefined) {
        this.#value = this.#make();
        this.#make = undefined;
      }
      deferred?.resolve(this.#value as T);
      listener?.resolved(this.#value as T);
      return;
    }
    const error = this.#error?.();
    deferred?.reject(error);
    listener?.rejected(error);
  }
}
