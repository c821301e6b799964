/**
 * Limits how long a client waits for the status of a command whose outputs have
 * ended.
 *
 * @module
 */

import { handled } from "../connection/deferred.ts";
import {
  startTimeout,
  stopTimer,
  type Timer,
} from "../connection/time/clock.ts";
import { RemoteCommandError } from "./errors.ts";

/**
 * Default wait, ms. containerd 1.6 reports the status up to 50 s late if many
 * commands start at once, and never reports it if a command ends while much input
 * is sent.
 */
const DEFAULT_WAIT = 120_000;

/** The time limit for the status of one command. */
export class StatusLimit {
  readonly #chosen: number | undefined;
  readonly #late = Promise.withResolvers<never>();
  #timer: Timer | undefined;

  /** `chosen` is in ms; 0: no limit; `undefined`: the default. */
  constructor(chosen: number | undefined) {
    this.#chosen = chosen;
    handled(this.#late.promise);
  }

  /** Rejects when the status is late. */
  get late(): Promise<never> {
    return this.#late.promise;
  }

  /** Starts the limit. `byServer`: whether the server has ended all outputs. */
  start(byServer: boolean): void {
    // A reader that cancels an output only says that it does not need it.
    const wait = this.#chosen ?? (byServer ? DEFAULT_WAIT : 0);
    this.#timer = startTimeout(() => this.#fail(wait), wait);
  }

  /** The server has received input, so the command may still run: a default limit starts again. */
  inputTaken(): void {
    if (this.#timer === undefined || this.#chosen !== undefined) return;
    this.stop();
    this.start(true);
  }

  /** Stops the limit. */
  stop(): void {
    stopTimer(this.#timer);
    this.#timer = undefined;
  }

  #fail(wait: number): void {
    this.#late.reject(
      new RemoteCommandError(
        `the server did not report how the command ended within ${wait} ms after the end of its output (statusTimeout: 0 waits without a limit)`,
      ),
    );
  }
}
