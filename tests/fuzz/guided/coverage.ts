/**
 * The parts of the source code that a run reaches, measured by V8.
 *
 * @module
 */

import { Session } from "node:inspector";

const root = new URL("../../../", import.meta.url).href;

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/**
 * The only session of this process. It is not ended, because functions that V8
 * compiles while no session counts have no counters afterwards.
 */
let session: Session | undefined;

/** Measures which blocks this process runs. While it counts, the code is several times slower. */
export class Coverage {
  readonly #sources: readonly string[];
  /** Numbers of the features, by their names. */
  readonly #numbers = new Map<string, number>();

  /** Counts in files whose path in the project begins with one of `sources`. */
  constructor(sources: readonly string[]) {
    this.#sources = sources.map((path) => root + path);
  }

  /** Starts counting. */
  async start(): Promise<void> {
    if (session === undefined) {
      session = new Session();
      session.connect();
      await this.#post("Profiler.enable");
      const options = { callCount: true, detailed: true };
      await this.#post("Profiler.startPreciseCoverage", options);
    }
    await this.take();
  }

  /**
   * What was reached since the last call: a number for each block and the number
   * of its runs, rounded to a power of two.
   */
  async take(): Promise<Set<number>> {
    const { result } = await this.#post("Profiler.takePreciseCoverage") as {
      result: readonly ScriptCoverage[];
    };
    const features = new Set<number>();
    for (const { url, functions } of result) {
      if (!this.#sources.some((source) => url.startsWith(source))) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          // A block that did not run is a feature, too, because its function
          // ran.
          const often = count === 0 ? 0 : 1 + Math.floor(Math.log2(count));
          const name = `${url}:${startOffset}:${endOffset}:${often}`;
          let number = this.#numbers.get(name);
          if (number === undefined) {
            number = this.#numbers.size;
            this.#numbers.set(name, number);
          }
          features.add(number);
        }
      }
    }
    return features;
  }

  #post(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      session?.post(method, params, (error, result) => {
        if (error) reject(error);
        else resolve(result);
      });
    });
  }
}
