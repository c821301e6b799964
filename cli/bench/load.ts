/**
 * The load of `spdy bench`: in a closed loop, each response is followed by the next
 * request; in an open loop, requests are sent at a rate.
 *
 * @module
 */

import type { Connection } from "../../http/connection.ts";
import { reasonOf } from "../command.ts";
import { type Figures, Tally } from "./figures.ts";

/** The requests to send, and for how long. */
export interface LoadOptions {
  /** URLs, requested in turn. */
  readonly urls: readonly string[];
  readonly init: RequestInit;
  /** Duration, ms; 0: until all requests were sent. */
  readonly duration: number;
  /** Time before the duration begins in which requests are sent but not counted, ms. */
  readonly warmUp: number;
  readonly requests: number;
  /** Requests per second over all connections; `undefined`: as fast as they are answered. */
  readonly rate: number | undefined;
  /** Called about four times a second. */
  readonly onProgress: (done: number, seconds: number) => void;
  /** Ends the load early; its figures are those up to then. */
  readonly signal: AbortSignal;
}

const PROGRESS_MS = 250;

/** Runs a load on connections; resolves to its figures. */
export async function load(
  connections: readonly Connection[],
  streams: number,
  options: LoadOptions,
): Promise<Figures> {
  const run = new Load(options);
  return await run.run(connections, streams);
}

class Load {
  readonly #options: LoadOptions;
  readonly #tally = new Tally();
  #next = 0;
  #left: number;
  #underWay = 0;
  #over = false;
  /** Requests that began before this time are not counted. */
  #counting = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#left = options.requests;
  }

  async run(
    connections: readonly Connection[],
    streams: number,
  ): Promise<Figures> {
    const { warmUp, rate, onProgress } = this.#options;
    this.#counting = performance.now() + warmUp;
    const ticker = setInterval(() => {
      const seconds = (performance.now() - this.#counting) / 1000;
      if (seconds > 0) onProgress(this.#tally.count, seconds);
    }, PROGRESS_MS);
    try {
      const done = rate === undefined
        ? Promise.all(
          connections.flatMap((connection) =>
            Array.from({ length: streams }, () => this.#closedLoop(connection))
          ),
        )
        : this.#openLoop(connections, rate);
      await this.#untilOver(done);
    } finally {
      clearInterval(ticker);
    }
    this.#over = true;
    const seconds = Math.max(0, performance.now() - this.#counting) / 1000;
    return this.#tally.figures(seconds, this.#underWay);
  }

  async #untilOver(done: Promise<unknown>): Promise<void> {
    const { duration, warmUp, signal } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = duration === 0
      ? undefined
      : setTimeout(resolve, duration + warmUp);
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (!signal.aborted) await Promise.race([done, promise]);
    clearTimeout(timer);
  }

  /**
   * Sends one request after the other. Stops when the connection has ended, because
   * the remaining requests would only fail.
   */
  async #closedLoop(connection: Connection): Promise<void> {
    while (!this.#over && connection.accepting) {
      const begin = performance.now();
      if (begin >= this.#counting && this.#left-- <= 0) return;
      if (await this.#request(connection, begin)) continue;
      // Requests that fail at once must not keep timers and signals from running.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /**
   * Sends requests at their times, whether or not earlier ones were answered.
   * Latency counts from the time at which a request was due, so that it includes
   * the requests that would have waited while the server stalled.
   */
  async #openLoop(
    connections: readonly Connection[],
    rate: number,
  ): Promise<void> {
    const begin = performance.now();
    const underWay = new Set<Promise<boolean>>();
    for (let sent = 0; !this.#over; sent++) {
      const due = begin + sent / rate * 1000;
      const wait = due - performance.now();
      if (wait > 0) {
        await new Promise((resolve) => setTimeout(resolve, wait));
        if (this.#over) break;
      }
      if (due >= this.#counting && this.#left-- <= 0) break;
      const usable = connections.filter(({ accepting }) => accepting);
      if (usable.length === 0) break;
      const request = this.#request(usable[sent % usable.length], due);
      underWay.add(request);
      request.finally(() => underWay.delete(request));
    }
    await Promise.all(underWay);
  }

  /** Resolves to whether there was a response. */
  async #request(connection: Connection, begin: number): Promise<boolean> {
    const { urls, init } = this.#options;
    const url = urls[this.#next++ % urls.length];
    const counts = begin >= this.#counting;
    if (counts) this.#underWay++;
    try {
      const response = await connection.fetch(url, {
        ...init,
        redirect: "manual",
      });
      const head = performance.now();
      const { byteLength } = await response.arrayBuffer();
      if (this.#over || !counts) return true;
      this.#underWay--;
      const end = performance.now();
      this.#tally.answered(
        response.status,
        byteLength,
        end - begin,
        head - begin,
      );
      return true;
    } catch (error) {
      if (this.#over || !counts) return false;
      this.#underWay--;
      this.#tally.failed(reasonOf(error));
      return false;
    }
  }
}
