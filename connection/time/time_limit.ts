/**
 * A limit on the time that several steps take together.
 *
 * @module
 */

import { ConnectionClosedError } from "../errors.ts";
import { startTimeout, stopTimer, type Timer } from "./clock.ts";

/**
 * A signal that aborts after some time, or with another signal, until
 * {@linkcode end} is called.
 */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timer: Timer | undefined;

  /**
   * Aborts after `timeout` ms (0: never) with a `ConnectionClosedError` whose
   * message begins with `what`, or when `outer` aborts, with its reason. `start` starts
   * the timer; by default, it keeps the process alive.
   */
  constructor(
    timeout: number,
    outer: AbortSignal | undefined,
    what = "the upgrade was not answered",
    start: typeof startTimeout = startTimeout,
  ) {
    this.#outer = outer;
    this.#timer = start(() => {
      this.#controller.abort(
        new ConnectionClosedError(`${what} within ${timeout} ms`, {
          initiator: "remote",
        }),
      );
    }, timeout);
    outer?.addEventListener("abort", this.#pass, { once: true });
    if (outer?.aborted) this.#pass();
  }

  /** The signal; its reason says why it aborted. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the limit. */
  end(): void {
    stopTimer(this.#timer);
    this.#outer?.removeEventListener("abort", this.#pass);
  }

  readonly #pass = (): void => this.#controller.abort(this.#outer?.reason);
}
