/**
 * The load of `spdy bench`: requests in a closed loop, as fast as they are
 * answered, or in an open one, at a rate.
 *
 * @module
 */

import type { Connection } from "../../http/connection.ts";
import { reasonOf } from "../command.ts";
import { type Figures, Tally } from "./figures.ts";

/** What to send, and how long. */
export interface LoadOptions {
  /** URLs, asked for in turn. */
  readonly urls: readonly string[];
  readonly init: RequestInit;
  /** ms; 0: until the requests are used up. */
  readonly duration: number;
  /** ms before the duration begins, in which requests are sent and not counted. */
  readonly warmUp: number;
  readonly requests: number;
  /** Requests a second over all connections; `undefined`: as fast as they are answered. */
  readonly rate: number | undefined;
  /** Called about four times a second. */
  readonly onProgress: (done: number, seconds: number) => void;
  /** Ends the load early; what was measured counts. */
  readonly signal: AbortSignal;
}

const PROGRESS_MS = 250;

/** Puts a load on connections; resolves to its figures. */
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
  /** Requests that began before are not counted. */
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

  /** One request after the other. A connection that has ended ends it: the rest would only fail as fast as they can. */
  async #closedLoop(connection: Connection): Promise<void> {
    while (!this.#over && connection.accepting) {
      const begin = performance.now();
      if (begin >= this.#counting && this.#left-- <= 0) return;
      await this.#request(connection, begin);
    }
  }

  /**
   * Requests at their times, whether or not earlier ones were answered. Latency
   * counts from the time at which a request was due, so that a server that
   * stalls is not spared the requests that would have waited meanwhile.
   */
  async #openLoop(
    connections: readonly Connection[],
    rate: number,
  ): Promise<void> {
    const begin = performance.now();
    const underWay = new Set<Promise<void>>();
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

  async #request(connection: Connection, begin: number): Promise<void> {
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
      if (this.#over || !counts) return;
      this.#underWay--;
      const end = performance.now();
      this.#tally.answered(
        response.status,
        byteLength,
        end - begin,
        head - begin,
      );
    } catch (error) {
      if (this.#over || !counts) return;
      this.#underWay--;
      this.#tally.failed(reasonOf(error));
    }
  }
}
