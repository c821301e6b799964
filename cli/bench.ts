/**
 * `spdy bench`: loads a server, as h2load does.
 *
 * @module
 */

import { formatBytes } from "../deps.ts";
import { readArguments } from "./arguments.ts";
import type { Connection } from "../http/connection.ts";
import {
  type Command,
  EXIT_FAILURE,
  EXIT_OK,
  readSeconds,
  readWhole,
  reasonOf,
  UsageError,
} from "./command.ts";
import { closeBefore, openTarget, readTarget, readVersion } from "./target.ts";
import { bold, print, show, showJson, type Shown } from "./terminal.ts";

/** `spdy bench URL` */
export const bench: Command = {
  name: "bench",
  summary: "load a server: rate, latencies, bytes",
  help: `Usage: spdy bench [OPTION...] URL

Sends requests for URL as fast as they are answered, and prints their rate,
latencies and bytes. Load only servers that are yours. What is not answered
when the time is over counts as unanswered. Exit code 0: something was answered,
and nothing failed.

  -c, --connections N    connections; default 1
  -m, --streams N        requests under way on each; default 10
  -d, --duration S       seconds; default 10, 0: no end
  -n, --requests N       end after so many requests
      --version 2|3|3.1  SPDY version
      --ca FILE          certificates (PEM) to trust besides the usual ones
      --json             the figures as one JSON object
      --help             this text

Permission: --allow-net for the server.`,
  async run(args: string[]): Promise<number> {
    const { values, flags, positionals } = readArguments(args, {
      values: [
        "connections",
        "streams",
        "duration",
        "requests",
        "version",
        "ca",
      ],
      flags: ["json"],
      aliases: { c: "connections", m: "streams", d: "duration", n: "requests" },
    });
    if (positionals.length !== 1) throw new UsageError("bench needs one URL");
    readVersion(values.version);
    const target = readTarget(positionals[0]);
    const count = positive("--connections", values.connections, 1);
    const streams = positive("--streams", values.streams, 10);
    const milliseconds = readSeconds("--duration", values.duration ?? "10");
    const load = new Load(
      target.url,
      milliseconds,
      positive("--requests", values.requests, Infinity),
    );
    const caCerts = values.ca === undefined
      ? undefined
      : [await Deno.readTextFile(values.ca)];
    const signal = milliseconds === 0
      ? undefined
      : AbortSignal.timeout(Math.max(milliseconds, SHORTEST_WAIT));
    const connections = await Promise.all(
      Array.from(
        { length: count },
        () => openTarget(target, { version: values.version, caCerts, signal }),
      ),
    );
    try {
      const figures = await load.run(connections, streams);
      const lines = flags.json ? [showJson(figures)] : figuresText(figures);
      for (const line of lines) print(line);
      const { succeeded, failed } = figures;
      return succeeded > 0 && failed === 0 ? EXIT_OK : EXIT_FAILURE;
    } finally {
      const soon = AbortSignal.timeout(SHORTEST_WAIT);
      await Promise.all(
        connections.map((connection) => closeBefore(connection, soon)),
      );
    }
  },
};

/** However short the load: so long may connecting take at least, and closing at most, ms. */
const SHORTEST_WAIT = 1000;
/** Most of anything that is counted. */
const MOST = 0x7fffffff;

function positive(
  name: string,
  text: string | undefined,
  otherwise: number,
): number {
  if (text === undefined) return otherwise;
  const value = readWhole(text);
  if (!(value > 0 && value <= MOST)) {
    throw new UsageError(`${name} ${text}: a whole number from 1 to ${MOST}`);
  }
  return value;
}

/** What a load came to. */
export interface Figures {
  readonly seconds: number;
  /** Requests answered with a status below 400. */
  readonly succeeded: number;
  /** Requests that failed or were answered with 400 and above. */
  readonly failed: number;
  /** Requests under way when the time was over. */
  readonly unanswered: number;
  readonly requestsPerSecond: number;
  /** Bytes of the bodies received. */
  readonly bytes: number;
  /** Of the answered requests, ms. */
  readonly latency: {
    readonly min: number;
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  };
  /** The first failure, if there was one. */
  readonly error?: string;
}

class Load {
  readonly #url: string;
  readonly #milliseconds: number;
  #left: number;
  readonly #latencies: number[] = [];
  #succeeded = 0;
  #failed = 0;
  #underWay = 0;
  #over = false;
  #bytes = 0;
  #error: string | undefined;

  constructor(url: string, milliseconds: number, requests: number) {
    this.#url = url;
    this.#milliseconds = milliseconds;
    this.#left = requests;
  }

  async run(
    connections: readonly Connection[],
    streams: number,
  ): Promise<Figures> {
    const begin = performance.now();
    const done = Promise.all(
      connections.flatMap((connection) =>
        Array.from({ length: streams }, () => this.#requests(connection))
      ),
    );
    await this.#untilOver(done);
    this.#over = true;
    const seconds = (performance.now() - begin) / 1000;
    const sorted = this.#latencies.sort((a, b) => a - b);
    return {
      seconds,
      succeeded: this.#succeeded,
      failed: this.#failed,
      unanswered: this.#underWay,
      requestsPerSecond: (this.#succeeded + this.#failed) / seconds,
      bytes: this.#bytes,
      latency: {
        min: quantile(sorted, 0),
        p50: quantile(sorted, 0.5),
        p99: quantile(sorted, 0.99),
        max: quantile(sorted, 1),
      },
      error: this.#error,
    };
  }

  /** Waits until all is done, or the time is over; 0 ms: no end. */
  async #untilOver(done: Promise<unknown>): Promise<void> {
    if (this.#milliseconds === 0) {
      await done;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#milliseconds);
    await Promise.race([done, promise]);
    clearTimeout(timer);
  }

  /** One request after the other; what ends after the time is over is not counted. A connection that died ends it: the rest would only fail as fast as they can. */
  async #requests(connection: Connection): Promise<void> {
    while (!this.#over && this.#left-- > 0) {
      const begin = performance.now();
      this.#underWay++;
      try {
        const response = await connection.fetch(this.#url);
        const { byteLength } = await response.arrayBuffer();
        if (this.#over) return;
        this.#underWay--;
        this.#bytes += byteLength;
        this.#latencies.push(performance.now() - begin);
        if (response.status < 400) this.#succeeded++;
        else this.#fail(`status ${response.status}`);
      } catch (error) {
        if (this.#over) return;
        this.#underWay--;
        this.#fail(reasonOf(error));
        if (!connection.accepting) return;
      }
    }
  }

  #fail(reason: string): void {
    this.#failed++;
    this.#error ??= reason;
  }
}

function quantile(sorted: readonly number[], part: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

function figuresText(
  {
    seconds,
    succeeded,
    failed,
    unanswered,
    requestsPerSecond,
    bytes,
    latency,
    error,
  }: Figures,
): Shown[] {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  return [
    show`${bold(requestsPerSecond.toFixed(0))} requests/s, ${
      formatBytes(Math.round(bytes / seconds))
    }/s`,
    show`${succeeded} succeeded, ${failed} failed in ${seconds.toFixed(2)} s; ${
      formatBytes(bytes)
    } received`,
    ...(unanswered === 0
      ? []
      : [show`${unanswered} unanswered when the time was over`]),
    show`latency: p50 ${ms(latency.p50)}, p99 ${ms(latency.p99)}, min ${
      ms(latency.min)
    }, max ${ms(latency.max)}`,
    ...(error === undefined ? [] : [show`first failure: ${error}`]),
  ];
}
